"""The graph: every node and every edge of the runbook's five steps, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import lru_cache
from typing import Any, get_args

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from nexus import routes
from nexus.library import Library
from nexus.runbook import investigating_agents
from nexus.state import Context, State
from nexus.steps.act import act, reinstate, restore, undo
from nexus.steps.escalate import ask_people, hand_over
from nexus.steps.find_out import find_out
from nexus.steps.investigate import assign, correlate, investigate
from nexus.steps.investigate import node_of as investigator
from nexus.steps.learn import backlog, post_mortem
from nexus.steps.mitigate import approve, plan
from nexus.steps.triage import close_false_alarm, triage
from nexus.steps.verify import await_external, begin_verification, judge, verify, watch
from nexus.steps.verify import node_of as verifier

Graph = StateGraph[State, Context, State, State]
Compiled = CompiledStateGraph[State, Context, State, State]
Node = Callable[[State, RunnableConfig, Runtime[Context]], Awaitable[State]]

STAGES: dict[str, tuple[str, ...]] = {
    "triage": ("triage",),
    "investigation": ("correlate",),
    "mitigation": ("act",),
    "verification": ("watch", "judge"),
    "post-mortem": ("post_mortem",),
}
"""Stage names as people give them, and the nodes after which the stage has been reached."""


def _routed(route: Callable[[State], str]) -> Callable[[State], Awaitable[str]]:
    async def routed(state: State) -> str:
        return route(state)

    routed.__name__ = route.__name__
    return routed


async def chosen_investigators(state: State) -> list[str]:
    """The nodes of the agents that this round's `assign` chose."""
    return [investigator(agent) for agent in state["assigned"]]


async def chosen_verifiers(state: State) -> list[str]:
    """The nodes of the agents that verify this change."""
    return [verifier(agent) for agent in state["assigned"]]


VERSION = 2
"""The graph's version. An incident keeps the graph that it began with: a node or an edge that comes or goes needs a new one.

1: an action whose result is unknown is taken back, a fallback's is passed over. 2: what became of it is found out first.
"""

Place = Callable[[str, Node], tuple[Callable[..., Awaitable[State]], dict[str, Any]]]
"""Where a node runs: what is called in its place, and what LangGraph is told of it."""


def here(_name: str, function: Node) -> tuple[Node, dict[str, Any]]:
    """In the process that drives the graph."""
    return function, {}


def build(library: Library, *, version: int = VERSION, place: Place = here) -> Graph:
    """A fresh graph for that library; compile it with a checkpointer of your choice. `place` says where its nodes run."""
    return _built(*_agents(library), version, place)


def compiled(library: Library, checkpointer: BaseCheckpointSaver[Any], *, version: int = VERSION) -> Compiled:
    """That library's graph with its nodes here, ready to run; its structure is made once a process."""
    return _structure(*_agents(library), version).copy(update={"checkpointer": checkpointer})


@lru_cache(maxsize=16)
def _structure(investigating: tuple[str, ...], verifying: tuple[str, ...], version: int) -> Compiled:
    return _built(investigating, verifying, version, here).compile()


def _agents(library: Library) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who has a node of its own: all that the graph's structure takes from a library."""
    return tuple(investigating_agents(library.runbook)), tuple(v.agent for v in library.runbook.verifiers)


def _built(  # noqa: PLR0915 - every edge in one function, on purpose
    investigating: tuple[str, ...], verifying: tuple[str, ...], version: int, place: Place
) -> Graph:
    graph: Graph = StateGraph(State, context_schema=Context)
    investigators = [investigator(agent) for agent in investigating]
    verifiers = [verifier(agent) for agent in verifying]

    def node(name: str, function: Node) -> None:
        called, metadata = place(name, function)
        graph.add_node(name, called, metadata=metadata)

    def branch(source: str, route: Callable[[Any], str], targets: Any) -> None:
        graph.add_conditional_edges(source, _routed(route), list(get_args(targets)))

    # Step 1: detection and triage
    node("triage", triage)
    node("close_false_alarm", close_false_alarm)
    graph.add_edge(START, "triage")
    branch("triage", routes.after_triage, routes.AfterTriage)
    graph.add_edge("close_false_alarm", END)

    # Step 2: parallel investigation, one node an agent
    node("assign", assign)
    graph.add_conditional_edges("assign", chosen_investigators, investigators)
    for name in investigators:
        node(name, investigate)
        graph.add_edge(name, "correlate")
    node("correlate", correlate)
    branch("correlate", routes.after_correlate, routes.AfterCorrelate)
    node("ask_people", ask_people)
    branch("ask_people", routes.after_answer, routes.AfterAnswer)

    # Step 3: mitigation by the decision tree
    node("plan", plan)
    branch("plan", routes.after_plan, routes.AfterPlan)
    node("approve", approve)
    branch("approve", routes.after_approve, routes.AfterApprove)
    node("act", act)
    if version == 1:
        known: dict[Hashable, str] = {"begin_verification": "begin_verification", "undo": "undo", "find_out": "undo"}
        graph.add_conditional_edges("act", _routed(routes.after_act), known)
    else:
        branch("act", routes.after_act, routes.AfterAct)
        node("find_out", find_out)
        branch("find_out", routes.after_find_out, routes.AfterFindOut)
    node("undo", undo)
    branch("undo", routes.after_undo, routes.AfterUndo)

    # Step 4: verification in parallel, the wait for the other side, the watch
    node("begin_verification", begin_verification)
    graph.add_conditional_edges("begin_verification", chosen_verifiers, verifiers)
    for name in verifiers:
        node(name, verify)
        graph.add_edge(name, "judge")
    node("judge", judge)
    branch("judge", routes.after_judge, routes.AfterJudge)
    node("await_external", await_external)
    branch("await_external", routes.after_external, routes.AfterExternal)
    node("restore", restore)
    if version == 1:
        graph.add_edge("restore", "begin_verification")
    else:
        branch("restore", routes.after_restore, routes.AfterRestore)
    node("reinstate", reinstate)
    if version == 1:
        graph.add_edge("reinstate", "await_external")
    else:
        branch("reinstate", routes.after_reinstate, routes.AfterReinstate)
    node("watch", watch)
    branch("watch", routes.after_watch, routes.AfterWatch)

    # Step 5: post-mortem and backlog; or people take over
    node("post_mortem", post_mortem)
    graph.add_edge("post_mortem", "backlog")
    node("backlog", backlog)
    graph.add_edge("backlog", END)
    node("hand_over", hand_over)
    graph.add_edge("hand_over", END)
    return graph
