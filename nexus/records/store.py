"""Store: the incidents' append-only events, their evidence, and all that another process needs to go on with them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nexus.incident import AskedTask, Authorship, Event, EventKind, Evidence, Opening
from nexus.records.database import Database
from nexus.records.inbox import Inbox
from nexus.records.journal import StoredJournal
from nexus.records.outbox import Outbox
from nexus.records.packing import clean, pack, unpack
from nexus.records.paths import incident_folder, inside
from nexus.records.questions import Questions
from nexus.records.rows import adding, micros

if TYPE_CHECKING:
    from nexus.records.checkpoints import Checkpoints

_CLAIM = "INSERT INTO nexus_claims (incident, body) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING incident"
_INCIDENTS = """
    SELECT incident FROM (
        SELECT incident, at FROM nexus_events UNION ALL SELECT incident, at FROM nexus_evidence
        UNION ALL SELECT incident, NULL FROM nexus_documents
    ) AS known GROUP BY incident ORDER BY MIN(at) DESC NULLS LAST, incident DESC
"""
_KEEP = """
    INSERT INTO nexus_evidence (incident, id, at, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (incident, id) DO UPDATE SET at = excluded.at, body = excluded.body
"""
_KEEP_PICTURE = """
    INSERT INTO nexus_pictures (incident, path, png) VALUES (?, ?, ?)
    ON CONFLICT (incident, path) DO UPDATE SET png = excluded.png
"""
_KEEP_TASK = """
    INSERT INTO nexus_tasks (incident, key, at, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (incident, key) DO UPDATE SET at = excluded.at, body = excluded.body
"""
_PAGE = "SELECT incident, ended FROM nexus_claims WHERE incident < ? AND ended <= ? ORDER BY incident DESC LIMIT ?"
_AFTER_ALL = "\U0010ffff"
_SAVE = """
    INSERT INTO nexus_documents (incident, body) VALUES (?, ?)
    ON CONFLICT (incident) DO UPDATE SET body = excluded.body
"""


class Store:
    """All methods raise RecordsError when the database does not answer.

    `inbox`: what was sent in; `outbox`: outgoing effects; `questions`: what people are asked; `checkpoints`: the graph's, for
    LangGraph.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inbox = Inbox(database)
        self.outbox = Outbox(database)
        self.questions = Questions(database)

    @property
    def checkpoints(self) -> Checkpoints:
        """Where LangGraph keeps the graph's state."""
        from nexus.records.checkpoints import Checkpoints  # noqa: PLC0415 - who only reads records needs no LangGraph

        return Checkpoints(self._database)

    def journal(self, scope: str) -> StoredJournal:
        """A world's memory of what was done to it and said in it."""
        return StoredJournal(self._database, scope)

    def hold(self, incident: str) -> AbstractAsyncContextManager[None]:
        """Be the one process that drives that incident; one that dies holds nothing. Raises IncidentHeld."""
        return self._database.hold(incident)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def begin(self, opening: Opening) -> bool:
        """Begin an incident under its id; False when somebody has that id already, also in another process."""
        (rows,) = await self._database.run((_CLAIM, (clean(opening.incident), pack(opening))), to_disk=True)
        return bool(rows)

    async def opening(self, incident: str) -> Opening | None:
        """What the incident was begun with; None when there is none of that id."""
        (rows,) = await self._database.run(("SELECT body FROM nexus_claims WHERE incident = ?", (clean(incident),)))
        return unpack(Opening, rows[0][0]) if rows and rows[0][0] else None

    async def unfinished(self) -> list[Opening]:
        """Every incident that was begun and has not come to its end, by id."""
        query = "SELECT body FROM nexus_claims WHERE ended = 0 AND body IS NOT NULL ORDER BY incident"
        (rows,) = await self._database.run((query, ()))
        return [unpack(Opening, body) for (body,) in rows]

    async def page(self, limit: int, *, before: str | None = None, only_open: bool = False) -> list[tuple[str, bool]]:
        """Ids of incidents that were begun, and whether each has ended: from the last by id, which begins with its time.

        `before`: those whose id comes before this one. Cheap however many there are.
        """
        last = _AFTER_ALL if before is None else clean(before)
        (rows,) = await self._database.run((_PAGE, (last, 0 if only_open else 1, limit)))
        return [(incident, bool(ended)) for incident, ended in rows]

    async def append(self, *events: Event) -> list[Event]:
        """Add events, all or none, and give those that were new: one whose key the incident already has is left as it was."""
        rows = await self._database.run(*(adding(event) for event in events))
        return [event for event, row in zip(events, rows, strict=True) if row]

    async def events(self, incident: str) -> list[Event]:
        """All events of that incident in the order of their time, then of their arrival."""
        query = "SELECT body FROM nexus_events WHERE incident = ? ORDER BY at, arrival"
        (rows,) = await self._database.run((query, (clean(incident),)))
        return [unpack(Event, body) for (body,) in rows]

    async def events_after(self, incident: str, arrival: int) -> list[tuple[int, Event]]:
        """Events of that incident that arrived later than that number, each with its own, in the order of their arrival.

        Several writers may commit in another order than they arrived: who follows looks again at numbers a little lower.
        """
        query = "SELECT arrival, body FROM nexus_events WHERE incident = ? AND arrival > ? ORDER BY arrival"
        (rows,) = await self._database.run((query, (clean(incident), arrival)))
        return [(int(number), unpack(Event, body)) for number, body in rows]

    async def authorship(self, incident: str) -> list[Authorship]:
        """Who answered what so far, oldest first."""
        query = "SELECT body FROM nexus_events WHERE incident = ? AND key LIKE ? ORDER BY at, arrival"
        (rows,) = await self._database.run((query, (clean(incident), f"%:{EventKind.AUTHORED.value}:%")))
        return [Authorship.model_validate(unpack(Event, body).data["authorship"]) for (body,) in rows]

    async def keep(self, incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """Keep a piece of evidence and its pictures (path inside the incident's folder to PNG).

        Kept again, the later holds: a step run twice cites its second look. Raises RecordsError for a path that leads out.
        """
        folder = incident_folder(Path(), incident)
        for path in pictures:
            inside(folder, path)
        row = (clean(incident), clean(evidence.id), micros(evidence.at), pack(evidence))
        await self._database.run((_KEEP, row), *((_KEEP_PICTURE, (incident, path, png)) for path, png in pictures.items()))

    async def evidence(self, incident: str, ids: Sequence[str] | None = None) -> list[Evidence]:
        """Evidence by id, or all, oldest first."""
        query = "SELECT id, body FROM nexus_evidence WHERE incident = ? ORDER BY at, arrival"
        (rows,) = await self._database.run((query, (clean(incident),)))
        wanted = None if ids is None else set(ids)
        return [unpack(Evidence, body) for name, body in rows if wanted is None or name in wanted]

    async def pictures(self, incident: str) -> dict[str, bytes]:
        """Every picture of that incident, by its path inside the incident's folder."""
        (rows,) = await self._database.run(("SELECT path, png FROM nexus_pictures WHERE incident = ?", (clean(incident),)))
        return {path: bytes(png) for path, png in rows}

    async def keep_task(self, incident: str, asked: AskedTask) -> None:
        """Keep a task as it was asked, compressed: its facts are long and alike. Kept again, the later holds."""
        body = zlib.compress(pack(asked).encode(), level=3)
        await self._database.run((_KEEP_TASK, (clean(incident), clean(asked.key), micros(asked.at), body)))

    async def tasks(self, incident: str) -> list[AskedTask]:
        """Every task of that incident, oldest first."""
        query = "SELECT body FROM nexus_tasks WHERE incident = ? ORDER BY at, arrival"
        (rows,) = await self._database.run((query, (clean(incident),)))
        return [unpack(AskedTask, zlib.decompress(body).decode()) for (body,) in rows]

    async def incidents(self) -> list[str]:
        """Ids of every incident, newest first."""
        (rows,) = await self._database.run((_INCIDENTS, ()))
        return [incident for (incident,) in rows]

    async def save_document(self, incident: str, document: str, *, ended: bool = False) -> None:
        """Keep the latest `incident.json`; `ended`: nothing will follow."""
        end = ("UPDATE nexus_claims SET ended = 1 WHERE incident = ?", (clean(incident),))
        await self._database.run((_SAVE, (clean(incident), clean(document))), *([end] if ended else []))

    async def document(self, incident: str) -> str | None:
        """The latest `incident.json`."""
        (rows,) = await self._database.run(("SELECT body FROM nexus_documents WHERE incident = ?", (clean(incident),)))
        return str(rows[0][0]) if rows else None

    async def close(self) -> None:
        """Release the database."""
        await self._database.close()
