"""Calls: who called whom in each minute, from the same frame that the metrics come from."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from nexus.world.calls import CallStats
from nexus.world.metrics import Floats
from nexus.world.sandbox.metrics import NORMAL_ERRORS
from nexus.world.sandbox.noise import normal
from nexus.world.sandbox.simulation import Frame, Simulation
from nexus.world.sandbox.spread import TIMEOUT_MS


class SandboxCalls:
    """Call statistics by minute and edge."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Minutes in [start, end], oldest first."""
        self._sim.answering("calls", end)
        first, last = self._sim.minutes(start, end)
        if last < first:
            return []
        frame = self._sim.frame(first, last)
        found: list[CallStats] = []
        for component in self._sim.shop.components:
            if component.users:
                reached = frame.conditions[component.name].requests
                page = "GET /" + (component.pages[0] if component.pages else component.name)
                found += self._edge(frame, "", component.name, page, reached)
            reached = frame.conditions[component.name].requests * (1 - frame.conditions[component.name].local.errors)
            for call in component.calls:
                if not call.consumes:
                    found += self._edge(frame, component.name, call.to, call.operation, reached * call.share)
        return sorted(found, key=lambda c: c.at)

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        return self._sim.shop.catalog().edges()

    def _edge(self, frame: Frame, caller: str, callee: str, operation: str, counts: Floats) -> list[CallStats]:
        sim, condition = self._sim, frame.conditions[callee]
        noise = normal(sim.seed, f"{caller}>{callee}", frame.ks)
        gave_up = np.clip((condition.latency_ms - TIMEOUT_MS) / 8000.0, 0.0, 0.5)
        share = 1 - (1 - condition.errors) * (1 - gave_up) + NORMAL_ERRORS
        count = np.maximum(counts * (1 + 0.03 * noise), 0.0)
        p95 = condition.latency_ms * (1 + 0.05 * noise)
        errors = np.clip(share, 0, 1) * count
        return [
            CallStats(sim.moment(int(k)), caller, callee, operation, c, p * 0.45, p, p * 1.8, e)
            for k, c, p, e in zip(frame.ks, count.tolist(), p95.tolist(), errors.tolist(), strict=True)
        ]
