"""Probes: our own endpoints tried from outside."""

from __future__ import annotations

from datetime import datetime

from nexus.world.endpoints import ProbeResult
from nexus.world.sandbox.noise import normal
from nexus.world.sandbox.simulation import Simulation


class SandboxEndpoints:
    """Each endpoint tried a hundred times."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def probe(self, at: datetime, components: tuple[str, ...] = ()) -> list[ProbeResult]:
        """Try the endpoints of those components, or all."""
        self._sim.answering("endpoints", at)
        frame = self._sim.frame_at(at)
        found: list[ProbeResult] = []
        for c in self._sim.shop.components:
            if components and c.name not in components:
                continue
            errors, latency, _ = frame.now(c.name)
            for endpoint in c.endpoints:
                noise = float(normal(self._sim.seed, f"probe{endpoint.path}", frame.ks)[-1])
                share = round(min(1.0, errors), 2)
                detail = f"{share:.0%} of 100 tries failed" if share else "100 tries, all answered"
                way = float(frame.conditions[c.name].local.transit_ms[-1])
                seen = latency * 0.55 * (1 + 0.04 * noise) + way
                found.append(
                    ProbeResult(
                        c.name, endpoint.method, endpoint.path, share, round(seen, 1), 0.0, round(c.latency_ms * 0.55, 1), detail
                    )
                )
        return found
