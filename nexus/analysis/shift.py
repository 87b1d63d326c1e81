"""Shift: how far one series left its own past, in which direction and since when; near-constant series need a real step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from math import ceil, sqrt
from typing import Literal

import numpy as np

from nexus.analysis.case import Periods
from nexus.analysis.order import middle, quantile
from nexus.world.metrics import Floats, MetricKind, Series

MOVED = 4.0
"""Robust deviations from which a series counts as moved."""

_SEEN_BEFORE = 1.2 * MOVED
"""The most that counts for what a series has done in its time without fault as well, however rarely."""
_PER_S = {"1/s": 1.0, "1/min": 60.0}
_RARE = 3.0
"""Deviations that a rate must be above nothing by, so that nothing is a stop."""
_TOGETHER_S = 30.0
_MOMENT = 2
"""Neighbouring samples, or means of them, that are a spike and not a spell."""
_ENOUGH = 60
"""Samples of that time from which its extremes tell something."""

_HARM: dict[MetricKind, tuple[str, ...]] = {
    MetricKind.SATURATION: ("up",),
    MetricKind.ERRORS: ("up",),
    MetricKind.LATENCY: ("up",),
    MetricKind.AVAILABILITY: ("down",),
    MetricKind.TRAFFIC: ("up", "down"),
    MetricKind.OTHER: ("up", "down"),
}


@dataclass(frozen=True, slots=True)
class Shift:
    """A series that was looked at; `score` in robust deviations; `now`: whether it is still beyond its past at the end.

    `held`, 0 to 1: the share of the samples since the alert in which it was beyond its past, or 1 if it was just before it.
    """

    series: Series
    before: float
    after: float
    score: float
    direction: Literal["up", "down"]
    onset: float
    now: bool
    held: float = 1.0

    @property
    def component(self) -> str:
        """Whose series it is."""
        return self.series.component

    @property
    def harmful(self) -> bool:
        """Whether it went where this kind of series is bad."""
        return self.direction in _HARM[self.series.kind]

    @property
    def moved(self) -> bool:
        """Whether it counts as moved."""
        return self.score >= MOVED


def _clean(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    held = np.isfinite(values)
    return (times, values) if held.all() else (times[held], values[held])


def _runs(values: Floats, length: int) -> Floats:
    """Means of every `length` neighbours."""
    if length <= 1 or values.size < length:
        return values
    sums = np.zeros(values.size + 1)
    values.cumsum(out=sums[1:])
    means: Floats = (sums[length:] - sums[:-length]) / length
    return means


def _floor(series: Series, level: float) -> float:
    """The least deviation that can matter, so that a still series is not judged by its stillness."""
    unit, kind = series.unit, series.kind
    percent = unit == "%" or series.metric.endswith(("_pct", "_percent"))
    if kind is MetricKind.AVAILABILITY:
        return 0.4 if percent or level > 1.5 else 0.004
    if kind is MetricKind.ERRORS:
        return max(0.4 if percent or level > 1.0 or "min" in unit else 0.004, 0.1 * abs(level))
    if kind is MetricKind.SATURATION and percent:
        return max(1.5, 0.08 * abs(level))
    if kind is MetricKind.LATENCY:
        return 0.08 * abs(level) + {"s": 0.002, "us": 2000.0}.get(unit, 2.0 if unit == "ms" else 0.002)
    return 0.12 * abs(level) + 1e-9


def _counted(series: Series, level: float, length: int) -> float:
    """The deviation that a rate has by chance alone, because so few events were counted; 0 where its unit is not a rate."""
    per = _PER_S.get(series.unit) if series.kind is MetricKind.TRAFFIC else None
    if per is None or series.times.size < 2:
        return 0.0
    events = max(level, 0.0) / per * float(np.median(np.diff(series.times))) * length
    return level / sqrt(events) if events > 0 else 0.0


def _ordered(values: Floats) -> Floats:
    ordered = values.copy()
    ordered.sort()
    return ordered


def _spread(ordered: Floats, level: float, share: float, deviations: float) -> tuple[float, float]:
    """Robust spread of ascending runs downwards and upwards: the larger of the MAD and the tail at `share`."""
    distances: Floats = np.abs(ordered - level)
    distances.sort()
    mad = 1.4826 * middle(distances)
    low, high = quantile(ordered, 1 - share), quantile(ordered, share)
    return max(mad, (level - low) / deviations), max(mad, (high - level) / deviations)


@lru_cache(maxsize=1024)
def _quiet(samples: bytes, length: int) -> tuple[float, float, float, float, float]:
    """Middle, spread and extremes of a baseline, which is the same at every look."""
    ordered = _ordered(_runs(np.frombuffer(samples), length))
    normal = middle(ordered)
    return normal, *_spread(ordered, normal, 0.98, 2.05), ordered.item(0), ordered.item(-1)


def _stopped(past_runs: Floats, least: float, before: float) -> bool:
    """Whether something that always went on, however unevenly, has all but ceased."""
    return past_runs.size >= 8 and before > 0 and least <= 0.12 * before and float(past_runs.min()) >= 0.3 * before


def _spiked(past_runs: Floats, before: float, after: float, moment: int) -> bool:
    """Whether it went that far for a moment before; a longer time there was an earlier fault, which tells nothing of this one."""
    far = np.concatenate([[False], (past_runs - before) / (after - before) >= 0.5, [False]]) if after != before else np.zeros(2)
    edges = np.flatnonzero(far[1:] != far[:-1])
    spells = zip(edges[::2], edges[1::2], strict=True)
    return any(
        stop - start <= moment and ((past_runs[start:stop] - before) / (after - before)).max() >= 1.0 for start, stop in spells
    )


def _onset(times: Floats, values: Floats, before: float, after: float, peak: int) -> float:
    limit = 0.35 * (after - before)
    beyond = (values - before) / limit >= 1 if limit else np.zeros(values.size, dtype=bool)
    first = peak
    while first > 0 and beyond[first - 1]:
        first -= 1
    return float(times[first])


@dataclass(frozen=True, slots=True)
class _Samples:
    """One series cut into its periods; `run` neighbours are judged together."""

    times: Floats
    values: Floats
    past: Floats
    fresh: Floats
    quiet: Floats
    run: int
    present: Floats
    """The last one before the alert, and all since."""


def shift_of(series: Series, baseline: Series | None, periods: Periods) -> Shift | None:
    """How the series differs from its past; None where it was not sampled in both."""
    times, values = _clean(series.times, series.values)
    held = times <= periods.now
    times, values = times[held], values[held]
    if times.size < 2:
        return None
    step = middle(_ordered(times[1:] - times[:-1]))
    fresh_from = periods.fresh_from(step)
    well_before = int(np.count_nonzero(times <= periods.alert_at - 1200.0))
    healthy_until = min(periods.healthy_until(step, well_before), fresh_from)
    past, fresh = values[times <= healthy_until], values[times > fresh_from]
    quiet = _clean(baseline.times, baseline.values)[1] if baseline is not None else np.empty(0)
    if fresh.size == 0 or (past.size < 2 and (past.size == 0 or quiet.size < 20)):
        return None
    present = values[max(0, int(np.searchsorted(times, periods.present_from(), side="right")) - 1) :]
    return _judge(series, _Samples(times, values, past, fresh, quiet, _run(step, fresh.size), present))


def _run(step: float, fresh: int) -> int:
    """How many neighbours are judged together: half a minute's, at least two, where so many were sampled."""
    if fresh < 3 or step >= 180:
        return 1
    return max(2, min(ceil(_TOGETHER_S / max(step, 0.1)), fresh // 2))


def _judge(series: Series, samples: _Samples) -> Shift:
    past, fresh, quiet, length = samples.past, samples.fresh, samples.quiet, samples.run
    past_runs, fresh_runs = _runs(past, length), _runs(fresh, length)
    ordered = _ordered(past_runs)
    before = middle(ordered)
    floor = _floor(series, before)
    spare = 0.25 * abs(before) if past.size < 4 and quiet.size < 20 else 0.0
    low, high = _spread(ordered, before, 0.9, 1.28) if past_runs.size >= 4 else (float(np.ptp(past)), float(np.ptp(past)))
    bottom_seen, top_seen = np.inf, -np.inf
    if quiet.size >= 20:
        normal, quiet_low, quiet_high, bottom_seen, top_seen = _quiet(quiet.tobytes(), length)
        load = min(5.0, max(0.2, before / normal)) if before > 0 and normal > 0 else 1.0
        low, high = max(low, load * quiet_low), max(high, load * quiet_high)
    if series.kind in {MetricKind.TRAFFIC, MetricKind.OTHER} and not past.any():
        floor = max(floor, 0.3 * float(np.abs(fresh).max()))
    floor = max(floor, _counted(series, before, length))
    low, high = float(np.hypot(low, floor) + spare), float(np.hypot(high, floor) + spare)
    top, bottom = int(fresh_runs.argmax()), int(fresh_runs.argmin())
    up, down = (float(fresh_runs[top]) - before) / high, (before - float(fresh_runs[bottom])) / low
    rises = up >= down
    if series.kind is MetricKind.AVAILABILITY:
        rises = up > down and down < MOVED
    elif series.kind not in {MetricKind.TRAFFIC, MetricKind.OTHER}:
        rises = up >= down or up >= MOVED
    chosen, score = (top, up) if rises else (bottom, down)
    if (
        length > 1
        and up < MOVED
        and before >= _RARE * _counted(series, before, length)
        and _stopped(past_runs, float(fresh_runs[bottom]), before)
    ):
        rises, chosen, score = False, bottom, max(down, MOVED + 2)
    after = float(fresh_runs[chosen])
    known = bottom_seen < after < top_seen if quiet.size >= _ENOUGH else _spiked(past_runs, before, after, max(_MOMENT, length))
    if known:
        score = min(score, _SEEN_BEFORE)
    times, values = samples.times, samples.values
    start = values.size - fresh.size
    last = float(values[-min(length, fresh.size) :].mean())
    limit = max(MOVED * (high if rises else low) * 0.75, 0.25 * abs(after - before))
    return Shift(
        series=series,
        before=before,
        after=after,
        score=max(0.0, score),
        direction="up" if rises else "down",
        onset=_onset(times, values, before, after, start + chosen),
        now=(last - before if rises else before - last) >= limit,
        held=_held(samples.present, before, after),
    )


def _held(present: Floats, before: float, after: float) -> float:
    """How much of the time around the alert a shift was there; a spike that was over by then did not raise the alert."""
    if present.size == 0 or after == before:
        return 1.0
    beyond = (present - before) / (after - before) >= 0.35
    return float(max(beyond[0], beyond[1:].mean() if beyond.size > 1 else 0.0))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked at; equal where all its samples are."""

    digest: bytes
    periods: Periods
    series: tuple[Series, ...] = field(compare=False)
    baseline: tuple[Series, ...] = field(compare=False)

    @classmethod
    def of(cls, series: tuple[Series, ...], baseline: tuple[Series, ...], periods: Periods) -> _Asked:
        hashed = blake2b(str(len(series)).encode(), digest_size=32)
        for one in (*series, *baseline):
            hashed.update(repr((one.component, one.metric, one.kind.value, one.unit, one.times.size, one.values.size)).encode())
            hashed.update(one.times.tobytes())
            hashed.update(one.values.tobytes())
        return cls(hashed.digest(), periods, series, baseline)


@lru_cache(maxsize=8)
def _found(asked: _Asked) -> tuple[Shift, ...]:
    quiet = {(one.component, one.metric): one for one in asked.baseline}
    found = (shift_of(one, quiet.get((one.component, one.metric)), asked.periods) for one in asked.series)
    held = (shift for shift in found if shift is not None)
    return tuple(sorted(held, key=lambda s: (-s.score, s.component, s.series.metric)))


def shifts_of(series: Iterable[Series], baseline: Iterable[Series], periods: Periods) -> list[Shift]:
    """Every series that could be judged, strongest first."""
    return list(_found(_Asked.of(tuple(series), tuple(baseline), periods)))


def onset_of(shifts: Sequence[Shift]) -> float | None:
    """When the trouble began: the middle of the strongest harmful shifts' own onsets, leaning to the early ones."""
    strong = [s for s in shifts if s.moved and s.harmful][:12]
    if not strong:
        return None
    weights = np.array([np.log1p(s.score) for s in strong])
    order = np.argsort([s.onset for s in strong])
    heap = np.cumsum(weights[order])
    return float(strong[order[int(np.searchsorted(heap, 0.35 * heap[-1]))]].onset)
