"""Edges: calls from one component to another, now against before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nexus.world.calls import CallStats

_STEADY = 5.0
"""Calls a minute before from which a ratio means something."""
_MULTIPLIED = 1.7


@dataclass(frozen=True, slots=True)
class EdgeShift:
    """One caller and callee; latency in ms, counts per minute; shares None where errors are not recorded."""

    caller: str
    callee: str
    calls: float
    calls_before: float
    errors: float | None
    errors_before: float | None
    p95: float
    p95_before: float

    @property
    def failing(self) -> bool:
        """Two in a hundred more calls fail, and three times as many as before."""
        share, before = self.errors or 0.0, self.errors_before or 0.0
        return share >= before + 0.02 and share >= 3 * before

    @property
    def slow(self) -> bool:
        """Twice as slow, by 20 ms or more."""
        return self.p95_before > 0 and self.p95 >= 2 * self.p95_before and self.p95 - self.p95_before >= 20

    @property
    def dried_up(self) -> bool:
        """At least one call a minute before, and less than a third of that now."""
        return self.calls_before >= 1 and self.calls < self.calls_before / 3

    @property
    def abnormal(self) -> bool:
        """Failing, slow or dried up."""
        return self.failing or self.slow or self.dried_up


def _totals(calls: Sequence[CallStats], minutes: int) -> tuple[float, float | None, float]:
    count = sum(c.count for c in calls)
    counted = [c for c in calls if c.errors is not None]
    asked = sum(c.count for c in counted)
    errors = sum(c.errors or 0.0 for c in counted) / asked if asked else None
    p95 = sum(c.p95_ms * c.count for c in calls) / count if count else 0.0
    return count / max(1, minutes), errors, p95


def edges_of(calls: Iterable[CallStats], onset: float, fresh_from: float, now: float) -> list[EdgeShift]:
    """Every edge, abnormal ones first; `onset` ends the past, `fresh_from` begins what is judged. Needs a minute of past."""
    before: dict[tuple[str, str], list[CallStats]] = defaultdict(list)
    after: dict[tuple[str, str], list[CallStats]] = defaultdict(list)
    past_minutes: set[float] = set()
    fresh_minutes: set[float] = set()
    for call in calls:
        at = call.at.timestamp()
        if call.caller == call.callee or at > now:
            continue
        if at < onset - 60:
            before[call.caller, call.callee].append(call)
            past_minutes.add(at)
        elif at >= fresh_from:
            after[call.caller, call.callee].append(call)
            fresh_minutes.add(at)
    if not past_minutes or not fresh_minutes:
        return []
    shifts = []
    for edge in before.keys() | after.keys():
        calls_before, errors_before, p95_before = _totals(before[edge], len(past_minutes))
        calls_now, errors, p95 = _totals(after[edge], len(fresh_minutes))
        shifts.append(EdgeShift(*edge, calls_now, calls_before, errors, errors_before, p95, p95_before))
    return sorted(shifts, key=lambda e: (not e.abnormal, -(e.errors or 0.0), -e.p95 / max(1.0, e.p95_before), e.caller, e.callee))


@dataclass(frozen=True, slots=True)
class Amplification:
    """A caller that asks `times` as often of a callee for the same number of requests of its own: it tries again and again."""

    caller: str
    callee: str
    times: float


def amplifications(edges: Iterable[EdgeShift]) -> list[Amplification]:
    """Edges whose traffic multiplied though what comes in to the caller did not, strongest first."""
    held = list(edges)
    incoming: dict[str, list[EdgeShift]] = defaultdict(list)
    for edge in held:
        incoming[edge.callee].append(edge)
    found = []
    for edge in held:
        before, now = sum(e.calls_before for e in incoming[edge.caller]), sum(e.calls for e in incoming[edge.caller])
        if edge.calls_before >= _STEADY and before >= _STEADY:
            times = (edge.calls / edge.calls_before) / max(1.0, now / before)
            if times >= _MULTIPLIED:
                found.append(Amplification(edge.caller, edge.callee, times))
    return sorted(found, key=lambda a: (-a.times, a.caller, a.callee))
