"""Links: whose network would explain waits that no callee's own latency accounts for."""

from __future__ import annotations

import pytest

from nexus.analysis.blame import Graph
from nexus.analysis.links import unexplained_failures, unexplained_waits
from nexus.analysis.profile import Profile

EDGES = (("web", "cart"), ("web", "search"), ("desk", "cart"), ("desk", "mail"))


def waits(waiting: dict[str, float], slow: dict[str, float] | None = None) -> dict[str, float]:
    names = {name for edge in EDGES for name in edge}
    profiles = {n: Profile(n, waiting=waiting.get(n, 0.0), latency=(slow or {}).get(n, 0.0)) for n in names}
    return unexplained_waits(profiles, Graph.of(EDGES, {}))


def test_what_all_its_callers_wait_for_though_it_is_not_slow_is_suspected_most() -> None:
    found = waits({"web": 3.0, "desk": 3.0})
    assert max(found, key=lambda n: found[n]) == "cart"
    assert found["cart"] > found["search"]


def test_a_callee_that_is_as_slow_as_its_callers_wait_leaves_nothing_to_explain() -> None:
    assert waits({"web": 3.0, "desk": 3.0}, {"cart": 3.5}) == {}


def test_a_callee_that_is_a_little_slow_leaves_the_rest() -> None:
    assert 0 < waits({"web": 3.0, "desk": 3.0}, {"cart": 1.0})["cart"] < waits({"web": 3.0, "desk": 3.0})["cart"]


def test_a_caller_that_does_not_wait_speaks_against_it() -> None:
    assert waits({"web": 3.0})["cart"] < 0.6 * waits({"web": 3.0, "desk": 3.0})["cart"]


def test_a_caller_without_any_telemetry_does_not_speak_at_all() -> None:
    graph = Graph.of(EDGES, {})
    found = unexplained_waits({"web": Profile("web", waiting=3.0)}, graph)
    assert found["cart"] == pytest.approx(found["search"])


def test_who_waits_is_a_little_suspected_itself() -> None:
    assert 0 < waits({"web": 3.0})["web"] < 3.0


def test_where_nobody_waits_nobody_is_suspected() -> None:
    assert waits({}) == {}


def failures(errors: dict[str, float]) -> dict[str, float]:
    names = {name for edge in EDGES for name in edge}
    return unexplained_failures({n: Profile(n, errors=errors.get(n, 0.0)) for n in names}, Graph.of(EDGES, {}))


def test_what_all_failing_callers_have_in_common_is_suspected_though_it_does_not_fail_by_its_own_account() -> None:
    assert list(failures({"web": 3.0, "desk": 3.0})) == ["cart"]


def test_a_callee_that_fails_itself_leaves_no_failure_to_explain() -> None:
    assert failures({"web": 3.0, "desk": 3.0, "cart": 3.0}) == {}


def test_one_caller_that_fails_alone_says_nothing_of_what_it_calls() -> None:
    assert failures({"web": 3.0}) == {}
