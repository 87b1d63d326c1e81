"""Measure: one implementation in a process of its own: `measure.py NAME ADDRESS PHASES` prints a line of JSON for each phase.

PHASES is JSON, a list of `Phase`. Processor time is this process's own, all of its threads included; the server's is not in it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.request import urlopen

WARM = 2
"""Incidents before the first that counts."""


@dataclass(frozen=True, slots=True)
class Phase:
    """So many incidents, so many at once, at that latency; `extra` are the implementation's own options."""

    name: str
    milliseconds: int
    at_once: int
    incidents: int
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a phase took: seconds of the whole and of a typical incident; bytes and calls an incident; megabytes at the most."""

    name: str
    seconds: float
    processor: float
    incident_seconds: float
    incidents: int
    checkpoint_bytes: float
    memory: float
    calls: float
    most_in_flight: int
    prompt_bytes: float
    fixed_bytes: int
    evidence: int


async def phase(kind: str, address: str, asked: Phase) -> Measured:
    """Carry out one phase."""
    base = f"{address}/{kind}-{asked.name}/{asked.milliseconds}"
    async with import_module(f"{kind}_peer").opened(f"{base}/v1", **asked.extra) as peer:
        for _ in range(WARM if asked.incidents > 1 and not asked.milliseconds else 1):
            await peer.incident()
        await asyncio.to_thread(_counts, base)
        kept = peer.checkpoint_bytes()
        left, walls = asked.incidents, list[float]()

        async def worker() -> None:
            nonlocal left
            while left:
                left -= 1
                begun = time.perf_counter()
                await peer.incident()
                walls.append(time.perf_counter() - begun)

        processor, begun = time.process_time(), time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(asked.at_once)))
        seconds, processor = time.perf_counter() - begun, time.process_time() - processor
        counts = await asyncio.to_thread(_counts, base)
        return Measured(
            name=asked.name,
            seconds=seconds,
            processor=processor,
            incident_seconds=statistics.median(walls),
            incidents=asked.incidents,
            checkpoint_bytes=(peer.checkpoint_bytes() - kept) / asked.incidents,
            memory=peak_memory(),
            calls=counts["calls"] / asked.incidents,
            most_in_flight=counts["most_in_flight"],
            prompt_bytes=counts["prompt_bytes"] / asked.incidents,
            fixed_bytes=max(counts["fixed"], default=0),
            evidence=peer.evidence,
        )


def _counts(base: str) -> dict[str, Any]:
    """What the server has counted since it was last asked."""
    with urlopen(f"{base}/counts") as answer:
        counts: dict[str, Any] = json.load(answer)
        return counts


def peak_memory() -> float:
    """Megabytes that this process held at the most, not counting what it was started from."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(kind: str, address: str, phases: str) -> None:
    """Every phase in turn."""
    for asked in json.loads(phases):
        print(json.dumps(asdict(asyncio.run(phase(kind, address, Phase(**asked))))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
