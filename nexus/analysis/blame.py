"""Blame: how much of a component's trouble its callees explain, and how much its callers' trouble speaks against it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nexus.analysis.profile import Profile, in_ms, is_waiting, strength
from nexus.world.metrics import MetricKind

_ADDRESS = re.compile(r"[\w-]+\.[\w-]+\.[a-z]{2,}|\d+\.\d+\.\d+\.\d+|(_|-)(remote|client)$", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z]{4,}")
_REACH = 4


@dataclass(frozen=True, slots=True)
class Graph:
    """The call graph with hosts as callees of what runs on them."""

    callees: Mapping[str, tuple[str, ...]]
    callers: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, edges: Iterable[tuple[str, str]], hosts: Mapping[str, Sequence[str]]) -> Graph:
        """From (caller, callee) edges and node to components."""
        down: dict[str, set[str]] = defaultdict(set)
        up: dict[str, set[str]] = defaultdict(set)
        hosted = [(component, node) for node, components in hosts.items() for component in components]
        for caller, callee in [*edges, *hosted]:
            if caller and callee and caller != callee:
                down[caller].add(callee)
                up[callee].add(caller)
        return cls({k: tuple(sorted(v)) for k, v in down.items()}, {k: tuple(sorted(v)) for k, v in up.items()})

    def below(self, component: str, reach: int = _REACH) -> dict[str, int]:
        """Everything that it calls, directly or not, with the number of calls between; at most `reach`."""
        return self._walk(component, self.callees, reach)

    def above(self, component: str, reach: int = _REACH) -> dict[str, int]:
        """Everything that calls it, directly or not."""
        return self._walk(component, self.callers, reach)

    @staticmethod
    def _walk(start: str, steps: Mapping[str, tuple[str, ...]], reach: int) -> dict[str, int]:
        found: dict[str, int] = {}
        border = [start]
        for distance in range(1, reach + 1):
            border = sorted({after for at in border for after in steps.get(at, ())} - found.keys() - {start})
            found.update(dict.fromkeys(border, distance))
        return found


def _deltas(profile: Profile, kinds: tuple[MetricKind, ...]) -> dict[str, float]:
    return {s.series.metric: abs(s.after - s.before) for s in profile.of(*kinds)}


_LATENCY = (MetricKind.LATENCY,)
_FAILURES = (MetricKind.ERRORS, MetricKind.AVAILABILITY)


def _ratio(caller: Profile, callee: Profile, kinds: tuple[MetricKind, ...], felt: float, given: float) -> float:
    """How much of the caller's rise the callee's own rise accounts for, in the metric's unit where both have the same one."""
    if felt == 0 or given == 0:
        return 0.0
    theirs, its = _deltas(callee, kinds), _deltas(caller, kinds)
    shared = [(its[m], theirs[m]) for m in its.keys() & theirs.keys() if not is_waiting(m) and its[m] > 0]
    if shared:
        return min(1.0, max(1.0 * t / c for c, t in shared))
    return min(1.0, given / felt) * 0.85


def _by_network(caller: Profile, callee: Profile) -> float:
    """How much of the caller's latency the slow network of the callee accounts for."""
    if caller.latency == 0 or callee.gap + callee.link == 0:
        return 0.0
    rise = max((in_ms(s) for s in caller.of(MetricKind.LATENCY)), default=0.0)
    by_gap = min(1.0, callee.gap_ms / rise) if callee.gap > 0 and rise > 0 else 0.0
    return max(by_gap, min(1.0, callee.link / caller.latency) * 0.85)


def explained_by(caller: Profile, callee: Profile, distance: int) -> float:
    """0 to 1: how far the callee's trouble explains the caller's; further away explains a little less."""
    slow = _ratio(caller, callee, _LATENCY, caller.latency, callee.symptom if callee.latency else 0.0)
    slow = max(slow, _by_network(caller, callee))
    failing = _ratio(caller, callee, _FAILURES, caller.errors, callee.errors)
    if caller.errors > 0 and callee.link > callee.errors:
        failing = max(failing, 0.85 * min(1.0, callee.link / caller.errors))
    crossed = 0.8 * min(1.0, callee.symptom / caller.symptom) if caller.symptom and not (slow or failing) else 0.0
    resource = 0.0
    if caller.symptom and callee.saturation > 0 and callee.symptom == 0:
        resource = 0.6 * min(1.0, callee.saturation / caller.symptom)
    if caller.symptom and callee.seen >= 0.85 and caller.seen < callee.seen:
        resource = max(resource, 0.9 * callee.seen)
    weighed = slow if caller.latency >= caller.errors else failing
    return float(max(weighed, 0.7 * max(slow, failing), crossed, resource) * 0.95 ** (distance - 1))


def is_address(component: str) -> bool:
    """Whether the name is only where something is reached: a host name, or one side of a call."""
    return bool(_ADDRESS.search(component))


def alias_of(address: str, others: Iterable[str]) -> str | None:
    """The component that an address seems to stand for: one of its words begins, or is within, the other's name."""
    tokens = [t for t in _TOKEN.findall(address.lower()) if t not in {"remote", "client", "http", "https", "amazonaws", "com"}]
    for other in sorted(others):
        if other != address and not is_address(other) and any(len(t) >= 5 and t in other.lower() for t in tokens):
            return other
    return None


def starved(profiles: Mapping[str, Profile], graph: Graph) -> dict[str, float]:
    """Components whose callees have run dry though they themselves are still called: they stopped half way."""
    found: dict[str, float] = defaultdict(float)
    for name, profile in profiles.items():
        callers = [c for c in graph.callers.get(name, ()) if c in profiles]
        if profile.drought < 0.5 or profile.symptom > profile.drought or not callers:
            continue
        for caller in callers:
            if profiles[caller].drought < 0.5 * profile.drought:
                found[caller] = math.hypot(found[caller], profile.drought / len(callers))
    return dict(found)


def crowded(profile: Profile, profiles: Mapping[str, Profile], hosts: Mapping[str, Sequence[str]]) -> float:
    """0 to 1: how far a full host explains the component: it must be full and harm at least two of what it runs, or all."""
    share = 0.0
    for node, components in hosts.items():
        host = profiles.get(node)
        if host is None or host.saturation <= 0 or profile.component not in components:
            continue
        if len(unwell_on(components, profiles)) >= min(2, len(components)):
            share = max(share, min(0.9, 0.45 * host.saturation))
    return share


def unwell_on(components: Iterable[str], profiles: Mapping[str, Profile]) -> list[str]:
    """Those of the components that have symptoms."""
    return [name for name in components if name in profiles and profiles[name].symptom > 0]


def suspicion_of(
    profile: Profile, profiles: Mapping[str, Profile], graph: Graph, half_way: float
) -> tuple[float, float, str | None]:
    """(score, explained share, by whom): the component's own trouble, less what callees explain, plus what callers feel."""
    share, culprit = 0.0, None
    for name, distance in graph.below(profile.component).items():
        callee = profiles.get(name)
        if callee is None or (is_address(name) and alias_of(name, (profile.component,))):
            continue
        explains = explained_by(profile, callee, distance)
        if explains > share:
            share, culprit = explains, name
    felt = 0.0
    for name in graph.callers.get(profile.component, ()):
        caller = profiles.get(name)
        if caller is not None and caller.symptom > 0 and profile.symptom + profile.saturation > 0:
            felt = max(felt, explained_by(caller, profile, 1) * min(caller.symptom, strength(1e3)))
    unasked = max(0.0, profile.saturation - 0.8 * profile.surge)
    own = profile.symptom * (1 - 0.85 * share) + 0.9 * unasked + 0.8 * half_way + 0.9 * profile.amplifies
    own += (
        max(profile.gap, 0.6 * profile.link)
        + 0.3 * profile.other
        + 0.1 * profile.waiting
        + 0.15 * profile.surge
        + 0.1 * profile.drought
        + 0.15 * profile.shared
    )
    return own + 1.5 * profile.seen + 0.25 * felt, share, culprit
