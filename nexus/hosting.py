"""Hosting: the incidents of one long-lived process, begun and driven side by side, or handed to a fleet and followed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from nexus.driving import Hands, begin, go_on
from nexus.errors import IncidentHeld, NexusError
from nexus.incident import Alert, Incident, Opening, Surroundings
from nexus.masking import Vault, masked_text
from nexus.world.open import open_world

AGAIN_FIRST, AGAIN_LAST = 2.0, 60.0
"""Seconds until an incident that something kept from going on is tried again: at first, and at most."""


@dataclass(slots=True)
class Host:
    """Begins incidents, and drives each in a task of its own until `stop` is set; then they stand saved."""

    hands: Hands
    surroundings: Surroundings
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    driven: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, alert: Alert) -> str:
        """Open an incident for that alert; its id, once it is recorded. Raises WorldError, RecordsError."""
        around = self.surroundings
        world = open_world(around.world, seed=around.seed, starts_at=alert.starts_at).world
        opening, vault = await begin(alert, world, around, self.hands)
        self._drive(opening, vault)
        return opening.incident

    async def alerted(self, incident: str) -> None:
        """A further alert of it is in the records; an incident that is driven here finds it there."""
        if self.hands.settings.engine == "temporal":
            from nexus.temporal.client import tell_of_alert  # noqa: PLC0415 - an extra
            from nexus.temporal.connection import connect  # noqa: PLC0415 - same

            await tell_of_alert(await connect(self.hands.settings.temporal), incident)

    async def resume_all(self) -> None:
        """Go on with everything that was begun and has not ended."""
        for opening in await self.hands.records.unfinished():
            self._drive(opening, None)

    async def ended(self) -> None:
        """Wait until nothing is driven any more."""
        await asyncio.gather(*self.driven.values())

    def _drive(self, opening: Opening, vault: Vault | None) -> None:
        if opening.incident not in self.driven:
            task = asyncio.create_task(self._driven(opening, vault), name=opening.incident)
            self.driven[opening.incident] = task
            task.add_done_callback(lambda _: self.driven.pop(opening.incident, None))

    async def _driven(self, opening: Opening, vault: Vault | None) -> None:
        """To its end or to `stop`, whatever keeps it from going on for a while."""
        wait = AGAIN_FIRST
        while not self.stop.is_set():
            try:
                await self._once(opening, vault)
            except IncidentHeld:
                return
            except Exception as error:  # noqa: BLE001 - one incident's trouble is told and tried again, and is nobody else's
                what = str(error) if isinstance(error, NexusError) else f"{type(error).__name__}: {error}"
                structlog.get_logger().error(
                    "incident does not go on", incident=opening.incident, why=masked_text(what), again_in=wait
                )
                await self._pause(wait)
                wait = min(2 * wait, AGAIN_LAST)
            else:
                return

    async def _once(self, opening: Opening, vault: Vault | None) -> Incident | None:
        if opening.engine == "temporal":
            from nexus.fleet import follow_on_fleet  # noqa: PLC0415 - an extra

            return await follow_on_fleet(opening, self.hands, self.stop)
        return await go_on(opening, self.hands, stop=self.stop, vault=vault)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return
