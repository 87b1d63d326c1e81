"""Nodes: every node of the graph as an activity, done by whichever worker takes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from temporalio.common import RetryPolicy

from nexus.graph import VERSION, Graph, Node, build
from nexus.state import Context, State
from nexus.temporal.contexts import Contexts

LONGEST = timedelta(hours=1)
"""A node may take this long while its worker lives; whether it lives is told by heartbeats."""
AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
"""Without end: whatever is wrong with records, world or worker can be mended while the incident is open."""


def options(name: str, heartbeat: timedelta) -> dict[str, Any]:
    """What Temporal is told of every activity."""
    return {"start_to_close_timeout": LONGEST, "heartbeat_timeout": heartbeat, "retry_policy": AGAIN, "summary": name}


def graph_name(version: int) -> str:
    """What that version of the graph is called between workers; its activities are `incident-2.triage` and so on."""
    return f"incident-{version}"


@dataclass(slots=True)
class Nodes:
    """The nodes of one version of the graph, in one worker."""

    contexts: Contexts
    heartbeat: timedelta
    functions: dict[str, Node] = field(default_factory=dict)

    def place(self, name: str, function: Node) -> tuple[Node, dict[str, Any]]:
        """In an activity: `perform` is called in every node's place."""
        self.functions[name] = function
        return self.perform, {"execute_in": "activity", **options(name, self.heartbeat)}

    async def perform(self, state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        """The node that the configuration names, with the context of the incident."""
        function = self.functions[config["metadata"]["langgraph_node"]]
        context: Context = await self.contexts.of(state["incident"])
        return await function(state, config, replace(runtime, context=context))


def graphs(contexts: Contexts, heartbeat: timedelta) -> dict[str, Graph]:
    """Every version of the graph that an open incident may have begun with, by its name."""
    return {
        graph_name(version): build(contexts.library, version=version, place=Nodes(contexts, heartbeat).place)
        for version in range(1, VERSION + 1)
    }
