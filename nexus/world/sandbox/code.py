"""Code: where an error in the log arises, and the patches developers have ready."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from nexus.errors import Unavailable
from nexus.world.code import CodeLocation, Patch, PatchTest
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.simulation import Simulation


class SandboxCode:
    """The repositories of the shop."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def locate(self, component: str, error: str) -> CodeLocation | None:
        """Where that error arises: only an error that names its kind or its file can be found."""
        self._sim.answering("code", self._sim.starts_at)
        for fault in self._sim.scenario.faults:
            if not isinstance(fault, f.Defect) or isinstance(fault, f.BadConfig) or fault.where != component:
                continue
            if fault.file in error or fault.error.split(":")[0] in error:
                age = fault.last_changed_days if isinstance(fault, f.CodeBug) else 0.2
                return CodeLocation(component, fault.file, fault.line, fault.snippet or fault.error, age)
        return None

    async def patches(self, component: str, at: datetime) -> list[Patch]:
        """Patches ready for that component, best first."""
        self._sim.answering("code", at)
        minute = self._sim.minute(at)
        return [
            Patch(p.id, component, p.summary, p.diff)
            for fault in self._sim.scenario.faults
            if isinstance(fault, f.CodeBug) and fault.where == component and minute >= fault.start
            for p in fault.patches
        ]

    async def test(self, patch: str, at: datetime) -> PatchTest:
        """Build and test a patch away from production. Raises Unavailable for a patch that nobody wrote."""
        self._sim.answering("code", at)
        for fault in self._sim.scenario.faults:
            for p in fault.patches if isinstance(fault, f.CodeBug) else ():
                if p.id == patch:
                    count = 180 + blake2b(p.id.encode(), digest_size=1).digest()[0]
                    told = f"{count} tests passed, the failing request among them" if p.passes else f"1 of {count} tests failed"
                    return PatchTest(patch, p.passes, told)
        raise Unavailable(f"patch {patch} does not exist", "take one that locate_error lists")
