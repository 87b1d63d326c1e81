"""Systems: how often the ranking names the service that made-up systems had their fault at: `systems.py [SEEDS]`, two tables.

Each kind of fault is tried at each sampling step, with SEEDS systems (20 where left out): the share where the true service
came first, was among the first three, and came first with a right cause. Then systems without a fault: where nobody stood out.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from system_flow_in_hand import KINDS, STEPS, Kind
from systems_in_hand import made_up

from nexus.analysis.rank import rank_suspects


@dataclass(frozen=True, slots=True)
class Found:
    """One system's answer; `strong`: whether anybody stood out."""

    place: int | None
    cause: bool
    strong: bool


def found(kind: Kind, seed: int, step: int) -> Found:
    """Where the true service came, 0 for first."""
    system = made_up(kind, seed, step=step)
    suspects = rank_suspects(system.case).suspects
    names = [s.component for s in suspects]
    place = names.index(system.service) if system.service in names else None
    return Found(place, place == 0 and suspects[0].cause in system.causes, any(s.strong for s in suspects))


def _cell(held: list[Found]) -> str:
    first = sum(f.place == 0 for f in held)
    three = sum(f.place is not None and f.place < 3 for f in held)
    return " / ".join(f"{100 * n / len(held):3.0f}" for n in (first, three, sum(f.cause for f in held)))


def main(seeds: int) -> None:
    """Print both tables, in percent."""
    print("first / among three / first with a right cause, %")
    print("| fault    |" + "".join(f" {f'{step} s':<15} |" for step in STEPS) + " all             |")
    print("| -------- |" + " --------------- |" * (len(STEPS) + 1))
    everything: dict[int, list[Found]] = {step: [] for step in STEPS}
    for kind in KINDS:
        rows = {step: [found(kind, seed, step) for seed in range(seeds)] for step in STEPS}
        for step, held in rows.items():
            everything[step] += held
        cells = [*rows.values(), [f for held in rows.values() for f in held]]
        print(f"| {kind:<8} |" + "".join(f" {_cell(held)} |" for held in cells), flush=True)
    cells = [*everything.values(), [f for held in everything.values() for f in held]]
    print("| all      |" + "".join(f" {_cell(held)} |" for held in cells))
    print("\nwithout a fault: nobody stands out, %")
    for step in STEPS:
        quiet = sum(not found("none", seed, step).strong for seed in range(seeds))
        print(f"| {step:>3} s | {100 * quiet / seeds:3.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
