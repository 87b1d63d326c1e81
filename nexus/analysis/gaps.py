"""Gaps: callers that wait much longer for a callee than the callee works; the difference is spent between them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nexus.world.calls import CallStats

_PREFIX = re.compile(r"^(/|grpc\.|http\.)+")
_METHOD = re.compile(r"^(HTTP )?(GET|PUT|POST|PATCH|DELETE|HEAD)$")


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in ms that calls to `callee` spend between caller and callee; `usual` is what other edges spend."""

    callee: str
    callers: tuple[str, ...]
    ms: float
    usual: float

    @property
    def times(self) -> float:
        """How many times the usual."""
        return self.ms / max(self.usual, 5.0)


def _mean(calls: Sequence[CallStats]) -> float:
    total = sum(c.count for c in calls)
    return sum(c.p50_ms * c.count for c in calls) / total if total else 0.0


def gaps_of(calls: Iterable[CallStats], fresh_from: float, now: float) -> list[Gap]:
    """Callees behind an unusual gap, widest first; needs traces that hold both ends of a call.

    A caller's own span is matched by its operation's name; where it only says the HTTP method, its slowest twentieth is compared
    with that of all it called, and a callee that two callers wait for is suspected.
    """
    inner: dict[str, list[CallStats]] = defaultdict(list)
    outer: dict[tuple[str, str], list[CallStats]] = defaultdict(list)
    for call in calls:
        if fresh_from <= call.at.timestamp() <= now and call.caller:
            if call.caller == call.callee:
                inner[call.caller].append(call)
            else:
                outer[call.caller, call.callee].append(call)
    exact = _exact(inner, outer)
    if exact:
        usual = float(np.median([ms for _, _, ms in exact]))
        return _gathered(((callee, caller, ms) for callee, caller, ms in exact if ms >= 50 and ms >= 5 * max(usual, 5.0)), usual)
    return [gap for gap in _gathered(_by_method(inner, outer), 50.0) if len(gap.callers) >= 2]


def _exact(
    inner: Mapping[str, Sequence[CallStats]], outer: Mapping[tuple[str, str], Sequence[CallStats]]
) -> list[tuple[str, str, float]]:
    found = []
    for (caller, callee), held in outer.items():
        for operation in {_PREFIX.sub("", c.operation) for c in held}:
            spans = [c for c in inner.get(caller, ()) if _PREFIX.sub("", c.operation) == operation]
            if spans:
                served = [c for c in held if _PREFIX.sub("", c.operation) == operation]
                found.append((callee, caller, max(0.0, _mean(spans) - _mean(served))))
    return found


def _by_method(
    inner: Mapping[str, Sequence[CallStats]], outer: Mapping[tuple[str, str], Sequence[CallStats]]
) -> list[tuple[str, str, float]]:
    found = []
    for caller, spans in inner.items():
        waited = [c.p95_ms for c in spans if _METHOD.match(c.operation) and c.count >= 5]
        served = [c.p95_ms for (by, _), held in outer.items() if by == caller for c in held]
        if waited and served and max(waited) - max(served) >= 200 and max(waited) >= 3 * max(served):
            callees = [callee for by, callee in outer if by == caller]
            found += [(callee, caller, max(waited) - max(served)) for callee in callees]
    return found


def _gathered(found: Iterable[tuple[str, str, float]], usual: float) -> list[Gap]:
    by_callee: dict[str, dict[str, float]] = defaultdict(dict)
    for callee, caller, ms in found:
        by_callee[callee][caller] = max(ms, by_callee[callee].get(caller, 0.0))
    gaps = [Gap(callee, tuple(sorted(by)), float(np.mean(list(by.values()))), usual) for callee, by in by_callee.items()]
    return sorted(gaps, key=lambda g: (-len(g.callers), -g.ms, g.callee))
