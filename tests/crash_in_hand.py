"""Incidents that are killed on their way: the lives of one, what it left behind, and how that differs from an undisturbed one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from crash_lives import Life

BRANCHES = {
    "bad-deploy": "deployment",
    "config-change": "configuration",
    "connections-exhausted": "infrastructure",
    "search-null": "code bug, hotfix",
    "payment-down": "external, fallback and restore",
    "rollback-broken": "undo",
    "nothing-fixes": "three undos, hand-over",
    "flapping": "false alarm",
    "typo": "backlog",
}
"""One scenario of each branch, and the branch."""
SAME = ("outcome", "status", "severity", "cause", "actions", "status_updates", "briefs", "escalations", "backlog")
"""Of the document, what must be to the letter as if nothing had happened."""
READ_BACK = " (read back after an interruption)"
_KNOWN = re.compile(rf"{re.escape(READ_BACK)}|, \d+ of them new")
"""That an action was read back, and how many items a backlog did not have: sent again, it has them."""
KILLED = -9


class LifeFailed(AssertionError):
    """A life ended by itself, and not well."""


@dataclass(frozen=True, slots=True)
class Passing:
    """One passing of one point by a life."""

    point: str
    detail: str
    beside_a_post: bool

    @property
    def about_an_action(self) -> bool:
        """Whether it is about a change to the world: the key of one begins with its incident, that of words with their kind."""
        return " INC-" in self.detail


@dataclass(frozen=True, slots=True)
class Left:
    """What an incident left behind: its records, the world's own journal, and every passing of all of its lives in turn."""

    document: dict[str, Any]
    events: list[dict[str, Any]]
    effects: list[dict[str, Any]]
    journal: dict[str, str]
    unfinished: list[str]
    passed: list[Passing]
    lives: int

    def called(self, door: str) -> Counter[str]:
        """How often a door of the world was called, by the effect's key."""
        return Counter(p.detail for p in self.passed if p.point == f"before {door}")

    def numbers(self) -> dict[str, int]:
        """How often each point was passed."""
        return dict(Counter(p.point for p in self.passed))

    @property
    def unknown(self) -> list[dict[str, Any]]:
        """Actions of which nobody knows what became of them."""
        return [a for a in self.document["actions"] if a["result"] == "unknown"]


class Nursery:
    """A process that forks lives."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def live(self, life: Life) -> bool:
        """One life; whether it came to its own end. Raises LifeFailed when something else than the kill ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        Path(life.out).mkdir(parents=True, exist_ok=True)
        self._process.stdin.write(json.dumps(asdict(life)) + "\n")
        self._process.stdin.flush()
        status = json.loads(self._process.stdout.readline())
        if status not in {0, KILLED}:
            error = Path(life.out) / "error"
            raise LifeFailed(f"{life}: {error.read_text() if error.exists() else status}")
        return bool(status == 0)

    def lives(self, *lives: Life) -> Left:
        """Lives in turn, each where the one before it died; what is left when one comes to its end."""
        for number, life in enumerate(lives, 1):
            if self.live(life):
                return left_by(life, number)
        raise LifeFailed(f"none of {len(lives)} lives came to its end: {lives}")

    def incident(
        self, scenario: str, out: Path, *deaths: tuple[str, int], records: str | None = None, blind: bool = False
    ) -> Left:
        """One incident that dies at each of these points in turn and then lives to its end."""
        lives = [Life(scenario, str(out), records, *death, blind=blind) for death in (*deaths, ("", 0))]
        return self.lives(*lives)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery, for as long as it is used."""
    script = Path(__file__).with_name("crash_lives.py")
    with subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Nursery(process)


def left_by(life: Life, lives: int) -> Left:
    """What is left of the incident that this life brought to its end."""
    out = Path(life.out)
    parts = [line.split("\t") for line in (out / "log").read_text().splitlines()]
    passed = [Passing(point, detail, bool(beside)) for point, detail, beside in parts]
    return Left(**json.loads((out / "left.json").read_text()), passed=passed, lives=lives)


def differences(undisturbed: Left, left: Left) -> list[str]:
    """In what an incident that was killed differs from one that was not; nothing where it ended as that one."""
    wrong = [
        f"{name}: {left.document.get(name)} is not {undisturbed.document.get(name)}"
        for name in SAME
        if left.document.get(name) != undisturbed.document.get(name)
    ]
    for what, ours, theirs in (
        ("done to the world", _entries(left), _entries(undisturbed)),
        ("recorded", _events(left), _events(undisturbed)),
    ):
        wrong += [f"{what} too often: {entry}" for entry in (ours - theirs)]
        wrong += [f"{what} too seldom: {entry}" for entry in (theirs - ours)]
    return wrong + broken(left)


def doubled(undisturbed: Left, left: Left) -> bool:
    """Whether anything was done or recorded more often than in an incident that was not killed."""
    acted = any("times for" in each for each in broken(left))
    said = Counter((e["kind"], e["actor"]) for e in left.events) - Counter((e["kind"], e["actor"]) for e in undisturbed.events)
    return acted or bool(said) or bool(_entries(left) - _entries(undisturbed))


def broken(left: Left) -> list[str]:
    """What must hold of every incident, wherever it was killed and whatever its world could say."""
    wrong = [f"still begun: {effect['key']}" for effect in left.effects if effect["state"] == "begun"]
    wrong += [f"still open: {incident}" for incident in left.unfinished]
    certain = Counter(p.detail.split()[0] for p in left.passed if p.point == "find" and p.detail.endswith("not made"))
    for call, times in left.called("action").items():
        key = call.split()[-1]
        if times > 1 + certain[key]:
            wrong.append(f"the door was called {times} times for {call}")
    return wrong


def _entries(left: Left) -> Counter[str]:
    """What stands in the world's own journal, without its keys: the same done under another key is done twice."""
    entries = [(key.partition("/")[0], json.loads(body)) for key, body in left.journal.items()]
    return Counter(json.dumps([kind, {n: v for n, v in body.items() if n != "key"}], sort_keys=True) for kind, body in entries)


def _events(left: Left) -> Counter[str]:
    """What the record says, without its keys, and without what a second sending alone can know."""
    return Counter(f"{e['at']} {e['kind']} {e['actor']}: {_KNOWN.sub('', e['text'])}" for e in left.events)


POINTS = {
    "before checkpoint": "checkpoint",
    "after checkpoint": "checkpoint",
    "before writes": "a step's writes",
    "after writes": "a step's writes",
    "before begin": "effect, not yet begun",
    "after begin": "effect, begun",
    "after action": "action, not yet settled",
    "after words": "words, not yet settled",
    "after settle": "effect, settled",
    "before document": "end of the graph",
    "after document": "document saved",
    "before folder": "document saved",
}
"""Where an incident is killed, and what kind of place that is. The call of a door follows `after begin` at once."""


def points_of(undisturbed: Left) -> Sequence[tuple[str, int]]:
    """Every point at which an incident can be killed, and which time."""
    return [(point, number + 1) for point, times in undisturbed.numbers().items() if point in POINTS for number in range(times)]


def where(undisturbed: Left, holds: Callable[[Passing], bool]) -> set[tuple[str, int]]:
    """The points of which something holds."""
    times, found = Counter[str](), set[tuple[str, int]]()
    for passing in undisturbed.passed:
        times[passing.point] += 1
        if passing.point in POINTS and holds(passing):
            found.add((passing.point, times[passing.point]))
    return found


def emptied(url: str) -> None:
    """A database of records without any incident, whatever a killed process had left in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE tablename ~ '^nexus_' AND tablename <> 'nexus_schema'"
        (tables,) = connection.execute(known).fetchone() or (None,)
        if tables:
            connection.execute(f"TRUNCATE {tables}".encode())
