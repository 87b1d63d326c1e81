"""Delivery: words on their way out, through the outbox: composed once, sent under their key, recorded when they arrived."""

from __future__ import annotations

from typing import Any

from nexus.errors import ToolError
from nexus.incident import BacklogItem, Effect, EffectKind, EffectState, Event
from nexus.state import Context
from nexus.world.people import People

WORDS = frozenset(EffectKind) - {EffectKind.ACTION, EffectKind.UNDO}


async def deliver(context: Context, effect: Effect) -> Effect:
    """Write it down, send it, settle it; the effect as it was settled.

    One that was begun before, by a process that died on the way, is sent again as it was composed then, under the same key, by
    which its target knows it; one that was settled before is given back.
    """
    earlier = await context.records.outbox.begin(effect)
    if earlier is not None and earlier.state is not EffectState.BEGUN:
        return earlier
    return await _sent(context, earlier or effect)


async def deliver_what_is_left(context: Context, incident: str) -> None:
    """Send what a process that died had composed and not settled."""
    for effect in await context.records.outbox.effects(incident, EffectState.BEGUN):
        if effect.kind in WORDS:
            await _sent(context, effect)


async def _sent(context: Context, effect: Effect) -> Effect:
    try:
        result = await _leave(context.world.people, effect)
        settled = effect.model_copy(update={"state": EffectState.DONE, "result": result})
    except ToolError as error:
        why = {"why": context.vault.mask(str(error))}
        settled = effect.model_copy(update={"state": EffectState.FAILED, "result": why})
    events = [_told(settled, settled.event)] if settled.event is not None else []
    for event in await context.records.outbox.settle(settled, *events):
        context.heard(event)
    return settled


def _told(effect: Effect, event: Event) -> Event:
    """What the record says of it: also that it did not arrive."""
    if effect.state is not EffectState.FAILED:
        return event
    return event.model_copy(update={"text": f"{event.text} (not delivered: {effect.result['why']})"})


async def _leave(people: People, effect: Effect) -> dict[str, Any]:
    """Through the door that is the kind's; what the other side said. Raises ToolError."""
    what = effect.what
    match effect.kind:
        case EffectKind.STATUS:
            await people.post_status(effect.incident, what["text"], effect.at, effect.key)
        case EffectKind.BRIEF:
            await people.brief(effect.incident, what["text"], effect.at, effect.key)
        case EffectKind.NOTICE:
            await people.notify(effect.incident, what["to"], what["text"], effect.at, effect.key)
        case EffectKind.CHANNEL:
            return {"name": await people.open_channel(effect.incident, what["title"], effect.at)}
        case EffectKind.BACKLOG:
            return {"new": await people.add_to_backlog([BacklogItem.model_validate(item) for item in what["items"]])}
        case _:
            raise AssertionError(f"{effect.kind} is no word")
    return {}
