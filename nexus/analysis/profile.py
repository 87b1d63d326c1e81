"""Profile: everything that moved at one component, gathered by kind, as strengths that can be compared."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nexus.analysis.case import Clue
from nexus.analysis.shift import Shift
from nexus.world.metrics import MetricKind

_WAITING = re.compile(r"(^|_)(client|outbound|upstream|egress|downstream)(_|$)")
_SHARED = re.compile(r"^(node|host|machine|vm)_")
_CLIENT_SIDE = re.compile(r"script_error|js_error|page_load|web_vital|lcp|asset")
_QUEUEING = re.compile(r"queue|backlog|lag|depth")


def strength(score: float, moved: float = 3.0) -> float:
    """Robust deviations on a scale where ten times more says a constant more; 0 up to `moved`."""
    return math.log1p(max(0.0, min(score, 1e4) - moved))


def is_waiting(metric: str) -> bool:
    """Whether the metric is of calls that the component makes: it waits for others."""
    return bool(_WAITING.search(metric.lower()))


def is_shared(metric: str) -> bool:
    """Whether the metric is of the host, which others use too."""
    return bool(_SHARED.search(metric.lower()))


@dataclass(slots=True)
class Profile:
    """One component; strengths as `strength` gives them, 0 where nothing moved."""

    component: str
    latency: float = 0.0
    errors: float = 0.0
    saturation: float = 0.0
    waiting: float = 0.0
    shared: float = 0.0
    surge: float = 0.0
    drought: float = 0.0
    other: float = 0.0
    client: float = 0.0
    gap: float = 0.0
    gap_ms: float = 0.0
    link: float = 0.0
    """Waits of its callers that only its network would explain."""
    amplifies: float = 0.0
    """What a callee suffers under the calls that it multiplies."""
    overrun: float = 0.0
    """0 to 1: how much of what comes in is only tried again by a caller."""
    complaints: float = 0.0
    """How surprising its new errors in logs are, its own and those of others about it, in natural logarithms of odds."""
    silence: float = 0.0
    """How surprising it is that a step of its work fell away, same unit."""
    seen: float = 0.0
    """0 to 1: how strong the strongest direct sign of trouble is, by a probe or a detector."""
    shifts: list[Shift] = field(default_factory=list)
    clues: list[Clue] = field(default_factory=list)
    """What speaks for it beside its own series."""

    @property
    def symptom(self) -> float:
        """What its callers feel: the stronger of slow and failing, with a little of the other."""
        return max(self.latency, self.errors) + 0.25 * min(self.latency, self.errors)

    @property
    def onset(self) -> float | None:
        """When the earliest of its three strongest shifts began."""
        moved = [s for s in self.shifts if s.moved][:3]
        return min((s.onset for s in moved), default=None)

    def of(self, *kinds: MetricKind) -> Iterable[Shift]:
        """Its harmful moved shifts of those kinds that are its own and not of what it waits for."""
        return (s for s in self.shifts if s.moved and s.harmful and s.series.kind in kinds and not is_waiting(s.series.metric))


_TO_MS = {"s": 1000.0, "ms": 1.0, "us": 0.001}


def in_ms(shift: Shift) -> float:
    """By how many milliseconds a latency rose; a unit that is not known is taken as milliseconds."""
    return (shift.after - shift.before) * _TO_MS.get(shift.series.unit, 1.0)


def waited_share(profile: Profile) -> float:
    """0 to 1: how much of the rise of its latency is the rise of what it waits for."""
    rises = [s for s in profile.shifts if s.moved and s.harmful and s.series.kind is MetricKind.LATENCY]
    waits = max((in_ms(s) for s in rises if is_waiting(s.series.metric)), default=0.0)
    whole = max((in_ms(s) for s in rises if not is_waiting(s.series.metric)), default=0.0)
    return min(1.0, waits / whole) if whole > 0 else 0.0


def _take(profile: Profile, shift: Shift) -> None:
    metric, kind, value = shift.series.metric.lower(), shift.series.kind, strength(shift.score) * (0.3 + 0.7 * shift.held)
    if _SHARED.search(metric):
        profile.shared = max(profile.shared, value if shift.direction == "up" else 0.0)
    elif kind is MetricKind.TRAFFIC:
        profile.surge = max(profile.surge, value if shift.direction == "up" else 0.0)
        profile.drought = max(profile.drought, value if shift.direction == "down" else 0.0)
    elif kind in {MetricKind.OTHER, MetricKind.SATURATION} and shift.direction == "down" and shift.after < 0.15 * shift.before:
        profile.drought = max(profile.drought, value)
    elif not shift.harmful:
        return
    elif _CLIENT_SIDE.search(metric):
        profile.client = max(profile.client, value)
        profile.errors = max(profile.errors, value)
    elif kind is MetricKind.LATENCY and is_waiting(metric):
        profile.waiting = max(profile.waiting, value)
    elif kind is MetricKind.LATENCY:
        profile.latency = max(profile.latency, value)
    elif kind in {MetricKind.ERRORS, MetricKind.AVAILABILITY}:
        profile.errors = max(profile.errors, value)
    elif kind is MetricKind.SATURATION:
        profile.saturation = max(profile.saturation, value)
    else:
        profile.other = max(profile.other, value)


def profiles_of(shifts: Sequence[Shift], components: Iterable[str] = ()) -> dict[str, Profile]:
    """A profile for each component that has series or is named."""
    found = {name: Profile(name) for name in components}
    by_component: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts:
        by_component[shift.component].append(shift)
    for component, held in by_component.items():
        profile = found.setdefault(component, Profile(component))
        profile.shifts = sorted(held, key=lambda s: (-s.score, s.series.metric))
        for shift in profile.shifts:
            if shift.moved:
                _take(profile, shift)
    return found


def resource_of(shift: Shift) -> str:
    """The resource that a saturation series measures, as a mechanism's name."""
    metric = shift.series.metric.lower()
    for pattern, name in (
        (r"disk|fs|inode|volume", "disk"),
        (r"conn|pool", "connections"),
        (r"mem|heap|swap", "memory"),
    ):
        if re.search(pattern, metric):
            return name
    return "queue" if _QUEUEING.search(metric) else "cpu"
