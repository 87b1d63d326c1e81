"""Security: misuse of credentials and floods, as the access log and the detectors note them."""

from __future__ import annotations

from datetime import datetime

from nexus.world.sandbox import faults as f
from nexus.world.sandbox.simulation import Simulation
from nexus.world.security import SecuritySignal

EVERY = 3
"""Minutes between two signals of one kind."""


class SandboxSecurity:
    """Signals in time."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def signals(self, start: datetime, end: datetime) -> list[SecuritySignal]:
        """Signals in [start, end], oldest first."""
        self._sim.answering("security", end)
        first, last = self._sim.minutes(start, end)
        if last < first:
            return []
        frame = self._sim.frame(first, last)
        found: list[SecuritySignal] = []
        for fault, act in frame.faults:
            if not isinstance(fault, f.CredentialLeak | f.TrafficFlood):
                continue
            for k, level in zip(frame.ks.tolist(), act.level.tolist(), strict=True):
                passed = k - int(fault.start)
                if level > 0 and passed % EVERY == 0:
                    found += self._leak(fault, k, passed) if isinstance(fault, f.CredentialLeak) else self._flood(fault, k)
        return sorted(found, key=lambda s: s.at)

    def _leak(self, fault: f.CredentialLeak, k: int, passed: int) -> list[SecuritySignal]:
        at, name = self._sim.moment(k), self._sim.shop.by_name[fault.where].credential
        read = fault.records_per_min * (passed + 1)
        what = f"credential {name} used from {fault.source}, an address that never used it before"
        return [
            SecuritySignal(at, "credential_misuse", fault.where, what, fault.source),
            SecuritySignal(
                at,
                "data_access",
                fault.where,
                f"{read} records read with credential {name}",
                fault.source,
                read,
                fault.personal_data,
            ),
        ]

    def _flood(self, fault: f.TrafficFlood, k: int) -> list[SecuritySignal]:
        rate = self._sim.shop.traffic[fault.where] * (fault.times - 1)
        detail = f"about {rate:.0f} requests a minute from {fault.source}, {fault.times:.0f} times the usual traffic"
        return [SecuritySignal(self._sim.moment(k), "traffic_flood", fault.where, detail, fault.source)]
