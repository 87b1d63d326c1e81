"""Streams: log lines of one place in the code, and calls of one operation, that stopped or began while the rest went on.

Each stream's events before and after a moment are held against what else went on at the same component (and, a little, anywhere):
the log-likelihood ratio of a changed share against an unchanged one (Dunning 1993, "Accurate methods for the statistics of
surprise and coincidence"), at the moment that changes most, less what a search over so many moments and streams finds by chance.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from nexus.analysis.patterns import template_of
from nexus.world.calls import CallStats
from nexus.world.logs import LogLine
from nexus.world.metrics import Floats

_PLACE = re.compile(r"\b([A-Za-z_$][\w$]*#\d+|[\w/.-]+\.(?:py|go|js|ts|java|rb|cs|cc|cpp|rs|kt|scala|php):\d+)\b")
_STAMP = re.compile(r"^[\[(]?\d[\d:.,TZ/ +-]+[\])]?\s+")
_GRAVE = {"error", "critical"}
_TROUBLE = {"warning", *_GRAVE}
_FAILING = re.compile(r"error|exception|fail|fallback|retry", re.IGNORECASE)
_STEP_S = 10.0
CLEAR = 5.0
"""Surprise from which a step of the work that fell away is trouble by itself."""
_FEW = 0.3
"""Share of what was to be expected up to which a step of the work counts as fallen away."""
_MOMENTS = 40
_LEAST = 3
"""Events from which a stream is looked at."""
_PRIOR = 6.0
"""Events' worth of what went on anywhere, beside what went on at the component itself."""


@dataclass(frozen=True, slots=True)
class StreamShift:
    """A stream that changed; `before` and `after` are events, `expected` what `after` would be had it gone on.

    `surprise` is in natural logarithms of odds, more than chance finds; `callee` None for log lines and a component's own spans.
    """

    component: str
    name: str
    callee: str | None
    grave: bool
    """An error, or worse, in a log."""
    trouble: bool
    """Of trouble, as warnings are and calls of what handles errors; that it stops is no loss."""
    before: float
    after: float
    expected: float
    since: float
    surprise: float
    lasts: bool = True
    """Whether it went on into the last third of the time since."""
    example: str = ""

    @property
    def silent(self) -> bool:
        """Whether a step of the ordinary work fell away."""
        return self.after <= _FEW * self.expected and not (self.trouble or self.grave)

    @property
    def way(self) -> Literal["gone", "less", "new", "more"]:
        """What became of it."""
        if self.after < self.expected:
            return "gone" if self.after == 0 else "less"
        return "new" if self.before == 0 else "more"


@dataclass(frozen=True, slots=True)
class _Stream:
    component: str
    name: str
    callee: str | None
    times: Floats
    counts: Floats
    grave: bool = False
    trouble: bool = False
    examples: tuple[str, ...] = ()
    """What it said, in order of time; empty for calls."""

    def until(self, moments: Floats) -> Floats:
        """Events before each moment."""
        heap = np.concatenate([[0.0], np.cumsum(self.counts)])
        found: Floats = heap[np.searchsorted(self.times, moments, side="left")]
        return found


def place_of(message: str) -> str:
    """Where in the code a line is written if it says so, else how it begins with what varies masked."""
    place = _PLACE.search(message[:160])
    if place is not None:
        return place.group(1)
    return " ".join(template_of(_STAMP.sub("", message)).split()[:6])


def _of_lines(lines: Iterable[LogLine]) -> list[_Stream]:
    places: dict[tuple[str, str, str], list[tuple[float, str]]] = defaultdict(list)
    for line in lines:
        places[line.component, place_of(line.message), line.level].append((line.at.timestamp(), line.message))
    found = []
    for (component, name, level), held in places.items():
        held.sort()
        times, texts = np.array([at for at, _ in held]), tuple(text[:300] for _, text in held)
        counts = np.ones(len(held))
        found.append(_Stream(component, name, None, times, counts, level in _GRAVE, level in _TROUBLE, texts))
    return found


def _of_calls(calls: Iterable[CallStats]) -> list[_Stream]:
    operations: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for call in calls:
        operations[call.caller, call.callee, call.operation].append((call.at.timestamp(), call.count))
    found = []
    for (caller, callee, operation), held in operations.items():
        times, counts = np.array(sorted(held)).T
        other = None if caller == callee else callee
        found.append(_Stream(caller, operation, other, times=times, counts=counts, trouble=bool(_FAILING.search(operation))))
    return found


def stream_shifts(
    lines: Sequence[LogLine], calls: Sequence[CallStats], between: tuple[float, float], now: float
) -> list[StreamShift]:
    """Streams that changed between the onset and the alert, or in the five minutes before it, most surprising first.

    Each needs a minute of past.
    """
    held = tuple(line for line in lines if line.at.timestamp() <= now)
    return list(_shifts(held, tuple(call for call in calls if call.at.timestamp() <= now), between))


@lru_cache(maxsize=8)
def _shifts(lines: tuple[LogLine, ...], calls: tuple[CallStats, ...], between: tuple[float, float]) -> tuple[StreamShift, ...]:
    """Several agents look at the same lines at once."""
    found = _changed(_of_lines(lines), between, _STEP_S) + _changed(_of_calls(calls), between, 60.0)
    return tuple(sorted(found, key=lambda s: (-s.surprise, s.component, s.name)))


@dataclass(frozen=True, slots=True)
class _Rest:
    """What went on beside one stream, at each of the moments that are tried."""

    moments: Floats
    end: float
    step: float
    everywhere: Floats
    """Share of all events before each moment."""
    own: Mapping[str, Floats]
    totals: Mapping[str, float]
    of_a_kind: Mapping[bool, int]
    """How many streams are errors, and how many are not."""

    def by_chance(self, stream: _Stream) -> float:
        """What the largest of so many ratios comes to where nothing changed."""
        streams = math.log(self.of_a_kind[stream.grave])  # of errors there are few, and a new one is expected to matter
        return (streams / 2 if stream.grave else streams) + math.log(max(2, self.moments.size)) / 2

    def others(self, stream: _Stream, before: Floats, size: float) -> tuple[Floats, Floats]:
        """The component's other events, and a few of all, (before, after) each moment."""
        counted = (np.zeros(self.moments.size), 0.0) if stream.grave else (before, size)
        total = self.totals.get(stream.component, 0.0) - counted[1]
        earlier = self.own.get(stream.component, np.zeros(self.moments.size)) - counted[0]
        later = total - earlier
        return earlier + _PRIOR * self.everywhere, later + _PRIOR * (1 - self.everywhere)


def _entropy(*counts: Floats) -> Floats:
    """Sum of n ln n."""
    found: Floats = sum((np.where(n > 0, n * np.log(np.maximum(n, 1e-12)), 0.0) for n in counts), np.zeros(counts[0].size))
    return found


def _likelihood(before: Floats, after: Floats, others_before: Floats, others_after: Floats) -> Floats:
    """Half of Dunning's G for the table of (this stream, the others) by (before, after), in natural logarithms."""
    this, others = before + after, others_before + others_after
    cells = _entropy(before, after, others_before, others_after)
    margins = _entropy(this, others, before + others_before, after + others_after)
    return cells - margins + _entropy(this + others)


def _moments(streams: Sequence[_Stream], between: tuple[float, float], step: float) -> tuple[Floats, float]:
    """(moments that are tried, the last event)."""
    begun, alert_at = between
    earliest, latest = min(s.times[0] for s in streams), float(max(s.times[-1] for s in streams))
    start, end = max(min(begun - 60.0, alert_at - 300.0), earliest + 60.0), min(alert_at, latest - step)
    if end < start:
        return np.empty(0), latest
    tried = np.arange(start, end + 1.0, step) if step < 60 else np.unique(np.concatenate([s.times for s in streams]))
    tried = tried[(tried >= start - 1.0) & (tried <= end + 1.0)]
    return tried[:: max(1, tried.size // _MOMENTS)], latest


def _changed(streams: Sequence[_Stream], between: tuple[float, float], step: float) -> list[StreamShift]:
    if not streams:
        return []
    moments, end = _moments(streams, between, step)
    if moments.size == 0:
        return []
    own: dict[str, Floats] = defaultdict(lambda: np.zeros(moments.size))
    totals: dict[str, float] = defaultdict(float)
    for stream in streams:
        if not stream.grave:  # what comes in to a callee is part of what goes on there
            for component in {stream.component, stream.callee or stream.component}:
                own[component] = own[component] + stream.until(moments)
                totals[component] += float(stream.counts.sum())
    kept = [s for s in streams if s.component and s.counts.sum() >= _LEAST]
    rest = _Rest(
        moments=moments,
        end=end,
        step=step,
        everywhere=sum(own.values(), np.zeros(moments.size)) / max(1.0, sum(totals.values())),
        own=own,
        totals=totals,
        of_a_kind={grave: max(2, sum(s.grave is grave for s in kept)) for grave in (True, False)},
    )
    return [shift for shift in (_shift(stream, rest) for stream in kept) if shift is not None]


def _shift(stream: _Stream, rest: _Rest) -> StreamShift | None:
    size = float(stream.counts.sum())
    before = stream.until(rest.moments)
    after = size - before
    others_before, others_after = rest.others(stream, before, size)
    ratio = _likelihood(before, after, others_before, others_after)
    best = int(np.argmax(ratio))
    surprise = float(ratio[best]) - rest.by_chance(stream)
    if surprise <= 0:
        return None
    since = float(rest.moments[best])
    return StreamShift(
        component=stream.component,
        name=stream.name,
        callee=stream.callee,
        grave=stream.grave,
        trouble=stream.trouble,
        before=float(before[best]),
        after=float(after[best]),
        expected=float(before[best] * others_after[best] / max(others_before[best], 1e-9)),
        since=since,
        surprise=surprise,
        lasts=bool(stream.times[-1] >= rest.end - max(rest.step, (rest.end - since) / 3)),
        example=stream.examples[-1] if stream.examples else "",
    )
