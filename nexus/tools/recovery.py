"""Recovery: `recovery`, the world now against its healthy past, and against what it was just before the last action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from nexus.analysis.case import Periods
from nexus.analysis.edges import edges_of
from nexus.analysis.patterns import patterns_of
from nexus.analysis.profile import is_waiting, strength
from nexus.analysis.shift import Shift, shifts_of
from nexus.errors import Unavailable
from nexus.tools.need import since, some
from nexus.tools.readings import RecoveryReading
from nexus.tools.standstill import from_traffic
from nexus.tools.tool import Look, NoArguments, Seen, Tool
from nexus.world.metrics import MetricKind, Series

_FELT = {MetricKind.ERRORS, MetricKind.LATENCY, MetricKind.AVAILABILITY}
_LAST = 180.0
_PAST, _ALERTED_AFTER = timedelta(minutes=70), timedelta(minutes=10)
"""The traffic that counts as usual, before the alert."""
_STILL = 30.0
"""Robust deviations that traffic which has stopped counts for."""
_CLEAR = 5.0
"""Robust deviations that count as abnormal when the question is whether all is well."""


def unwell(shifts: Iterable[Shift]) -> dict[str, float]:
    """Component to how far it is beyond its normal in what users feel; traffic and load are left out."""
    found: dict[str, float] = {}
    for shift in shifts:
        felt = shift.series.kind in _FELT and not is_waiting(shift.series.metric)
        if felt and shift.harmful and shift.now and shift.score >= _CLEAR:
            found[shift.component] = max(found.get(shift.component, 0.0), strength(shift.score))
    return found


async def _by_metrics(look: Look, at: datetime) -> tuple[int, dict[str, float]]:
    metrics = look.world.metrics
    if metrics is None:
        raise Unavailable("this world has no metrics", "go by probes, calls and logs")
    series, baseline = await metrics.series(since(look), at), await metrics.baseline()
    alerted = min(look.alert.starts_at, at).timestamp()
    shifts = shifts_of(series, baseline, Periods(alerted, at.timestamp(), last_s=_LAST))
    return len(shifts), merged(unwell(shifts), _stopped(look, series, at))


def _stopped(look: Look, series: Iterable[Series], at: datetime) -> dict[str, float]:
    """The alerted service while a steady series of its traffic is all but still: nothing fails where nothing is done."""
    fired = min(look.alert.starts_at, look.at)
    if look.alert.service is None:
        return {}
    vitals = from_traffic(series, look.alert.service, at, fired - _PAST, fired - _ALERTED_AFTER)
    return dict.fromkeys(vitals, strength(_STILL))


async def _by_probes(look: Look, at: datetime) -> tuple[int, dict[str, float]]:
    if look.world.endpoints is None:
        return 0, {}
    try:
        probes = await look.world.endpoints.probe(at)
    except Unavailable:
        return 0, {}
    found: dict[str, float] = {}
    for p in probes:
        share = p.error_rate - p.normal_error_rate
        slow = p.latency_ms >= 2 * p.normal_latency_ms and p.latency_ms - p.normal_latency_ms >= 20
        if share >= 0.02 or slow:
            weight = strength(3 + 60 * max(0.0, share)) + (
                strength(3 + 2 * p.latency_ms / max(1.0, p.normal_latency_ms)) if slow else 0.0
            )
            found[p.component] = max(found.get(p.component, 0.0), weight)
    return len(probes), found


async def _by_traces(look: Look, at: datetime) -> tuple[int, dict[str, float]]:
    """From calls, and from logs where there are no calls either; used only where metrics do not answer."""
    start, now = since(look), at.timestamp()
    onset = min(look.alert.starts_at, at).timestamp() - 900
    if look.world.calls is not None:
        try:
            edges = edges_of(await look.world.calls.between(start, at), onset, now - _LAST, now)
        except Unavailable:
            edges = []
        if edges:
            return len(edges), {e.callee: strength(3 + 60 * (e.errors or 0.0)) + 0.5 for e in edges if e.failing or e.slow}
    if look.world.logs is not None:
        try:
            lines = await look.world.logs.search(start, at, limit=20000)
        except Unavailable:
            return 0, {}
        recent = [line for line in lines if line.at.timestamp() < onset or line.at.timestamp() >= now - _LAST]
        found = {p.component: 1.0 for p in patterns_of(recent, onset, now) if p.level in {"error", "critical"}}
        return len(lines), found
    return 0, {}


async def _state(look: Look, at: datetime) -> tuple[int, dict[str, float]]:
    """(how much was looked at, component to how unwell it is) as of a moment."""
    probed, unwell_by_probes = await _by_probes(look, at)
    try:
        measured, found = await _by_metrics(look, at)
    except Unavailable:
        measured, found = await _by_traces(look, at)
    return probed + measured, merged(found, unwell_by_probes)


def merged(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """The larger of both for each component."""
    return {name: max(first.get(name, 0.0), second.get(name, 0.0)) for name in first.keys() | second.keys()}


def worse_than(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether health is clearly worse: a third more in sum and by more than one clear step."""
    return sum(now.values()) > 1.33 * sum(before.values()) + 1.5


async def _recovery(look: Look, arguments: NoArguments) -> Seen:
    del arguments
    acted = look.marks.action
    compared_with = acted if acted is not None and acted < look.at else min(look.alert.starts_at, look.at)
    looked_at, now = await _state(look, look.at)
    _, before = await _state(look, compared_with - timedelta(seconds=1))
    worse = acted is not None and looked_at > 0 and worse_than(before, now)
    abnormal = tuple(sorted(now, key=lambda name: (-now[name], name)))
    reading = RecoveryReading(
        summary=_sentence(looked_at, abnormal, worse),
        looked_at=looked_at,
        recovered=looked_at > 0 and not abnormal,
        worse=worse,
        abnormal=abnormal,
        new=tuple(name for name in abnormal if name not in before),
        before_score=round(sum(before.values()), 4),
        now_score=round(sum(now.values()), 4),
    )
    return Seen(reading)


def _sentence(looked_at: int, abnormal: tuple[str, ...], worse: bool) -> str:
    if looked_at == 0:
        return "nothing could be measured, so recovery is not known"
    if not abnormal:
        return f"all {looked_at} measurements of the last three minutes are back to normal"
    tail = "; health is worse than before the last action" if worse else ""
    return f"still beyond normal: {some(abnormal)} (of {looked_at} measurements){tail}"


RECOVERY = Tool(
    name="recovery",
    description="Whether users are served as normal again, or it is worse than before the last action.",
    arguments=NoArguments,
    run=_recovery,
)
