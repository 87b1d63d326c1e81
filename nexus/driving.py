"""Driving: what the commands that drive incidents share: an incident's library, who answers, its beginning, its folder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nexus.asked import Answering, approve_all, approve_none
from nexus.embedded import resume
from nexus.graph import VERSION
from nexus.incident import Alert, Incident, Opening, Surroundings
from nexus.incidents import opened, opening_of, vault_of, world_of
from nexus.library import Library
from nexus.library.opened import library_at
from nexus.masking import Vault
from nexus.records.folder import write_folder
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.settings import Settings
from nexus.terminal import answer_at_terminal
from nexus.view import View
from nexus.world import World


@dataclass(frozen=True, slots=True)
class Hands:
    """What a command drives incidents with."""

    settings: Settings
    records: Store
    responder: Responder
    view: View
    others: Answering | None = None
    """Who answers in this process's place; None: as the settings have it."""

    def answering(self) -> Answering:
        """Who answers approvals and questions."""
        if self.others is not None:
            return self.others
        answers: Mapping[str, Answering] = {
            "auto": approve_all,
            "never": approve_none,
            "ask": answer_at_terminal(self.view),
        }
        return answers[self.settings.approve]


def library_of(surroundings: Surroundings) -> Library:
    """The library that an incident began with, read again only where a file of it has changed. Raises LibraryError."""
    return library_at(Path(surroundings.library) if surroundings.library else Library.default_root())


async def begin(
    alert: Alert, world: World, surroundings: Surroundings, hands: Hands, *, until: str | None = None
) -> tuple[Opening, Vault]:
    """Record an incident's beginning, under an id of its own."""
    vault, settings = vault_of(world), hands.settings
    opening = opening_of(
        alert,
        vault,
        world.clock,
        surroundings=surroundings,
        graph=VERSION,
        engine=settings.engine,
        approve=settings.approve,
        until=until,
        pace=settings.pace if world.clock.simulated else 1.0,
    )
    return await opened(hands.records, opening), vault


async def go_on(
    opening: Opening,
    hands: Hands,
    *,
    until: str | None = None,
    stop: asyncio.Event | None = None,
    vault: Vault | None = None,
) -> Incident:
    """Drive it from wherever it stands, and write its folder."""
    library = library_of(opening.surroundings)
    hands.view.recall(await hands.records.events(opening.incident))
    world = world_of(opening, hands.records)
    try:
        incident = await resume(
            opening.incident,
            library=library,
            world=world,
            responder=hands.responder,
            records=hands.records,
            answer=hands.answering(),
            listeners=[hands.view.event],
            until=until,
            stop=stop,
            vault=vault,
        )
    finally:
        await world.close()
    await write_out(incident, library, hands)
    return incident


async def write_out(incident: Incident, library: Library, hands: Hands) -> None:
    """Write the incident's folder."""
    write_folder(hands.settings.out, incident, library.template, await hands.records.pictures(incident.id))
