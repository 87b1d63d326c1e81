"""Streams: lines of one place in the code, and calls of one operation, that stop or begin while the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from nexus.analysis.streams import StreamShift, place_of, stream_shifts
from nexus.world.calls import CallStats
from nexus.world.logs import LogLine

NOW = 1_000_000.0
ALERT = NOW - 90
BEGAN = ALERT - 120
START = NOW - 1200


def said(message: str, every: float, since: float = START, until: float = NOW, level: str = "info") -> list[LogLine]:
    """The same line of one component, evenly spaced."""
    count = int((until - since) / every)
    return [LogLine(datetime.fromtimestamp(since + every * n, UTC), "cart", level, message.format(n)) for n in range(count)]


def called(callee: str, operation: str, minutes: Iterable[int], count: float = 50.0) -> list[CallStats]:
    return [
        CallStats(datetime.fromtimestamp(NOW - 60 * m, UTC), "cart", callee, operation, count, 5.0, 9.0, 12.0) for m in minutes
    ]


def shifts(lines: list[LogLine], calls: list[CallStats] | None = None) -> list[StreamShift]:
    return stream_shifts(lines, calls or [], (BEGAN, ALERT), NOW)


def fewer(lines: list[LogLine]) -> list[StreamShift]:
    return [s for s in shifts(lines) if s.way in {"gone", "less"}]


REST = [*said("priced item {}", 8), *said("answered request {}", 5)]


def test_a_log_in_which_all_goes_on_as_before_tells_nothing() -> None:
    assert shifts(REST) == []


def test_no_lines_and_no_calls_tell_nothing() -> None:
    assert shifts([]) == []


def test_a_line_that_stops_while_the_rest_goes_on_is_gone_since_then() -> None:
    (found,) = fewer([*REST, *said("charged card {}", 6, until=BEGAN)])
    assert (found.component, found.way, found.after, found.grave) == ("cart", "gone", 0, False)
    assert "charged card" in found.name
    assert "charged card" in found.example
    assert abs(found.since - BEGAN) <= 20
    assert found.expected == pytest.approx((NOW - BEGAN) / 6, rel=0.2)


def test_a_line_that_thins_out_is_less() -> None:
    (found,) = fewer([*REST, *said("charged card {}", 6, until=BEGAN), *said("charged card {}", 60, since=BEGAN)])
    assert found.way == "less"
    assert 0 < found.after < 0.3 * found.expected


def test_where_all_of_a_component_stops_no_single_line_has_fallen_away() -> None:
    ended = [*said("priced item {}", 8, until=BEGAN), *said("answered request {}", 5, until=BEGAN)]
    elsewhere = [LogLine(e.at, "mail", e.level, e.message) for e in said("sent letter {}", 30)]
    found = shifts([*ended, *elsewhere])
    assert all(s.surprise < 5 for s in found if s.component == "cart")


def test_an_error_that_begins_is_new_and_grave_and_lasts() -> None:
    (found,) = shifts([*REST, *said("no stock left for {}", 10, since=BEGAN, level="error")])
    assert (found.way, found.grave, found.trouble, found.lasts) == ("new", True, True, True)
    assert "no stock left" in found.example


def test_a_burst_of_errors_that_was_over_does_not_last() -> None:
    (found,) = shifts([*REST, *said("no stock left for {}", 2, since=BEGAN, until=BEGAN + 30, level="error")])
    assert found.grave
    assert not found.lasts


def test_a_warning_that_stops_is_trouble_that_stopped() -> None:
    (found,) = fewer([*REST, *said("slow answer of {}", 6, until=BEGAN, level="warning")])
    assert found.way == "gone"
    assert found.trouble


def test_calls_of_one_operation_that_fall_away_are_told_with_whom_they_went_to() -> None:
    past, all_of = range(4, 20), range(20)
    found = shifts([], [*called("stock", "GET /stock", all_of), *called("tax", "GET /tax", past)])
    gone = [s for s in found if s.way == "gone"]
    assert [(s.component, s.callee, s.name, s.example) for s in gone] == [("cart", "tax", "GET /tax", "")]


def test_a_components_own_spans_have_no_callee() -> None:
    found = shifts([], [*called("stock", "GET /stock", range(20)), *called("cart", "compute", range(4, 20))])
    assert [s.callee for s in found if s.way == "gone"] == [None]


def test_lines_later_than_now_are_not_seen() -> None:
    later = said("no stock left for {}", 1, since=NOW + 1, until=NOW + 100, level="error")
    assert shifts([*REST, *later]) == []


def test_without_a_minute_of_past_nothing_is_told() -> None:
    lines = [*said("priced item {}", 5, since=ALERT - 30), *said("no stock left for {}", 3, since=ALERT, level="error")]
    assert shifts(lines) == []


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("2026-01-02 10:00:00 INFO cart/views.py:88 charged 17", "cart/views.py:88"),
        ("OrderService#42 charged 17", "OrderService#42"),
        ("charged card 17 for order 4711 of user 3 in time", "charged card <n> for order <n>"),
        ("[10:00:00] charged card 17", "charged card <n>"),
    ],
)
def test_a_line_is_known_by_its_place_in_the_code_or_else_by_how_it_begins(message: str, place: str) -> None:
    assert place_of(message) == place
