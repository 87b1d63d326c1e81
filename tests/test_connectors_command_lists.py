"""Capabilities from what real programs print, and the page that says what they have to print."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from commands_in_hand import (
    NOW,
    connected,
    shop_in,
    without,
)

from nexus.errors import Unavailable
from nexus.world.changes import Change, PipelineRun
from nexus.world.connectors import command_capabilities
from nexus.world.connectors.command_capabilities import SHAPES
from nexus.world.connectors.contract import Connector
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.infrastructure import NodeState, Workload


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_in(tmp_path)


def printing(folder: Path, **printed: Any) -> Connector:
    for word, items in printed.items():
        (folder / f"{word}.json").write_text(items if isinstance(items, str) else json.dumps(items))
    return connected(folder, **{word: {"argv": ["cat", f"{word}.json"]} for word in printed})


WORKLOAD = {"component": "web", "version": "v42", "replicas": 2, "ready": 1, "restarts_15m": 4, "nodes": ["host-1"]}


async def test_capabilities_are_read_from_what_programs_print(shop: Path) -> None:
    node = {"name": "host-1", "ready": True, "cpu_pct": 12.5, "memory_pct": 40, "disk_pct": 91, "components": ["web"]}
    database = {"name": "db", "up": True, "writable": True, "connections": 3, "max_connections": 9, "disk_pct": 10}
    queue = {"name": "q", "depth": 9, "normal_depth": 1, "consumers": 1, "oldest_s": 3}
    third = {"name": "pay", "up": False, "error_rate": 1, "latency_ms": 0, "normal_latency_ms": 90, "status_page": "ok",
             "used_by": ["web"], "fallback": "none", "failing_since": "2026-03-02T09:00:00"}  # fmt: skip
    world = printing(shop, workloads=[WORKLOAD], nodes=[node], databases=[database], queues=[queue], dependencies=[third])
    assert world.infrastructure
    assert world.databases
    assert world.dependencies
    assert [(w.component, w.nodes) for w in await world.infrastructure.workloads(NOW)] == [("web", ("host-1",))]
    assert [n.disk_pct for n in await world.infrastructure.nodes(NOW)] == [91]
    assert [d.max_connections for d in await world.databases.health(NOW)] == [9]
    assert [q.depth for q in await world.databases.queues(NOW)] == [9]
    assert [d.failing_since for d in await world.dependencies.health(NOW)] == [datetime(2026, 3, 2, 9, tzinfo=UTC)]
    assert world.changes is None
    assert world.actions is None


async def test_changes_are_those_of_the_time_asked_for_oldest_first(shop: Path) -> None:
    made = [
        {"id": i, "at": at, "component": "web", "kind": "deployment", "version": i}
        for i, at in (("late", "2026-03-02T09:59:00Z"), ("bare", "2026-03-02T09:30:00"), ("old", "2026-03-01T00:00:00Z"))
    ]
    run = {"component": "web", "at": "2026-03-02T10:50:00+01:00", "version": "9", "status": "failed"}
    world = printing(shop, changes=made, pipelines=[run])
    assert world.changes
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert [c.id for c in await world.changes.between(start, NOW)] == ["bare", "late"]
    assert [r.status for r in await world.changes.pipelines(start, NOW)] == ["failed"]
    told = connected(shop, changes={"argv": ["./bin/record", "{since}", "{until}"]})
    assert told.changes
    with pytest.raises(Unavailable, match="what prints changes"):
        await told.changes.between(start, NOW)
    assert (shop / "recorded").read_text().split("\0")[:2] == ["2026-03-02T09:00:00+00:00", "2026-03-02T10:00:00+00:00"]


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ([WORKLOAD, WORKLOAD | {"replicas": "two"}], "item 1: replicas"),
        ([without(WORKLOAD, "ready")], "item 0: ready"),
        ([WORKLOAD | {"colour": 1}], "item 0: colour"),
        ({"items": []}, "valid array"),
        ("no json", "Invalid JSON"),
    ],
)
async def test_what_is_wrong_in_a_printed_list_is_named(shop: Path, printed: Any, said: str) -> None:
    world = printing(shop, workloads=printed)
    assert world.infrastructure
    with pytest.raises(Unavailable, match="what prints workloads") as refused:
        await world.infrastructure.workloads(NOW)
    assert said in refused.value.what
    (shop / "workloads.json").unlink()
    with pytest.raises(Unavailable, match="status 1"):
        await world.infrastructure.workloads(NOW)


async def test_a_list_that_is_too_long_is_not_read_in_part(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_capabilities, "LARGEST", 100)
    world = printing(shop, workloads=[WORKLOAD] * 10)
    assert world.infrastructure
    with pytest.raises(Unavailable, match="more than 100 characters"):
        await world.infrastructure.workloads(NOW)


PAGE = (Path(__file__).parents[1] / "docs" / "commands.md").read_text(encoding="utf-8")


ITEMS: dict[str, Any] = {
    "nodes": NodeState,
    "workloads": Workload,
    "changes": Change,
    "pipelines": PipelineRun,
    "dependencies": DependencyHealth,
    "databases": DatabaseHealth,
    "queues": QueueHealth,
}


@pytest.mark.parametrize("word", sorted(SHAPES))
def test_the_page_names_every_field_of_a_printed_list(word: str) -> None:
    (row,) = re.findall(rf"\n\| `{word}` \| (.*) \|\n", PAGE)
    item = ITEMS[word]
    told = set(re.findall(r"(?:\*)?`([a-z_0-9]+)`(?:\*)?(?: \([^)]*\))?", row))
    assert {field.name for field in fields(item)} <= told
    assert set(re.findall(r"\*`([a-z_]+)`\*", row)) == {field.name for field in fields(item) if field.default is not MISSING}
