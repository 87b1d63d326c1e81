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

HOP_MS = 1.5
"""What a call spends on its way there and back when all is well."""

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
            for call, made in frame.conditions[component.name].calls.items():
                edge = (component.name, call.to, call.operation)
                found += self._edge(frame, moments, edge, made)
                if self._sim.scenario.client_spans:
                    found += self._edge(frame, moments, edge, made, client=True)
        return tuple(sorted(found, key=lambda c: c.at))

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        return self._sim.shop.catalog().edges()

    def _edge(
        self, frame: Frame, moments: list[datetime], edge: tuple[str, str, str], counts: Floats, *, client: bool = False
    ) -> list[CallStats]:
        """One call as its callee recorded it; `client`: as the caller did under its own name, with the way there and back."""
        caller, callee, operation = edge
        condition = frame.conditions[callee]
        noise = normal(self._sim.seed, f"{caller}>{callee}", frame.ks)
        share = 1 - (1 - condition.errors) * (1 - condition.given_up) + NORMAL_ERRORS
        count = np.maximum(counts * (1 + 0.03 * noise), 0.0)
        p95 = condition.latency_ms * (1 + 0.05 * noise)
        errors = np.clip(share, 0, 1) * count
        way = np.zeros(len(moments))
        if client:
            way = (HOP_MS + condition.local.transit_ms) * (1 + 0.1 * normal(self._sim.seed, f"{caller}>{callee} way", frame.ks))
        ends = (caller, caller if client else callee, operation)
        return [
            CallStats(at, *ends, c, p * 0.45 + w, p + w, p * 1.8 + w, e)
            for at, c, p, e, w in zip(moments, count.tolist(), p95.tolist(), errors.tolist(), way.tolist(), strict=True)
        ]
