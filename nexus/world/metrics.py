"""Metrics: time series by component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nexus.incident.base import Explained

Floats = npt.NDArray[np.float64]


class MetricKind(Explained):
    """What a series says about its component."""

    SATURATION = "saturation", "how full: CPU, memory, disk, connections, queue depth"
    ERRORS = "errors", "failures, a share or a rate"
    LATENCY = "latency", "how long"
    TRAFFIC = "traffic", "how much is asked of it"
    AVAILABILITY = "availability", "share that succeeds; low is bad"
    OTHER = "other", "not told by its name"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one component; `times` in unix seconds, ascending; `values` may hold NaN where nothing was sampled."""

    component: str
    metric: str
    kind: MetricKind
    unit: str
    times: Floats
    values: Floats


class Metrics(Protocol):
    """Where series come from. Raises Unavailable when it does not answer."""

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """Every series sampled in [start, end], of those components or of all."""
        ...

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """The same series from a period known to be without fault; empty where there is none."""
        ...
