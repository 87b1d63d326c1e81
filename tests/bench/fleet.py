"""A fleet under load: incidents through two workers, with the sandbox and shared records: none lost, none doubled.

    python tests/bench/fleet.py [--incidents 200] [--workers 2] [--at-once 50] [--scenario search-null]

Prints incidents a second, and the memory of the workers and of the server while it runs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from temporal_in_hand import Fleet, Server, a_fleet, a_server, an_opening

from nexus.settings import TemporalSettings

EVERY = 10.0
"""Seconds between two looks at memory."""


@dataclass
class Load:
    """What was asked for, and what came of it."""

    incidents: int
    at_once: int
    scenario: str
    ended: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


def memory(process: int) -> int:
    """A process's resident memory in MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


async def watch(fleet: Fleet, server: Server, load: Load) -> None:
    """Print how it goes."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        workers = ", ".join(f"{name} {memory(hand.process.pid)}" for name, hand in fleet.hands.items())
        assert server.process is not None
        passed = time.monotonic() - began
        print(f"{passed:6.0f} s  {len(load.ended):4} ended  MiB: {workers}, server {memory(server.process.pid)}", flush=True)


async def run(fleet: Fleet, load: Load) -> None:
    """All of them, so many at once."""
    gate = asyncio.Semaphore(load.at_once)

    async def one(number: int) -> None:
        async with gate:
            began = time.monotonic()
            incident = await fleet.begin(an_opening(load.scenario, f"INC-{number:04}"))
            await fleet.client.get_workflow_handle(incident).result()
            load.took.append(time.monotonic() - began)
            load.ended.append(incident)

    await asyncio.gather(*(one(number) for number in range(load.incidents)))


async def main() -> int:
    """Run, count, and tell; exit status 1 when something was lost or doubled."""
    given = argparse.ArgumentParser()
    given.add_argument("--incidents", type=int, default=200)
    given.add_argument("--workers", type=int, default=2)
    given.add_argument("--at-once", type=int, default=50)
    given.add_argument("--scenario", default="search-null")
    wanted = given.parse_args()
    load = Load(wanted.incidents, wanted.at_once, wanted.scenario)
    names = [f"worker {n}" for n in range(1, wanted.workers + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            a_server(folder) as server,
            a_fleet(folder, await server.client(), *names, heartbeat=TemporalSettings().heartbeat) as fleet,
        ):
            watching = asyncio.create_task(watch(fleet, server, load))
            began = time.monotonic()
            await run(fleet, load)
            took = time.monotonic() - began
            watching.cancel()
            wrong = [fault for incident in sorted(load.ended) for fault in await fleet.faults(incident)]
    load.took.sort()
    rate, middle = load.incidents / took, load.took[len(load.took) // 2]
    print(f"{len(load.ended)} of {load.incidents} ended in {took:.0f} s: {rate:.2f} a second, median {middle:.1f} s")
    print("\n".join(wrong) or "none lost, none doubled")
    return 1 if wrong or len(load.ended) != load.incidents else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
