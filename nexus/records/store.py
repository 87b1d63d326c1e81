"""Store: the incidents' append-only events and their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nexus.incident import AskedTask, Event, Evidence


class Store(Protocol):
    """All methods raise RecordsError when the store does not answer. Appending the same (incident, key) again is harmless."""

    async def claim(self, incident: str) -> bool:
        """Take an id for a new incident; False when somebody has it already, also in another process."""
        ...

    async def append(self, *events: Event) -> None:
        """Add events; one whose key the incident already has is left as it was."""
        ...

    async def events(self, incident: str) -> list[Event]:
        """All events of that incident in the order of their time, then of their arrival."""
        ...

    async def keep(self, incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """Keep a piece of evidence and its pictures (path inside the incident's folder to PNG)."""
        ...

    async def evidence(self, incident: str, ids: Sequence[str] | None = None) -> list[Evidence]:
        """Evidence by id, or all, oldest first."""
        ...

    async def keep_task(self, incident: str, asked: AskedTask) -> None:
        """Keep a task as it was asked. Kept again, the later holds."""
        ...

    async def tasks(self, incident: str) -> list[AskedTask]:
        """Every task of that incident, oldest first."""
        ...

    async def incidents(self) -> list[str]:
        """Ids of every incident, newest first."""
        ...

    async def save_document(self, incident: str, document: str) -> None:
        """Keep the latest `incident.json`."""
        ...

    async def document(self, incident: str) -> str | None:
        """The latest `incident.json`."""
        ...

    async def close(self) -> None:
        """Release the store."""
        ...
