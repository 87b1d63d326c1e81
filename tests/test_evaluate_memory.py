"""Memory: the peak of what the process holds."""

from __future__ import annotations

import numpy as np

from nexus.evaluate.memory import _since_the_beginning, peak_mib, reset_peak


def test_the_peak_grows_with_what_is_held_and_falls_back_when_it_is_reset() -> None:
    reset_peak()
    before = peak_mib()
    assert before is not None
    held = np.ones(16 * 1024 * 1024)
    peak = peak_mib()
    assert peak is not None
    assert peak > before + 100
    del held
    assert (peak_mib() or 0) > peak - 1
    if reset_peak():
        assert (peak_mib() or 0) < peak - 100


def test_where_it_cannot_be_reset_it_is_that_of_the_whole_run() -> None:
    whole = _since_the_beginning()
    assert whole is not None
    assert whole >= (peak_mib() or 0) - 1
