"""Health: whether the process lives, whether it can do its work, and its figures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from nexus.service.auth import Viewer
from nexus.service.parts import PartsDep
from nexus.service.problems import Refused, documented

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process lives."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Webhooks are kept and sorted."""

    status: Literal["ready"] = "ready"


@router.get("/health", summary="Whether the process lives")
async def health() -> Health:
    """It answers; that is all it says."""
    return Health()


@router.get("/ready", summary="Whether it can do its work", responses=documented(503))
async def ready(parts: PartsDep) -> Readiness:
    """The records can be written, and what is in the inbox is being sorted."""
    if parts.reception is None or parts.reception.done():
        raise Refused(503, "nobody sorts the inbox", "webhooks are kept meanwhile; the service's log says why, start it again")
    await parts.site.records.inbox.prove()
    return Readiness()


@router.get(
    "/metrics",
    summary="The figures, for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus's text format"},
        **documented(401, 403, 503),
    },
)
async def metrics(parts: PartsDep, _viewer: Viewer) -> Response:
    """Deliveries, the inbox, incidents, approvals that wait, and how long requests take."""
    backlog = await parts.site.records.inbox.backlog()
    text = parts.meters.text(backlog, await parts.census.take())
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
