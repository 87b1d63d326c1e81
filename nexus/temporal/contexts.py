"""Contexts: what the steps of each incident may reach in this worker, opened from its record when it is first needed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from nexus.errors import RecordsError
from nexus.incidents import vault_of, world_of
from nexus.library import Library
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.state import Context

MOST = 256
"""Incidents whose worlds a worker holds at once; one that was let go is opened again."""


@dataclass(slots=True)
class Contexts:
    """The contexts of one worker: its own library, responder and records, and each incident's world."""

    library: Library
    responder: Responder
    records: Store
    held: OrderedDict[str, Context] = field(default_factory=OrderedDict)

    async def of(self, incident: str) -> Context:
        """The incident's context, with all that other workers did to its world by now.

        Raises RecordsError when these records do not know the incident, WorldError when its world cannot be opened here.
        """
        context = self.held.get(incident) or await self._opened(incident)
        self.held[incident] = context
        self.held.move_to_end(incident)
        while len(self.held) > MOST:
            _, longest_unused = self.held.popitem(last=False)
            await longest_unused.world.close()
        await context.world.refresh()
        return context

    async def let_go(self, incident: str) -> None:
        """It has ended."""
        context = self.held.pop(incident, None)
        if context is not None:
            await context.world.close()

    async def _opened(self, incident: str) -> Context:
        opening = await self.records.opening(incident)
        if opening is None:
            raise RecordsError(
                f"this worker's records do not hold {incident}", "give all workers the records that it was begun in"
            )
        world = world_of(opening, self.records)
        return Context(self.library, world, self.responder, self.records, vault_of(world))
