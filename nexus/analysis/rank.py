"""Rank: suspects over the call graph, from everything a Case holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nexus.analysis.blame import Graph, alias_of, crowded, is_address, starved, suspicion_of, unwell_on
from nexus.analysis.case import Case, Periods, Ranking, Sign, Suspicion
from nexus.analysis.causes import judge, suspect_change
from nexus.analysis.edges import EdgeShift, edges_of
from nexus.analysis.gaps import Gap, gaps_of
from nexus.analysis.patterns import Pattern, patterns_of
from nexus.analysis.profile import Profile, is_shared, profiles_of, strength
from nexus.analysis.ramp import filling_since
from nexus.analysis.shift import Shift, onset_of, shifts_of

_LEAST = 1.2
"""Scores below this are noise."""
_MOST = 15


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each kind of telemetry showed."""

    shifts: Sequence[Shift]
    edges: Sequence[EdgeShift]
    patterns: Sequence[Pattern]
    gaps: Sequence[Gap]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is shared by all components of one case."""

    case: Case
    profiles: Mapping[str, Profile]
    graph: Graph
    patterns: Mapping[str, Sequence[Pattern]]
    signs: Mapping[str, Sequence[Sign]]
    half_way: Mapping[str, float]
    onset: float
    slack_s: float


def rank_suspects(case: Case) -> Ranking:
    """Components that may be where it began, best first; empty when nothing moved."""
    periods = Periods(case.alert_at, case.now, case.acted_at)
    shifts = shifts_of(case.series, case.baseline, periods)
    if case.acted_at is not None:
        shifts = [s for s in shifts if s.now or not s.moved]
    onset = onset_of(shifts)
    since = [s.since for s in case.signs if s.since is not None]
    begun = onset if onset is not None else min(since, default=case.alert_at)
    fresh = begun if case.acted_at is None else max(begun, min(case.acted_at + 60, case.now - 60))
    edges = edges_of(case.calls, begun, max(fresh, case.now - 600), case.now)
    patterns = patterns_of([e for e in case.lines if not begun <= e.at.timestamp() < fresh], begun, case.now)
    gaps = gaps_of(case.calls, min(begun, case.now - 300), case.now)
    if onset is None and not (case.signs or gaps or any(p.weight >= 3 for p in patterns) or any(e.failing for e in edges)):
        return Ranking()
    scene = _scene(case, _Seen(shifts, edges, patterns, gaps), begun)
    found = sorted((s for s in (_suspect(name, scene) for name in scene.profiles) if s is not None), key=_order)[:_MOST]
    return Ranking(tuple(found), begun if found else None, _separation(found))


def _order(suspicion: Suspicion) -> tuple[float, str]:
    return -suspicion.score, suspicion.component


def _separation(found: Sequence[Suspicion]) -> float:
    if not found:
        return 0.0
    second = found[1].score if len(found) > 1 else 0.0
    return float(min(1.0, max(0.0, 1 - second / found[0].score)))


def _scene(case: Case, seen: _Seen, onset: float) -> _Scene:
    shifts, edges, patterns, gaps = seen.shifts, seen.edges, seen.patterns, seen.gaps
    graph = Graph.of(case.edges or [(e.caller, e.callee) for e in edges], case.hosts)
    by_component: dict[str, list[Pattern]] = defaultdict(list)
    for pattern in patterns:
        callees = (n for n in graph.below(pattern.component, 2) if case.kinds.get(n) != "queue")
        named = [n for n in callees if len(n) >= 4 and n in pattern.example]
        for component in named or [pattern.component]:
            by_component[component].append(pattern)
    signs: dict[str, list[Sign]] = defaultdict(list)
    blocked: dict[str, str] = {}
    for sign in case.signs:
        consumers = _complaining(sign, case, graph, by_component)
        blocked.update(dict.fromkeys(consumers, sign.component))
        for component in consumers or (sign.component,):
            signs[component].append(sign)
    profiles = profiles_of(shifts, [*signs, *by_component, *(g.callee for g in gaps)])
    _take_edges(profiles, edges)
    for gap in gaps:
        profiles[gap.callee].gap = strength(3 + gap.times) * min(1.0, 0.4 + 0.2 * len(gap.callers))
    for consumer, queue in blocked.items():
        _hand_over(profiles, queue, consumer)
    for component, held in signs.items():
        lead = max(s.strength for s in held)
        profiles[component].saturation = max(profiles[component].saturation, 4.5 * lead)
        profiles[component].seen = lead
    steps = [float(np.median(np.diff(s.times))) for s in case.series[:20] if s.times.size > 1]
    slack = max(60.0, 0.5 * float(np.median(steps))) if steps else 60.0
    return _Scene(case, profiles, graph, by_component, signs, starved(profiles, graph), onset, slack)


def _hand_over(profiles: dict[str, Profile], queue: str, consumer: str) -> None:
    """A backlog is its blocked consumer's trouble, not the queue's own."""
    held = profiles.get(queue)
    if held is not None:
        profiles[consumer].saturation = max(profiles[consumer].saturation, held.saturation)
        profiles[consumer].latency = max(profiles[consumer].latency, 0.5 * held.latency)
        held.saturation, held.latency = 0.2 * held.saturation, 0.2 * held.latency


def _complaining(sign: Sign, case: Case, graph: Graph, patterns: Mapping[str, Sequence[Pattern]]) -> tuple[str, ...]:
    """Who stands behind a queue's backlog: those around it that complain about it in their log."""
    if sign.mechanism != "queue" or case.kinds.get(sign.component) != "queue":
        return ()
    around = graph.callers.get(sign.component, ())
    return tuple(n for n in around if any(sign.component in p.example for p in patterns.get(n, ())))


def _take_edges(profiles: dict[str, Profile], edges: Sequence[EdgeShift]) -> None:
    """What traced calls say of a callee counts like its own series."""
    for edge in edges:
        profile = profiles.setdefault(edge.callee, Profile(edge.callee))
        if edge.failing:
            share = (edge.errors or 0.0) - (edge.errors_before or 0.0)
            profile.errors = max(profile.errors, strength(3 + 60 * share))
        if edge.slow:
            profile.latency = max(profile.latency, strength(3 + 2 * edge.p95 / edge.p95_before))


def _suspect(name: str, scene: _Scene) -> Suspicion | None:
    profile, case = scene.profiles[name], scene.case
    if name == "" or (name not in scene.graph.callees and name not in scene.graph.callers and _is_everyone(name, scene)):
        return None
    half_way = scene.half_way.get(name, 0.0)
    score, share, culprit = suspicion_of(profile, scene.profiles, scene.graph, half_way)
    score *= 1 - crowded(profile, scene.profiles, case.hosts)
    if profile.saturation > 0:
        score += 0.5 * len(unwell_on(case.hosts.get(name, ()), scene.profiles))
    patterns, signs = scene.patterns.get(name, ()), scene.signs.get(name, ())
    score += 0.35 * min(4.0, sum(p.weight for p in patterns[:3]) ** 0.5) * (1 - 0.6 * share)
    if score < _LEAST:
        return None
    slack = scene.slack_s
    change, weight = suspect_change(name, case.changes, _began(profile, scene), slack, patterns)
    own = profile.symptom * (1 - share) + profile.saturation + profile.client + half_way
    score *= 1 + 0.9 * weight * min(1.0, own / 1.5)
    score *= _place(name, scene)
    if score < _LEAST:
        return None
    verdict = judge(profile, case.kinds.get(name), (change, weight if own > 0.5 else 0.0), signs, patterns)
    return Suspicion(
        component=name,
        score=round(score, 4),
        cause=verdict.cause,
        cause_confidence=round(verdict.confidence, 3),
        onset=profile.onset if profile.onset is not None else min((s.since for s in signs if s.since), default=None),
        mechanism=verdict.mechanism,
        change=change.id if change is not None and weight >= 0.25 and own > 0.5 else None,
        reasons=_reasons(profile, verdict.reason, signs, patterns, culprit if share > 0.3 else None),
    )


def _began(profile: Profile, scene: _Scene) -> float:
    """When the component's trouble began: with its symptoms, or with a resource that has been filling since long before them."""
    ramps = (filling_since(s.series, scene.case.now) for s in profile.shifts if not is_shared(s.series.metric))
    symptoms = min(profile.onset or scene.onset, scene.onset + scene.slack_s)
    return min((ramp for ramp in ramps if ramp is not None), default=symptoms)


def _is_everyone(name: str, scene: _Scene) -> bool:
    """Whether the name is a series of all users' requests rather than of a component: outside a graph that is known."""
    return (
        bool(scene.graph.callees)
        and name not in scene.signs
        and name not in scene.case.kinds
        and name != scene.case.alert_service
    )


def _place(name: str, scene: _Scene) -> float:
    """Less for what the alerted service does not reach, and for what is only an address of a component that is itself unwell."""
    factor = 1.0
    alerted = scene.case.alert_service
    if alerted is not None and alerted in scene.graph.callees and name != alerted and name not in scene.signs:
        factor = 1.0 if name in scene.graph.below(alerted, 8) else 0.6
    if is_address(name):
        unwell = [n for n, p in scene.profiles.items() if p.symptom + p.saturation > 0]
        factor *= 0.3 if alias_of(name, unwell) else 0.7
    return factor


def _reasons(
    profile: Profile, verdict: str, signs: Sequence[Sign], patterns: Sequence[Pattern], culprit: str | None
) -> tuple[str, ...]:
    told = [s.detail for s in signs[:2]]
    strongest = [s for s in profile.shifts if s.moved and s.harmful][:3]
    told += [f"{s.series.metric} {s.before:.4g} → {s.after:.4g} {s.series.unit}".rstrip() for s in strongest]
    told += [f"log: {p.template[:100]}" for p in patterns[:1]]
    told.append(verdict)
    if culprit is not None:
        told.append(f"partly explained by {culprit}")
    return tuple(dict.fromkeys(told))
