"""Vitals: what each component's users met lately against what is normal for it, read from whatever telemetry there is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from nexus.world.browser import PageHealth
from nexus.world.calls import CallStats
from nexus.world.endpoints import ProbeResult
from nexus.world.metrics import Floats, MetricKind, Series

RECENT = timedelta(minutes=5)
STALE = timedelta(minutes=15)
QUICK_MS = 10.0
"""Anything quicker than this is equally quick."""
_PARTS = ("asset", "static", "image")
"""Words in the name of an error series that counts parts of a page; a page without them still opens."""


@dataclass(frozen=True, slots=True)
class Vital:
    """One component. Errors are shares of requests, latency is in ms; None: not measured. `down`: it does not run at all."""

    component: str
    errors: float | None = None
    normal_errors: float = 0.0
    latency: float | None = None
    normal_latency: float | None = None
    down: bool = False
    parts: float = 0.0
    """Share of the parts of its pages, such as pictures and styles, that do not arrive."""
    noted: bool = False
    """Something is wrong that has no share, such as script errors or a failure count without a request count."""
    stopped: bool = False
    """What it is there for, counted by a steady series of traffic, has all but stopped."""

    @property
    def excess(self) -> float:
        """Share of requests that fail beyond what is normal; 0 when not measured."""
        if self.down:
            return 1.0
        return 0.0 if self.errors is None else min(1.0, max(0.0, self.errors - self.normal_errors))

    @property
    def slowness(self) -> float:
        """How many times slower than normal, or than what anybody would notice; 1 when not measured."""
        if self.latency is None or self.normal_latency is None:
            return 1.0
        return self.latency / max(self.normal_latency, QUICK_MS)

    @property
    def failing(self) -> bool:
        """More errors than normal: two in a hundred more, and at least three times as many."""
        return self.down or (self.excess >= 0.02 and (self.errors or 0.0) >= 3 * self.normal_errors)

    @property
    def slow(self) -> bool:
        """At least twice as slow as normal, by 20 ms or more."""
        gap = 0.0 if self.latency is None or self.normal_latency is None else self.latency - self.normal_latency
        return self.slowness >= 2 and gap >= 20

    @property
    def bare(self) -> bool:
        """Its pages open without more than one in fifty of their parts."""
        return self.parts > 0.02

    @property
    def hit(self) -> bool:
        """Beyond its normal in any way."""
        return self.failing or self.slow or self.bare or self.noted or self.stopped


def recent_value(times: Floats, values: Floats, at: datetime) -> float | None:
    """The value of the last five minutes: their median, or the last two samples if both are higher; None without any."""
    held = ~np.isnan(values) & (times <= at.timestamp())
    times, values = times[held], values[held]
    recent = values[times > (at - RECENT).timestamp()]
    if not recent.size:
        recent = values[times > (at - STALE).timestamp()][-1:]
    if not recent.size:
        return None
    return max(float(np.median(recent)), float(np.min(recent[-2:])))


def normal_value(times: Floats, values: Floats, start: datetime, end: datetime, percentile: float = 40) -> float | None:
    """A low-leaning middle of [start, end], so that trouble within it moves it little; None without samples."""
    held = ~np.isnan(values) & (times >= start.timestamp()) & (times <= end.timestamp())
    return float(np.percentile(values[held], percentile)) if held.any() else None


def _scale(series: Series) -> Callable[[Floats], Floats] | None:
    """How to read a series as a share of failures or as ms; None where it is neither."""
    unit = series.unit.lower()
    percent = unit in {"%", "pct", "percent"}
    if series.kind is MetricKind.LATENCY:
        factor = {"s": 1000.0, "seconds": 1000.0, "us": 0.001, "µs": 0.001}.get(unit, 1.0)
        return lambda values: values * factor
    if series.kind is MetricKind.AVAILABILITY:
        return lambda values: 1 - values / (100.0 if percent else 1.0)
    if series.kind is MetricKind.ERRORS and (percent or unit in {"share", "ratio", "fraction", "rate", "1"}):
        return lambda values: values / (100.0 if percent else 1.0)
    return None


def _measured(
    series: Series, scale: Callable[[Floats], Floats], baseline: Series | None, at: datetime, span: tuple[datetime, datetime]
) -> tuple[float, float] | None:
    """Now and normal of one series; the baseline stands in where the time before the alert was not sampled.

    What it often reaches when all is well is no news: what a quarter of the time before reached, or 5 % of the baseline.
    """
    values = scale(series.values)
    if np.isnan(values).all():
        return None
    now = recent_value(series.times, values, at)
    dead = series.kind is MetricKind.AVAILABILITY and series.times[0] < (at - RECENT).timestamp() and np.nanmin(values) >= 0.99
    if now is None or dead:
        return None
    normal = normal_value(series.times, values, *span)
    high = normal_value(series.times, values, *span, percentile=75)
    if baseline is not None and not np.isnan(baseline.values).all():
        quiet = scale(baseline.values)
        normal = float(np.nanmedian(quiet)) if normal is None else normal
        high = float(np.nanpercentile(quiet, 95))
    if normal is None or high is None:
        return None
    return (min(now, normal) if now <= 1.1 * high else now), normal


def from_metrics(
    series: Sequence[Series], baseline: Sequence[Series], at: datetime, start: datetime, end: datetime
) -> dict[str, Vital]:
    """Vitals by component: its worst error series, and the middle one of its latency series, for single percentiles are noisy."""
    quiet = {(b.component, b.metric): b for b in baseline}
    latencies: dict[str, list[Vital]] = defaultdict(list)
    vitals: dict[str, Vital] = {}
    for one in series:
        vital = vitals.get(one.component, Vital(one.component))
        scale = _scale(one)
        if scale is None:
            if one.kind is MetricKind.ERRORS:
                vitals[one.component] = replace(vital, noted=vital.noted or _counted_errors_rose(one, at, start, end))
            continue
        measured = _measured(one, scale, quiet.get((one.component, one.metric)), at, (start, end))
        if measured is None:
            continue
        now, normal = measured
        if one.kind is MetricKind.LATENCY:
            latencies[one.component].append(Vital(one.component, latency=now, normal_latency=normal))
            continue
        if any(word in one.metric for word in _PARTS):
            vitals[one.component] = replace(vital, parts=max(vital.parts, now - normal))
            continue
        candidate = replace(vital, errors=min(1.0, max(0.0, now)), normal_errors=min(1.0, max(0.0, normal)))
        if vital.errors is None or candidate.excess > vital.excess:
            vitals[one.component] = candidate
    for component, found in latencies.items():
        middle = sorted(found, key=lambda v: v.slowness)[len(found) // 2]
        held = vitals.get(component, Vital(component))
        vitals[component] = replace(held, latency=middle.latency, normal_latency=middle.normal_latency)
    return vitals


def _counted_errors_rose(series: Series, at: datetime, start: datetime, end: datetime) -> bool:
    now, normal = recent_value(series.times, series.values, at), normal_value(series.times, series.values, start, end)
    return now is not None and normal is not None and now >= 3 * normal and now >= normal + 1


def from_calls(calls: Iterable[CallStats], at: datetime, start: datetime, end: datetime) -> dict[str, Vital]:
    """Vitals by callee, minutes weighted by their calls; a component's own client spans, its callees' time, are left out."""
    recent: dict[str, list[CallStats]] = defaultdict(list)
    before: dict[str, list[CallStats]] = defaultdict(list)
    for call in calls:
        if call.caller == call.callee:
            continue
        if at - RECENT < call.at <= at:
            recent[call.callee].append(call)
        elif start <= call.at <= end:
            before[call.callee].append(call)
    vitals = {}
    for component, now in recent.items():
        earlier = before.get(component, [])
        if not earlier:
            continue
        latency = sum(c.p95_ms * c.count for c in now) / max(1.0, sum(c.count for c in now))
        normal = sum(c.p95_ms * c.count for c in earlier) / max(1.0, sum(c.count for c in earlier))
        vitals[component] = Vital(
            component,
            errors=_error_share(now),
            normal_errors=_error_share(earlier) or 0.0,
            latency=latency,
            normal_latency=normal,
        )
    return vitals


def _error_share(calls: Sequence[CallStats]) -> float | None:
    counted = [c for c in calls if c.errors is not None]
    total = sum(c.count for c in counted)
    return None if not total else min(1.0, sum(c.errors or 0.0 for c in counted) / total)


def from_probes(probes: Iterable[ProbeResult]) -> dict[str, Vital]:
    """Vitals from tried endpoints; the worst endpoint of a component counts."""
    vitals: dict[str, Vital] = {}
    for p in probes:
        one = Vital(p.component, p.error_rate, p.normal_error_rate, p.latency_ms, p.normal_latency_ms)
        held = vitals.get(p.component)
        vitals[p.component] = one if held is None or (one.excess, one.slowness) > (held.excess, held.slowness) else held
    return vitals


def from_pages(
    pages: Iterable[PageHealth], scripts: Callable[[PageHealth], bool], slow: Callable[[PageHealth], bool]
) -> dict[str, Vital]:
    """Vitals of the client's side. Browsers count script errors and not the people who met them, so these are only noted."""
    vitals: dict[str, Vital] = {}
    for page in pages:
        held = vitals.get(page.component, Vital(page.component))
        held = replace(held, noted=held.noted or scripts(page), parts=max(held.parts, page.assets_failing_share))
        if slow(page) and page.load_ms / max(1.0, page.normal_load_ms) > held.slowness:
            held = replace(held, latency=page.load_ms, normal_latency=page.normal_load_ms)
        vitals[page.component] = held
    return vitals


def merged(first: Mapping[str, Vital], *others: Mapping[str, Vital]) -> dict[str, Vital]:
    """One vital a component: the first source that measured an aspect is believed; `down`, `noted` and `stopped` add up."""
    result = dict(first)
    for other in others:
        for component, vital in other.items():
            held = result.get(component)
            result[component] = vital if held is None else _filled(held, vital)
    return result


def _filled(held: Vital, other: Vital) -> Vital:
    if held.errors is None and other.errors is not None:
        held = replace(held, errors=other.errors, normal_errors=other.normal_errors)
    if held.latency is None and other.latency is not None:
        held = replace(held, latency=other.latency, normal_latency=other.normal_latency)
    return replace(
        held,
        down=held.down or other.down,
        noted=held.noted or other.noted,
        stopped=held.stopped or other.stopped,
        parts=max(held.parts, other.parts),
    )


def worsened(vitals: Mapping[str, Vital], seen: Mapping[str, Vital]) -> dict[str, Vital]:
    """Vitals with what browsers saw where that is worse: servers do not notice what never reached them."""
    result = dict(vitals)
    for component, vital in seen.items():
        held = result.get(component, Vital(component))
        if vital.slowness > held.slowness:
            held = replace(held, latency=vital.latency, normal_latency=vital.normal_latency)
        result[component] = replace(held, noted=held.noted or vital.noted, parts=max(held.parts, vital.parts))
    return result
