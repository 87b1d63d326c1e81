"""What starting NEXUS and running one incident by rules cost on this machine, beside an empty graph; part of `make bench`."""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

from stored import checkpoint_bytes_of_records

CHECKPOINT_TARGET_KB = 60


def median_of(times: int, work: Callable[[], Any]) -> tuple[float, float]:
    """Median wall and processor seconds, children included."""
    walls, processors = [], []
    for _ in range(times):
        before, begun = _processor(), time.perf_counter()
        work()
        walls.append(time.perf_counter() - begun)
        processors.append(_processor() - before)
    return statistics.median(walls), statistics.median(processors)


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def fresh_python(statement: str) -> Callable[[], None]:
    """Work that runs one statement in a new interpreter."""

    def work() -> None:
        subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)

    return work


class Steps(TypedDict):
    """The empty graph's state."""

    left: int


async def empty_graph(steps: int) -> None:
    """A plain LangGraph graph of as many steps as an incident takes, doing nothing, on SQLite checkpoints."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - starting is measured without it
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415 - same

    async def step(state: Steps) -> Steps:
        return Steps(left=state["left"] - 1)

    async def again(state: Steps) -> str:
        return "step" if state["left"] else END

    graph = StateGraph(Steps)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", again, ["step", END])
    with TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/checkpoints.sqlite") as saver:
            config: Any = {"configurable": {"thread_id": "1"}, "recursion_limit": steps + 10}
            await graph.compile(checkpointer=saver).ainvoke(Steps(left=steps), config, durability="sync")


async def incident(folder: Path) -> int:
    """One P0 in the sandbox, with records and checkpoints in SQLite; how many steps the graph took."""
    import json  # noqa: PLC0415 - starting is measured without it

    from nexus import Library, RulesResponder, SqliteStore, handle, open_world, read_alert  # noqa: PLC0415 - same

    opened = open_world("sandbox:bad-deploy")
    async with await SqliteStore.open(folder / "records.sqlite") as records:
        ended = await handle(
            read_alert(json.dumps(opened.alert), now=opened.world.clock.now()),
            library=Library.default(),
            world=opened.world,
            responder=RulesResponder(),
            records=records,
        )
        assert ended.outcome.value == "resolved"
        return len([c async for c in records.checkpoints.alist({"configurable": {"thread_id": ended.id}})])


def main() -> None:
    """Measure and print."""
    print(f"{'':44}{'wall':>9}{'CPU':>9}")
    for title, statement in (
        ("an empty interpreter", "pass"),
        ("import nexus", "import nexus"),
        ("nexus --help", "import sys; sys.argv = ['nexus', '--help']; from nexus.cli import main; main()"),
        ("import nexus, with all that a run needs", "from nexus import handle, RulesResponder, SqliteStore, open_world"),
    ):
        _print(title, median_of(5, fresh_python(statement)))
    with TemporaryDirectory() as folder:
        steps = 0

        def run() -> None:
            nonlocal steps
            place = Path(folder) / str(time.monotonic_ns())
            place.mkdir()
            steps = asyncio.run(incident(place))

        run()
        _print("one P0 of 41 simulated minutes, sandbox", median_of(3, run))
        _print(f"an empty graph of the same {steps} steps", median_of(3, lambda: asyncio.run(empty_graph(steps))))
        kilobytes = statistics.median(checkpoint_bytes_of_records(p / "records.sqlite") / 1024 for p in Path(folder).iterdir())
    print(f"\ncheckpoints of one incident: {kilobytes:.0f} KB (target: {CHECKPOINT_TARGET_KB} KB)")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _print(title: str, measured: tuple[float, float]) -> None:
    wall, processor = measured
    print(f"{title:44}{wall:8.2f}s{processor:8.2f}s")


if __name__ == "__main__":
    main()
