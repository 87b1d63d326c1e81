"""Calls: `api_error_rates` and `service_communication`, errors and latency by component and by edge, now and before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nexus.analysis.edges import EdgeShift, amplifications, edges_of
from nexus.analysis.gaps import TELLING, TRACED_S, Gap, gaps_of
from nexus.analysis.profile import is_waiting
from nexus.analysis.shift import Shift
from nexus.errors import Unavailable
from nexus.tools.gather import begun_at, moved, periods_of
from nexus.tools.need import need, since, some
from nexus.tools.readings import (
    BrokenOffEntry,
    CommunicationReading,
    EdgeEntry,
    ErrorRatesReading,
    RateEntry,
    RepeatEntry,
    WaitEntry,
)
from nexus.tools.tool import Look, OfComponent, Seen, Tool
from nexus.world.calls import CallStats
from nexus.world.metrics import MetricKind

_MOST = 40
_AS_BEFORE = 0.6
"""Share of the earlier calls to a component from which it counts as called as before."""
_TO_MS = {"s": 1000.0, "us": 0.001, "ms": 1.0}


@dataclass(frozen=True, slots=True)
class _Rate:
    component: str
    errors: Shift | None = None
    latency: Shift | None = None


def _share(shift: Shift, value: float) -> float:
    """A failure share from 0 to 1, whether the series counts successes or failures, in percent or not."""
    percent = shift.series.unit == "%" or max(shift.before, shift.after) > 1.5
    share = value / 100 if percent else value
    return min(1.0, max(0.0, 1 - share if shift.series.kind is MetricKind.AVAILABILITY else share))


def _counts(shift: Shift) -> bool:
    """Whether the series is a number of failures a minute and no share of requests."""
    return "min" in shift.series.unit or "per_min" in shift.series.metric or "count" in shift.series.metric


def _rates(shifts: Iterable[Shift]) -> list[_Rate]:
    """One rate a component, from its strongest series of each kind."""
    found: dict[str, _Rate] = {}
    for shift in shifts:
        held = found.get(shift.component, _Rate(shift.component))
        failing = shift.series.kind in {MetricKind.ERRORS, MetricKind.AVAILABILITY} and not _counts(shift)
        if failing and (held.errors is None or (shift.harmful and not held.errors.harmful)):
            held = replace(held, errors=shift)
        slow = shift.series.kind is MetricKind.LATENCY and not is_waiting(shift.series.metric)
        if slow and (held.latency is None or (shift.harmful and not held.latency.harmful)):
            held = replace(held, latency=shift)
        found[shift.component] = held
    return [r for r in found.values() if r.errors is not None or r.latency is not None]


def _told(rate: _Rate, *, acted: bool) -> RateEntry:
    """As told; after an action only what is still beyond normal is abnormal: a restart itself costs some requests."""
    errors, latency = rate.errors, rate.latency
    scale = _TO_MS.get(latency.series.unit, 1.0) if latency else 1.0
    beyond = [s for s in (errors, latency) if s is not None and s.moved and s.harmful and (s.now or not acted)]
    return RateEntry(
        component=rate.component,
        error_rate=round(_share(errors, errors.after), 5) if errors else None,
        normal_error_rate=round(_share(errors, errors.before), 5) if errors else None,
        latency_ms=round(latency.after * scale, 3) if latency else None,
        normal_latency_ms=round(latency.before * scale, 3) if latency else None,
        abnormal=bool(beyond),
    )


def _from_edges(edges: Sequence[EdgeShift]) -> list[RateEntry]:
    """Rates by callee, where only calls are recorded; the busiest edge of a callee speaks for it."""
    busiest: dict[str, EdgeShift] = {}
    for edge in edges:
        held = busiest.get(edge.callee)
        if held is None or edge.calls > held.calls:
            busiest[edge.callee] = edge
    return [
        RateEntry(
            component=e.callee,
            error_rate=e.errors,
            normal_error_rate=e.errors_before,
            latency_ms=round(e.p95, 3),
            normal_latency_ms=round(e.p95_before, 3) if e.calls_before else None,
            abnormal=e.failing or e.slow,
        )
        for e in busiest.values()
    ]


async def _edges(look: Look) -> list[EdgeShift]:
    return _edges_in(await _calls(look), await begun_at(look), look)


async def _calls(look: Look) -> Sequence[CallStats]:
    return await need(look.world.calls, "traced calls").between(since(look), look.at)


def _edges_in(calls: Sequence[CallStats], onset: float, look: Look) -> list[EdgeShift]:
    return edges_of(calls, onset, max(onset, look.at.timestamp() - 600), look.at.timestamp())


def _gaps(calls: Sequence[CallStats], onset: float, look: Look) -> list[Gap]:
    """Since the trouble began, or since the last action took hold."""
    periods = periods_of(look)
    begun = min(onset, periods.alert_at - TRACED_S)
    fresh = begun if periods.acted_at is None else max(onset, min(periods.acted_at + 60, periods.now - 60))
    return [gap for gap in gaps_of(calls, fresh, periods.now) if gap.weight > TELLING]


def broken_off(edges: Sequence[EdgeShift]) -> dict[str, list[str]]:
    """Component to the callees that it hardly calls any more, though it is called as before."""
    incoming: dict[str, list[EdgeShift]] = defaultdict(list)
    dry: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        incoming[edge.callee].append(edge)
        if edge.dried_up:
            dry[edge.caller].append(edge.callee)
    called = {name: (sum(e.calls for e in held), sum(e.calls_before for e in held)) for name, held in incoming.items()}
    return {
        name: sorted(callees)
        for name, callees in sorted(dry.items())
        if name in called and called[name][1] >= 1 and called[name][0] >= _AS_BEFORE * called[name][1]
    }


async def _api_error_rates(look: Look, arguments: OfComponent) -> Seen:
    try:
        acted = look.marks.action is not None
        entries = [_told(rate, acted=acted) for rate in _rates(await moved(look))]
    except Unavailable:
        entries = _from_edges(await _edges(look))
    if arguments.component is not None:
        entries = [e for e in entries if e.component == arguments.component]
    entries.sort(key=lambda e: (not e.abnormal, -(e.error_rate or 0.0), -(e.latency_ms or 0.0), e.component))
    bad = [e for e in entries if e.abnormal]
    if not entries:
        summary = "no component has error or latency figures"
    elif not bad:
        summary = f"errors and latency of {len(entries)} components are within their normal range"
    else:
        summary = f"{len(bad)} of {len(entries)} components are beyond normal: {some(_sentence(e) for e in bad)}"
    return Seen(ErrorRatesReading(summary=summary, entries=tuple(entries[:_MOST])))


def _sentence(entry: RateEntry) -> str:
    parts = []
    if entry.error_rate is not None and entry.error_rate > (entry.normal_error_rate or 0.0):
        parts.append(f"{entry.error_rate:.1%} errors (normally {entry.normal_error_rate or 0.0:.1%})")
    if entry.latency_ms is not None and entry.latency_ms > 1.2 * (entry.normal_latency_ms or 0.0):
        parts.append(f"{entry.latency_ms:.0f} ms (normally {entry.normal_latency_ms or 0.0:.0f} ms)")
    return f"{entry.component} " + " and ".join(parts)


async def _service_communication(look: Look, arguments: OfComponent) -> Seen:
    calls, onset = await _calls(look), await begun_at(look)
    edges, gaps = _edges_in(calls, onset, look), _gaps(calls, onset, look)
    repeats, ends = amplifications(edges), broken_off(edges)
    about = arguments.component
    if about is not None:
        edges = [e for e in edges if about in {e.caller, e.callee}]
        gaps = [g for g in gaps if about in {g.component, *g.callers}]
        repeats = [r for r in repeats if about in {r.caller, r.callee}]
        ends = {name: callees for name, callees in ends.items() if about in {name, *callees}}
    reading = CommunicationReading(
        summary="",
        edges=tuple(map(_edge_told, edges[:_MOST])),
        waits=tuple(
            WaitEntry(component=g.component, callers=g.callers[:5], ms=round(g.ms), usual_ms=round(g.usual)) for g in gaps[:3]
        ),
        repeats=tuple(RepeatEntry(caller=r.caller, callee=r.callee, times=round(r.times, 2)) for r in repeats[:5]),
        broken_off=tuple(BrokenOffEntry(component=n, callees=tuple(c[:5])) for n, c in list(ends.items())[:5]),
    )
    return Seen(reading.model_copy(update={"summary": _communication(reading, edges, look)}))


def _communication(reading: CommunicationReading, edges: Sequence[EdgeShift], look: Look) -> str:
    """What the edges show, in one sentence."""
    bad = [e for e in edges if e.abnormal]
    if not edges:
        parts = [f"no calls were traced both before the trouble and since, within {_minutes(look):.0f} minutes"]
    elif not bad:
        parts = [f"{len(edges)} edges between components are as before"]
    else:
        parts = [f"{len(bad)} of {len(edges)} edges are abnormal: {some(map(_trouble, bad))}"]
    parts += [
        f"{some(w.callers, 3)} wait {w.ms:.0f} ms more on a call around {w.component} than was worked on it "
        f"({w.usual_ms:.0f} ms are usual)"
        for w in reading.waits
    ]
    parts += [f"{r.caller} calls {r.callee} {r.times:.1f} times as often for as many requests" for r in reading.repeats]
    parts += [f"{b.component} is called as before but hardly calls {some(b.callees, 3)} any more" for b in reading.broken_off]
    return "; ".join(parts)


def _edge_told(edge: EdgeShift) -> EdgeEntry:
    return EdgeEntry(
        caller=edge.caller,
        callee=edge.callee,
        calls_per_min=round(edge.calls, 3),
        calls_per_min_before=round(edge.calls_before, 3),
        error_share=edge.errors,
        error_share_before=edge.errors_before,
        p95_ms=round(edge.p95, 3),
        p95_ms_before=round(edge.p95_before, 3),
        abnormal=edge.abnormal,
        dry=edge.dried_up and not (edge.failing or edge.slow),
    )


def _minutes(look: Look) -> float:
    return (periods_of(look).now - since(look).timestamp()) / 60


def _trouble(edge: EdgeShift) -> str:
    name = f"{edge.caller or 'users'} → {edge.callee}"
    if edge.failing:
        return f"{name} fails {edge.errors or 0.0:.0%}"
    return f"{name} takes {edge.p95:.0f} ms (before {edge.p95_before:.0f})" if edge.slow else f"{name} has run dry"


API_ERROR_RATES = Tool(
    name="api_error_rates",
    description="Error share and latency of each component, now and before the trouble, abnormal ones first.",
    arguments=OfComponent,
    run=_api_error_rates,
)
SERVICE_COMMUNICATION = Tool(
    name="service_communication",
    description="Calls between components now and before: failing, slow, dried-up and multiplied edges, and callers that wait.",
    arguments=OfComponent,
    run=_service_communication,
)
