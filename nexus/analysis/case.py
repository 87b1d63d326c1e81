"""Case and Ranking: what suspects are ranked from, as plain data, and what comes out; times are unix seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Literal

from nexus.incident import Cause
from nexus.world.calls import CallStats
from nexus.world.catalog import ServiceKind
from nexus.world.changes import Change
from nexus.world.logs import LogLine
from nexus.world.metrics import Series


@dataclass(frozen=True, slots=True)
class Sign:
    """Something wrong that was seen directly, by a probe or a detector, and not inferred from series."""

    component: str
    cause: Cause
    mechanism: str
    strength: float
    """0 to 1: how far it alone makes the component the culprit."""
    detail: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that suspects are ranked from; leave out what is not known."""

    now: float
    alert_at: float
    alert_service: str | None = None
    window_s: float = 3600.0
    series: Sequence[Series] = ()
    baseline: Sequence[Series] = ()
    """The same series from a period known to be without fault."""
    calls: Sequence[CallStats] = ()
    lines: Sequence[LogLine] = ()
    changes: Sequence[Change] = ()
    edges: Sequence[tuple[str, str]] = ()
    """The call graph as (caller, callee)."""
    kinds: Mapping[str, ServiceKind] = field(default_factory=dict)
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Node to the components that run on it."""
    signs: Sequence[Sign] = ()
    acted_at: float | None = None
    """When the last action was taken; trouble older than that may be over."""


ClueKind = Literal["metrics", "calls", "logs", "graph", "changes", "probe"]


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that speaks for a suspect, in words and numbers, with the series and the log lines that show it."""

    kind: ClueKind
    text: str
    series: tuple[tuple[str, str], ...] = ()
    """(component, metric) of each."""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One component that may be where it began; scores are comparable within one ranking."""

    component: str
    score: float
    cause: Cause
    cause_confidence: float
    onset: float | None
    mechanism: str | None
    change: str | None
    clues: tuple[Clue, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What its clues say."""
        return tuple(clue.text for clue in self.clues)

    @property
    def strong(self) -> bool:
        """Whether it stands out from noise; a weak one only says where to look next."""
        return self.score >= STRONG


@dataclass(frozen=True, slots=True)
class Ranking:
    """Best first; empty when nothing moved, and without a strong one when hardly anything did.

    `separated`, 0 to 1, is how far the first stands above the second.
    """

    suspects: tuple[Suspicion, ...] = ()
    onset: float | None = None
    separated: float = 0.0

    @property
    def sure(self) -> float:
        """0 to 1: how often such a first suspect, that far above the second, was right in made-up and injected outages."""
        if not self.suspects:
            return 0.0
        odds = -2.4 + 1.9 * log(max(self.suspects[0].score, 1e-3)) + 3.8 * self.separated
        return 1 / (1 + exp(-odds))


STRONG = 1.2
"""A suspect's score from which it stands out from noise."""

SMEARED = 120.0
"""A sample of a rate still holds what failed in the seconds before it; rates are taken over one to two minutes."""


@dataclass(frozen=True, slots=True)
class Periods:
    """Which samples are the healthy past and which are the trouble."""

    alert_at: float
    now: float
    acted_at: float | None = None
    last_s: float | None = None
    """Judge only the last seconds, whatever came before them."""

    def fresh_from(self, step: float) -> float:
        """Samples later than this are judged: since shortly before the alert, or since the last action took hold."""
        if self.last_s is not None:
            return self.now - max(self.last_s, 1.2 * step)
        if self.acted_at is not None and self.acted_at + step < self.now:
            smeared = max(step, SMEARED) if self.acted_at + 2 * SMEARED < self.now else step
            return max(self.acted_at + smeared, self.now - max(360.0, 1.5 * step))
        latest = self.now - max(120.0, 0.5 * step) if self.acted_at is None else self.now
        return min(self.alert_at - (240.0 if step < 180 else 0.5 * step), latest)

    def present_from(self) -> float:
        """From when samples show what is there while the alert fires, or since the last action."""
        if self.last_s is not None:
            return self.now - self.last_s
        return min(self.alert_at if self.acted_at is None else self.acted_at, self.now)

    def healthy_until(self, step: float, samples_before: int) -> float:
        """Samples up to this are the past: well before the alert where enough of them were taken, else just before it."""
        before_alert = self.alert_at - (300.0 if step < 180 else 0.5 * step)
        return self.alert_at - 1200.0 if samples_before >= 12 else before_alert
