"""Calls: who called whom in each minute, from the same frame that the metrics come from."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import numpy as np

from nexus.world.calls import CallStats
from nexus.world.metrics import Floats
from nexus.world.sandbox.metrics import NORMAL_ERRORS
from nexus.world.sandbox.noise import normal
from nexus.world.sandbox.simulation import Frame, Simulation
from nexus.world.sandbox.spread import TIMEOUT_MS

HELD = 4
"""How many computed stretches are kept; each can be computed again."""


class SandboxCalls:
    """Call statistics by minute and edge."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._stretch = lru_cache(maxsize=HELD)(self._compute)

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Minutes in [start, end], oldest first."""
        self._sim.answering("calls", end)
        first, last = self._sim.minutes(start, end)
        if last < first:
            return []
        return list(self._stretch(first, last, len(self._sim.log.entries())))

    def _compute(self, first: int, last: int, _done: int) -> tuple[CallStats, ...]:
        frame = self._sim.frame(first, last)
        moments = [self._sim.moment(k) for k in frame.ks.tolist()]
        found: list[CallStats] = []
        for component in self._sim.shop.components:
            if component.users:
                reached = frame.conditions[component.name].requests
                page = "GET /" + (component.pages[0] if component.pages else component.name)
                found += self._edge(frame, moments, ("", component.name, page), reached)
            reached = frame.conditions[component.name].requests * (1 - frame.conditions[component.name].local.errors)
            for call in component.calls:
                if not call.consumes:
                    found += self._edge(frame, moments, (component.name, call.to, call.operation), reached * call.share)
        return tuple(sorted(found, key=lambda c: c.at))

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        return self._sim.shop.catalog().edges()

    def _edge(self, frame: Frame, moments: list[datetime], edge: tuple[str, str, str], counts: Floats) -> list[CallStats]:
        caller, callee, _ = edge
        condition = frame.conditions[callee]
        noise = normal(self._sim.seed, f"{caller}>{callee}", frame.ks)
        gave_up = np.clip((condition.latency_ms - TIMEOUT_MS) / 8000.0, 0.0, 0.5)
        share = 1 - (1 - condition.errors) * (1 - gave_up) + NORMAL_ERRORS
        count = np.maximum(counts * (1 + 0.03 * noise), 0.0)
        p95 = condition.latency_ms * (1 + 0.05 * noise)
        errors = np.clip(share, 0, 1) * count
        return [
            CallStats(at, *edge, c, p * 0.45, p, p * 1.8, e)
            for at, c, p, e in zip(moments, count.tolist(), p95.tolist(), errors.tolist(), strict=True)
        ]
