"""Contract: what the service stands on: the records, who sorts what comes in, and where incidents are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from nexus.answer_cli import Answers
from nexus.incident import Opening
from nexus.records.store import Store
from nexus.settings import ServiceSettings

AnswersOf = Callable[[Opening], Awaitable[Answers]]
"""Where that incident is answered. Raises NexusError when that place does not answer."""


class Reception(Protocol):
    """Sorts what is in the inbox into incidents: opens one, or joins one that is open."""

    async def run(self, stop: asyncio.Event) -> None:
        """Handle what waits, and what comes, until `stop` is set."""
        ...

    def wake(self) -> None:
        """Something has come in, or was answered: look now."""
        ...

    async def report(self, text: str, service: str | None, severity: str | None, by: str) -> str:
        """Take in a person's report like an alert; the delivery's id once it is in the inbox. Raises AlertError, RecordsError."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceSite:
    """One service's surroundings. `stopping` ends its streams and its reception; set it before the server closes."""

    records: Store
    settings: ServiceSettings
    reception: Reception
    answers: AnswersOf
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
