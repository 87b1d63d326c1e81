"""Recordings: folders of files as a read-only world."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from nexus.errors import ActionRefused, WorldError
from nexus.incident import Action, ActionKind
from nexus.world.journal import MemoryJournal
from nexus.world.metrics import MetricKind
from nexus.world.open import open_world
from nexus.world.recording import open_recording
from nexus.world.recording.files import level_of
from nexus.world.recording.names import component_kind, kind_of, unit_of
from nexus.world.simulated_people import SimulatedPeople

ALERT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def write(folder: Path) -> Path:
    """A small recording: two services, thirty minutes before the alert and five after."""
    folder.mkdir(exist_ok=True)
    alert = {"alerts": [{"labels": {"service": "shop"}, "startsAt": ALERT.isoformat()}]}
    (folder / "alert.json").write_text(json.dumps(alert))
    times = [int(ALERT.timestamp()) + 60 * n for n in range(-30, 6)]
    header = "time,shop__latency_p95_ms,my_store__table__cpu_pct"
    rows = [f"{t},{100 if n < 26 else 400},{'' if n == 3 else 20}" for n, t in enumerate(times)]
    (folder / "metrics.csv").write_text("\n".join([header, *rows]))
    (folder / "baseline.csv").write_text("\n".join([header, *(f"{t - 90000},100,20" for t in times)]))
    (folder / "topology.json").write_text(json.dumps({"edges": [["shop", "my_store__table"]]}))
    calls = [f'{t},shop,my_store__table,"GET /a,b",10,1500,2500,9000' for t in times]
    (folder / "calls.csv").write_text("\n".join(["time,caller,callee,operation,count,p50_us,p95_us,max_us", *calls]))
    changes = [
        {"time": "2026-05-04T09:50:00Z", "service": "shop", "kind": "config", "version": "c2", "author": "x", "summary": "y"}
    ]
    (folder / "changes.json").write_text(json.dumps(changes))
    with gzip.open(folder / "logs.jsonl.gz", "wt") as stream:
        for t in times:
            stream.write(
                json.dumps({"t_ns": t * 10**9, "service": "shop", "msg": f"10:00:00 ERROR no room for order {t}"}) + "\n"
            )
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "rec-1")


async def test_a_recording_opens_at_the_alert_with_what_its_files_hold(folder: Path) -> None:
    recording = open_recording(folder)
    world = recording.world
    assert recording.name == "rec-1"
    assert recording.alert_payload["alerts"][0]["labels"]["service"] == "shop"
    assert world.clock.now() == ALERT
    assert world.clock.simulated
    assert world.look_takes == timedelta(seconds=20)
    assert world.databases is None
    shop = world.catalog.get("shop")
    assert shop is not None
    assert shop.calls == ("my_store__table",)
    assert shop.tier == 1
    assert shop.revenue_per_hour is None


async def test_nothing_later_than_the_asked_end_is_ever_seen(folder: Path) -> None:
    world = open_recording(folder).world
    start = ALERT - timedelta(hours=1)
    assert world.metrics
    assert world.logs
    assert world.calls
    assert world.changes
    for end in (ALERT - timedelta(minutes=12), ALERT, ALERT + timedelta(seconds=90)):
        assert all(s.times.max() <= end.timestamp() for s in await world.metrics.series(start, end))
        assert all(line.at <= end for line in await world.logs.search(start, end))
        assert all(call.at + timedelta(minutes=1) <= end for call in await world.calls.between(start, end))
        assert all(change.at <= end for change in await world.changes.between(start, end))
    assert await world.changes.between(start, ALERT - timedelta(minutes=12)) == []


async def test_series_know_their_component_kind_unit_and_gaps(folder: Path) -> None:
    world = open_recording(folder).world
    assert world.metrics
    latency, cpu = await world.metrics.series(ALERT - timedelta(hours=1), ALERT)
    assert (latency.component, latency.metric, latency.kind, latency.unit) == ("shop", "latency_p95_ms", MetricKind.LATENCY, "ms")
    assert (cpu.component, cpu.metric, cpu.kind) == ("my_store__table", "cpu_pct", MetricKind.SATURATION)
    assert np.isnan(cpu.values[3])
    assert [s.component for s in await world.metrics.series(ALERT - timedelta(hours=1), ALERT, ["shop"])] == ["shop"]
    assert len(await world.metrics.baseline()) == 2


async def test_calls_logs_and_changes_are_read(folder: Path) -> None:
    world = open_recording(folder).world
    assert world.logs
    assert world.calls
    assert world.changes
    call = (await world.calls.between(ALERT, ALERT + timedelta(minutes=1)))[0]
    assert (call.operation, call.p50_ms, call.p95_ms, call.errors) == ("GET /a,b", 1.5, 2.5, None)
    assert await world.calls.topology() == (("shop", "my_store__table"),)
    start = ALERT - timedelta(hours=1)
    lines = await world.logs.search(start, ALERT, component="shop", pattern="no room", limit=3)
    assert [line.level for line in lines] == ["error"] * 3
    assert lines[-1].at == ALERT
    assert (await world.logs.search(start, ALERT, component="other")) == []
    change = (await world.changes.between(start, ALERT))[0]
    assert (change.component, change.kind, change.version) == ("shop", "config", "c2")
    assert await world.changes.pipelines(start, ALERT) == []


async def test_a_recording_refuses_every_change(folder: Path) -> None:
    actions = open_recording(folder).world.actions
    assert actions
    action = Action(kind=ActionKind.RESTART, target="shop")
    for attempt in (
        actions.options("shop", ALERT),
        actions.dry_run(action, ALERT),
        actions.apply(action, ALERT, "k"),
        actions.undo({}, ALERT, "k"),
        actions.state(ALERT),
    ):
        with pytest.raises(ActionRefused, match="read-only"):
            await attempt


async def test_what_a_recording_lacks_its_world_lacks(folder: Path) -> None:
    for name in ("metrics.csv", "logs.jsonl.gz", "calls.csv", "topology.json", "changes.json"):
        (folder / name).unlink()
    world = open_recording(folder).world
    assert (world.metrics, world.logs, world.calls, world.changes) == (None, None, None, None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("alert.json", "not json", "alert.json"),
        ("alert.json", "[]", "no object"),
        ("alert.json", '{"alerts": [{"startsAt": "yesterday"}]}', "startsAt"),
        ("topology.json", '{"edges": 3}', "topology.json"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_when_opening(folder: Path, name: str, content: str, said: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(WorldError, match=said) as caught:
        open_recording(folder)
    assert caught.value.remedy


async def test_a_bad_table_is_named_when_it_is_first_read(folder: Path) -> None:
    (folder / "metrics.csv").write_text("time,a__b\n1,2,3\n1,2\n")
    (folder / "changes.json").write_text('[{"service": "shop"}]')
    (folder / "calls.csv").write_text("time,caller\n1,2\n")
    (folder / "logs.jsonl.gz").write_bytes(b"no gzip")
    world = open_recording(folder).world
    assert world.metrics
    assert world.logs
    assert world.calls
    assert world.changes
    with pytest.raises(WorldError, match=r"metrics\.csv"):
        await world.metrics.series(ALERT, ALERT)
    with pytest.raises(WorldError, match=r"changes\.json"):
        await world.changes.between(ALERT, ALERT)
    with pytest.raises(WorldError, match=r"calls\.csv"):
        await world.calls.between(ALERT, ALERT)
    with pytest.raises(WorldError, match=r"logs\.jsonl\.gz"):
        await world.logs.search(ALERT, ALERT)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="no recording"):
        open_recording(tmp_path / "absent")


@pytest.mark.parametrize(
    ("metric", "kind", "unit"),
    [
        ("cpu_pct", MetricKind.SATURATION, "%"),
        ("server_latency_p90_s", MetricKind.LATENCY, "s"),
        ("success_pct", MetricKind.AVAILABILITY, "%"),
        ("availability_Average", MetricKind.AVAILABILITY, "%"),
        ("error_rate", MetricKind.ERRORS, "share"),
        ("script_errors_per_min", MetricKind.ERRORS, "1/min"),
        ("workload_ops", MetricKind.TRAFFIC, "1/s"),
        ("requests_Sum", MetricKind.TRAFFIC, ""),
        ("net_rx_bytes", MetricKind.OTHER, "B"),
        ("queue_depth", MetricKind.SATURATION, ""),
        ("page_load_ms", MetricKind.LATENCY, "ms"),
    ],
)
def test_a_metrics_name_tells_its_kind_and_unit(metric: str, kind: MetricKind, unit: str) -> None:
    assert kind_of(metric) is kind
    read = unit_of(metric) or ("%" if kind is MetricKind.AVAILABILITY else "")
    assert read == unit


def test_a_components_name_tells_a_store_from_a_service() -> None:
    assert component_kind("orders-db") == "database"
    assert component_kind("events-queue") == "queue"
    assert component_kind("session-cache") == "cache"
    assert component_kind("checkout") == "backend"


def test_a_lines_level_is_read_from_its_beginning() -> None:
    assert level_of("10:00 WARN slow") == "warning"
    assert level_of("FATAL out of memory") == "critical"
    assert level_of("all is well") == ""


async def test_a_table_of_gaps_marks_and_impossible_numbers_is_read_without_a_warning(folder: Path) -> None:
    start = int(ALERT.timestamp())
    rows = [f"{start},inf,1e308", "", f"{start + 60},nan,2", "yesterday,3,3", f"{start + 120},text,4"]
    (folder / "metrics.csv").write_bytes(("\ufefftime,a__cpu_pct,b#1__cpu_pct\r\n" + "\r\n".join(rows)).encode())
    world = open_recording(folder).world
    assert world.metrics
    first, second = await world.metrics.series(ALERT, ALERT + timedelta(minutes=5))
    assert (first.component, second.component) == ("a", "b#1")
    assert np.isnan(first.values).all()
    np.testing.assert_array_equal(second.values, [np.nan, 2, 4])


async def test_a_table_without_one_readable_time_is_named_and_one_without_rows_is_empty(folder: Path) -> None:
    (folder / "metrics.csv").write_text("time,a__cpu_pct\n")
    world = open_recording(folder).world
    assert world.metrics
    assert [s.times.size for s in await world.metrics.series(ALERT, ALERT)] == []
    (folder / "metrics.csv").write_text("time,a__cpu_pct\nyesterday,1\n")
    world = open_recording(folder).world
    assert world.metrics
    with pytest.raises(WorldError, match="no row begins with a time"):
        await world.metrics.series(ALERT, ALERT)


async def test_a_damaged_archive_is_named(folder: Path) -> None:
    whole = gzip.compress(b"x" * 1000)
    (folder / "logs.jsonl.gz").write_bytes(whole[:12] + b"\xff" * 30)
    world = open_recording(folder).world
    assert world.logs
    with pytest.raises(WorldError, match=r"logs\.jsonl\.gz"):
        await world.logs.search(ALERT, ALERT)


def test_a_group_that_begins_with_a_resolved_alert_is_opened_at_the_one_that_fires(folder: Path) -> None:
    over = {"status": "resolved", "labels": {"service": "old"}, "startsAt": (ALERT - timedelta(hours=1)).isoformat()}
    fires = {"status": "firing", "labels": {"service": "shop"}, "startsAt": ALERT.isoformat()}
    (folder / "alert.json").write_text(json.dumps({"alerts": [over, fires]}))
    world = open_recording(folder).world
    assert world.clock.now() == ALERT


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_an_alert_outside_of_all_living_memory_is_refused(folder: Path, year: str) -> None:
    (folder / "alert.json").write_text(json.dumps({"alerts": [{"startsAt": f"{year}-12-31T23:59:59Z"}]}))
    with pytest.raises(WorldError, match="in the year"):
        open_recording(folder)


@pytest.mark.parametrize("name", ["alert.json", "topology.json"])
def test_a_file_nested_without_end_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("[" * 100_000)
    with pytest.raises(WorldError, match="nested too deep"):
        open_recording(folder)


async def test_people_of_a_recording_are_told_once_by_whatever_process(folder: Path) -> None:
    journal = MemoryJournal()
    one, other = [open_recording(folder, journal).world for _ in range(2)]
    await one.people.post_status("INC-1", "first", ALERT, "1")
    await other.people.post_status("INC-1", "second", ALERT, "1")
    third = open_world(f"recording:{folder}", journal=journal).world
    await third.refresh()
    assert isinstance(third.people, SimulatedPeople)
    assert [m.text for m in third.people.messages] == ["first"]
