"""The saver is what LangGraph takes a saver to be, and keeps little."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from nexus.records.checkpoints import Checkpoints
from nexus.records.store import Store
from nexus.records.stores import PostgresStore, SqliteStore


class Total(TypedDict, total=False):
    """A sum, and something that stays."""

    number: int
    text: str


async def add(state: Total) -> Total:
    return Total(number=state["number"] + 1)


def adding(saver: Checkpoints) -> Any:
    graph = StateGraph(Total)
    graph.add_node("add", add)
    graph.add_edge(START, "add")
    return graph.compile(checkpointer=saver)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened: Store = await SqliteStore.open(tmp_path / "records.sqlite")
    else:
        opened = await PostgresStore.open(request.getfixturevalue("postgres_url"))
    async with opened:
        yield opened


async def test_it_conforms_to_what_langgraph_expects_of_a_saver(store: Store) -> None:
    @checkpointer_test(name="nexus")
    async def made() -> AsyncIterator[Checkpoints]:
        yield store.checkpoints

    report = await validate(made)
    assert report.passed_all_base()


async def test_a_thread_is_taken_up_by_another_saver_on_the_same_records(store: Store) -> None:
    config: Any = {"configurable": {"thread_id": "INC-1"}}
    await adding(store.checkpoints).ainvoke({"number": 1, "text": "x"}, config)
    snapshot = await adding(store.checkpoints).aget_state(config)
    assert snapshot.values == {"number": 2, "text": "x"}
    assert (await adding(store.checkpoints).ainvoke({"number": 10}, config))["number"] == 11


async def test_two_branches_of_one_thread_do_not_share_a_value(store: Store) -> None:
    graph, config = adding(store.checkpoints), cast("Any", {"configurable": {"thread_id": "INC-1"}})
    await graph.ainvoke({"number": 1, "text": "x"}, config)
    earlier = [s async for s in graph.aget_state_history(config)][-1].config
    await graph.aupdate_state(earlier, {"number": 100}, as_node="__start__")
    await graph.aupdate_state(earlier, {"number": 200}, as_node="__start__")
    found = [s.values["number"] async for s in graph.aget_state_history(config) if "number" in s.values]
    assert {2, 100, 200} <= set(found)


async def test_what_does_not_change_is_kept_once(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "records.sqlite") as store:
        graph, config = adding(store.checkpoints), cast("Any", {"configurable": {"thread_id": "INC-1"}})
        await graph.ainvoke({"number": 1, "text": "long " * 1000}, config)
        for number in range(5):
            await graph.ainvoke({"number": number}, config)
    with closing(sqlite3.connect(tmp_path / "records.sqlite")) as connection:
        kept = dict(connection.execute("SELECT channel, count(*) FROM nexus_channels GROUP BY channel").fetchall())
    assert kept["text"] == 1
    assert kept["number"] > 6
