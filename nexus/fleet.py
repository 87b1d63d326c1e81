"""Fleet: what the command line does with an incident that workers drive: hand it over, follow it, answer it, write its folder."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from temporalio.client import Client

from nexus.drive import Pending
from nexus.driving import Hands, begin, library_of, write_out
from nexus.errors import AnswerRefused, NexusError, UsageError
from nexus.incident import Alert, Incident, Opening, Surroundings
from nexus.records.document import from_json
from nexus.temporal.client import answer, follow, known, open_questions, submit
from nexus.temporal.connection import connect
from nexus.world import World

LOOK = 1.0
"""Seconds between two looks for what people are asked."""


async def begin_on_fleet(
    alert: Alert, world: World, surroundings: Surroundings, hands: Hands, *, until: str | None, stop: asyncio.Event
) -> tuple[Opening, Incident | None]:
    """Begin an incident on the fleet and follow it. Raises UsageError when its server does not answer; then nothing began."""
    client = await connect(hands.settings.temporal)
    opening, _ = await begin(alert, world, surroundings, hands, until=until)
    return opening, await _followed(client, opening, hands, stop)


async def follow_on_fleet(opening: Opening, hands: Hands, stop: asyncio.Event) -> Incident | None:
    """Follow an incident that the fleet has; one whose beginning never reached it is handed over now."""
    return await _followed(await connect(hands.settings.temporal), opening, hands, stop)


async def _followed(client: Client, opening: Opening, hands: Hands, stop: asyncio.Event) -> Incident | None:
    """To its end; None when told to stop before, while the fleet goes on."""
    incident, library = opening.incident, library_of(opening.surroundings)
    if not await known(client, incident):
        await submit(client, hands.settings.temporal, opening, library)
    answering = asyncio.ensure_future(_answered(client, incident, hands))
    try:
        if await follow(client, incident, hands.records, hands.view.event, stop) is None:
            return None
    finally:
        answering.cancel()
    document = await hands.records.document(incident)
    if document is None:
        raise NexusError(f"{incident} has ended, and these records do not hold it", "name the workers' records in NEXUS_RECORDS")
    ended = from_json(document)
    await write_out(ended, library, hands)
    return ended


async def _answered(client: Client, incident: str, hands: Hands) -> None:
    """Put each open question to whoever answers here, beside all others who may answer it."""
    asked: dict[str, asyncio.Task[None]] = {}
    ask = hands.answering()

    async def put(pending: Pending) -> None:
        given = await ask(pending)
        if given is not None:
            with suppress(AnswerRefused):  # somebody was faster
                await answer(client, incident, pending.id, given)

    try:
        while hands.settings.approve == "ask":
            with suppress(UsageError):  # between two workers nobody answers queries
                questions = {q.id: Pending(q.id, q.detail) for q in await open_questions(client, incident)}
                for name in set(asked) - set(questions):
                    asked[name].cancel()
                asked |= {name: asyncio.create_task(put(p)) for name, p in questions.items() if name not in asked}
            await asyncio.sleep(LOOK)
    finally:
        for task in asked.values():
            task.cancel()
