"""Gaps: callers that wait longer for a component than it works."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nexus.analysis.gaps import gaps_of
from nexus.world.calls import CallStats

NOW = 1_000_000.0
RECENT = range(5)
PAST = range(10, 20)
SYSTEM = (
    ("web", "cart"),
    ("web", "search"),
    ("web", "pay"),
    ("desk", "cart"),
    ("desk", "pay"),
    ("cart", "store"),
    ("pay", "bank"),
)


def row(minute: int, caller: str, callee: str, operation: str, p50: float, count: float = 100.0) -> CallStats:
    at = datetime.fromtimestamp(NOW - 60 * minute, UTC)
    return CallStats(at, caller, callee, operation, count, p50, 2 * p50, 3 * p50)


def traced(minutes: range, late: dict[tuple[str, str], float], *, named: bool = True) -> list[CallStats]:
    """Each callee works 20 ms; the callers' own spans take 2 ms more, and what is `late` besides."""
    found = []
    for minute in minutes:
        for caller, callee in SYSTEM:
            found.append(row(minute, caller, callee, f"{callee}/Get", 20.0))
            waited = 22.0 + late.get((caller, callee), 0.0)
            at = datetime.fromtimestamp(NOW - 60 * minute, UTC)
            name = f"grpc.{callee}/Get" if named else "HTTP GET"
            found.append(CallStats(at, caller, caller, name, 100.0, waited, waited + 20, waited + 40))
    return found


INTO_CART = {("web", "cart"): 400.0, ("desk", "cart"): 400.0}


@pytest.mark.parametrize("named", [True, False])
def test_a_callee_that_works_as_fast_as_ever_while_its_callers_wait_has_a_gap(named: bool) -> None:
    gaps = gaps_of(traced(RECENT, INTO_CART, named=named), NOW - 300, NOW)
    assert gaps[0].component == "cart"
    assert gaps[0].callers == ("desk", "web")
    assert gaps[0].ms == pytest.approx(400, rel=0.35)
    assert gaps[0].weight > 0.5


def test_a_gap_explains_more_than_that_of_anybody_else() -> None:
    gaps = gaps_of(traced(RECENT, INTO_CART), NOW - 300, NOW)
    assert all(g.weight < 0.5 * gaps[0].weight for g in gaps[1:])


def test_who_waits_for_all_that_it_calls_has_the_gap_itself() -> None:
    late = {edge: 400.0 for edge in SYSTEM if edge[0] == "web"}
    assert gaps_of(traced(RECENT, late), NOW - 300, NOW)[0].component == "web"


def test_calls_that_are_answered_in_time_have_no_gap() -> None:
    assert gaps_of(traced(RECENT, {}), NOW - 300, NOW) == []


def test_a_wait_that_the_callees_own_work_accounts_for_is_no_gap() -> None:
    calls = [row(m, "web", c, f"{c}/Get", 500.0) for m in RECENT for c in ("cart", "search")]
    calls += [row(m, "web", "web", f"{c}/Get", 502.0) for m in RECENT for c in ("cart", "search")]
    assert gaps_of(calls, NOW - 300, NOW) == []


def test_a_gap_that_was_always_there_weighs_less() -> None:
    new = gaps_of(traced(PAST, {}) + traced(RECENT, INTO_CART), NOW - 300, NOW)
    old = gaps_of(traced(PAST, INTO_CART) + traced(RECENT, INTO_CART), NOW - 300, NOW)
    assert new[0].component == "cart"
    assert sum(g.weight for g in old) < 0.2 * new[0].weight


def test_where_traces_lack_the_callers_own_spans_nothing_can_be_told() -> None:
    calls = [c for c in traced(RECENT, INTO_CART) if c.caller != c.callee]
    assert gaps_of(calls, NOW - 300, NOW) == []
    assert gaps_of([], NOW - 300, NOW) == []


def test_calls_later_than_now_are_not_seen() -> None:
    assert gaps_of(traced(range(-9, -4), INTO_CART) + traced(RECENT, {}), NOW - 300, NOW) == []
