"""Standstill: work that has all but stopped, though nothing fails and nothing is slow. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from nexus.tools.vitals import Vital, normal_value, recent_value
from nexus.world.metrics import MetricKind, Series

_STEADY, _STOPPED = 0.4, 0.1
"""Shares of a series' usual level: what a steady one never falls below, and what it has to fall below to have stopped."""
_PAST = 5
"""Samples from which it can be told whether a series was steady."""


def has_stopped(series: Series, at: datetime, start: datetime, end: datetime) -> bool:
    """Whether a series of traffic that was steady in [start, end] is below a tenth of that now; the end may hold trouble."""
    if series.kind is not MetricKind.TRAFFIC:
        return False
    level = normal_value(series.times, series.values, start, end)
    now = recent_value(series.times, series.values, at)
    first = series.values[(series.times >= start.timestamp()) & (series.times <= (start + (end - start) / 2).timestamp())]
    first = first[~np.isnan(first)]
    if level is None or now is None or level <= 0 or first.size < _PAST:
        return False
    return float(first.min()) >= _STEADY * level and now < _STOPPED * level


def from_traffic(series: Iterable[Series], component: str, at: datetime, start: datetime, end: datetime) -> dict[str, Vital]:
    """The vital of a component whose traffic has stopped; empty where it has not."""
    stopped = any(s.component == component and has_stopped(s, at, start, end) for s in series)
    return {component: Vital(component, stopped=True)} if stopped else {}
