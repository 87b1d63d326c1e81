"""Shifts: what counts as a change of one series."""

from __future__ import annotations

import numpy as np
import pytest

from nexus.analysis.case import Periods
from nexus.analysis.profile import profiles_of
from nexus.analysis.ramp import filling_since
from nexus.analysis.shift import MOVED, onset_of, shift_of, shifts_of
from nexus.world.metrics import Floats, MetricKind, Series

ALERT = 1_000_000.0
PERIODS = Periods(alert_at=ALERT, now=ALERT + 120)


def series(values: list[float], kind: MetricKind = MetricKind.LATENCY, unit: str = "ms", component: str = "api") -> Series:
    """One sample a minute, the last at `now`."""
    times = PERIODS.now - 60.0 * np.arange(len(values), dtype=np.float64)[::-1]
    return Series(component, "m", kind, unit, times, np.array(values, dtype=float))


def noisy(level: float, minutes: int = 60, spread: float = 0.05, seed: int = 1) -> list[float]:
    return list(level * (1 + spread * np.random.default_rng(seed).standard_normal(minutes)))


def test_a_latency_that_triples_has_moved_and_says_since_when() -> None:
    shift = shift_of(series(noisy(100, 54) + noisy(300, 6)), None, PERIODS)
    assert shift is not None
    assert shift.moved
    assert shift.harmful
    assert shift.now
    assert shift.direction == "up"
    assert shift.after == pytest.approx(300, rel=0.2)
    assert shift.onset == PERIODS.now - 5 * 60


def test_noise_alone_does_not_move_a_series() -> None:
    moved = [s for seed in range(60) if (s := shift_of(series(noisy(100, seed=seed)), None, PERIODS)) and s.moved]
    assert moved == []


def test_a_series_that_never_varies_needs_a_step_that_matters() -> None:
    still = shift_of(series([50.0] * 56 + [50.01] * 4, MetricKind.SATURATION, "%"), None, PERIODS)
    stepped = shift_of(series([50.0] * 56 + [80.0] * 4, MetricKind.SATURATION, "%"), None, PERIODS)
    assert still is not None
    assert stepped is not None
    assert not still.moved
    assert stepped.moved


def test_a_drop_of_availability_is_harm_and_a_drop_of_latency_is_not() -> None:
    down = shift_of(series([100.0] * 56 + [91.0] * 4, MetricKind.AVAILABILITY, "%"), None, PERIODS)
    faster = shift_of(series(noisy(100, 56) + noisy(30, 4)), None, PERIODS)
    assert down is not None
    assert faster is not None
    assert down.moved
    assert down.harmful
    assert faster.direction == "down"
    assert not faster.harmful


def test_a_series_as_bad_before_the_alert_as_after_has_not_moved_whatever_the_baseline_says() -> None:
    shift = shift_of(series(noisy(500)), series(noisy(100, 200)), PERIODS)
    assert shift is not None
    assert not shift.moved


def test_a_baseline_with_such_peaks_makes_a_peak_ordinary() -> None:
    peaks = [100.0, 100.0, 100.0, 260.0, 240.0] * 40
    values = noisy(100, 56) + [250.0] * 4
    assert shift_of(series(values), None, PERIODS).moved  # type: ignore[union-attr]
    assert not shift_of(series(values), series(peaks), PERIODS).moved  # type: ignore[union-attr]


def test_traffic_that_stops_has_moved_though_it_was_always_uneven() -> None:
    uneven = [3.0, 5.0, 4.0, 6.0, 3.5, 5.5] * 9
    shift = shift_of(series(uneven + [0.0] * 4, MetricKind.TRAFFIC, "1/min"), None, PERIODS)
    assert shift is not None
    assert shift.moved
    assert shift.direction == "down"


def test_one_request_where_there_was_none_is_no_surge() -> None:
    shift = shift_of(series([0.0] * 57 + [1.0, 0.0, 0.0], MetricKind.TRAFFIC, "1/min"), None, PERIODS)
    assert shift is not None
    assert not shift.moved


def test_samples_after_now_and_gaps_are_not_looked_at() -> None:
    values = noisy(100, 60)
    later = Series("api", "m", MetricKind.LATENCY, "ms", np.array([PERIODS.now + 60, PERIODS.now + 120]), np.array([9e9, 9e9]))
    given = series([*values[:10], float("nan"), *values[11:]])
    joined = Series(
        "api",
        "m",
        MetricKind.LATENCY,
        "ms",
        np.concatenate((given.times, later.times)),
        np.concatenate((given.values, later.values)),
    )
    shift = shift_of(joined, None, PERIODS)
    assert shift is not None
    assert not shift.moved


def test_a_series_without_a_past_or_without_a_present_is_not_judged() -> None:
    assert shift_of(series([1.0]), None, PERIODS) is None
    early = Series("api", "m", MetricKind.LATENCY, "ms", np.array([ALERT - 3000, ALERT - 2940]), np.array([1.0, 1.0]))
    assert shift_of(early, None, PERIODS) is None


def test_trouble_that_is_over_is_marked_as_over() -> None:
    shift = shift_of(series(noisy(100, 52) + [900.0] * 4 + noisy(100, 4)), None, PERIODS)
    assert shift is not None
    assert shift.moved
    assert not shift.now


def test_after_an_action_only_what_came_later_is_judged() -> None:
    acted = Periods(alert_at=ALERT - 1200, now=ALERT + 120, acted_at=ALERT - 240)
    healed = shift_of(series(noisy(100, 35) + [900.0] * 18 + noisy(100, 7)), None, acted)
    assert healed is not None
    assert not healed.moved


def test_a_rate_that_still_holds_what_failed_before_the_action_is_no_new_trouble() -> None:
    step = 15.0
    acted = Periods(alert_at=ALERT - 420, now=ALERT, acted_at=ALERT - 300)
    failing, last_failures, well = [0.7] * 12, [0.7, 0.5, 0.3, 0.1], [0.0] * 17
    values = [0.0] * 100 + failing + last_failures + well
    times: Floats = np.array([ALERT - step * ago for ago in reversed(range(len(values)))])
    rate = Series("checkout", "error_rate", MetricKind.ERRORS, "share", times, np.array(values))
    mended = shift_of(rate, None, acted)
    assert mended is not None
    assert not mended.moved
    still = np.array([0.0] * 100 + [0.7] * 33)
    unmended = shift_of(Series("checkout", "error_rate", MetricKind.ERRORS, "share", times, still), None, acted)
    assert unmended is not None
    assert unmended.moved


def test_the_onset_of_all_is_told_by_the_strongest_and_nothing_has_none() -> None:
    bad = [series(noisy(100, 52, seed=n) + noisy(800, 8, seed=n), component=f"c{n}") for n in range(3)]
    calm = [series(noisy(100, seed=n), component=f"q{n}") for n in range(3)]
    assert onset_of(shifts_of(bad + calm, [], PERIODS)) == PERIODS.now - 7 * 60
    assert onset_of(shifts_of(calm, [], PERIODS)) is None


def test_a_resource_that_fills_for_half_an_hour_is_seen_since_it_began() -> None:
    filling = noisy(40, 25, 0.005) + list(np.linspace(41, 97, 35))
    began = filling_since(series(filling, MetricKind.SATURATION, "%"), PERIODS.now)
    assert began is not None
    assert abs(began - (PERIODS.now - 35 * 60)) <= 180
    assert filling_since(series(noisy(40), MetricKind.SATURATION, "%"), PERIODS.now) is None
    assert filling_since(series(noisy(40, 57, 0.005) + [90.0] * 3, MetricKind.SATURATION, "%"), PERIODS.now) is None


def test_what_is_looked_at_again_is_judged_by_its_samples_and_not_by_its_name() -> None:
    calm, slow = noisy(100), noisy(100, 54) + noisy(300, 6)
    for values, moved in ((calm, False), (slow, True), (calm, False), (slow, True)):
        assert shifts_of([series(values)], [], PERIODS)[0].moved is moved


def test_the_same_samples_are_judged_anew_for_other_periods() -> None:
    held = [series(noisy(100, 50) + noisy(300, 5) + noisy(100, 5))]
    assert shifts_of(held, [], PERIODS)[0].moved
    assert not shifts_of(held, [], Periods(ALERT, PERIODS.now, last_s=180.0))[0].moved


def test_a_baseline_is_judged_by_its_samples() -> None:
    now = [series(noisy(100, 56, spread=0.01) + [150.0] * 4)]
    assert shifts_of(now, [series(noisy(100, spread=0.01))], PERIODS)[0].moved
    assert not shifts_of(now, [series(noisy(100, spread=0.6, seed=3))], PERIODS)[0].moved


def finer(values: list[float], step: float = 15.0, component: str = "api") -> Series:
    """As `series`, one sample every `step` seconds."""
    times = PERIODS.now - step * np.arange(len(values), dtype=np.float64)[::-1]
    return Series(component, "latency_ms", MetricKind.LATENCY, "ms", times, np.array(values, dtype=float))


def test_what_is_there_since_the_alert_is_held_and_a_spike_that_was_over_by_then_is_not() -> None:
    stays = shift_of(finer(noisy(100, 216) + [900.0] * 24), None, PERIODS)
    spike = shift_of(finer(noisy(100, 220) + [900.0] * 4 + noisy(100, 16, seed=2)), None, PERIODS)
    assert stays is not None
    assert spike is not None
    assert stays.moved
    assert spike.moved
    assert stays.held == 1
    assert spike.held == 0


def test_what_came_with_the_alert_and_went_again_is_held() -> None:
    shift = shift_of(finer(noisy(100, 226) + [900.0] * 6 + noisy(100, 8, seed=2)), None, PERIODS)
    assert shift is not None
    assert shift.held == 1


def test_a_spike_that_was_over_when_the_alert_fired_counts_little() -> None:
    stays = finer(noisy(100, 216) + [900.0] * 24, component="stays")
    spike = finer(noisy(100, 220) + [900.0] * 4 + noisy(100, 16, seed=2), component="spike")
    profiles = profiles_of(shifts_of([stays, spike], [], PERIODS))
    assert 0 < profiles["spike"].latency < 0.4 * profiles["stays"].latency


def test_a_spike_that_the_series_has_shown_without_a_fault_counts_little_as_well() -> None:
    quiet = noisy(100, 240, seed=5)
    peaked = [*quiet[:100], 950.0, 950.0, *quiet[102:]]
    values = finer(noisy(100, 216) + [900.0] * 24)
    fresh, known = shift_of(values, finer(quiet), PERIODS), shift_of(values, finer(peaked), PERIODS)
    assert fresh is not None
    assert known is not None
    assert fresh.score > 4 * known.score
    assert known.score <= 1.2 * MOVED


def test_a_spike_like_one_earlier_in_the_hour_counts_little_and_one_like_a_fault_that_is_over_counts() -> None:
    calm, now = noisy(100, 232), [900.0, *noisy(100, 7, seed=2)]
    moment = shift_of(finer([*calm[:60], 950.0, *calm[61:], *now]), None, PERIODS)
    fault = shift_of(finer([*calm[:60], *[950.0] * 8, *calm[68:], *now]), None, PERIODS)
    assert fault is not None
    assert moment is not None
    assert moment.score <= 1.2 * MOVED
    assert fault.score > 4 * moment.score
