"""Log shapes and edges: what lines and traced calls tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.analysis.edges import amplifications, edges_of
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


STORM = [call(m, "web", "cart") for m in (*range(5), *range(20, 40))]
"""What comes in stays as it was."""


def asked(callee: str, before: float, now: float, caller: str = "cart") -> list[CallStats]:
    past = [call(m, caller, callee, count=before) for m in range(20, 40)]
    return past + [call(m, caller, callee, count=now) for m in range(5)]


def test_who_asks_four_times_as_often_for_the_same_requests_amplifies() -> None:
    edges = edges_of([*STORM, *asked("store", 100, 400), *asked("tax", 100, 110)], ONSET, NOW - 300, NOW)
    (found,) = amplifications(edges)
    assert (found.caller, found.callee) == ("cart", "store")
    assert found.times == pytest.approx(4)


def test_who_only_passes_on_that_more_comes_in_does_not_amplify() -> None:
    edges = edges_of([*asked("cart", 100, 400, caller="web"), *asked("store", 100, 400)], ONSET, NOW - 300, NOW)
    assert amplifications(edges) == []


def test_a_few_calls_more_are_no_storm() -> None:
    assert amplifications(edges_of([*STORM, *asked("store", 2, 12)], ONSET, NOW - 300, NOW)) == []


def test_of_those_who_amplify_the_worst_comes_first() -> None:
    edges = edges_of([*STORM, *asked("store", 100, 300), *asked("tax", 100, 700)], ONSET, NOW - 300, NOW)
    assert [a.callee for a in amplifications(edges)] == ["tax", "store"]
