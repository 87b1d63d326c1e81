"""Links: waits and failures that no callee's own trouble accounts for, from series alone: whose network would explain them."""

from __future__ import annotations

from collections.abc import Mapping

from nexus.analysis.blame import Graph, is_address
from nexus.analysis.profile import Profile

_STILL = 0.15
"""What a caller that is not troubled leaves of the suspicion, for each such caller beside one that is."""
_OWN = 0.4
"""Of what a caller suffers, the part that its own network may be the reason of."""


def unexplained_waits(profiles: Mapping[str, Profile], graph: Graph) -> dict[str, float]:
    """Components whose callers wait longer for what they call though nothing that they call has become slow, with a strength."""
    left = {name: _left(p.waiting, [q.latency for q in _callees(name, profiles, graph)]) for name, p in profiles.items()}
    slow = {name: p.latency for name, p in profiles.items()}
    return _shared(left, slow, profiles, graph, alone=True)


def unexplained_failures(profiles: Mapping[str, Profile], graph: Graph) -> dict[str, float]:
    """Components that several failing callers have in common though nothing that they call fails: calls to them get lost."""
    left = {name: _left(p.errors, [q.errors for q in _callees(name, profiles, graph)]) for name, p in profiles.items()}
    failing = {name: p.errors for name, p in profiles.items()}
    return _shared(left, failing, profiles, graph, alone=False)


def _callees(name: str, profiles: Mapping[str, Profile], graph: Graph) -> list[Profile]:
    return [profiles[c] for c in graph.callees.get(name, ()) if c in profiles]


def _left(felt: float, given: list[float]) -> float:
    """What of its trouble remains after its worst callee."""
    return max(0.0, felt - max(given, default=0.0))


def _shared(
    left: Mapping[str, float], own: Mapping[str, float], profiles: Mapping[str, Profile], graph: Graph, *, alone: bool
) -> dict[str, float]:
    """By component, what its callers have in common and it does not show itself; `alone`: one caller is enough."""
    troubled = {name for name, value in left.items() if value > 0}
    found: dict[str, float] = {}
    for name in sorted(
        {callee for caller in troubled for callee in graph.callees.get(caller, ())} | (troubled if alone else set())
    ):
        callers = [c for c in graph.callers.get(name, ()) if c in profiles and not is_address(c)]
        felt = [left[c] for c in callers if left.get(c, 0.0) > 0]
        into = sum(felt) / len(callers) * (1 - _STILL * (len(callers) - len(felt))) if len(felt) > (0 if alone else 1) else 0.0
        value = max(into * min(1.0, 0.7 + 0.15 * len(felt)), _OWN * left.get(name, 0.0) if alone else 0.0)
        found[name] = max(0.0, value - own.get(name, 0.0))
    return {name: value for name, value in found.items() if value > 0}
