"""Peers: other ways to name the culprit, published methods and naive rules, from what NEXUS sees and no more; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import numpy as np

from nexus.world.changes import Change
from nexus.world.metrics import Floats, Series

Scale = Callable[[Floats], tuple[float, float]]
"""The middle and the spread of a period without trouble."""

_FLAT = 10 * float(np.finfo(np.float64).eps)


def baro(series: Iterable[Series], split: float) -> tuple[str, ...]:
    """Components, best first, as BARO's hypothesis test ranks them.

    Pham, Ha, Zhang: "BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change Point
    Detection", arXiv 2405.09330: a series' score is the largest (x - median) / IQR after the split, median and interquartile
    range taken before it. The paper finds the split by detecting the change point; here it is given: the alert's time.
    `split` is in unix seconds.
    """
    return _ranked(series, split, _robust)


def n_sigma(series: Iterable[Series], split: float) -> tuple[str, ...]:
    """Components, best first, as the N-sigma rule ranks them.

    The baseline of Li et al., "Causal Inference-Based Root Cause Analysis for Online Service Systems with Intervention
    Recognition", arXiv 2206.05871, as BARO's paper compares with it: a series' score is the largest (x - mean) / standard
    deviation after the split, both taken before it. `split` is in unix seconds.
    """
    return _ranked(series, split, _normal)


def _robust(before: Floats) -> tuple[float, float]:
    low, middle, high = np.percentile(before, (25, 50, 75))
    return float(middle), float(high - low)


def _normal(before: Floats) -> tuple[float, float]:
    return float(np.mean(before)), float(np.std(before))


def _score(series: Series, split: float, scale: Scale) -> float | None:
    """None where nothing was sampled on one side, or nothing moved before.

    As in the methods' published code a series that is constant before is left out and a spread of zero counts as one. One that
    is constant after is kept, unlike there, because shortly after an alert there are one or two samples.
    """
    there = np.isfinite(series.values)
    before = series.values[there & (series.times < split)]
    after = series.values[there & (series.times >= split)]
    if not before.size or not after.size or np.ptp(before) == 0:
        return None
    middle, spread = scale(before)
    return float(np.max((after - middle) / (spread if spread > _FLAT else 1.0)))


def _ranked(series: Iterable[Series], split: float, scale: Scale) -> tuple[str, ...]:
    """A component stands where the best of its series stands; of equal ones the earlier given comes first."""
    scored = [(score, one.component) for one in series if (score := _score(one, split, scale)) is not None]
    return tuple(dict.fromkeys(component for _, component in sorted(scored, key=lambda pair: -pair[0])))


def last_change(changes: Iterable[Change], alert_at: datetime) -> tuple[str, ...]:
    """The component of the last change made before the alert; empty when there was none."""
    before = [change for change in changes if change.at <= alert_at]
    return (max(before, key=lambda change: change.at).component,) if before else ()


def commonest_cause(accepted: Sequence[Collection[str]]) -> str | None:
    """The kind of cause that is right most often, given for each case those that are; the first in the alphabet of equal ones.

    It looks at the answers, so it bounds from above what always saying the same can reach. None without cases.
    """
    counted = Counter(cause for causes in accepted for cause in set(causes))
    return min(counted, key=lambda cause: (-counted[cause], cause)) if counted else None
