"""Log shapes, edges and gaps: what lines and traced calls tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.analysis.edges import edges_of
from nexus.analysis.gaps import gaps_of
from nexus.analysis.patterns import patterns_of, template_of
from nexus.world.calls import CallStats
from nexus.world.logs import LogLine

NOW = 1_000_000.0
ONSET = NOW - 600


def line(seconds_ago: float, message: str, level: str = "error", component: str = "api") -> LogLine:
    return LogLine(datetime.fromtimestamp(NOW - seconds_ago, UTC), component, level, message)


def call(minutes_ago: int, caller: str, callee: str, **over: object) -> CallStats:
    held: dict[str, object] = {
        "operation": "GET /x",
        "count": 100.0,
        "p50_ms": 5.0,
        "p95_ms": 20.0,
        "max_ms": 30.0,
        "errors": 0.0,
    }
    held.update(over)
    return CallStats(datetime.fromtimestamp(NOW - 60 * minutes_ago, UTC), caller, callee, **held)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12.5 ms", "took 7 ms"),
        ("user 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "user aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee gone"),
        ("from 10.0.0.1:8080", "from 192.168.7.9"),
        ('no item "red shoe"', 'no item "blue hat"'),
        ("request 8d8ac610ff refused", "request 77aa0b refused"),
        ("2026-01-02T03:04:05Z failed", "2025-11-12 13:14:15.678 failed"),
    ],
)
def test_lines_that_differ_only_in_what_varies_have_one_shape(one: str, other: str) -> None:
    assert template_of(one) == template_of(other)


def test_lines_that_say_different_things_keep_different_shapes() -> None:
    assert template_of("connection refused by db") != template_of("connection reset by db")


@given(st.text(max_size=500))
def test_any_text_has_a_shape_of_bounded_length(text: str) -> None:
    assert len(template_of(text)) <= 1500


def test_an_error_that_never_came_before_is_new_and_comes_first() -> None:
    before = [line(600 + 60 * n, f"slow query took {n} ms", "warning") for n in range(20)]
    after = [line(30 * n, f"slow query took {n} ms", "warning") for n in range(10)]
    fresh = [line(20 * n, f"disk full at block {n}") for n in range(20)]
    found = patterns_of([*before, *after, *fresh], ONSET, NOW)
    assert found[0].template == "disk full at block <n>"
    assert found[0].new
    assert found[0].rate_after == pytest.approx(2, rel=0.2)


def test_what_is_as_frequent_as_before_is_not_told() -> None:
    steady = [line(60 * n, f"cache miss {n}", "warning") for n in range(30)]
    assert patterns_of(steady, ONSET, NOW) == []


def test_without_lines_from_before_the_last_third_is_judged_against_the_rest() -> None:
    chronic = [line(10 * n, "no stock left") for n in range(24)]
    late = [line(10 * n, "cannot reach ledger") for n in range(6)]
    assert [p.template for p in patterns_of([*chronic, *late], NOW - 240, NOW)] == ["cannot reach ledger"]


def test_lines_later_than_now_are_not_seen() -> None:
    assert patterns_of([line(-60, "disk full"), *[line(60 * n, "ok", "info") for n in range(30)]], ONSET, NOW) == []


def test_an_edge_that_fails_or_dries_up_is_abnormal_and_comes_first() -> None:
    past = [call(m, "web", c) for m in range(20, 40) for c in ("cart", "search", "pay")]
    now = [call(m, "web", "cart", errors=40.0) for m in range(5)] + [call(m, "web", "search", count=1.0) for m in range(5)]
    now += [call(m, "web", "pay") for m in range(5)]
    edges = edges_of([*past, *now], ONSET, NOW - 300, NOW)
    assert [(e.callee, e.abnormal) for e in edges] == [("cart", True), ("search", True), ("pay", False)]
    assert edges[0].errors == pytest.approx(0.4)


def test_edges_without_a_past_say_nothing() -> None:
    assert edges_of([call(m, "web", "cart", errors=90.0) for m in range(5)], ONSET, NOW - 300, NOW) == []


def test_a_callee_that_answers_at_once_while_callers_wait_has_a_gap() -> None:
    calls = []
    for callee, waited in (("cart", 250.0), ("search", 8.0), ("pay", 7.0)):
        for caller in ("web", "checkout"):
            calls.append(call(1, caller, callee, operation=f"{callee}/Get", p50_ms=2.0))
            calls.append(call(1, caller, caller, operation=f"{callee}/Get", p50_ms=waited))
    gaps = gaps_of(calls, NOW - 300, NOW)
    assert [g.callee for g in gaps] == ["cart"]
    assert gaps[0].callers == ("checkout", "web")
    assert gaps[0].ms == pytest.approx(248)
