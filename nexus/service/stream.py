"""Stream: an incident's events as they happen, from wherever the reader left off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from nexus.incident import Event, EventKind, Moment
from nexus.records.following import Following
from nexus.records.packing import clean
from nexus.service.auth import Viewer
from nexus.service.incidents import IncidentId, unknown
from nexus.service.parts import PartsDep
from nexus.service.problems import documented

router = APIRouter(prefix="/incidents", tags=["incidents"])
POLL = 0.5
"""Seconds between two looks for events."""
QUIET = 15.0
"""Seconds after which a reader is told that the stream still stands."""
_STREAM = "text/event-stream"


class EventOut(BaseModel):
    """One line of the incident's record."""

    number: int = Field(description="ascends; the id of the event in the stream")
    at: Moment
    kind: EventKind
    actor: str
    text: str
    data: dict[str, Any] = Field(description="by kind")


class Events(BaseModel):
    """What has happened so far, after the number asked for."""

    events: list[EventOut]


@router.get(
    "/{incident}/events",
    summary="What happens in it",
    response_model=Events,
    responses={
        200: {
            "description": "a list, or a stream of server-sent events where the Accept header asks for text/event-stream: "
            "`id` is the event's number, `event` its kind, `data` as in the list; `end` comes last",
            "content": {_STREAM: {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 404, 422, 503),
    },
)
async def events(
    incident: IncidentId,
    request: Request,
    parts: PartsDep,
    _viewer: Viewer,
    after: Annotated[int, Query(ge=0, le=2**62, description="leave out events up to this number")] = 0,
    last_event_id: Annotated[str | None, Header(description="as a browser sends it when it connects again")] = None,
) -> Response:
    """So far, or as it goes on."""
    records = parts.site.records
    if await records.opening(incident) is None and await records.document(incident) is None:
        raise unknown(incident)
    if last_event_id is not None and last_event_id.isdecimal() and len(last_event_id) < 19:
        after = int(last_event_id)
    if _STREAM not in request.headers.get("accept", ""):
        told = await records.events_after(incident, after)
        listed = Events(events=[_out(number, event) for number, event in told])
        return Response(listed.model_dump_json(), media_type="application/json")
    lines = _lines(Following(records, incident, after), parts.site.stopping)
    return StreamingResponse(lines, media_type=_STREAM, headers={"X-Accel-Buffering": "no"})


async def _lines(following: Following, stopping: asyncio.Event) -> AsyncIterator[str]:
    yield f"retry: {int(POLL * 4000)}\n\n"
    over, quiet = False, 0.0
    while not stopping.is_set():
        told = await following.look()
        for number, event in told:
            yield f"id: {number}\nevent: {event.kind.value}\ndata: {_out(number, event).model_dump_json()}\n\n"
        if over:
            yield "event: end\ndata: {}\n\n"
            return
        over = any(event.kind is EventKind.CLOSED for _, event in told)
        quiet = 0.0 if told else quiet + POLL
        if quiet >= QUIET:
            yield ": still here\n\n"
            quiet = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await stopping.wait()


def _out(number: int, event: Event) -> EventOut:
    data = json.loads(json.dumps(clean(event.data)))
    return EventOut(number=number, at=event.at, kind=event.kind, actor=event.actor, text=event.text, data=data)
