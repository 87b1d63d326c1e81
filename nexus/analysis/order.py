"""Order: middle and quantiles of samples that are sorted once; the figures are NumPy's own, to the last digit."""

from __future__ import annotations

import math

from nexus.world.metrics import Floats


def middle(ordered: Floats) -> float:
    """The median of one or more ascending samples; NaN where one of them is, for it sorts last."""
    size = ordered.size
    upper = ordered.item(size // 2)
    last = ordered.item(size - 1)
    if last != last:  # noqa: PLR0124 - only NaN differs from itself
        return math.nan
    return upper if size % 2 else (ordered.item(size // 2 - 1) + upper) / 2


def quantile(ordered: Floats, share: float) -> float:
    """What `share` of one or more ascending samples do not exceed, linear between neighbours; NaN where one of them is."""
    size = ordered.size
    last = ordered.item(size - 1)
    position = (size - 1) * share
    below = math.floor(position)
    if position >= size - 1 or last != last:  # noqa: PLR0124 - only NaN differs from itself
        return last
    low, high, part = ordered.item(below), ordered.item(below + 1), position - below
    gap = high - low
    return high - gap * (1 - part) if part >= 0.5 else low + gap * part
