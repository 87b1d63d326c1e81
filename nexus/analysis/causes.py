"""Causes: which branch of the decision tree a suspect speaks for, by which mechanism, and how surely."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nexus.analysis.case import Sign
from nexus.analysis.patterns import Pattern
from nexus.analysis.profile import Profile, is_shared, resource_of
from nexus.analysis.shift import Shift
from nexus.incident import Cause
from nexus.world.catalog import ServiceKind
from nexus.world.changes import Change
from nexus.world.metrics import MetricKind

_MECHANISM = {"deployment": "release", "config": "config", "flag": "flag", "infrastructure": "config"}
_KEY = re.compile(r"[\w-]+(?:[.-][\w-]+)+")
_NAMED = 0.9
"""The weight of an older configuration or flag change that the component's new complaints name by its key."""
_NEARLY_FULL = 80.0
"""Percent from which a resource speaks louder than a problem that was seen directly."""
_USED = 25.0
"""Percent from which a resource that is used several times as much as before counts."""
_GROWN = 2.0
_STAYS = 0.6
_STORES: frozenset[ServiceKind] = frozenset({"database", "queue", "cache", "node"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """A cause with its mechanism; `confidence` 0 to 1."""

    cause: Cause
    confidence: float
    mechanism: str | None
    reason: str


def weight_of(change: Change, onset: float, slack_s: float) -> float:
    """0 to 1: how well a change's time explains trouble that began at `onset`: just before is best, after is nothing."""
    before = onset - change.at.timestamp()
    if before < -slack_s or before > 7200:
        return 0.0
    return float(2.0 ** (-max(0.0, before) / 900.0))


def is_named(change: Change, patterns: Iterable[Pattern]) -> bool:
    """Whether what rose in the log names the configuration key or flag that was changed."""
    if change.kind not in {"config", "flag"}:
        return False
    keys = {k for k in _KEY.findall(change.summary) if len(k) >= 5 and not k.replace(".", "").isdigit()}
    words = {w for p in patterns if p.level in {"error", "critical"} for w in _KEY.findall(p.example)}
    return bool(keys & words)


def suspect_change(
    component: str, changes: Iterable[Change], onset: float, slack_s: float, patterns: Sequence[Pattern] = ()
) -> tuple[Change | None, float]:
    """The change at that component that explains the onset best, with its weight; one that its log names may be older."""
    rated = [
        (max(weight_of(c, onset, slack_s), _NAMED if _before(c, onset + slack_s) and is_named(c, patterns) else 0.0), c.at, c)
        for c in changes
        if c.component == component
    ]
    best = max(rated, key=lambda r: (r[0], r[1]), default=None)
    return (None, 0.0) if best is None or best[0] < 0.05 else (best[2], best[0])


def _before(change: Change, at: float) -> bool:
    return change.at.timestamp() <= at


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a component beside its telemetry; `traced`: whether calls would show a slow network."""

    kind: ServiceKind | None
    change: tuple[Change | None, float]
    signs: Sequence[Sign]
    patterns: Sequence[Pattern]
    traced: bool


def judge(profile: Profile, known: Known) -> Judgement:
    """The likeliest cause, should the component be the culprit."""
    kind, change, signs = known.kind, known.change, known.signs
    strongest = max(signs, key=lambda s: s.strength, default=None)
    made, weight = change
    if strongest is not None and strongest.strength >= 0.7:
        return Judgement(strongest.cause, strongest.strength, strongest.mechanism, strongest.detail)
    if made is not None and weight >= 0.25:
        what = f"{made.kind} {made.version or made.id} shortly before the trouble began"
        return Judgement(Cause.DEPLOYMENT, min(0.95, 0.5 + 0.45 * weight), _MECHANISM[made.kind], what)
    if kind == "external":
        return Judgement(Cause.EXTERNAL_DEPENDENCY, 0.75, "dependency", "it is a third party's system")
    full = _full(profile)
    if strongest is not None and (full is None or (full.after < _NEARLY_FULL and strongest.mechanism == "latency")):
        return Judgement(strongest.cause, strongest.strength, strongest.mechanism, strongest.detail)
    return _from_telemetry(profile, known, full)


def _full(profile: Profile) -> Shift | None:
    """The component's own resource that moved most: at least half used, or several times what it was for as long as was seen."""
    own = [s for s in profile.shifts if s.series.kind is MetricKind.SATURATION and not is_shared(s.series.metric)]
    shares = {resource_of(s) for s in own if s.series.unit == "%"}  # where that is known, the bare amount tells no more
    full = [s for s in own if s.moved and s.harmful and _is_full(s)]
    used = [s for s in full if s.series.unit == "%" or resource_of(s) not in shares]
    return max(used, key=lambda s: s.score, default=None)


def _is_full(shift: Shift) -> bool:
    grown = shift.held >= _STAYS and shift.after >= _GROWN * max(shift.before, 1e-9)
    if shift.series.unit == "%":
        return shift.after >= 50 or (grown and shift.after >= _USED)
    return grown and not math.isclose(shift.before, 0.0, abs_tol=1e-9)


def _from_telemetry(profile: Profile, known: Known, full: Shift | None) -> Judgement:
    kind = known.kind
    thrown = [p for p in known.patterns if p.new and (p.thrown or p.level in {"error", "critical"})]
    if full is not None and not (thrown and profile.errors > profile.saturation):
        reason = f"{full.series.metric} went from {full.before:.3g} to {full.after:.3g}"
        return Judgement(Cause.INFRASTRUCTURE, 0.75, resource_of(full), reason)
    if max(profile.gap, profile.link) > max(profile.saturation, profile.symptom):
        return Judgement(Cause.INFRASTRUCTURE, 0.65, "network", "callers wait far longer for it than it works")
    lead = max(profile.of(MetricKind.SATURATION), key=lambda s: s.score, default=None)
    if kind in _STORES and profile.symptom + profile.saturation > 0:
        felt = "latency" if profile.latency >= profile.errors else "errors"
        reason = f"a {kind} with no change before the trouble"
        return Judgement(Cause.INFRASTRUCTURE, 0.6, resource_of(lead) if lead else felt, reason)
    return _from_symptoms(profile, known, thrown, lead)


def _from_symptoms(  # noqa: PLR0911 - one line a cause
    profile: Profile, known: Known, thrown: Sequence[Pattern], lead: Shift | None
) -> Judgement:
    if profile.client > 0:
        return Judgement(Cause.CODE_BUG, 0.6, "client", "errors in users' browsers with no change before them")
    if thrown:
        return Judgement(Cause.CODE_BUG, 0.7, "errors", f"new in its log: {thrown[0].template[:80]}")
    if profile.errors > profile.latency:
        return Judgement(Cause.CODE_BUG, 0.55, "errors", "it fails with no change and no full resource")
    if profile.latency > 0 and lead is None and known.traced:
        return Judgement(Cause.CODE_BUG, 0.45, "latency", "it is slow with no change, no full resource and no slow network")
    if profile.latency > 0 and lead is None:
        return Judgement(Cause.INFRASTRUCTURE, 0.4, "network", "it is slow with no change and no full resource")
    if profile.latency > 0 and lead is not None and profile.saturation > profile.latency:
        return Judgement(Cause.INFRASTRUCTURE, 0.45, resource_of(lead), f"{lead.series.metric} rose to {lead.after:.3g}")
    return Judgement(Cause.CODE_BUG, 0.35, "errors", "it behaves differently with no change and no full resource")
