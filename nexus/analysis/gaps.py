"""Gaps: callers that wait much longer for a callee than the callee works; the difference is spent between them.

A caller's own (client) spans are held against the spans that its callees served. Where the caller's spans name the operation
each is matched by it; where they only name the HTTP method, all of them together are held against the mixture of all that was
served. Then each component is tried as the one whose network is slow: every call into it, or every call that it makes, takes a
delay more. The one that explains most of what callers wait in excess is the suspect.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nexus.world.calls import CallStats
from nexus.world.metrics import Floats

_PREFIX = re.compile(r"^(/|grpc\.|http\.)+")
_METHOD = re.compile(r"^(HTTP )?(GET|PUT|POST|PATCH|DELETE|HEAD)$")
_POINTS = (np.arange(20) + 0.5) / 20
_LOOKED_AT = np.array([0.3, 0.5, 0.7, 0.85, 0.95])
_DELAYS: Floats = np.array([30.0 * 1.35**n for n in range(16)])
"""Milliseconds that are tried, 30 to 2,700."""
_PLAIN = 30.0
"""Milliseconds between caller and callee that are nothing to speak of."""
_LEAST_SHARE = 0.15
"""Of all callers' excess, from which a delay is worth naming."""
TELLING = 0.25
"""A gap's weight from which it is more than any network's noise."""
TRACED_S = 150.0
"""Seconds before the alert within which traces are searched for the moment when a gap began."""
_STARTS = 4
_LEAST_CALLS = 5
_NOTICED = 0.25
"""Excess, in natural logarithms, from which a caller's wait counts as unexplained."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A delay of `ms` on the calls into or out of `component`; `usual` is what it was before, or is elsewhere, in ms.

    `explained`, 0 to 1, is the share of all callers' excess that it accounts for, less where others would account for it as well.
    """

    component: str
    callers: tuple[str, ...]
    ms: float
    usual: float
    explained: float

    @property
    def weight(self) -> float:
        """How telling: what it explains, by how many times longer than usual it is, in natural logarithms."""
        return self.explained * math.log(max(1.0, self.ms / self.usual))


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well a delay at one component explains the callers' waits; gains by caller."""

    component: str
    ms: float
    gains: Mapping[str, float]

    @property
    def gain(self) -> float:
        """Over all callers."""
        return sum(self.gains.values())

    def alone(self, others: Iterable[_Fit]) -> float:
        """0 to 1: how much of its gain no other component would have as well."""
        rival = sum(sum(min(g, o.gains.get(c, 0.0)) for c, g in self.gains.items()) for o in others if o is not self)
        return self.gain / (self.gain + rival)


@dataclass(frozen=True, slots=True)
class _Wait:
    """What one caller waited, and what its callees served meanwhile; rows are quantiles in ms."""

    caller: str
    callees: tuple[str, ...]
    """One for each row of `served`."""
    waited: Floats
    served: Floats
    weights: Floats
    calls: float

    def expected(self, delays: Floats, rows: Floats) -> Floats:
        """Quantiles of what was served with each of the delays added to those rows; one row of quantiles a delay."""
        late = delays[:, None, None] * rows[None, :, None]
        return _quantiles(self.served[None] + late, self.weights)


def _row(call: CallStats) -> Floats:
    """Twenty equally likely values in ms from half the median to the maximum, straight in logarithms between what is known."""
    known = np.log(np.maximum.accumulate(np.maximum([0.5 * call.p50_ms, call.p50_ms, call.p95_ms, call.max_ms], 0.05)))
    values: Floats = np.exp(np.interp(_POINTS, [0.0, 0.5, 0.95, 1.0], known))
    return values


def _quantiles(rows: Floats, weights: Floats) -> Floats:
    """Of each weighted set of rows, (sets, rows, values) to (sets, quantiles)."""
    values = rows.reshape(rows.shape[0], -1)
    shares = np.repeat(weights, rows.shape[2])
    order = values.argsort(axis=1)
    heap = np.cumsum(shares[order], axis=1)
    places = (heap[:, None, :] < (_LOOKED_AT * heap[0, -1])[None, :, None]).sum(axis=2)
    found: Floats = np.take_along_axis(np.take_along_axis(values, order, axis=1), places, axis=1)
    return found


def _waits(calls: Iterable[CallStats], fresh_from: float, now: float) -> list[_Wait]:
    """By caller and operation where the client's spans name it, else by caller."""
    spans: dict[str, list[CallStats]] = defaultdict(list)
    served: dict[str, list[CallStats]] = defaultdict(list)
    for call in calls:
        if fresh_from <= call.at.timestamp() <= now and call.caller:
            (spans if call.caller == call.callee else served)[call.caller].append(call)
    found = []
    for caller in sorted(served):
        by_operation: dict[str, list[CallStats]] = defaultdict(list)
        for call in served[caller]:
            by_operation[_PREFIX.sub("", call.operation)].append(call)
        named = {n: [c for c in spans[caller] if _PREFIX.sub("", c.operation) == n] for n in by_operation}
        found += [_wait(caller, own, by_operation[n]) for n, own in sorted(named.items()) if own]
        rest = [c for n, own in named.items() if not own for c in by_operation[n]]
        generic = [c for c in spans[caller] if _METHOD.match(c.operation)]
        if rest and generic:
            found.append(_wait(caller, generic, rest))
    return [wait for wait in found if wait.calls >= _LEAST_CALLS]


def _wait(caller: str, spans: Sequence[CallStats], served: Sequence[CallStats]) -> _Wait:
    asked = np.array([c.count for c in spans])
    return _Wait(
        caller=caller,
        callees=tuple(c.callee for c in served),
        waited=_quantiles(np.array([_row(c) for c in spans])[None], asked)[0],
        served=np.array([_row(c) for c in served]),
        weights=np.array([c.count for c in served]),
        calls=float(min(asked.sum(), sum(c.count for c in served))),
    )


def _misfit(waited: Floats, expected: Floats, usual: float) -> Floats:
    """Mean distance of the quantiles in natural logarithms, blind to differences of a few ms, one for each row expected."""
    distance: Floats = np.abs(np.log((waited + 10.0) / (expected + usual + 10.0))).mean(axis=-1)
    return distance


def gaps_of(calls: Iterable[CallStats], fresh_from: float, now: float) -> list[Gap]:
    """Components behind an unusual gap that began at or after `fresh_from`, most telling first.

    Empty where traces lack one end of the calls. The gap began with the minute from which it tells most.
    """
    return list(_gaps(tuple(call for call in calls if call.at.timestamp() <= now), fresh_from))


@lru_cache(maxsize=8)
def _gaps(calls: tuple[CallStats, ...], fresh_from: float) -> tuple[Gap, ...]:
    """Several agents look at the same minutes at once."""
    minutes = sorted({c.at.timestamp() for c in calls if c.at.timestamp() >= fresh_from})
    starts = [fresh_from, *minutes[1:]][:_STARTS]
    found = [_since(calls, start, max(minutes, default=fresh_from)) for start in starts]
    best: list[Gap] = max(found, key=_lead)
    return tuple(best)


def _lead(gaps: Sequence[Gap]) -> float:
    return gaps[0].weight if gaps else 0.0


def _since(calls: Sequence[CallStats], start: float, now: float) -> list[Gap]:
    fits, excess, usual = _fits(_waits(calls, start, now))
    past = {f.component: f.ms for f in _fits(_waits(calls, 0.0, start - 60.0))[0]}
    found = [
        Gap(
            component=fit.component,
            callers=tuple(sorted(c for c, gain in fit.gains.items() if gain >= 0.1 * fit.gain)),
            ms=fit.ms,
            usual=max(_PLAIN, usual, past.get(fit.component, 0.0)),
            explained=min(1.0, fit.gain / excess) * fit.alone(fits),
        )
        for fit in fits
    ]
    return sorted((g for g in found if g.weight > 0), key=lambda g: (-g.weight, g.component))


def _fits(waits: Sequence[_Wait]) -> tuple[list[_Fit], float, float]:
    """(what each component's delay would explain, all callers' excess, the usual time on the network in ms)."""
    if not waits:
        return [], 0.0, 0.0
    still = [w.expected(np.zeros(1), np.zeros(len(w.callees)))[0] for w in waits]
    usual = float(np.clip(np.median([(w.waited - s)[1] for w, s in zip(waits, still, strict=True)]), 0.0, _PLAIN))
    before = np.array([float(_misfit(w.waited, s, usual)) for w, s in zip(waits, still, strict=True)])
    longer = np.array([(w.waited - s).mean() > 20.0 for w, s in zip(waits, still, strict=True)]) & (before >= _NOTICED)
    weights = np.array([np.sqrt(w.calls) for w in waits])
    excess = float((weights * before)[longer].sum())
    touched: dict[str, list[int]] = defaultdict(list)
    for number, wait in enumerate(waits):
        for component in {wait.caller, *wait.callees}:
            touched[component].append(number)
    fits = [
        _fit(component, [waits[n] for n in own], before[own], weights[own], usual)
        for component, own in sorted(touched.items())
        if longer[own].any()
    ]
    return [f for f in fits if f.gain > _LEAST_SHARE * excess], excess, usual


def _fit(component: str, waits: Sequence[_Wait], before: Floats, weights: Floats, usual: float) -> _Fit:
    """The delay, and the direction, that fit best."""
    into = [np.array([c == component for c in w.callees], dtype=float) for w in waits]
    out = [np.full(len(w.callees), float(w.caller == component)) for w in waits]
    best = _Fit(component, 0.0, {})
    for masks in (into, out, [np.maximum(i, o) for i, o in zip(into, out, strict=True)]):
        gains: dict[str, Floats] = defaultdict(lambda: np.zeros(_DELAYS.size))
        for wait, mask, was, weight in zip(waits, masks, before, weights, strict=True):
            if mask.any():
                gains[wait.caller] = gains[wait.caller] + weight * (
                    was - _misfit(wait.waited, wait.expected(_DELAYS, mask), usual)
                )
        total = sum(gains.values(), np.zeros(_DELAYS.size))
        chosen = int(np.argmax(total))
        if total[chosen] > best.gain:
            best = _Fit(component, float(_DELAYS[chosen]), {caller: float(gain[chosen]) for caller, gain in gains.items()})
    return _Fit(component, best.ms, {c: g for c, g in best.gains.items() if g > 0})
