"""Rank: suspects over the call graph, from everything a Case holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nexus.analysis.blame import alias_of, crowded, is_address, suspicion_of, unwell_on
from nexus.analysis.case import STRONG, Case, Clue, Ranking, Sign, Suspicion
from nexus.analysis.causes import Known, judge, suspect_change
from nexus.analysis.patterns import Pattern
from nexus.analysis.profile import Profile, is_shared
from nexus.analysis.ramp import filling_since
from nexus.analysis.scene import Scene, scene_of
from nexus.incident import Cause

_LEAST = 0.15
"""Scores below this are not worth a line."""
_MOST = 15
_CLUES = 4
_HIDING, _BELOW, _ABOVE = 3, 0.3, 0.2
"""The first suspects whose neighbours are listed, and what a callee and a caller get of their score."""
_CHANGED = ("deployment", "config", "flag", "infrastructure")


def rank_suspects(case: Case) -> Ranking:
    """Components that may be where it began, best first; empty when nothing moved."""
    scene = scene_of(case)
    if not scene.moved:
        return Ranking()
    found = sorted((s for s in (_suspect(name, scene) for name in scene.profiles) if s is not None), key=_order)
    found = sorted(_with_neighbours(found, scene), key=_order)[:_MOST]
    return Ranking(tuple(found), scene.onset if found else None, _separation(found))


def _with_neighbours(found: Sequence[Suspicion], scene: Scene) -> list[Suspicion]:
    """A fault may hide in those whom the first suspects call or are called by: weak ones gain by it, silent ones are listed."""
    near = _near(found[:_HIDING], scene)
    most = 0.9 * STRONG
    shown = [
        replace(s, score=round(min(max(s.score, most), s.score + near[s.component][0]), 4)) if s.component in near else s
        for s in found
    ]
    silent = near.keys() - {s.component for s in found}
    return shown + [_silent(name, min(near[name][0], most), near[name][1]) for name in sorted(silent) if near[name][0] > _LEAST]


def _near(first: Sequence[Suspicion], scene: Scene) -> dict[str, tuple[float, str]]:
    """(what it gains, beside whom) for everyone next to one of the first."""
    near: dict[str, tuple[float, str]] = {}
    for suspicion in first:
        for side, part in ((scene.graph.callees, _BELOW), (scene.graph.callers, _ABOVE)):
            beside = side.get(suspicion.component, ())
            for name in beside:
                gain = part * suspicion.score / len(beside) ** 0.5
                if not is_address(name) and gain > near.get(name, (0.0, ""))[0]:
                    near[name] = gain, suspicion.component
    return near


def _silent(component: str, score: float, beside: str) -> Suspicion:
    return Suspicion(
        component=component,
        score=round(score, 4),
        cause=Cause.CODE_BUG,
        cause_confidence=0.2,
        onset=None,
        mechanism=None,
        change=None,
        clues=(Clue("graph", f"it shows nothing itself, and is next to {beside}"),),
    )


def _order(suspicion: Suspicion) -> tuple[float, str]:
    return -suspicion.score, suspicion.component


def _separation(found: Sequence[Suspicion]) -> float:
    if not found:
        return 0.0
    second = found[1].score if len(found) > 1 else 0.0
    return float(min(1.0, max(0.0, 1 - second / found[0].score)))


def _suspect(name: str, scene: Scene) -> Suspicion | None:
    profile, case = scene.profiles[name], scene.case
    if name == "" or (name not in scene.graph.callees and name not in scene.graph.callers and _is_everyone(name, scene)):
        return None
    half_way = scene.half_way.get(name, 0.0)
    score, share, culprit = suspicion_of(profile, scene.profiles, scene.graph, half_way)
    score *= 1 - crowded(profile, scene.profiles, case.hosts)
    if profile.saturation > 0:
        score += 0.5 * len(unwell_on(case.hosts.get(name, ()), scene.profiles))
    patterns, signs = scene.patterns.get(name, ()), scene.signs.get(name, ())
    told = max(0.35 * min(4.0, sum(p.weight for p in patterns[:3]) ** 0.5), 0.7 * min(8.0, profile.complaints)) * (
        1 - profile.overrun
    )
    score += (told + 0.25 * min(8.0, profile.silence)) * (1 - 0.6 * share)
    if score < _LEAST:
        return None
    slack = scene.slack_s
    change, weight = suspect_change(name, case.changes, _began(profile, scene), slack, patterns)
    own = profile.symptom * (1 - share) + profile.saturation + profile.client + profile.amplifies + half_way
    score *= 1 + 0.9 * weight * min(1.0, own / 1.5)
    score *= _place(name, scene)
    if score < _LEAST:
        return None
    known = Known(case.kinds.get(name), (change, weight if own > 0.5 else 0.0), signs, patterns, traced=bool(case.calls))
    verdict = judge(profile, known)
    return Suspicion(
        component=name,
        score=round(score, 4),
        cause=verdict.cause,
        cause_confidence=round(verdict.confidence, 3),
        onset=profile.onset if profile.onset is not None else min((s.since for s in signs if s.since), default=None),
        mechanism=verdict.mechanism,
        change=change.id if change is not None and weight >= 0.25 and own > 0.5 else None,
        clues=_clues(profile, verdict.reason, signs, patterns, culprit if share > 0.3 else None),
    )


def _began(profile: Profile, scene: Scene) -> float:
    """When the component's trouble began: with its symptoms, or with a resource that has been filling since long before them."""
    ramps = (filling_since(s.series, scene.case.now) for s in profile.shifts if not is_shared(s.series.metric))
    symptoms = min(profile.onset or scene.onset, scene.onset + scene.slack_s)
    return min((ramp for ramp in ramps if ramp is not None), default=symptoms)


def _is_everyone(name: str, scene: Scene) -> bool:
    """Whether the name is a series of all users' requests rather than of a component: outside a graph that is known."""
    return (
        bool(scene.graph.callees)
        and name not in scene.signs
        and name not in scene.case.kinds
        and name != scene.case.alert_service
    )


def _place(name: str, scene: Scene) -> float:
    """Less for what the alerted service does not reach, and for what is only an address of a component that is itself unwell."""
    factor = 1.0
    alerted = scene.case.alert_service
    if alerted is not None and alerted in scene.graph.callees and name != alerted and name not in scene.signs:
        factor = 1.0 if name in scene.graph.below(alerted, 8) else 0.6
    if is_address(name):
        unwell = [n for n, p in scene.profiles.items() if p.symptom + p.saturation > 0]
        factor *= 0.3 if alias_of(name, unwell) else 0.7
    return factor


def _clues(
    profile: Profile, verdict: str, signs: Sequence[Sign], patterns: Sequence[Pattern], culprit: str | None
) -> tuple[Clue, ...]:
    """Its own clues: what was seen directly, its strongest series, calls and logs, and what speaks against it."""
    told = [Clue("probe", s.detail) for s in signs[:2]]
    strongest = [s for s in profile.shifts if s.moved and s.harmful][:3]
    told += [
        Clue(
            "metrics",
            f"{s.series.metric} {s.before:.4g} → {s.after:.4g} {s.series.unit}".rstrip(),
            ((s.component, s.series.metric),),
        )
        for s in strongest
    ]
    told += profile.clues[:_CLUES]
    if not any(clue.lines for clue in told):
        told += [Clue("logs", f"log: {p.template[:100]}", lines=(p.example,)) for p in patterns[:1]]
    told.append(Clue("changes" if verdict.startswith(_CHANGED) else "graph", verdict))
    if culprit is not None:
        told.append(Clue("graph", f"partly explained by {culprit}"))
    return _once(told)


def _once(clues: Iterable[Clue]) -> tuple[Clue, ...]:
    """The first of those that say the same."""
    found: dict[str, Clue] = {}
    for clue in clues:
        found.setdefault(clue.text, clue)
    return tuple(found.values())
