"""Crash points: every scenario of a branch, killed at every point of its way, against the same incident undisturbed.

Prints a table in Markdown: for each branch and kind of point how many points there are, at how many of them the incident
ended to the letter as if nothing had happened, how many left an action of which nobody knows, and how many did anything twice.
Before a world that cannot say what became of an action, it ended well where that is unknown, with an owner and a deadline.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from crash_in_hand import (  # noqa: E402 - it lies beside the tests
    BRANCHES,
    POINTS,
    Left,
    LifeFailed,
    Nursery,
    broken,
    differences,
    doubled,
    emptied,
    nursery,
    points_of,
    where,
)
from postgres_in_hand import PostgresServer, binaries, other_user  # noqa: E402 - same

TWICE = "killed twice"
BLIND = "action begun, world cannot say"
KINDS = (*dict.fromkeys(POINTS.values()), TWICE, BLIND)
Death = tuple[str, int]


@dataclass(slots=True)
class Row:
    """What came of one branch on one database, by kind of point."""

    points: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    doubles: Counter[str] = field(default_factory=Counter)
    beside_posts: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def take(self, kind: str, deaths: Sequence[Death], undisturbed: Left, left: Left) -> None:
        """One incident that was killed and came to its end."""
        wrong = differences(undisturbed, left) if kind != BLIND else broken(left) + unowned(left)
        self.points[kind] += 1
        self.same[kind] += not wrong
        self.unknown[kind] += bool(left.unknown)
        self.doubles[kind] += kind != BLIND and doubled(undisturbed, left)
        if wrong:
            self.wrong.append(f"{deaths}: {wrong[0][:300]}")


def unowned(left: Left) -> list[str]:
    """What is wrong where the world cannot say: the action has to be unknown, with an owner and a deadline."""
    owned = left.unknown and all(action["owner"] and action["deadline"] for action in left.unknown)
    return [] if owned else ["nobody is to find out what became of the action"]


@dataclass(frozen=True, slots=True)
class Walk:
    """One branch on one database, walked."""

    nursery: Nursery
    scenario: str
    folder: Path
    records: str | None

    def incident(self, *deaths: Death, blind: bool = False) -> Left:
        if self.records:
            emptied(self.records)
        try:
            return self.nursery.incident(self.scenario, self.folder, *deaths, records=self.records, blind=blind)
        finally:
            shutil.rmtree(self.folder)

    def walked(self, every: int, twice: int, ends: float) -> Row:
        """Each action before a world that cannot say, pairs of points by chance, every point or all around actions and some."""
        row, begun = Row(), time.monotonic()
        undisturbed = self.incident()
        points = points_of(undisturbed)
        chance = random.Random(self.scenario)
        pairs = [(chance.choice(points), chance.choice(points)) for _ in range(twice)]
        acting = where(undisturbed, lambda passing: passing.about_an_action)
        posting = where(undisturbed, lambda passing: passing.beside_a_post)
        chosen = [p for number, p in enumerate(points) if p in acting or number % every == 0]
        chosen.sort(key=lambda p: p not in acting)
        blind = [(BLIND, (p,)) for p in points if POINTS[p[0]] == "action, not yet settled"]
        plans: list[tuple[str, tuple[Death, ...]]] = [*blind, *((TWICE, pair) for pair in pairs)]
        plans += [(POINTS[p[0]], (p,)) for p in chosen]
        for kind, deaths in plans:
            if time.monotonic() > ends:
                row.wrong.append("out of time")
                break
            try:
                left = self.incident(*deaths, blind=kind == BLIND)
            except LifeFailed as error:
                row.points[kind] += 1
                row.wrong.append(f"{deaths}: {error}")
            else:
                row.take(kind, deaths, undisturbed, left)
                row.beside_posts += len(deaths) == 1 and deaths[0] in posting
        row.seconds = time.monotonic() - begun
        return row


@contextmanager
def databases(names: Sequence[str], folder: Path) -> Iterator[dict[str, str | None]]:
    """Each database that is asked for, by the address of its records."""
    server = PostgresServer(folder, binaries(), other_user()) if "postgres" in names else None
    try:
        if server is not None:
            folder.mkdir(parents=True)
            server.create()
            server.start()
        yield {name: server.database() if server is not None and name == "postgres" else None for name in names}
    finally:
        if server is not None:
            server.stop()


def cell(row: Row, kind: str) -> str:
    """How many of the kind's points ended as undisturbed, and what else is to be said."""
    if not row.points[kind]:
        return "-"
    unknown = f", {row.unknown[kind]} unknown" if row.unknown[kind] else ""
    return f"{row.same[kind]}/{row.points[kind]}{unknown}"


def main() -> int:
    """Walk, print, and say by the exit status whether all was well."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    asked.add_argument("--scenarios", nargs="+", default=list(BRANCHES), choices=list(BRANCHES))
    asked.add_argument("--every", type=int, default=1, help="take every so many of the points that are not around actions")
    asked.add_argument("--twice", type=int, default=10, help="incidents a branch that are killed twice")
    asked.add_argument("--minutes", type=float, default=30.0)
    options = asked.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    folder = Path(tempfile.mkdtemp(prefix="nexus-crash-"))
    wrong: list[str] = []
    print("| Branch | Records |", " | ".join(KINDS), "| points | of these beside posts | as undisturbed | doubles | seconds |")
    print("| --- | --- |", " | ".join("---" for _ in KINDS), "| --- | --- | --- | --- | --- |", flush=True)
    try:
        folder.chmod(0o755)
        with databases(options.records, folder / "postgres") as addresses, nursery() as forking:
            for name, records in addresses.items():
                for scenario in options.scenarios:
                    row = Walk(forking, scenario, folder / "incident", records).walked(options.every, options.twice, ends)
                    wrong += [f"{scenario}, {name}: {each}" for each in row.wrong]
                    cells = " | ".join(cell(row, kind) for kind in KINDS)
                    counts = (row.points.total(), row.beside_posts, row.same.total(), row.doubles.total(), round(row.seconds))
                    sums = " | ".join(map(str, counts))
                    print(f"| {BRANCHES[scenario]} ({scenario}) | {name} | {cells} | {sums} |", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(*wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
