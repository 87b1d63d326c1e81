"""Ramp: since when a resource has been filling, so that a change long before the first error is still seen to have begun it."""

from __future__ import annotations

import numpy as np

from nexus.world.metrics import MetricKind, Series

_LEAST_S = 600.0


def filling_since(series: Series, now: float) -> float | None:
    """When the resource began its steady climb, of ten minutes or more; None where it did not climb."""
    held = np.isfinite(series.values) & (series.times <= now)
    times, values = series.times[held], series.values[held]
    if series.kind is not MetricKind.SATURATION or times.size < 15:
        return None
    first = values[: max(8, times.size // 6)]
    level = float(np.median(first))
    noise = max(1.4826 * float(np.median(np.abs(first - level))), 0.01 * abs(level), 1e-9)
    top = int(np.argmax(values))
    if values[top] - level < 12 * noise or values[top] < 1.25 * level:
        return None
    start = top
    while start > 0 and values[start - 1] > level + 3 * noise:
        start -= 1
    climb = values[start : top + 1]
    if times[top] - times[start] < _LEAST_S or climb.size < 8:
        return None
    order = np.arange(climb.size, dtype=np.float64)
    steady = float(np.corrcoef(order, climb)[0, 1])
    return float(times[start]) if steady >= 0.9 else None
