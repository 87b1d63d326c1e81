"""The graph as LangGraph compiled it: what every node is, what it is called, and that its state is JSON."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from engine_in_hand import LIBRARY, Releases, rollback, run
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START

from nexus.graph import STAGES, build
from nexus.incident import Outcome, Severity
from nexus.library import Library
from nexus.runbook import investigating_agents

NODES = {
    "triage", "close_false_alarm", "assign", "correlate", "ask_people", "plan", "approve", "act", "find_out", "undo",
    "begin_verification", "judge", "await_external", "restore", "reinstate", "watch", "post_mortem", "backlog", "hand_over",
    "investigate_infrastructure_maintainer", "investigate_devops_automator", "investigate_backend_architect",
    "investigate_frontend_developer", "verify_evidence_collector", "verify_infrastructure_maintainer", "verify_api_tester",
}  # fmt: skip


def functions() -> dict[str, Any]:
    """Node name to the function that it runs."""
    nodes: dict[str, Any] = build(Library.default()).nodes
    return {name: spec.runnable.afunc for name, spec in nodes.items()}


def test_the_nodes_are_those_of_the_design() -> None:
    assert set(build(LIBRARY).nodes) == NODES


@pytest.mark.parametrize("name", sorted(NODES))
def test_every_node_takes_its_config_so_that_no_cache_answers_for_it(name: str) -> None:
    hints = inspect.get_annotations(functions()[name], eval_str=True)
    assert hints["config"] is RunnableConfig


@pytest.mark.parametrize("name", sorted(NODES))
def test_every_node_is_an_async_function_at_its_modules_top(name: str) -> None:
    function = functions()[name]
    assert inspect.iscoroutinefunction(function)
    assert function.__qualname__ == function.__name__
    assert getattr(inspect.getmodule(function), function.__name__) is function


def test_every_node_runs_without_retries_caches_or_handlers_of_langgraph() -> None:
    for spec in build(LIBRARY).nodes.values():
        assert not spec.retry_policy
        assert not spec.cache_policy


def test_every_router_is_async() -> None:
    graph = build(LIBRARY)
    routers = [branch.path for branches in graph.branches.values() for branch in branches.values()]
    assert len(routers) == 15
    assert all(inspect.iscoroutinefunction(r.afunc) and r.func is None for r in routers)  # type: ignore[attr-defined]  # RunnableCallable


def test_every_investigating_agent_has_a_node_of_its_own_and_all_lead_to_correlation() -> None:
    graph = build(LIBRARY)
    nodes = {f"investigate_{agent.replace('-', '_')}" for agent in investigating_agents(LIBRARY.runbook)}
    assert nodes == {n for n in graph.nodes if n.startswith("investigate_")}
    assert {(n, "correlate") for n in nodes} <= graph.edges
    (branch,) = graph.branches["assign"].values()
    assert set(branch.ends or {}) == nodes


def test_every_node_can_be_reached_and_every_way_ends() -> None:
    drawn = build(LIBRARY).compile().get_graph()
    leads: dict[str, set[str]] = {}
    for edge in drawn.edges:
        leads.setdefault(edge.source, set()).add(edge.target)

    def reached(begin: str) -> set[str]:
        seen, left = set[str](), [begin]
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                left += leads.get(here, set())
        return seen

    assert reached(START) >= NODES
    assert all(END in reached(node) for node in NODES)


def test_the_graph_can_be_built_twice_and_each_is_fresh() -> None:
    first, second = build(LIBRARY), build(LIBRARY)
    assert first is not second
    assert first.nodes is not second.nodes
    first.compile(checkpointer=InMemorySaver())
    second.compile(checkpointer=InMemorySaver())


def test_nothing_is_done_without_an_answer_and_nothing_is_resolved_without_a_watch() -> None:
    drawn = build(LIBRARY).compile().get_graph()
    into: dict[str, set[str]] = {}
    for edge in drawn.edges:
        into.setdefault(edge.target, set()).add(edge.source)
    assert into["act"] == {"approve"}
    assert into["approve"] == {"plan"}
    assert into["post_mortem"] == {"watch"}
    assert into["watch"] == {"judge", "watch"}


def test_stages_name_nodes_that_exist() -> None:
    assert {node for nodes in STAGES.values() for node in nodes} <= NODES


@pytest.mark.parametrize("severity", list(Severity))
async def test_the_state_is_json_after_a_whole_run(severity: Severity) -> None:
    told = await run(severity=severity)
    assert told.incident.outcome is (Outcome.BACKLOGGED if severity is Severity.P3 else Outcome.RESOLVED)
    await _only_json(told)


async def test_the_state_is_json_after_three_attempts_that_failed() -> None:
    told = await run(Releases(good=frozenset()), plans=tuple(rollback(to) for to in ("1.0", "0.9", "0.8")))
    assert told.incident.outcome is Outcome.HANDED_OVER
    await _only_json(told)


async def _only_json(told: Any) -> None:
    sizes = []
    async for kept in told.records.checkpoints.alist({"configurable": {"thread_id": told.incident.id}}):
        values = {k: v for k, v in kept.checkpoint["channel_values"].items() if not k.startswith(("branch:", "__"))}
        assert json.loads(json.dumps(values)) == values
        sizes.append(len(json.dumps(values)))
    assert sizes


async def test_an_incident_is_the_same_each_time() -> None:
    first, second = await run(), await run()
    assert first.incident.model_dump_json() == second.incident.model_dump_json()
    assert [e.model_dump_json() for e in first.events] == [e.model_dump_json() for e in second.events]
