"""Peers: what the published methods and the naive rules make of series and changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from nexus.evaluate.peers import baro, commonest_cause, last_change, n_sigma
from nexus.world.changes import Change
from nexus.world.metrics import MetricKind, Series

SPLIT = 1000.0
RANKS = [baro, n_sigma]


def series(component: str, before: Sequence[float], after: Sequence[float], metric: str = "x") -> Series:
    """One sample a second up to the split, and on from it."""
    times = np.arange(SPLIT - len(before), SPLIT + len(after), dtype=np.float64)
    return Series(component, metric, MetricKind.OTHER, "", times, np.array([*before, *after], dtype=np.float64))


@pytest.mark.parametrize("rank", RANKS)
def test_who_leaves_its_past_furthest_comes_first(rank: Callable[..., tuple[str, ...]]) -> None:
    given = [
        series("calm", [1, 2, 1, 2], [2, 1]),
        series("far", [10, 11, 10, 11], [60, 61]),
        series("near", [10, 20, 10, 20], [30, 30]),
    ]
    assert rank(given, SPLIT) == ("far", "near", "calm")


@pytest.mark.parametrize("rank", RANKS)
def test_a_component_stands_where_the_best_of_its_series_stands(rank: Callable[..., tuple[str, ...]]) -> None:
    given = [
        series("many", [1, 2, 1, 2], [1], "quiet"),
        series("one", [1, 2, 1, 2], [9]),
        series("many", [1, 2, 1, 2], [50], "loud"),
    ]
    assert rank(given, SPLIT) == ("many", "one")


@pytest.mark.parametrize("rank", RANKS)
def test_only_a_rise_counts_as_in_the_paper(rank: Callable[..., tuple[str, ...]]) -> None:
    assert rank([series("falls", [50, 51, 50, 51], [0]), series("rises", [50, 51, 50, 51], [52])], SPLIT) == ("rises", "falls")


@pytest.mark.parametrize("rank", RANKS)
def test_what_never_moved_before_or_was_not_sampled_on_both_sides_is_left_out(rank: Callable[..., tuple[str, ...]]) -> None:
    given = [
        series("flat", [3, 3, 3], [900]),
        series("new", [], [900]),
        series("gone", [1, 2, 3], []),
        series("gaps", [np.nan, np.nan], [900]),
        series("seen", [1, np.nan, 2], [np.nan, 3]),
    ]
    assert rank(given, SPLIT) == ("seen",)
    assert rank([], SPLIT) == ()


def test_an_early_spike_misleads_the_mean_and_not_the_median() -> None:
    spiked = series("spiked", [10, 11, 10, 11, 10, 11, 10, 500], [100])
    steady = series("steady", [10, 14, 10, 14, 10, 14, 10, 14], [40])
    assert baro([spiked, steady], SPLIT)[0] == "spiked"
    assert n_sigma([spiked, steady], SPLIT)[0] == "steady"


def test_a_spread_of_nothing_counts_as_one() -> None:
    mostly_flat = series("mostly flat", [5, 5, 5, 5, 5, 5, 5, 6], [8])
    known = series("known", [0, 2, 4, 6], [13])
    assert baro([mostly_flat, known], SPLIT) == ("known", "mostly flat")
    assert baro([series("mostly flat", [5, 5, 5, 5, 5, 5, 5, 6], [9]), known], SPLIT) == ("mostly flat", "known")


def test_the_last_change_is_the_newest_that_is_not_after_the_alert() -> None:
    alert = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    made = [
        Change(str(minutes), alert + timedelta(minutes=minutes), component, "config", "2")
        for component, minutes in (("late", 1), ("culprit", -3), ("old", -90))
    ]
    assert last_change(made, alert) == ("culprit",)
    assert last_change(made[:1], alert) == ()


def test_the_commonest_cause_is_right_in_most_cases_also_where_several_are_accepted() -> None:
    assert commonest_cause([["a"], ["b"], ["b", "c"], ["c"], ["c"]]) == "c"
    assert commonest_cause([["b"], ["a"]]) == "a"
    assert commonest_cause([]) is None
