"""Middles and quantiles by one sort are NumPy's own, to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nexus.analysis.order import middle, quantile
from nexus.world.metrics import Floats


def ordered(size: int) -> Floats:
    chance = np.random.default_rng(size)
    return np.sort(chance.normal(size=size) * 10.0 ** chance.integers(-6, 7, size=size))


@pytest.mark.parametrize("size", range(1, 40))
def test_the_middle_is_the_median(size: int) -> None:
    assert middle(ordered(size)) == float(np.median(ordered(size)))


@pytest.mark.parametrize("share", [0.0, 0.02, 1 - 0.98, 0.1, 1 - 0.9, 0.4, 0.5, 0.75, 0.9, 0.98, 1.0])
def test_a_quantile_is_as_numpy_draws_it_between_neighbours(share: float) -> None:
    for size in range(1, 40):
        assert quantile(ordered(size), share) == float(np.quantile(ordered(size), share)), size


def test_samples_that_hold_no_number_have_no_middle_and_no_quantile() -> None:
    samples = np.sort(np.array([1.0, math.nan, 3.0, 2.0]))
    assert math.isnan(middle(samples))
    assert math.isnan(quantile(samples, 0.1))
