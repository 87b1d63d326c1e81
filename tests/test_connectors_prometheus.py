"""Prometheus: the known metrics of a plain setup, given queries, calls and failures, against a real server where it can say them.

What only other servers say (a warning, a 503, a refusal) is answered as https://prometheus.io/docs/prometheus/latest/querying/api/
documents it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from http_in_hand import Asked, Reply, http_in_hand
from hypothesis import given
from hypothesis import strategies as st
from prometheus_in_hand import Curve, Metric, prometheus_with
from pydantic import ValidationError

from nexus.analysis.case import Periods
from nexus.analysis.shift import shifts_of
from nexus.errors import Unavailable, WorldError
from nexus.tools.vitals import from_metrics
from nexus.world import Service, ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.prometheus import Settings, connect
from nexus.world.connectors.prometheus_api import MOST_POINTS, Grid, PrometheusServer
from nexus.world.connectors.prometheus_defaults import KNOWN
from nexus.world.connectors.prometheus_series import Naming
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal
from nexus.world.metrics import MetricKind, Metrics, Series

pytestmark = pytest.mark.xdist_group("prometheus")

BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = 170
BROKE = 150.0
OPENED = BEGINS + timedelta(minutes=155)
NOW = BEGINS + timedelta(minutes=165)
CATALOG = ServiceCatalog(
    services=(
        Service(name="gateway", calls=("checkout",)),
        Service(name="checkout", calls=("cart",)),
        Service(name="cart"),
        Service(name="search"),
    )
)


def rising(before: float, after: float | None = None) -> Curve:
    """A counter with that rate a minute before and after the trouble began."""
    later = before if after is None else after
    return lambda minute: before * min(minute, BROKE) + later * max(0.0, minute - BROKE)


def still(value: float, after: float | None = None) -> Curve:
    return lambda minute: value if after is None or minute < BROKE else after


def until(minute: float, value: float) -> Curve:
    return lambda at: value if at < minute else None


def _histogram(job: str, fast: float, slow: float) -> list[Metric]:
    """600 requests a minute under 0.1 s; once it broke, 300 of them take up to a second."""
    name, calls = "http_request_duration_seconds", {"0.1": rising(fast, slow), "1": rising(fast), "+Inf": rising(fast)}
    return [Metric(f"{name}_bucket", {"job": job, "le": le}, curve) for le, curve in calls.items()]


DATA = [
    *(Metric("up", {"job": "checkout", "instance": f"10.0.0.{n}:80"}, still(1, 0 if n == 2 else 1)) for n in (1, 2)),
    Metric("up", {"job": "cart", "instance": "10.0.0.3:80"}, until(158, 1)),
    Metric("http_requests_total", {"job": "checkout", "code": "200"}, rising(594, 420)),
    Metric("http_requests_total", {"job": "checkout", "code": "503"}, rising(6, 180)),
    Metric("http_requests_total", {"job": "cart", "code": "200"}, rising(120)),
    *_histogram("checkout", 600, 300),
    Metric("http_server_requests_seconds_count", {"job": "spring", "application": "search", "status": "200"}, rising(60)),
    Metric("http_server_requests_seconds_sum", {"job": "spring", "application": "search", "status": "200"}, rising(3)),
    Metric("http_server_duration_milliseconds_count", {"job": "otel"}, rising(30)),
    Metric("grpc_server_handled_total", {"app": "ledger", "grpc_code": "OK"}, rising(90)),
    Metric("grpc_server_handled_total", {"app": "ledger", "grpc_code": "Internal"}, rising(10)),
    Metric("probe_success", {"job": "blackbox", "instance": "https://shop.test/pay"}, still(1, 0)),
    Metric("probe_duration_seconds", {"job": "blackbox", "instance": "https://shop.test/pay"}, still(0.2)),
    Metric("process_cpu_seconds_total", {"job": "cart"}, rising(30)),
    Metric("process_resident_memory_bytes", {"job": "cart"}, still(256 * 1048576)),
    Metric("process_open_fds", {"job": "cart"}, still(512)),
    Metric("process_max_fds", {"job": "cart"}, still(1024)),
    *(Metric("jvm_memory_used_bytes", {"app": "search", "area": "heap", "id": pool}, still(200)) for pool in ("eden", "old")),
    *(Metric("jvm_memory_max_bytes", {"app": "search", "area": "heap", "id": pool}, still(400)) for pool in ("eden", "old")),
    Metric("pg_up", {"job": "orders-db"}, still(1)),
    Metric("pg_stat_activity_count", {"job": "orders-db", "state": "active"}, still(60)),
    Metric("pg_stat_activity_count", {"job": "orders-db", "state": "idle"}, still(15)),
    Metric("pg_settings_max_connections", {"job": "orders-db"}, still(100)),
    Metric("rabbitmq_queue_messages_ready", {"job": "rabbit", "queue": "invoices"}, still(40)),
    Metric("container_memory_working_set_bytes", {"container": "cart", "pod": "cart-1"}, still(300)),
    Metric("container_spec_memory_limit_bytes", {"container": "cart", "pod": "cart-1"}, still(400)),
    Metric("container_memory_working_set_bytes", {"pod": "cart-1"}, still(900)),
    *(
        Metric("node_cpu_seconds_total", {"instance": "web-1:9100", "mode": m}, rising(r))
        for m, r in (("idle", 45), ("user", 15))
    ),
    Metric("node_memory_MemAvailable_bytes", {"instance": "web-1:9100"}, still(4e9)),
    Metric("node_memory_MemTotal_bytes", {"instance": "web-1:9100"}, still(16e9)),
    Metric("node_filesystem_avail_bytes", {"instance": "web-1:9100", "mountpoint": "/", "fstype": "ext4"}, still(1e9)),
    Metric("node_filesystem_size_bytes", {"instance": "web-1:9100", "mountpoint": "/", "fstype": "ext4"}, still(10e9)),
    Metric("traces_service_graph_request_total", {"client": "user", "server": "gateway"}, rising(60)),
    Metric("traces_service_graph_request_total", {"client": "checkout", "server": "tax-office"}, rising(30)),
    Metric("traces_service_graph_request_failed_total", {"client": "checkout", "server": "tax-office"}, rising(0, 15)),
    Metric("edge_seconds", {"client": "checkout", "server": "tax-office"}, still(0.25)),
    Metric("depth", {"queue": "a", "service": "cart"}, still(3)),
    Metric("depth", {"queue": "b", "service": "cart"}, still(7)),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(DATA, BEGINS, MINUTES, tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[Connector]:
    site = Site(Path(), CATALOG, MemoryJournal(), more.pop("opened_at", OPENED))
    connector = connect(Settings.model_validate({"use": "prometheus", "url": url, **more}), site)
    try:
        yield connector
    finally:
        await connector.close()


def metrics_of(connector: Connector) -> Metrics:
    assert connector.metrics is not None
    return connector.metrics


async def looked(url: str, **more: Any) -> dict[tuple[str, str], Series]:
    async with connected(url, **more) as connector:
        found = await metrics_of(connector).series(NOW - timedelta(minutes=60), NOW)
    by_name = {(one.component, one.metric): one for one in found}
    assert len(by_name) == len(found)
    return by_name


def at(series: Series, minute: float) -> float:
    return float(series.values[np.searchsorted(series.times, (BEGINS + timedelta(minutes=minute)).timestamp())])


async def test_a_plain_setup_gives_the_figures_that_analysis_compares_without_any_query_given(url: str) -> None:
    found = await looked(url, components={"https://shop.test/pay": "checkout"})
    expected = {
        ("checkout", "up"): (MetricKind.AVAILABILITY, "share", 1.0, 0.5),
        ("checkout", "requests_per_min"): (MetricKind.TRAFFIC, "1/min", 600, 600),
        ("checkout", "error_rate"): (MetricKind.ERRORS, "share", 0.01, 0.3),
        ("checkout", "latency_p95_ms"): (MetricKind.LATENCY, "ms", 95, 910),
        ("checkout", "probe_success"): (MetricKind.AVAILABILITY, "share", 1, 0),
        ("checkout", "probe_latency_ms"): (MetricKind.LATENCY, "ms", 200, 200),
        ("search", "latency_mean_ms"): (MetricKind.LATENCY, "ms", 50, 50),
        ("search", "heap_memory_pct"): (MetricKind.SATURATION, "%", 50, 50),
        ("ledger", "error_rate"): (MetricKind.ERRORS, "share", 0.1, 0.1),
        ("ledger", "requests_per_min"): (MetricKind.TRAFFIC, "1/min", 100, 100),
        ("cart", "process_cpu_cores"): (MetricKind.SATURATION, "cores", 0.5, 0.5),
        ("cart", "process_memory_mib"): (MetricKind.SATURATION, "MiB", 256, 256),
        ("cart", "open_files_pct"): (MetricKind.SATURATION, "%", 50, 50),
        ("cart", "container_memory_pct"): (MetricKind.SATURATION, "%", 75, 75),
        ("orders-db", "database_up"): (MetricKind.AVAILABILITY, "share", 1, 1),
        ("orders-db", "connections_pct"): (MetricKind.SATURATION, "%", 75, 75),
        ("invoices", "queue_depth"): (MetricKind.SATURATION, "messages", 40, 40),
        ("web-1", "cpu_pct"): (MetricKind.SATURATION, "%", 25, 25),
        ("web-1", "memory_pct"): (MetricKind.SATURATION, "%", 75, 75),
        ("web-1", "disk_pct"): (MetricKind.SATURATION, "%", 90, 90),
    }
    told = {key: (found[key].kind, found[key].unit, at(found[key], 140), at(found[key], 160)) for key in expected}
    for key, (kind, unit, before, after) in expected.items():
        assert told[key][:2] == (kind, unit), key
        assert told[key][2:] == pytest.approx((before, after), rel=0.01), key


async def test_what_never_failed_has_an_error_rate_of_nought_and_not_none(url: str) -> None:
    found = await looked(url)
    assert at(found["cart", "error_rate"], 160) == 0.0


async def test_requests_without_a_status_are_not_told_as_free_of_errors(url: str) -> None:
    found = await looked(url)
    assert ("otel", "requests_per_min") in found
    assert ("otel", "error_rate") not in found


async def test_the_label_that_names_the_catalogs_components_is_believed_over_the_first(url: str) -> None:
    found = await looked(url)
    assert ("search", "requests_per_min") in found
    assert ("spring", "requests_per_min") not in found
    chosen = await looked(url, component_label="job")
    assert ("spring", "requests_per_min") in chosen


async def test_a_target_that_is_gone_leaves_nan_where_it_was_not_sampled(url: str) -> None:
    up = (await looked(url))["cart", "up"]
    assert at(up, 150) == 1.0
    assert np.isnan(up.values[-1])
    assert up.times[-1] == NOW.timestamp()
    assert set(np.diff(up.times)) == {15.0}


async def test_every_known_query_is_one_that_prometheus_understands(url: str) -> None:
    async with connected(url) as connector:
        server: PrometheusServer = metrics_of(connector)._server  # type: ignore[attr-defined]
        answers = [await server.instant(known.asked(known.labels[0], "2m"), NOW) for known in KNOWN]
    assert sum(bool(answer) for answer in answers) >= 12


async def test_analysis_finds_the_broken_component_by_these_series(url: str) -> None:
    async with connected(url) as connector:
        series = await metrics_of(connector).series(NOW - timedelta(minutes=60), NOW)
        baseline = await metrics_of(connector).baseline()
    shifts = shifts_of(series, baseline, Periods(OPENED.timestamp(), NOW.timestamp()))
    moved = {(s.component, s.series.metric) for s in shifts if s.moved and s.harmful}
    assert moved == {("checkout", m) for m in ("error_rate", "latency_p95_ms", "up")} | {
        ("https://shop.test/pay", "probe_success")
    }
    vital = from_metrics(series, baseline, NOW, NOW - timedelta(minutes=80), NOW - timedelta(minutes=20))["checkout"]
    assert vital.failing
    assert vital.slow


async def test_normal_is_taken_from_before_the_incident_opened(url: str) -> None:
    async with connected(url, baseline={"before": 20, "length": 30}) as connector:
        found = await metrics_of(connector).baseline(["checkout"])
    assert {one.component for one in found} == {"checkout"}
    for one in found:
        assert one.times[0] == (OPENED - timedelta(minutes=50)).timestamp()
        assert one.times[-1] == (OPENED - timedelta(minutes=20)).timestamp()


async def test_there_is_no_normal_where_the_server_held_nothing_yet(url: str) -> None:
    async with connected(url, opened_at=BEGINS + timedelta(minutes=5)) as connector:
        assert await metrics_of(connector).baseline() == []
        assert await metrics_of(connector).series(NOW - timedelta(minutes=30), NOW)


async def test_given_queries_are_asked_instead_and_several_series_of_a_component_are_its_worst(url: str) -> None:
    queries = [
        {"metric": "queue_depth", "query": "depth", "kind": "saturation", "unit": "messages"},
        {"metric": "targets", "query": "count(up)", "kind": "other", "component": "gateway"},
    ]
    found = await looked(url, series=queries)
    assert set(found) == {("cart", "queue_depth"), ("gateway", "targets")}
    assert at(found["cart", "queue_depth"], 120) == 7
    traffic = await looked(url, series=[{**queries[0], "kind": "traffic"}])
    assert at(traffic["cart", "queue_depth"], 120) == 10


async def test_a_query_that_names_no_component_says_how_it_could(url: str) -> None:
    with pytest.raises(
        Unavailable, match=r"targets names no component \(1 series without service, job, app, component\)"
    ) as said:
        await looked(url, series=[{"metric": "targets", "query": "count(up)", "kind": "other"}])
    assert "component_label" in said.value.remedy


async def test_a_query_that_prometheus_refuses_is_named_with_its_reason(url: str) -> None:
    with pytest.raises(Unavailable, match=r"cannot answer rate\(up\[ \(400, bad_data: .*parse error"):
        await looked(url, series=[{"metric": "bad", "query": "rate(up[", "kind": "other"}])


async def test_one_refused_query_is_a_gap_beside_those_that_answer(url: str) -> None:
    good = {"metric": "up", "query": "avg by (job) (up)", "kind": "availability", "unit": "share"}
    bad = {"metric": "bad", "query": "rate(up[", "kind": "other"}
    async with connected(url, series=[bad, good]) as connector:
        for _ in range(2):
            with collecting() as gaps:
                found = await metrics_of(connector).series(NOW - timedelta(minutes=10), NOW)
            assert {one.metric for one in found} == {"up"}
            assert len(gaps) == 1
            assert "rate(up[" in gaps[0]


async def test_calls_are_told_by_minute_and_edge_and_join_the_call_graph(url: str) -> None:
    calls = {
        "requests": "60 * sum by (client, server) (rate(traces_service_graph_request_total[2m]))",
        "errors": "60 * sum by (client, server) (rate(traces_service_graph_request_failed_total[2m]))",
        "latency": "edge_seconds",
    }
    async with connected(url, calls=calls, components={"user": ""}) as connector:
        assert connector.calls is not None
        assert set(await connector.calls.topology()) == {
            ("gateway", "checkout"),
            ("checkout", "cart"),
            ("checkout", "tax-office"),
        }
        found = await connector.calls.between(NOW - timedelta(minutes=30), NOW)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert found[0].at == NOW - timedelta(minutes=30)
    assert found[-1].at == NOW - timedelta(minutes=1)
    outward = [one for one in found if one.callee == "tax-office"]
    assert len(outward) == 30
    assert {one.caller for one in outward} == {"checkout"}
    assert [one.count for one in outward] == pytest.approx([30] * 30)
    assert [outward[0].errors, outward[-1].errors, outward[-1].p95_ms] == pytest.approx([0, 15, 250])
    assert {one.caller for one in found if one.callee == "gateway"} == {""}


async def test_calls_without_a_query_for_errors_have_none_recorded(url: str) -> None:
    async with connected(url, calls={"requests": "60 * rate(traces_service_graph_request_total[2m])"}) as connector:
        assert connector.calls is not None
        found = await connector.calls.between(NOW - timedelta(minutes=5), NOW)
    assert {one.errors for one in found} == {None}


async def test_doctor_sees_a_server_that_works_and_what_it_lacks(url: str) -> None:
    async with connected(url, calls={"requests": "60 * rate(traces_service_graph_request_total[2m])"}) as connector:
        series, normal, calls = await connector.prove(NOW)
    assert series.ok
    assert "none of gateway" in series.detail
    assert "orders-db" in series.detail
    assert (normal.ok, calls.ok) == (True, True)
    assert calls.detail == "2 edges"


async def test_doctor_says_that_what_it_saw_was_empty(url: str) -> None:
    async with connected(url, series=[{"metric": "none", "query": "nothing_like_it", "kind": "other"}]) as connector:
        series, normal = await connector.prove(NOW)
    assert (series.ok, normal.ok) == (False, False)
    assert series.detail.startswith("empty")
    assert series.remedy


async def test_doctor_says_when_no_component_of_the_catalog_is_found(url: str) -> None:
    query = {"metric": "cpu", "query": "node_cpu_seconds_total", "kind": "saturation"}
    async with connected(url, series=[query], component_label="instance") as connector:
        series, _ = await connector.prove(NOW)
    assert not series.ok
    assert "`components`" in series.remedy


async def test_doctor_does_not_raise_for_a_server_that_is_away() -> None:
    async with connected("http://127.0.0.1:9", token="hush-hush", calls={"requests": "up"}) as connector:
        proofs = await connector.prove(NOW)
    assert [proof.ok for proof in proofs] == [False, False, False]
    assert all("does not answer" in proof.detail and proof.remedy for proof in proofs)


def test_names_of_hosts_and_jobs_become_the_catalogs() -> None:
    naming = Naming({"web-2": "gateway", "https://shop.test/cart": "search"}, frozenset({"cart", "checkout"}))
    theirs = ["cart", "shop/cart", "web-1:9100", "web-2:9100", "https://shop.test/cart", "https://shop.test/checkout", "a/b", ""]
    ours = [naming.of({"x": name}, ("absent", "x")) for name in theirs]
    assert ours == ["cart", "cart", "web-1", "gateway", "search", "https://shop.test/checkout", "a/b", ""]


NAMES = "/api/v1/label/__name__/values"
RANGE = "/api/v1/query_range"
UP = {"metric": "up", "query": "sum by (job) (up)", "kind": "availability"}


def matrix(asked: Asked) -> dict[str, Any]:
    values = [[int(asked.form["end"][0]), "1"]]
    return {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {"job": "cart"}, "values": values}]}}


async def refused(reply: Any, **more: Any) -> Unavailable:
    with http_in_hand({("POST", RANGE): reply}) as service, pytest.raises(Unavailable) as said:
        await looked(service.url, series=[UP], **more)
    return said.value


async def test_the_tenant_and_the_token_go_with_every_request_and_into_no_error() -> None:
    with http_in_hand({("POST", RANGE): matrix}) as service:
        assert set(await looked(service.url, series=[UP], tenant="shop", token="hush-hush")) == {("cart", "up")}
    (asked,) = service.asked
    assert (asked.headers["x-scope-orgid"], asked.headers["authorization"]) == ("shop", "Bearer hush-hush")
    said = await refused(Reply(401, "who are you, hush-hush?"), token="hush-hush")
    assert "hush-hush" not in str(said)
    async with connected("http://127.0.0.1:9", username="me", password="hush-hush") as connector:
        assert connector.secrets == ("hush-hush",)


async def test_basic_authentication_is_sent() -> None:
    with http_in_hand({("POST", RANGE): matrix}) as service:
        await looked(service.url, series=[UP], username="me", password="hush")
    assert service.asked[0].headers["authorization"] == "Basic bWU6aHVzaA=="


async def test_a_server_that_is_overloaded_slow_or_something_else_is_unavailable_and_the_query_is_named() -> None:
    busy = await refused(Reply(503, {"status": "error", "errorType": "timeout", "error": "query timed out in queue"}))
    assert "sum by (job) (up)" in busy.what
    assert "query timed out in queue" in busy.what
    slow = await refused(Reply(hangs=True), timeout=0.2)
    assert "does not answer" in slow.what
    assert "sum by (job) (up)" in slow.what
    assert "answers 502 to sum by (job) (up)" in (await refused(Reply(502, "<html>"))).what
    for strange in ("<html>", {"status": "success"}, [1], {"status": "success", "data": {"resultType": "matrix", "result": [3]}}):
        assert "something else than Prometheus" in (await refused(Reply(200, strange))).what


async def test_a_query_that_gives_thousands_of_series_is_refused() -> None:
    one = {"metric": {"job": "cart"}, "values": []}
    said = await refused({"status": "success", "data": {"resultType": "matrix", "result": [one] * 2001}})
    assert "2001 series" in said.what


async def test_a_warning_of_stores_that_are_away_is_a_gap() -> None:
    with http_in_hand({("POST", RANGE): lambda asked: {**matrix(asked), "warnings": ["store eu-2 is away"]}}) as service:
        async with connected(service.url, series=[UP]) as connector:
            with collecting() as gaps:
                assert await metrics_of(connector).series(NOW - timedelta(minutes=10), NOW)
    assert len(gaps) == 1
    assert "store eu-2 is away" in gaps[0]


async def test_a_server_without_any_known_metric_is_empty_and_says_so_as_a_gap() -> None:
    with http_in_hand({("GET", NAMES): {"status": "success", "data": ["my_metric"]}}) as service:
        async with connected(service.url) as connector:
            with collecting() as gaps:
                assert await metrics_of(connector).series(NOW - timedelta(minutes=10), NOW) == []
    assert len(gaps) == 1
    assert "none of the metrics that are known" in gaps[0]


async def test_agents_who_look_at_the_same_time_cost_one_request() -> None:
    with http_in_hand({("POST", RANGE): matrix}) as service:
        async with connected(service.url, series=[UP]) as connector:
            looks = [metrics_of(connector).series(NOW - timedelta(minutes=10), NOW + timedelta(seconds=n)) for n in range(8)]
            found = await asyncio.gather(*looks)
    assert [len(one) for one in found] == [1] * 8
    assert len(service.asked) == 1


def test_a_connector_may_be_used_from_one_loop_after_the_other() -> None:
    with http_in_hand({("POST", RANGE): matrix}) as service:
        settings = Settings.model_validate({"use": "prometheus", "url": service.url, "series": [UP]})
        connector = connect(settings, Site(Path(), CATALOG, MemoryJournal(), OPENED))

        async def used() -> int:
            found = await asyncio.gather(*(metrics_of(connector).series(NOW - timedelta(minutes=n), NOW) for n in range(5, 25)))
            await connector.close()
            return len(found)

        assert [asyncio.run(used()) for _ in range(2)] == [20, 20]


@given(st.floats(0, 2e9), st.floats(0, 400 * 86400))
def test_a_span_of_any_length_is_asked_within_prometheus_limit_and_within_itself(start: float, span: float) -> None:
    begin = datetime.fromtimestamp(start, UTC)
    grid = Grid.of(begin, begin + timedelta(seconds=span))
    assert grid.count <= MOST_POINTS
    assert grid.step in {15, 30} or grid.step % 60 == 0
    if grid.count:
        assert begin.timestamp() <= grid.start <= grid.last <= (begin + timedelta(seconds=span)).timestamp()
    assert grid.times().size == grid.count


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    plain = {"use": "prometheus", "url": "http://127.0.0.1:9"}
    wrongs: list[dict[str, Any]] = [
        {"username": "me"},
        {"token": "a", "username": "b", "password": "c"},
        {"window": "soon"},
        {"sreies": []},
    ]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            Settings.model_validate({**plain, **wrong})
    site = Site(tmp_path, CATALOG, MemoryJournal(), OPENED)
    with pytest.raises(WorldError, match=r"there is no file gone\.pem"):
        connect(Settings.model_validate({**plain, "ca_file": "gone.pem"}), site)
