"""Ranking: who is suspected of what, over the call graph."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from nexus.analysis.case import Case, Ranking, Sign
from nexus.analysis.rank import rank_suspects
from nexus.incident import Cause
from nexus.world.calls import CallStats
from nexus.world.changes import Change
from nexus.world.logs import LogLine
from nexus.world.metrics import MetricKind, Series

ALERT = 1_000_000.0
NOW = ALERT + 120
EDGES = (("web", "cart"), ("web", "search"), ("cart", "store"), ("web", "pay"), ("pay", "bank"))
METRICS = {
    "latency_p95_ms": (MetricKind.LATENCY, "ms", 100.0),
    "error_rate": (MetricKind.ERRORS, "share", 0.002),
    "cpu_pct": (MetricKind.SATURATION, "%", 30.0),
    "requests_per_min": (MetricKind.TRAFFIC, "1/min", 500.0),
}


def telemetry(trouble: dict[tuple[str, str], float], minutes: int = 8, seed: int = 3) -> list[Series]:
    """An hour of five components; `trouble` gives a level for the last minutes."""
    random = np.random.default_rng(seed)
    found = []
    times = NOW - 60.0 * np.arange(60, dtype=np.float64)[::-1]
    for component in ("web", "cart", "search", "store", "pay", "bank"):
        for metric, (kind, unit, level) in METRICS.items():
            values = level * (1 + 0.04 * random.standard_normal(60))
            if (component, metric) in trouble:
                values[-minutes:] = trouble[component, metric] * (1 + 0.04 * random.standard_normal(minutes))
            found.append(Series(component, metric, kind, unit, times, values))
    return found


def change(component: str, minutes_before_alert: float, kind: str = "deployment") -> Change:
    at = datetime.fromtimestamp(ALERT - 60 * minutes_before_alert, UTC)
    return Change(f"chg-{component}", at, component, kind, "v2")  # type: ignore[arg-type]


def ranked(trouble: dict[tuple[str, str], float], **over: object) -> Ranking:
    held: dict[str, object] = {
        "now": NOW,
        "alert_at": ALERT,
        "alert_service": "web",
        "edges": EDGES,
        "series": telemetry(trouble),
    }
    held.update(over)
    return rank_suspects(Case(**held))  # type: ignore[arg-type]


SLOW_STORE = {("store", "latency_p95_ms"): 900.0, ("cart", "latency_p95_ms"): 880.0, ("web", "latency_p95_ms"): 700.0}


def test_nothing_moved_gives_no_suspect() -> None:
    for seed in range(12):
        assert rank_suspects(Case(now=NOW, alert_at=ALERT, edges=EDGES, series=telemetry({}, seed=seed))) == Ranking()


def test_no_telemetry_gives_no_suspect() -> None:
    assert rank_suspects(Case(now=NOW, alert_at=ALERT)) == Ranking()


def test_a_callers_trouble_is_explained_by_its_callees() -> None:
    ranking = ranked(SLOW_STORE)
    assert ranking.suspects[0].component == "store"
    assert ranking.separated > 0.3


def test_a_change_just_before_the_trouble_at_the_culprit_is_its_cause() -> None:
    first = ranked({("cart", "error_rate"): 0.5, ("web", "error_rate"): 0.3}, changes=[change("cart", 7)]).suspects[0]
    assert (first.component, first.cause, first.mechanism, first.change) == ("cart", Cause.DEPLOYMENT, "release", "chg-cart")


@pytest.mark.parametrize(("kind", "mechanism"), [("config", "config"), ("flag", "flag")])
def test_configuration_and_flags_are_changes_too(kind: str, mechanism: str) -> None:
    first = ranked({("cart", "error_rate"): 0.5}, changes=[change("cart", 7, kind)]).suspects[0]
    assert (first.cause, first.mechanism) == (Cause.DEPLOYMENT, mechanism)


def test_a_change_at_a_healthy_component_is_not_blamed() -> None:
    ranking = ranked(SLOW_STORE, changes=[change("search", 7)])
    assert ranking.suspects[0].component == "store"
    assert all(s.component != "search" for s in ranking.suspects)


def test_a_change_after_the_trouble_began_did_not_bring_it() -> None:
    first = ranked({("cart", "error_rate"): 0.5}, changes=[change("cart", 1)]).suspects[0]
    assert first.change is None
    assert first.cause is not Cause.DEPLOYMENT


def test_a_full_processor_is_infrastructure() -> None:
    first = ranked({("cart", "cpu_pct"): 97.0, ("cart", "latency_p95_ms"): 800.0, ("web", "latency_p95_ms"): 500.0}).suspects[0]
    assert (first.component, first.cause, first.mechanism) == ("cart", Cause.INFRASTRUCTURE, "cpu")


def test_errors_with_a_new_exception_and_no_change_are_a_code_bug() -> None:
    lines = [
        LogLine(datetime.fromtimestamp(NOW - 20 * n, UTC), "search", "error", f"java.lang.NullPointerException at row {n}")
        for n in range(20)
    ]
    lines += [LogLine(datetime.fromtimestamp(NOW - 60 * n, UTC), "search", "info", "searched") for n in range(60)]
    first = ranked({("search", "error_rate"): 0.5}, lines=lines).suspects[0]
    assert (first.component, first.cause, first.mechanism) == ("search", Cause.CODE_BUG, "errors")


def test_a_third_party_that_fails_is_an_external_dependency() -> None:
    trouble = {("bank", "error_rate"): 0.9, ("pay", "error_rate"): 0.88, ("web", "error_rate"): 0.1}
    first = ranked(trouble, kinds={"bank": "external"}).suspects[0]
    assert (first.component, first.cause) == ("bank", Cause.EXTERNAL_DEPENDENCY)


def test_a_disk_that_is_full_is_named_as_the_mechanism() -> None:
    sign = Sign("store", Cause.INFRASTRUCTURE, "disk", 0.95, "disk 100 % full")
    first = ranked({("cart", "error_rate"): 0.6}, signs=(sign,), changes=[change("cart", 8)]).suspects[0]
    assert (first.component, first.cause, first.mechanism) == ("store", Cause.INFRASTRUCTURE, "disk")


def test_a_full_host_explains_what_runs_on_it() -> None:
    trouble = {(c, m): level for c in ("cart", "search") for m, level in (("latency_p95_ms", 900.0), ("cpu_pct", 80.0))}
    sign = Sign("host-1", Cause.INFRASTRUCTURE, "cpu", 0.85, "CPU 98 %")
    first = ranked(trouble, signs=(sign,), hosts={"host-1": ("cart", "search"), "host-2": ("pay",)}).suspects[0]
    assert (first.component, first.cause, first.mechanism) == ("host-1", Cause.INFRASTRUCTURE, "cpu")


def test_a_misused_credential_is_a_suspect_though_no_series_moved() -> None:
    sign = Sign("store", Cause.INFRASTRUCTURE, "credential", 0.97, "used from an unknown network", ALERT - 600)
    ranking = ranked({}, signs=(sign,))
    assert [s.component for s in ranking.suspects if s.strong] == ["store"]
    assert ranking.onset == ALERT - 600


def test_a_release_that_slowly_fills_its_memory_is_found_an_hour_later() -> None:
    times = NOW - 60.0 * np.arange(60, dtype=np.float64)[::-1]
    filling = np.concatenate((np.full(20, 40.0), np.linspace(41, 98, 40)))
    memory = Series("cart", "memory_pct", MetricKind.SATURATION, "%", times, filling)
    series = [*telemetry({("cart", "error_rate"): 0.5}), memory]
    first = ranked({}, series=series, changes=[change("cart", 39)]).suspects[0]
    assert (first.component, first.cause, first.change) == ("cart", Cause.DEPLOYMENT, "chg-cart")


def test_who_stops_half_way_is_told_by_callees_that_are_no_longer_called() -> None:
    trouble = {("store", "requests_per_min"): 0.0}
    first = ranked(trouble).suspects[0]
    assert first.component == "cart"


def test_after_an_action_what_is_over_is_no_longer_suspected() -> None:
    times = NOW - 60.0 * np.arange(90, dtype=np.float64)[::-1]
    values = np.full(90, 100.0)
    values[40:78] = 900.0
    healed = Series("cart", "latency_p95_ms", MetricKind.LATENCY, "ms", times, values)
    case = Case(now=NOW, alert_at=NOW - 45 * 60, edges=EDGES, series=[healed], acted_at=NOW - 13 * 60)
    assert rank_suspects(case) == Ranking()


def test_the_same_case_gives_the_same_ranking_and_takes_less_than_a_second() -> None:
    began = time.perf_counter()
    assert ranked(SLOW_STORE) == ranked(SLOW_STORE)
    assert time.perf_counter() - began < 2


POOL = LogLine(datetime.fromtimestamp(ALERT - 60, UTC), "store", "error", "PoolTimeout: db.pool has no connection left")


def old_change(kind: str, summary: str) -> Change:
    at = datetime.fromtimestamp(ALERT - 5 * 3600, UTC)
    return Change("chg-old", at, "store", kind, "c-4", summary=summary)  # type: ignore[arg-type]


def complaining() -> list[LogLine]:
    before = LogLine(datetime.fromtimestamp(ALERT - 3000, UTC), "web", "info", "ready")
    return [before, *[POOL] * 20]


def test_an_old_configuration_that_the_new_errors_name_is_the_cause() -> None:
    trouble = {("store", "error_rate"): 0.6}
    first = ranked(trouble, changes=[old_change("config", "db.pool: from 200 to 60")], lines=complaining()).suspects[0]
    assert (first.component, first.cause, first.mechanism, first.change) == ("store", Cause.DEPLOYMENT, "config", "chg-old")


@pytest.mark.parametrize(("kind", "summary"), [("config", "cache.seconds: longer"), ("deployment", "db.pool in another place")])
def test_an_old_change_that_the_errors_do_not_name_is_not_blamed(kind: str, summary: str) -> None:
    trouble = {("store", "error_rate"): 0.6}
    first = ranked(trouble, changes=[old_change(kind, summary)], lines=complaining()).suspects[0]
    assert (first.cause, first.change) == (Cause.CODE_BUG, None)


@pytest.mark.parametrize(("used", "mechanism"), [(57.0, "latency"), (97.0, "connections")])
def test_slow_queries_are_not_taken_for_a_resource_that_is_only_half_used(used: float, mechanism: str) -> None:
    times = NOW - 60.0 * np.arange(60, dtype=np.float64)[::-1]
    values = np.where(times > ALERT - 360, used, 37.0) + np.random.default_rng(3).standard_normal(60)
    pool = Series("store", "connections_pct", MetricKind.SATURATION, "%", times, values)
    slow = Sign("store", Cause.INFRASTRUCTURE, "latency", 0.35, "245 slow queries a minute")
    series = [*telemetry(SLOW_STORE), pool]
    first = ranked(SLOW_STORE, series=series, signs=[slow], kinds={"store": "database"}).suspects[0]
    assert (first.component, first.mechanism) == ("store", mechanism)


def test_the_clues_of_a_suspect_name_the_series_that_show_it() -> None:
    first = ranked(SLOW_STORE).suspects[0]
    shown = {series for clue in first.clues if clue.kind == "metrics" for series in clue.series}
    assert ("store", "latency_p95_ms") in shown
    assert {component for component, _ in shown} == {"store"}
    assert first.reasons == tuple(clue.text for clue in first.clues)


def test_the_clues_of_a_suspect_hold_the_log_lines_that_show_it() -> None:
    lines = [LogLine(datetime.fromtimestamp(NOW - 20 * n, UTC), "cart", "info", "priced") for n in range(90)]
    lines += [LogLine(datetime.fromtimestamp(NOW - 10 * n, UTC), "cart", "error", f"no price for {n}") for n in range(12)]
    first = ranked({("cart", "error_rate"): 0.5}, lines=sorted(lines, key=lambda e: e.at)).suspects[0]
    told = [line for clue in first.clues if clue.kind == "logs" for line in clue.lines]
    assert first.component == "cart"
    assert told
    assert all(line.startswith("no price for") for line in told)


def test_what_callers_complain_of_is_a_clue_for_whom_they_name() -> None:
    lines = [LogLine(datetime.fromtimestamp(NOW - 20 * n, UTC), "cart", "info", "priced") for n in range(90)]
    lines += [
        LogLine(datetime.fromtimestamp(NOW - 9 * n, UTC), "cart", "error", f"no answer from store in {n} ms") for n in range(20)
    ]
    suspects = {s.component: s for s in ranked({("cart", "error_rate"): 0.2}, lines=sorted(lines, key=lambda e: e.at)).suspects}
    assert any("cart's log" in reason for reason in suspects["store"].reasons)


def test_a_direct_sign_is_the_first_clue() -> None:
    sign = Sign("store", Cause.INFRASTRUCTURE, "disk", 0.95, "disk 100 % full")
    first = ranked({("cart", "error_rate"): 0.6}, signs=(sign,)).suspects[0]
    assert first.clues[0].text == "disk 100 % full"


def test_no_clue_is_told_twice() -> None:
    for suspect in ranked(SLOW_STORE).suspects:
        assert len(set(suspect.reasons)) == len(suspect.reasons)


def test_what_broke_is_a_strong_suspect() -> None:
    assert ranked(SLOW_STORE).suspects[0].strong


def test_what_barely_moved_is_a_weak_suspect_that_only_says_where_to_look() -> None:
    suspects = ranked({("pay", "cpu_pct"): 42.0}).suspects
    assert suspects[0].component == "pay"
    assert not suspects[0].strong


def test_a_caller_that_multiplies_its_calls_is_blamed_for_what_its_callee_suffers() -> None:
    def calls(caller: str, callee: str, before: float, now: float) -> list[CallStats]:
        counts = [(m, now if m < 7 else before) for m in range(50)]
        return [
            CallStats(datetime.fromtimestamp(NOW - 60 * m, UTC), caller, callee, "GET", count, 20.0, 60.0, 90.0, 0.0)
            for m, count in counts
        ]

    trouble = {("store", "latency_p95_ms"): 900.0, ("store", "cpu_pct"): 96.0, ("cart", "latency_p95_ms"): 880.0}
    first = ranked(trouble, calls=[*calls("web", "cart", 200, 200), *calls("cart", "store", 200, 1200)]).suspects[0]
    assert first.component == "cart"
    assert any("calls store 5.4 times as often" in reason for reason in first.reasons)
