"""The reference incident on three implementations, interleaved: the floor, LangGraph's own agents, and NEXUS with everything on.

It prints each measure beside its target, and how cost grows. In every round each implementation has a fresh process; figures are
medians over the rounds, and ratios are taken within a round before their median is.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from latency_server import served
from measure import Measured, Phase
from starting import Starting, starting
from workload import CALLS, CRITICAL_PATH

KINDS = ("floor", "langgraph", "nexus")
MILLISECONDS = 200
MANY = 50
BOUND = CRITICAL_PATH * MILLISECONDS / 1000
"""Seconds that an incident takes at the least at that latency."""
ONE = Phase("one", 0, 1, 10, {})
SLOW = Phase("slow", MILLISECONDS, 1, 2, {})
CROWD = Phase("crowd", 0, MANY, MANY, {})
SLOW_CROWD = Phase("slow-crowd", MILLISECONDS, MANY, MANY, {})
EACH_ROUND = (ONE, SLOW, CROWD, SLOW_CROWD)
GROWTH = (
    *(Phase(f"{n}-at-once", 0, n, max(n, 5), {}) for n in (1, 10, 100)),
    *(Phase(f"{n}-checks", 0, 1, 1, {"checks": n}) for n in (60, 960)),
    Phase("pictures", 0, 1, 3, {"pictures": True}),
)
A_TOKEN = 3.0
"""Bytes of a token, on the safe side, as NEXUS itself reckons."""

Round = Mapping[str, Mapping[str, Measured]]
"""By implementation and phase."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table: what is measured, how its target reads and is met, and an implementation's value in a round."""

    title: str
    target: str
    met: Callable[[float], bool] | None
    of: Callable[[Round, str], float]
    shown: str = "{:.2f}"


def _per_second(measured: Measured) -> float:
    return measured.incidents / measured.seconds


def _processor(measured: Measured) -> float:
    return measured.processor / measured.incidents


MEASURES = (
    Measure(
        f"wall of one incident at {MILLISECONDS} ms, x critical path",
        "<= 1.03",
        lambda v: v <= 1.03,
        lambda r, k: r[k]["slow"].incident_seconds / BOUND,
        "{:.3f}",
    ),
    Measure("CPU of one incident, ms", "", None, lambda r, k: 1000 * _processor(r[k]["one"]), "{:.1f}"),
    Measure(
        "CPU of one incident, x floor",
        "<= 0.8",
        lambda v: v <= 0.8,
        lambda r, k: _processor(r[k]["one"]) / _processor(r["floor"]["one"]),
    ),
    Measure(f"incidents a second, {MANY} at once at 0 ms", "", None, lambda r, k: _per_second(r[k]["crowd"]), "{:.1f}"),
    Measure(
        "the same, x floor",
        ">= 2",
        lambda v: v >= 2,
        lambda r, k: _per_second(r[k]["crowd"]) / _per_second(r["floor"]["crowd"]),
    ),
    Measure(
        f"incidents a second, {MANY} at once at {MILLISECONDS} ms, % of bound",
        ">= 85",
        lambda v: v >= 85,
        lambda r, k: 100 * _per_second(r[k]["slow-crowd"]) * BOUND / MANY,
        "{:.0f}",
    ),
    Measure(f"peak memory, {MANY} at once, MB", "<= 120", lambda v: v <= 120, lambda r, k: r[k]["slow-crowd"].memory, "{:.0f}"),
    Measure(
        "checkpoints of one incident, KB", "<= 60", lambda v: v <= 60, lambda r, k: r[k]["one"].checkpoint_bytes / 1024, "{:.0f}"
    ),
    Measure("prompts of one incident, KB", "", None, lambda r, k: r[k]["one"].prompt_bytes / 1024, "{:.0f}"),
    Measure(
        "an investigator's system prompt and tools, tokens",
        "<= 3000",
        lambda v: v <= 3000,
        lambda r, k: r[k]["one"].fixed_bytes / A_TOKEN,
        "{:.0f}",
    ),
    Measure("calls beyond the workload's", "0", lambda v: v == 0, lambda r, k: r[k]["one"].calls - CALLS, "{:.0f}"),
    Measure("calls in flight at the most", "3", None, lambda r, k: r[k]["slow"].most_in_flight, "{:.0f}"),
)


def measured(kind: str, address: str, phases: Sequence[Phase]) -> dict[str, Measured]:
    """The phases of one implementation, in a fresh process."""
    command = [sys.executable, str(Path(__file__).parent / "measure.py"), kind, address, json.dumps([asdict(p) for p in phases])]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {m.name: m for m in (Measured(**json.loads(line)) for line in said.splitlines())}


def rounds(address: str, number: int) -> Iterator[Round]:
    """So many rounds; who begins changes."""
    for n in range(number):
        order = (*KINDS[n % 3 :], *KINDS[: n % 3])
        yield {kind: measured(kind, address, EACH_ROUND) for kind in order}


def table(all_rounds: Sequence[Round]) -> Iterator[str]:
    """Each measure beside its target."""
    yield f"{'':62}{'target':>9}{'NEXUS':>9}{'':6}{'LangGraph':>10}{'floor':>9}"
    for m in MEASURES:
        value = {kind: statistics.median(m.of(r, kind) for r in all_rounds) for kind in KINDS}
        said = {kind: m.shown.format(value[kind]) for kind in KINDS}
        met = "" if m.met is None else "met" if m.met(value["nexus"]) else "MISSED"
        yield f"{m.title:62}{m.target:>9}{said['nexus']:>9} {met:>6}{said['langgraph']:>9}{said['floor']:>9}"


def started(found: Starting) -> Iterator[str]:
    """What starting costs."""
    yield _started("import of the engine, x import langgraph.graph", "<= 1.15", found.engine / found.langgraph, 1.15)
    yield _started("nexus --help, CPU seconds", "<= 0.3", found.help, 0.3)


def _started(title: str, target: str, value: float, most: float) -> str:
    return f"{title:62}{target:>9}{value:>9.2f} {'met' if value <= most else 'MISSED':>6}"


def growth(nexus: Mapping[str, Measured], floor: Mapping[str, Measured]) -> Iterator[str]:
    """How cost grows: with incidents at once, with checks of one investigator, with the runbook's two pictures."""
    yield f"\n{'how cost grows':36}{'CPU ms':>9}{'a second':>10}{'memory':>8}{'evidence':>10}{'floor CPU ms':>14}"
    for asked in GROWTH:
        m = nexus[asked.name]
        beside = f"{1000 * _processor(floor[asked.name]):>14.1f}" if asked.name in floor else ""
        costs = f"{1000 * _processor(m):>9.1f}{_per_second(m):>10.2f}{m.memory:>8.0f}{m.evidence:>10}"
        yield f"{asked.name.replace('-', ' '):36}{costs}{beside}"


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1, help="more give steadier figures; each takes some two minutes")
    parser.add_argument("--quick", action="store_true", help="leave out how cost grows")
    asked = parser.parse_args()
    with served() as address:
        all_rounds = list(rounds(address, asked.rounds))
        print(f"The reference incident: {CALLS} calls, {CRITICAL_PATH} one after another; rounds: {asked.rounds}\n")
        print("\n".join(table(all_rounds)))
        print("\n".join(started(starting(3))), flush=True)
        if not asked.quick:
            beside = measured("floor", address, [p for p in GROWTH if not p.extra])
            print("\n".join(growth(measured("nexus", address, GROWTH), beside)))


if __name__ == "__main__":
    main()
