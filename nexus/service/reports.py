"""Reports: what a person saw, taken in like an alert."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nexus.incident import Severity
from nexus.service.auth import Responder
from nexus.service.parts import PartsDep
from nexus.service.problems import documented
from nexus.service.webhooks import Accepted

router = APIRouter(tags=["incidents"])
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class Report(BaseModel):
    """What somebody saw."""

    model_config = ConfigDict(extra="forbid")

    text: Words = Field(description="in their words; the first line becomes the title")
    service: str | None = Field(default=None, max_length=200, description="where, by the catalog's name, if it is known")
    severity: Severity | None = Field(default=None, description="how bad it seems; triage decides")


@router.post("/reports", status_code=202, summary="Report trouble", responses=documented(400, 401, 403, 408, 413, 422, 503))
async def report(told: Report, parts: PartsDep, person: Responder) -> Accepted:
    """It opens an incident, or joins one that is open."""
    severity = told.severity.value if told.severity else None
    return Accepted(delivery=await parts.site.reception.report(told.text, told.service, severity, person.name))
