"""Scene: everything that a Case shows, gathered by component, each finding with the clue that tells of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nexus.analysis.blame import Graph, starved
from nexus.analysis.case import Case, Clue, Periods, Sign
from nexus.analysis.edges import EdgeShift, amplifications, edges_of
from nexus.analysis.gaps import TELLING, TRACED_S, Gap, gaps_of
from nexus.analysis.links import unexplained_failures, unexplained_waits
from nexus.analysis.patterns import Pattern, patterns_of
from nexus.analysis.profile import Profile, is_waiting, profiles_of, strength, waited_share
from nexus.analysis.shift import Shift, onset_of, shifts_of
from nexus.analysis.streams import CLEAR, StreamShift, stream_shifts
from nexus.world.metrics import MetricKind

_WAITED = 0.6
"""Of a latency that is wholly waiting, the part that is not held against the one that waits."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shared by all components of one case; `moved`: whether anything at all did."""

    case: Case
    profiles: Mapping[str, Profile]
    graph: Graph
    patterns: Mapping[str, Sequence[Pattern]]
    signs: Mapping[str, Sequence[Sign]]
    half_way: Mapping[str, float]
    onset: float
    slack_s: float
    moved: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each kind of telemetry showed."""

    shifts: Sequence[Shift]
    edges: Sequence[EdgeShift]
    patterns: Sequence[Pattern]
    gaps: Sequence[Gap]
    streams: Sequence[StreamShift]

    @property
    def moved(self) -> bool:
        """Whether any of it is more than noise."""
        return (
            any(s.moved and s.harmful for s in self.shifts)
            or bool(self.gaps)
            or any(p.weight >= 3 for p in self.patterns)
            or any(e.failing for e in self.edges)
            or any((s.grave and s.lasts) or (s.silent and s.surprise >= CLEAR) for s in self.streams)
            or any(amplifications(self.edges))
        )


def scene_of(case: Case) -> Scene:
    """The case as its telemetry shows it."""
    shifts = shifts_of(case.series, case.baseline, Periods(case.alert_at, case.now, case.acted_at))
    if case.acted_at is not None:
        shifts = [s for s in shifts if s.now or not s.moved]
    onset = onset_of(shifts)
    since = [s.since for s in case.signs if s.since is not None]
    begun = onset if onset is not None else min(since, default=case.alert_at)
    steps = [float(np.median(np.diff(s.times))) for s in case.series[:20] if s.times.size > 1]
    step = float(np.median(steps)) if steps else 60.0
    seen = _looked_at(case, shifts, begun, step)
    graph = Graph.of(case.edges or [(e.caller, e.callee) for e in seen.edges], case.hosts)
    patterns = _about(seen.patterns, case, graph)
    signs, blocked = _signs(case, graph, patterns)
    profiles = profiles_of(shifts, [*signs, *patterns])
    _take_edges(profiles, seen.edges)
    _blame_amplifiers(profiles, seen.edges)
    _take_gaps(profiles, seen.gaps)
    _take_streams(profiles, seen.streams, case, graph)
    _take_waits(profiles, graph)
    _discount_waits(profiles)
    for consumer, queue in blocked.items():
        _hand_over(profiles, queue, consumer)
    for component, held in signs.items():
        lead = max(s.strength for s in held)
        profiles[component].saturation = max(profiles[component].saturation, 4.5 * lead)
        profiles[component].seen = lead
    half_way = starved(profiles, graph)
    _tell_half_way(profiles, half_way, seen.edges)
    moved = onset is not None or bool(case.signs) or seen.moved
    return Scene(case, profiles, graph, patterns, signs, half_way, begun, max(60.0, 0.5 * step), moved)


def _looked_at(case: Case, shifts: Sequence[Shift], begun: float, step: float) -> _Seen:
    """Each kind of telemetry since the trouble began; after an action, since that. A sample tells of the step that it ends."""
    acted = case.acted_at
    begun = min(begun - max(0.0, step - 60.0), case.alert_at - 60.0) if acted is None else begun
    fresh = begun if acted is None else max(begun, min(acted + 60, case.now - 60))
    traced = min(begun, case.alert_at - TRACED_S) if acted is None else fresh
    return _Seen(
        shifts=shifts,
        edges=edges_of(case.calls, begun, max(fresh, case.now - 600), case.now),
        patterns=patterns_of([e for e in case.lines if not begun <= e.at.timestamp() < fresh], begun, case.now),
        gaps=gaps_of(case.calls, traced, case.now),
        streams=stream_shifts(case.lines, case.calls, (begun, case.alert_at), case.now) if acted is None else (),
    )


def _named(text: str, component: str, case: Case, graph: Graph) -> list[str]:
    """Those that a complaint is about: the callees that it names, else the component itself."""
    callees = (n for n in graph.below(component, 2) if case.kinds.get(n) != "queue")
    return [n for n in callees if len(n) >= 4 and n in text] or [component]


def _about(patterns: Iterable[Pattern], case: Case, graph: Graph) -> dict[str, list[Pattern]]:
    found: dict[str, list[Pattern]] = defaultdict(list)
    for pattern in patterns:
        for component in _named(pattern.example, pattern.component, case, graph):
            found[component].append(pattern)
    return found


def _signs(case: Case, graph: Graph, patterns: Mapping[str, Sequence[Pattern]]) -> tuple[dict[str, list[Sign]], dict[str, str]]:
    """(signs by component, consumer to the queue whose backlog is its doing)."""
    signs: dict[str, list[Sign]] = defaultdict(list)
    blocked: dict[str, str] = {}
    for sign in case.signs:
        consumers = _complaining(sign, case, graph, patterns)
        blocked.update(dict.fromkeys(consumers, sign.component))
        for component in consumers or (sign.component,):
            signs[component].append(sign)
    return signs, blocked


def _complaining(sign: Sign, case: Case, graph: Graph, patterns: Mapping[str, Sequence[Pattern]]) -> tuple[str, ...]:
    """Who stands behind a queue's backlog: those around it that complain about it in their log."""
    if sign.mechanism != "queue" or case.kinds.get(sign.component) != "queue":
        return ()
    around = graph.callers.get(sign.component, ())
    return tuple(n for n in around if any(sign.component in p.example for p in patterns.get(n, ())))


def _hand_over(profiles: dict[str, Profile], queue: str, consumer: str) -> None:
    """A backlog is its blocked consumer's trouble, not the queue's own."""
    held = profiles.get(queue)
    if held is not None:
        profiles[consumer].saturation = max(profiles[consumer].saturation, held.saturation)
        profiles[consumer].latency = max(profiles[consumer].latency, 0.5 * held.latency)
        held.saturation, held.latency = 0.2 * held.saturation, 0.2 * held.latency


def _take_edges(profiles: dict[str, Profile], edges: Sequence[EdgeShift]) -> None:
    """What traced calls say of a callee counts like its own series."""
    for edge in edges:
        profile = profiles.setdefault(edge.callee, Profile(edge.callee))
        who = edge.caller or "users"
        if edge.failing:
            share, before = edge.errors or 0.0, edge.errors_before or 0.0
            profile.errors = max(profile.errors, strength(3 + 150 * (share - before)))
            profile.clues.append(Clue("calls", f"{share:.1%} of the calls from {who} fail, {before:.1%} before"))
        if edge.slow:
            profile.latency = max(profile.latency, strength(3 + 2 * edge.p95 / edge.p95_before))
            profile.clues.append(
                Clue("calls", f"the slowest calls from {who} take {edge.p95:.0f} ms, {edge.p95_before:.0f} ms before")
            )


def _blame_amplifiers(profiles: dict[str, Profile], edges: Sequence[EdgeShift]) -> None:
    """What a callee suffers under calls that its caller multiplies is the caller's doing."""
    for found in amplifications(edges):
        callee = profiles.get(found.callee)
        if callee is None or callee.symptom + callee.saturation == 0:
            continue
        caller = profiles.setdefault(found.caller, Profile(found.caller))
        part = min(0.85, 1 - 1 / found.times)
        caller.amplifies = max(caller.amplifies, part * max(callee.symptom, callee.saturation))
        text = f"it calls {found.callee} {found.times:.1f} times as often for the same number of requests"
        caller.clues.append(Clue("calls", text))
        callee.overrun = max(callee.overrun, part)
        callee.latency, callee.errors, callee.saturation = (
            (1 - part) * value for value in (callee.latency, callee.errors, callee.saturation)
        )


def _take_gaps(profiles: dict[str, Profile], gaps: Sequence[Gap]) -> None:
    for gap in gaps:
        if gap.weight > TELLING:
            profile = profiles.setdefault(gap.component, Profile(gap.component))
            profile.gap = 5.0 * (gap.weight - TELLING)
            profile.gap_ms = gap.ms
            who = ", ".join(gap.callers[:3])
            text = f"{who} spend {gap.ms:.0f} ms more on a call than was worked on it; {gap.usual:.0f} ms are usual"
            profile.clues.append(Clue("calls", text))


def _take_streams(profiles: dict[str, Profile], streams: Sequence[StreamShift], case: Case, graph: Graph) -> None:
    """New complaints count for those whom they name, and what fell silent for its component."""
    for shift in streams:
        if shift.grave and shift.lasts and shift.way in {"new", "more"}:
            for component in _named(shift.example, shift.component, case, graph):
                profile = profiles.setdefault(component, Profile(component))
                profile.complaints += shift.surprise
                whose = "its" if component == shift.component else f"{shift.component}'s"
                text = f"{whose} log has {shift.after:.0f} errors of one kind, {shift.before:.0f} before: {shift.example[:120]}"
                profile.clues.append(Clue("logs", text, lines=(shift.example,)))
        elif shift.silent:
            profile = profiles.setdefault(shift.component, Profile(shift.component))
            profile.silence = max(profile.silence, shift.surprise)
            what = f"its calls of {shift.name}" if shift.callee or not shift.example else f"its log lines of {shift.name}"
            text = f"{what} stopped ({shift.before:.0f} before, {abs(shift.after):.0f} since) while the rest went on"
            profile.clues.append(
                Clue("logs" if shift.example else "calls", text, lines=(shift.example,) if shift.example else ())
            )


def _take_waits(profiles: dict[str, Profile], graph: Graph) -> None:
    for component, wait in unexplained_waits(profiles, graph).items():
        profile = profiles.setdefault(component, Profile(component))
        profile.link = wait
        callers = [c for c in graph.callers.get(component, ()) if c in profiles and profiles[c].waiting > 0]
        if callers:
            waits = (s for c in callers for s in profiles[c].shifts if s.moved and is_waiting(s.series.metric))
            text = f"{', '.join(callers[:3])} wait longer for what they call, and nothing that they call is slower"
            profile.clues.append(Clue("metrics", text, tuple((s.component, s.series.metric) for s in waits)[:3]))
    for component, lost in unexplained_failures(profiles, graph).items():
        profile = profiles.setdefault(component, Profile(component))
        profile.link = max(profile.link, lost)
        callers = [c for c in graph.callers.get(component, ()) if c in profiles and profiles[c].errors > 0]
        text = f"{', '.join(callers[:3])} all fail, and all call it; nothing that they call fails by its own account"
        series = tuple((s.component, s.series.metric) for c in callers for s in _failing(profiles[c]))
        profile.clues.append(Clue("metrics", text, series[:3]))


def _failing(profile: Profile) -> list[Shift]:
    return list(profile.of(MetricKind.ERRORS, MetricKind.AVAILABILITY))[:1]


def _discount_waits(profiles: Mapping[str, Profile]) -> None:
    """Latency that is only waiting for others is not a component's own work."""
    for profile in profiles.values():
        if profile.latency > 0 and profile.waiting > 0:
            profile.latency *= 1 - _WAITED * waited_share(profile)


def _tell_half_way(profiles: Mapping[str, Profile], half_way: Mapping[str, float], edges: Sequence[EdgeShift]) -> None:
    for component in half_way:
        dry = [e.callee for e in edges if e.caller == component and e.dried_up]
        callees = ", ".join(dry[:3]) or "what it depends on"
        profiles[component].clues.append(Clue("graph", f"it is called as before but hardly calls {callees} any more"))
