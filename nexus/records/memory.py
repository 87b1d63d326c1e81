"""MemoryStore: the records in memory, for tests and notebooks; what it gives back is what SqliteStore would give back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from nexus.incident import AskedTask, Event, Evidence
from nexus.records.packing import clean, pack, unpack
from nexus.records.paths import incident_folder, inside

_NOWHERE = Path()


class MemoryStore:
    """Holds text, as a file would: nobody can change a word that was recorded."""

    def __init__(self) -> None:
        self._events: dict[str, dict[str, Event]] = {}
        self._evidence: dict[str, dict[str, Evidence]] = {}
        self._tasks: dict[str, dict[str, AskedTask]] = {}
        self._pictures: dict[str, dict[str, bytes]] = {}
        self._documents: dict[str, str] = {}
        self._claims: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def claim(self, incident: str) -> bool:
        """Take an id for a new incident; False when it is taken."""
        name = clean(incident)
        free = name not in self._claims
        self._claims.add(name)
        return free

    async def append(self, *events: Event) -> None:
        """Add events; one whose key the incident already has is left as it was."""
        for event in events:
            kept = unpack(Event, pack(event))
            self._events.setdefault(kept.incident, {}).setdefault(kept.key, kept)

    async def events(self, incident: str) -> list[Event]:
        """All events of that incident in the order of their time, then of their arrival."""
        return [e.model_copy(deep=True) for e in sorted(self._events.get(clean(incident), {}).values(), key=lambda e: e.at)]

    async def keep(self, incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """Keep a piece of evidence and its pictures. Kept again, the later holds. Raises RecordsError for paths that lead out."""
        folder = incident_folder(_NOWHERE, incident)
        for path in pictures:
            inside(folder, path)
        kept = unpack(Evidence, pack(evidence))
        self._evidence.setdefault(incident, {})[kept.id] = kept
        self._pictures.setdefault(incident, {}).update(pictures)

    async def evidence(self, incident: str, ids: Sequence[str] | None = None) -> list[Evidence]:
        """Evidence by id, or all, oldest first."""
        kept = sorted(self._evidence.get(incident, {}).values(), key=lambda e: e.at)
        return [e.model_copy(deep=True) for e in kept if ids is None or e.id in ids]

    async def keep_task(self, incident: str, asked: AskedTask) -> None:
        """Keep a task as it was asked. Kept again, the later holds."""
        self._tasks.setdefault(clean(incident), {})[clean(asked.key)] = unpack(AskedTask, pack(asked))

    async def tasks(self, incident: str) -> list[AskedTask]:
        """Every task of that incident, oldest first."""
        return sorted((t.model_copy(deep=True) for t in self._tasks.get(clean(incident), {}).values()), key=lambda t: t.at)

    async def incidents(self) -> list[str]:
        """Ids of every incident, newest first."""
        first = dict.fromkeys(self._documents, datetime.max.replace(tzinfo=UTC))
        moments = [(incident, e.at) for incident, kept in self._evidence.items() for e in kept.values()]
        moments += [(incident, e.at) for incident, log in self._events.items() for e in log.values()]
        for incident, at in moments:
            first[incident] = min(at, first.get(incident, at))
        return sorted(first, key=lambda incident: (first[incident], incident), reverse=True)

    async def save_document(self, incident: str, document: str) -> None:
        """Keep the latest `incident.json`."""
        self._documents[clean(incident)] = clean(document)

    async def document(self, incident: str) -> str | None:
        """The latest `incident.json`."""
        return self._documents.get(clean(incident))

    async def close(self) -> None:
        """Nothing to release; what was recorded can still be read."""

    def pictures(self, incident: str) -> dict[str, bytes]:
        """Every picture of that incident, by its path inside the incident's folder."""
        return dict(self._pictures.get(incident, {}))
