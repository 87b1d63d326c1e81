"""Incidents: listed, shown whole, and their post-mortems, to whoever may read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from nexus.incident import Incident, Question
from nexus.incidents import stored
from nexus.records.document import to_json
from nexus.records.html import post_mortem_html
from nexus.records.post_mortem import post_mortem
from nexus.service.auth import Viewer
from nexus.service.parts import Parts, PartsDep
from nexus.service.problems import Refused, documented
from nexus.service.summaries import Summary

router = APIRouter(prefix="/incidents", tags=["incidents"])
IncidentId = Annotated[str, Path(min_length=1, max_length=128, description="the incident's id")]
_HTML = "text/html"


class Page(BaseModel):
    """Some of the incidents, the last one first."""

    incidents: list[Summary]
    next: str | None = Field(description="give it as `before` for those that follow; null: there are none")


class Questions(BaseModel):
    """What the incident asks people now."""

    questions: list[Question]


@router.get("", summary="List incidents", responses=documented(401, 403, 422, 503))
async def list_incidents(
    parts: PartsDep,
    _viewer: Viewer,
    only_open: Annotated[bool, Query(alias="open", description="leave out those that have ended")] = False,
    limit: Annotated[int, Query(ge=1, le=200, description="how many at the most")] = 50,
    before: Annotated[str | None, Query(max_length=128, description="those after this id, from `next`")] = None,
) -> Page:
    """By id, which begins with the time of the alert, the last one first."""
    page = await parts.site.records.page(limit, before=before, only_open=only_open)
    found = [await parts.summaries.of(incident, ended=ended) for incident, ended in page]
    return Page(incidents=[one for one in found if one is not None], next=page[-1][0] if len(page) == limit else None)


@router.get("/{incident}", summary="Show an incident", response_model=Incident, responses=documented(401, 403, 404, 422, 503))
async def show(incident: IncidentId, parts: PartsDep, _viewer: Viewer) -> Response:
    """All that is known of it, as in incident.json."""
    return Response(to_json(await whole(parts, incident)), media_type="application/json")


@router.get("/{incident}/questions", summary="What it asks people now", responses=documented(401, 403, 404, 422, 503))
async def questions(incident: IncidentId, parts: PartsDep, _viewer: Viewer) -> Questions:
    """Approvals and questions that nobody has answered."""
    opening = await parts.site.records.opening(incident)
    if opening is None:
        raise unknown(incident)
    return Questions(questions=await (await parts.site.answers(opening)).open(incident))


@router.get(
    "/{incident}/post-mortem",
    summary="Its post-mortem",
    response_class=Response,
    responses={
        200: {
            "description": "as Markdown, or as one HTML page where the Accept header asks for it",
            "content": {"text/markdown": {"schema": {"type": "string"}}, _HTML: {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 404, 422, 503),
    },
)
async def read_post_mortem(incident: IncidentId, request: Request, parts: PartsDep, _viewer: Viewer) -> Response:
    """What failed, why, what it cost, and what is to be done."""
    found = await whole(parts, incident)
    if found.post_mortem is None:
        raise Refused(404, f"{incident} has no post-mortem", "it is written when the incident has been resolved")
    if _HTML not in request.headers.get("accept", ""):
        return Response(post_mortem(found, found.post_mortem), media_type="text/markdown")
    pictures = await parts.site.records.pictures(incident)
    return Response(post_mortem_html(found, found.post_mortem, pictures), media_type=_HTML)


async def whole(parts: Parts, incident: str) -> Incident:
    """All that is known of it. Raises Refused when there is none of that id."""
    found = await stored(parts.site.records, incident)
    if found is None:
        raise unknown(incident)
    return found


def unknown(incident: str) -> Refused:
    """The refusal where there is none of that id."""
    return Refused(404, f"there is no incident {incident}", "GET /incidents lists them")
