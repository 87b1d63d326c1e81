"""The graph as the LangGraph development server serves it: no configuration, no checkpointer of its own, any alert as input.

`langgraph dev` gives a graph JSON and nothing else, so this one opens its own world: a node that reads the alert (or takes the
scenario's own), then the incident's graph. What a thread's world was changed to lives as long as the server's process.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import get_runtime

from nexus.graph import build
from nexus.incidents import first_state, masked
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.store import Store
from nexus.records.stores import SqliteStore
from nexus.responder.rules import RulesResponder
from nexus.state import Context, State
from nexus.world.open import open_world

IN_MEMORY = Path(":memory:")
"""Worked on by a thread of its own: the development server lets nothing block its loop."""
KEPT = 32
"""Threads whose worlds are kept; the oldest goes first, and its thread begins anew."""


@dataclass(frozen=True)
class Choice:
    """What may be chosen for a run; the server's page shows it as a form."""

    world: str = "sandbox:bad-deploy"
    seed: int | None = None


class Incoming(TypedDict, total=False):
    """A run's input: an alert as monitoring sends it; none takes the world's own."""

    alert: dict[str, Any]


class Bench:
    """The worlds of the threads that this process has served."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._contexts: dict[str, tuple[Context, dict[str, Any]]] = {}
        self._records: Store | None = None

    async def context(self, config: RunnableConfig, choice: Choice | None) -> tuple[Context, dict[str, Any]]:
        """The thread's context, and the alert that its world brings."""
        thread = str(config.get("configurable", {}).get("thread_id", "none"))
        if thread not in self._contexts:
            chosen = choice or Choice()
            opened = await asyncio.to_thread(open_world, chosen.world, seed=chosen.seed)
            while len(self._contexts) >= KEPT:
                del self._contexts[next(iter(self._contexts))]
            self._records = self._records or await SqliteStore.open(IN_MEMORY)
            context = Context(self.library, opened.world, RulesResponder(), self._records)
            self._contexts[thread] = context, opened.alert
        return self._contexts[thread]


def served(library: Library) -> CompiledStateGraph[State, Choice, Incoming, State]:
    """That library's graph behind a node that reads the alert. Compiled without a checkpointer: the server brings its own."""
    bench = Bench(library)
    incident_graph = build(library).compile()

    async def receive(state: Incoming, config: RunnableConfig) -> State:
        context, own = await bench.context(config, get_runtime(Choice).context)
        alert = read_alert(json.dumps(state.get("alert") or own), now=context.world.clock.now())
        thread = str(config.get("configurable", {}).get("thread_id", "none"))
        return first_state(f"INC-{thread[:8]}", masked(alert, context.vault), context.world.clock.now())

    async def incident(state: State, config: RunnableConfig) -> State:
        context, _ = await bench.context(config, get_runtime(Choice).context)
        return cast("State", await incident_graph.ainvoke(state, config, context=context))

    graph: StateGraph[State, Choice, Incoming, State] = StateGraph(State, context_schema=Choice, input_schema=Incoming)
    graph.add_node("receive", receive, input_schema=Incoming)
    graph.add_node("incident", incident)
    graph.add_edge(START, "receive")
    graph.add_edge("receive", "incident")
    graph.add_edge("incident", END)
    return graph.compile(name="incident")


_SERVED = served(Library.default())
"""Made once a process: the server asks for the graph at every request, and the worlds must outlive one."""


def make() -> CompiledStateGraph[State, Choice, Incoming, State]:
    """The graph that langgraph.json names."""
    return _SERVED
