"""Hiding: a recording's world without some of its evidence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from outages_in_hand import ALERT, SHOP, change, write_outage
from test_recording import write

from nexus.errors import UsageError
from nexus.evaluate.hiding import EvidenceKind, hiding, kinds_in, kinds_of
from nexus.world import World
from nexus.world.recording import open_recording

START, END = ALERT - timedelta(hours=1), ALERT + timedelta(seconds=90)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One that holds evidence of every kind."""
    return open_recording(write(tmp_path / "rec-1")).world


async def test_each_kind_is_hidden_alone(world: World) -> None:
    assert await kinds_in(world, START, END) == set(EvidenceKind)
    assert hiding(world, ()) is world
    for kind in set(EvidenceKind) - {EvidenceKind.METRICS}:
        assert await kinds_in(hiding(world, [kind]), START, END) == set(EvidenceKind) - {kind}, kind


async def test_without_metrics_there_is_no_baseline_either(world: World) -> None:
    left = hiding(world, [EvidenceKind.METRICS])
    assert left.metrics is None
    assert await kinds_in(left, START, END) == set(EvidenceKind) - {EvidenceKind.METRICS, EvidenceKind.BASELINE}


async def test_what_stays_is_as_it_was(world: World) -> None:
    left = hiding(world, [EvidenceKind.BASELINE, EvidenceKind.CALLS])
    assert world.metrics
    assert left.metrics
    assert await left.metrics.baseline() == []
    assert await left.metrics.baseline(["shop"]) == []
    shown = [(s.component, s.metric) for s in await left.metrics.series(START, END, ["shop"])]
    assert shown == [(s.component, s.metric) for s in await world.metrics.series(START, END, ["shop"])] != []
    assert left.calls
    assert await left.calls.between(START, END) == []
    assert await left.calls.topology() == (("shop", "my_store__table"),)
    assert left.catalog.edges() == (("shop", "my_store__table"),)


async def test_without_the_graph_nothing_tells_who_calls_whom_but_the_calls_themselves(world: World) -> None:
    left = hiding(world, [EvidenceKind.GRAPH])
    assert left.calls
    assert await left.calls.topology() == ()
    assert left.catalog.edges() == ()
    assert [s.name for s in left.catalog] == [s.name for s in world.catalog]
    assert {(c.caller, c.callee) for c in await left.calls.between(START, END)} == {("shop", "my_store__table")}
    assert hiding(world, [EvidenceKind.GRAPH, EvidenceKind.CALLS]).calls is None


async def test_a_feed_of_changes_without_one_is_evidence_and_no_feed_is_none(tmp_path: Path) -> None:
    quiet = open_recording(write_outage(tmp_path / "quiet", changes=[])).world
    assert await kinds_in(quiet, START, END) == {EvidenceKind.METRICS, EvidenceKind.GRAPH, EvidenceKind.CHANGES}
    assert hiding(quiet, [EvidenceKind.CHANGES]).changes is None
    silent = open_recording(write_outage(tmp_path / "silent")).world
    assert EvidenceKind.CHANGES not in await kinds_in(silent, START, END)
    told = open_recording(write_outage(tmp_path / "told", changes=[change(SHOP, 9)])).world
    assert hiding(told, kinds_of(["changes"])).changes is None


def test_a_kind_that_is_not_one_is_named_with_those_there_are() -> None:
    assert kinds_of(["logs", "graph", "logs"]) == {EvidenceKind.LOGS, EvidenceKind.GRAPH}
    with pytest.raises(UsageError, match="traces is no kind of evidence") as caught:
        kinds_of(["logs", "traces"])
    assert caught.value.remedy == "there are metrics, baseline, calls, logs, graph, changes"
