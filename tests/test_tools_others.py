"""Every tool but the analysing ones: what it reads, what it says, and what it does where the world lacks something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from world_in_hand import (
    FIRED,
    Browsers,
    Guards,
    Hosts,
    Levers,
    Lines,
    Pipelines,
    Source,
    Stores,
    Third,
    Tried,
    look,
)  # fmt: skip

from nexus.errors import ToolError, Unavailable
from nexus.incident import Action, ActionKind, Alert
from nexus.tools.names import TOOL_NAMES
from nexus.tools.readings import Reading
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look
from nexus.world.browser import PageHealth
from nexus.world.changes import PipelineRun
from nexus.world.code import CodeLocation, Patch
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.endpoints import ProbeResult
from nexus.world.infrastructure import NodeState, Workload
from nexus.world.logs import LogLine
from nexus.world.security import SecuritySignal

ROLLBACK = Action(kind=ActionKind.ROLLBACK, target="web", arguments={"to": "1.0"})
RESTART = Action(kind=ActionKind.RESTART, target="web")
DB = DatabaseHealth("db", up=True, writable=True, connections=10, max_connections=100, disk_pct=40)
NODE = NodeState("node-1", ready=True, cpu_pct=40, memory_pct=50, disk_pct=40, components=("web",))
WORK = Workload("web", "1.1", 3, 3, 0, ("node-1",))


async def use(tool: str, at: Look, **arguments: Any) -> Any:
    """The reading of one use."""
    one = TOOLS[tool]
    reading = (await one.run(at, one.arguments.model_validate(arguments))).reading
    assert isinstance(reading, Reading)
    assert reading.summary
    return reading


def test_the_registry_has_exactly_the_tools_that_content_may_name() -> None:
    assert set(TOOLS) == TOOL_NAMES
    assert all(name == tool.name and tool.description for name, tool in TOOLS.items())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("security_signals", {}), ("check_dependencies", {}), ("check_databases", {}), ("infrastructure_state", {}),
        ("pipeline_status", {}), ("prepare_rollback", {}), ("client_errors", {}), ("page_load", {}), ("asset_delivery", {}),
        ("regress_endpoints", {}), ("locate_error", {}), ("test_patch", {"patch": "p"}), ("action_options", {}),
        ("dry_run", {"kind": "restart", "target": "web"}),
    ],
)  # fmt: skip
async def test_a_world_without_the_capability_is_said_with_a_remedy(tool: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as caught:
        await use(tool, look(), **arguments)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("database", "problem", "at_risk"),
    [
        (replace(DB, up=False), "down", False),
        (replace(DB, writable=False), "not_writable", True),
        (replace(DB, disk_pct=97), "disk_full", True),
        (replace(DB, disk_pct=88), "disk_filling", False),
        (replace(DB, connections=98), "connections_exhausted", False),
        (replace(DB, replication_lag_s=300), "replication_lag", False),
        (replace(DB, slow_queries_per_min=50), "slow_queries", False),
        (replace(DB, corrupt=True), "corrupt", True),
    ],
)
async def test_each_trouble_of_a_database_has_its_name(database: DatabaseHealth, problem: str, at_risk: bool) -> None:
    reading = await use("check_databases", look(databases=Stores([DB, database])))
    assert [(p.problem, p.data_at_risk) for p in reading.problems] == [(problem, at_risk)]


async def test_healthy_databases_and_queues_have_no_problems_and_a_backlog_is_one() -> None:
    well = await use("check_databases", look(databases=Stores([DB], [QueueHealth("mail", 60, 50, 2, 1)])))
    assert (well.problems, well.looked_at) == ((), 2)
    behind = await use("check_databases", look(databases=Stores([], [QueueHealth("mail", 5000, 50, 2, 900)])))
    assert [p.problem for p in behind.problems] == ["queue_backlog"]


@pytest.mark.parametrize(
    ("node", "work", "problem"),
    [
        (replace(NODE, ready=False, cpu_pct=0), WORK, "node_down"),
        (replace(NODE, cpu_pct=97), WORK, "cpu"),
        (replace(NODE, memory_pct=97), WORK, "memory"),
        (replace(NODE, disk_pct=99), WORK, "disk_full"),
        (replace(NODE, disk_pct=86), WORK, "disk_filling"),
        (NODE, replace(WORK, ready=0), "down"),
        (NODE, replace(WORK, ready=2), "replicas_missing"),
        (NODE, replace(WORK, restarts_15m=5), "crash_loop"),
    ],
)
async def test_each_trouble_of_a_host_or_workload_has_its_name(node: NodeState, work: Workload, problem: str) -> None:
    reading = await use("infrastructure_state", look(infrastructure=Hosts([node], [work])))
    assert [p.problem for p in reading.problems] == [problem]
    assert (reading.hosts, reading.versions) == ({"node-1": ("web",)}, {"web": "1.1"})


async def test_a_failing_third_party_comes_first() -> None:
    well = DependencyHealth(
        "a", up=True, error_rate=0.0, latency_ms=100, normal_latency_ms=100, status_page="", used_by=(), fallback="none"
    )
    slow = replace(well, name="b", latency_ms=400, used_by=("web",), fallback="available", failing_since=FIRED)
    reading = await use("check_dependencies", look(dependencies=Third([well, slow])))
    assert [(d.name, d.failing) for d in reading.dependencies] == [("b", True), ("a", False)]
    assert "fallback available" in reading.summary


@pytest.mark.parametrize(
    ("kind", "records", "word"),
    [
        ("traffic_flood", None, "attack"),
        ("login_failures", None, "attack"),
        ("credential_misuse", None, "suspected"),
        ("data_access", 40, "breach"),
    ],
)
async def test_security_signals_are_judged_by_one_word(kind: Any, records: int | None, word: str) -> None:
    signal = SecuritySignal(FIRED - timedelta(minutes=3), kind, "accounts", "odd", records_accessed=records, personal_data=True)
    reading = await use("security_signals", look(security=Guards([signal])))
    assert (reading.security, reading.personal_data) == (word, True)


async def test_no_security_signal_is_none_and_an_old_one_is_not_seen() -> None:
    old = SecuritySignal(FIRED - timedelta(days=3), "data_access", "accounts", "odd")
    assert (await use("security_signals", look(security=Guards([old])))).security == "none"


async def test_pipelines_are_newest_first_and_of_one_component_when_asked() -> None:
    early, late = FIRED - timedelta(minutes=90), FIRED - timedelta(minutes=30)
    runs = [PipelineRun("web", early, "1", "passed"), PipelineRun("cart", late, "2", "failed")]
    reading = await use("pipeline_status", look(changes=Pipelines(runs)))
    assert [r.component for r in reading.runs] == ["cart", "web"]
    assert "failed: cart 2" in reading.summary
    assert len((await use("pipeline_status", look(changes=Pipelines(runs)), component="web")).runs) == 1


async def test_a_rollback_is_prepared_with_its_dry_run_and_without_doing_it() -> None:
    reading = await use("prepare_rollback", look(actions=Levers([RESTART, ROLLBACK])))
    assert (reading.possible, reading.action, reading.component) == (True, ROLLBACK, "web")
    assert "dry run passes" in reading.summary
    none = await use("prepare_rollback", look(actions=Levers([RESTART])))
    assert (none.possible, none.action) == (False, None)
    broken = await use("prepare_rollback", look(actions=Levers([ROLLBACK], works=False)))
    assert (broken.possible, broken.action) == (False, ROLLBACK)


async def test_options_and_dry_runs_are_given_exactly() -> None:
    at = look(actions=Levers([RESTART, ROLLBACK]))
    assert (await use("action_options", at)).options == (RESTART, ROLLBACK)
    dry = await use("dry_run", at, **ROLLBACK.model_dump())
    assert (dry.ok, dry.touches, dry.before) == (True, ("web",), {"version": "1.1"})


@pytest.mark.parametrize("tool", ["prepare_rollback", "action_options"])
async def test_a_read_only_world_refuses_as_a_tool_error_that_says_so(tool: str) -> None:
    with pytest.raises(ToolError, match="this world refuses actions"):
        await use(tool, look(actions=Levers(read_only=True)))


async def test_each_page_tool_judges_its_own_aspect() -> None:
    pages = [
        PageHealth("home", "web", 50, 1, "boom", 900, 900, 0.0, "w-2"),
        PageHealth("cart", "web", 1, 1, "", 5000, 900, 0.0, "w-2"),
        PageHealth("help", "docs", 1, 1, "", 900, 900, 0.5, "w-2"),
    ]
    at = look(browser=Browsers(pages))
    for tool, page in (("client_errors", "home"), ("page_load", "cart"), ("asset_delivery", "help")):
        reading = await use(tool, at)
        assert [p.page for p in reading.pages if p.abnormal] == [page]
        assert reading.pages[0].page == page
    assert "normal" in (await use("page_load", at, component="docs")).summary


async def test_an_endpoint_passes_within_two_percent_and_twice_the_latency() -> None:
    def probe(component: str, error_rate: float, latency: float) -> ProbeResult:
        return ProbeResult(component, "GET", f"/{component}", error_rate, latency, 0.0, 100)

    at = look(endpoints=Tried([probe("a", 0.02, 200), probe("b", 0.03, 100), probe("c", 0.0, 201)]))
    reading = await use("regress_endpoints", at)
    assert (reading.passed, [e.component for e in reading.endpoints if not e.passed]) == (False, ["b", "c"])
    assert (await use("regress_endpoints", at, component="a")).passed
    assert len((await use("regress_endpoints", at, component="a", components=["b"])).endpoints) == 2


async def test_a_component_without_endpoints_is_tried_through_all_and_none_at_all_is_no_pass() -> None:
    at = look(endpoints=Tried([ProbeResult("a", "GET", "/", 0.5, 100, 0.0, 100)]))
    assert not (await use("regress_endpoints", at, component="some-db")).passed
    with pytest.raises(ToolError, match="no endpoints"):
        await use("regress_endpoints", look(endpoints=Tried()))


async def test_the_most_frequent_error_is_located_when_none_is_named() -> None:
    lines = [
        LogLine(FIRED, "web", level, text) for level, text in (("error", "a"), ("error", "b"), ("error", "b"), ("info", "c"))
    ]
    code = Source(CodeLocation("web", "src/a.py", 7, "x.y", 400), [Patch("good", "web", "guard x", "+if x")])
    reading = await use("locate_error", look(code=code, logs=Lines(lines)))
    assert code.asked == ["b"]
    assert (reading.file, reading.line, reading.patches[0]["id"]) == ("src/a.py", 7, "good")


async def test_an_error_that_cannot_be_located_is_said() -> None:
    reading = await use("locate_error", look(code=Source()), error="boom")
    assert (reading.file, reading.patches) == (None, ())
    assert "not found" in reading.summary


async def test_a_patch_is_tested_away_from_production() -> None:
    assert (await use("test_patch", look(code=Source()), patch="good")).passed
    assert not (await use("test_patch", look(code=Source()), patch="bad")).passed


async def test_the_catalog_tells_a_component_and_its_callers_and_admits_what_it_lacks() -> None:
    reading = await use("service_info", look(), component="checkout")
    assert (reading.service["feature"], reading.callers) == ("major", ("gateway",))
    assert (await use("service_info", look(), component="nowhere")).service == {}


async def test_a_tool_about_one_component_needs_one() -> None:
    with pytest.raises(ToolError, match="no component was named"):
        await use("service_info", look(Alert(title="odd", starts_at=FIRED)))
