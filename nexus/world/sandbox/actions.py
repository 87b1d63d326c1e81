"""Actions: the only door to the simulated shop's controls; carried out by appending to the action log."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from nexus.errors import ActionFailed
from nexus.incident import Action, DryRun
from nexus.world.actions import Receipt
from nexus.world.sandbox.control import Entry
from nexus.world.sandbox.options import options_of
from nexus.world.sandbox.orders import UNDO_LANDS, UNDO_TOOK, Clerk
from nexus.world.sandbox.simulation import Simulation


class SandboxActions:
    """Changes to the simulated shop. Every answer takes into account what other processes have done to it by then."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._log = simulation.log
        self._changing = asyncio.Lock()
        self._clerk = Clerk(simulation.shop, simulation.scenario)

    async def options(self, component: str, at: datetime) -> list[Action]:
        """Every action that could be taken on that component now, most specific first; none for an unknown one."""
        await self._log.refresh()
        return await options_of(self._sim, component, at)

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        """What would happen, and the controls that undo would restore."""
        await self._log.refresh()
        control = self._sim.commanded(at)
        try:
            order = self._clerk.order(action, control)
        except ActionFailed as error:
            return DryRun(ok=False, effect=str(error))
        before = {name: control[name] for name in order.sets}
        changes = any(control[name] != value for name, value in order.sets.items()) or not order.sets
        return DryRun(
            ok=True, effect=order.effect if changes else f"{order.effect}; it is so already", touches=order.touches, before=before
        )

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        """Carry it out; the same `key` again gives the first receipt. Raises ActionFailed for what cannot be done."""
        async with self._changing:
            known = await self._known(key)
            if known is None:
                order = self._clerk.order(action, self._sim.commanded(at))
                entry = Entry(
                    at=at,
                    key=key,
                    kind="apply",
                    action=action,
                    sets=order.sets,
                    detail=order.effect,
                    took=order.took,
                    lands=order.lands,
                )
                known = await self._log.append(entry)
        return Receipt(known.detail, known.took)

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        """Restore what `DryRun.before` held; the same `key` again changes nothing. Raises ActionFailed for unknown controls."""
        async with self._changing:
            known = await self._known(key)
            if known is None:
                strange = sorted(set(undo) - set(self._sim.commanded(at)))
                if strange:
                    raise ActionFailed(
                        f"undo names controls that do not exist: {', '.join(strange)}", "pass the dry run's `before`"
                    )
                told = ", ".join(f"{name} back to {value}" for name, value in sorted(undo.items())) or "nothing to restore"
                entry = Entry(at=at, key=key, kind="undo", sets=dict(undo), detail=told, took=UNDO_TOOK, lands=UNDO_LANDS)
                known = await self._log.append(entry)
        return Receipt(known.detail, known.took)

    async def find(self, key: str, at: datetime) -> Receipt | None:  # noqa: ARG002 - the log is not a matter of time
        """The receipt of what was carried out under that key, by whatever process; None where nothing was."""
        known = await self._known(key)
        return Receipt(known.detail, known.took) if known else None

    async def state(self, at: datetime) -> dict[str, Any]:
        """Every control as ordered by `at`."""
        await self._log.refresh()
        return self._sim.commanded(at)

    async def _known(self, key: str) -> Entry | None:
        await self._log.refresh()
        return self._log.find(key)
