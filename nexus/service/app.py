"""App: the service put together: its endpoints, and what every request passes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import cast

from fastapi import FastAPI

from nexus.service import answers, health, incidents, reports, stream, webhooks
from nexus.service.access import Access
from nexus.service.census import Census
from nexus.service.contract import ServiceSite
from nexus.service.limits import Limits
from nexus.service.meters import Meters, Observed
from nexus.service.origin import Origin
from nexus.service.parts import Parts
from nexus.service.problems import handle_problems
from nexus.service.summaries import Summaries

_TAGS = [
    {"name": "webhooks", "description": "Alerts and changes, as other systems send them."},
    {"name": "incidents", "description": "What is going on, and what went on."},
    {"name": "answers", "description": "A person's word on what an incident asks."},
    {"name": "health", "description": "For whoever runs the service."},
]


def create_app(site: ServiceSite) -> FastAPI:
    """The service on that site. Raises SettingsError where others could reach it unprotected."""
    access, summaries, meters = Access(site.settings), Summaries(site.records), Meters()
    parts = Parts(site, access, meters, summaries, Census(site.records, summaries))
    app = FastAPI(
        title="NEXUS",
        summary="Incident response by agents.",
        description="Alerts come in by webhook; incidents are read, followed and answered. Every error names its remedy.",
        version=version("nexus-incident-response"),
        docs_url=None,  # the pages load their scripts from elsewhere
        redoc_url=None,
        openapi_tags=_TAGS,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.parts = parts
    for subject in (webhooks, reports, incidents, stream, answers, health):
        app.include_router(subject.router)
    handle_problems(app)
    app.add_middleware(Limits, within_s=site.settings.read_timeout)
    app.add_middleware(Origin, access=access)
    app.add_middleware(Observed, meters=meters)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the service runs, its reception does; where that ends by itself, the service stops."""
    parts = cast("Parts", app.state.parts)
    stopping = parts.site.stopping
    parts.reception = asyncio.create_task(parts.site.reception.run(stopping))
    parts.reception.add_done_callback(lambda _: stopping.set())
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait([parts.reception])
