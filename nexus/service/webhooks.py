"""Webhooks: alerts and changes as other systems send them: let in, read, kept, and only then answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from nexus.errors import AlertError, RecordsError
from nexus.intake.content import decoded
from nexus.intake.read import read_delivery
from nexus.intake.signatures import verify
from nexus.service.access import SIGNING
from nexus.service.auth import ASKS, admit
from nexus.service.parts import Parts, PartsDep
from nexus.service.problems import Refused, documented
from nexus.settings import Hook
from nexus.world.connectors.change_webhook import append_change

router = APIRouter(tags=["webhooks"])
Source = Literal["alertmanager", "grafana", "pagerduty", "opsgenie", "datadog", "cloudwatch", "sentry", "generic"]
LARGE = 100_000
"""Bytes from which a body is read beside the others."""
KEPT = frozenset(
    {"content-type", "user-agent", "x-amz-sns-message-type", "x-pagerduty-subscription", "sentry-hook-resource", "request-id"}
)
"""Headers that say what a body is, and hold no secret."""
_JSON_BODY = {
    "requestBody": {
        "required": True,
        "description": "as the source sends it, 10 MB at most, not compressed",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_REFUSALS = documented(400, 401, 403, 408, 413, 415, 422, 503)


class Accepted(BaseModel):
    """It is kept, and will be handled whatever happens to this process."""

    delivery: str = Field(description="its id; the same for a body that its sender tried again")


class Noted(BaseModel):
    """It is written down."""

    change: Literal["noted"] = "noted"


@router.post(
    "/hooks/changes",
    status_code=202,
    summary="A change that was made elsewhere",
    responses=documented(404) | _REFUSALS,
    openapi_extra=_JSON_BODY,
)
async def change(request: Request, parts: PartsDep) -> Noted:
    """A deployment, a configuration or a flag: added to the file of changes, which investigations read."""
    body = await _let_in("changes", request, parts)
    path = parts.site.settings.changes
    if path is None:
        raise Refused(404, "changes are not taken here", "set service.changes to the file that the world's connector reads")
    await asyncio.to_thread(append_change, path, _object(body))
    return Noted()


@router.post("/hooks/{source}", status_code=202, summary="An alert", responses=_REFUSALS, openapi_extra=_JSON_BODY)
async def deliver(
    source: Annotated[Source, Path(description="who sends it; generic reads any JSON object")], request: Request, parts: PartsDep
) -> Accepted:
    """What the source sends, as it sends it. Answered once it is on disk.

    A sender shows who it is by a signature, where the hook has a secret; else by the hook's token: as a Bearer token, as the
    password of basic authentication, or as the parameter `token`.
    """
    outcome = "failed"
    try:
        name = await _taken(source, request, parts)
        outcome = "accepted"
    except HTTPException as error:
        outcome = "unauthorised" if error.status_code in (401, 403) else "refused"
        raise
    except AlertError:
        outcome = "unreadable"
        raise
    except RecordsError:
        outcome = "unrecorded"
        raise
    finally:
        parts.meters.deliveries.labels(source, outcome).inc()
    return Accepted(delivery=name)


async def _taken(source: Source, request: Request, parts: Parts) -> str:
    body = await _let_in(source, request, parts)
    now = datetime.now(UTC)
    headers = {name: value for name, value in request.headers.items() if name in KEPT}
    if len(body) < LARGE:
        read_delivery(body, now=now, headers=headers, source=source)
    else:
        await asyncio.to_thread(read_delivery, body, now=now, headers=headers, source=source)
    name = await parts.site.records.inbox.put(source, decoded(body), now, headers)
    parts.site.reception.wake()
    return name


async def _let_in(name: Hook, request: Request, parts: Parts) -> bytes:
    """The body of a sender who has shown who it is. Raises Refused."""
    hook = admit(parts, name, request)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "the body is compressed", "send it as it is")
    body = await request.body()
    if hook is not None and hook.secret is not None:
        headers = dict(request.headers)
        if not verify(SIGNING[name], hook.secret.get_secret_value(), body, headers):
            raise Refused(
                401, f"the signature of {name} is missing or wrong", f"sign with the secret of service.hooks.{name}", ASKS
            )
    return body


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AlertError("the change is not JSON", "send a JSON object") from error
    if not isinstance(value, dict):
        raise AlertError("the change is no JSON object", "send one object")
    return value
