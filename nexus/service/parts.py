"""Parts: what the endpoints share, made once for each service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from nexus.service.access import Access
from nexus.service.census import Census
from nexus.service.contract import ServiceSite
from nexus.service.meters import Meters
from nexus.service.summaries import Summaries


@dataclass(slots=True)
class Parts:
    """One service at work. `reception`: the task that sorts the inbox; None before it has begun."""

    site: ServiceSite
    access: Access
    meters: Meters
    summaries: Summaries
    census: Census
    reception: asyncio.Task[None] | None = None

    def failure(self) -> BaseException | None:
        """Why the reception ended by itself; None while it runs, and where it was told to end."""
        ended = self.reception is not None and self.reception.done() and not self.reception.cancelled()
        return self.reception.exception() if self.reception and ended else None


async def _parts(request: Request) -> Parts:
    return cast("Parts", request.app.state.parts)


PartsDep = Annotated[Parts, Depends(_parts)]
