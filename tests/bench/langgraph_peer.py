"""The peer: the reference workload in a LangGraph graph of `create_agent` agents on ChatOpenAI, a SQLite saver, built once."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.tools import BaseTool, StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from pydantic import SecretStr
from stored import checkpoint_bytes
from workload import INVESTIGATORS, LOOK, MODEL, PLANNER, POST_MORTEM, SYNTHESIS, TRIAGE, VERIFIERS, Role, asked


class State(TypedDict, total=False):
    """What flows between nodes."""

    known: Annotated[list[str], operator.add]


Node = Callable[[State], Awaitable[State]]


def _tool(name: str) -> BaseTool:
    async def look(component: str) -> str:
        assert component
        return LOOK

    return StructuredTool.from_function(coroutine=look, name=name, description=f"What {name} shows.")


def _node(role: Role, model: ChatOpenAI) -> Node:
    agent: Any = create_agent(
        model,
        [_tool(name) for name in role.tools],
        system_prompt=role.system,
        response_format=ProviderStrategy(role.answer, strict=True),
    )

    async def node(state: State) -> State:
        said = await agent.ainvoke({"messages": [{"role": "user", "content": asked(role, state.get("known", []))}]})
        return State(known=[said["structured_response"].model_dump_json()])

    return node


def _graph(model: ChatOpenAI) -> Any:
    graph: Any = StateGraph(State)
    stages = ((TRIAGE,), INVESTIGATORS, (SYNTHESIS,), (PLANNER,), VERIFIERS, (POST_MORTEM,))
    before: list[str] = [START]
    for number, roles in enumerate(stages):
        names = [f"{number}-{role.name}" for role in roles]
        for name, role in zip(names, roles, strict=True):
            graph.add_node(name, _node(role, model))
            graph.add_edge(before if len(before) > 1 else before[0], name)
        before = names
    graph.add_edge(before[0], END)
    return graph


class Peer:
    """One compiled graph, one model and one saver for all incidents; it keeps no evidence apart."""

    evidence = 0

    def __init__(self, graph: Any, path: Path) -> None:
        self._graph = graph
        self._path = path
        self._count = 0

    async def incident(self) -> None:
        """One incident."""
        self._count += 1
        ended = await self._graph.ainvoke({"known": []}, {"configurable": {"thread_id": str(self._count)}})
        assert len(ended["known"]) == 9

    def checkpoint_bytes(self) -> int:
        """Bytes that the saver holds."""
        return checkpoint_bytes(self._path)


@asynccontextmanager
async def opened(base_url: str) -> AsyncIterator[Peer]:
    """The implementation at work."""
    model = ChatOpenAI(model=MODEL, base_url=base_url, api_key=SecretStr("none"), max_retries=0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoints.sqlite"
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            yield Peer(_graph(model).compile(checkpointer=saver), path)
