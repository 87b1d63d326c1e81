"""SqliteStore: the records in one SQLite file; its pictures lie in the incidents' folders beside it."""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nexus.errors import RecordsError
from nexus.incident import AskedTask, Event, Evidence
from nexus.records.packing import clean, pack, unpack
from nexus.records.paths import incident_folder, inside, write

Result = TypeVar("Result")

MIGRATIONS = (
    """
    CREATE TABLE nexus_events (
        arrival INTEGER PRIMARY KEY, incident TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
        UNIQUE (incident, key)
    );
    CREATE INDEX nexus_events_in_order ON nexus_events (incident, at, arrival);
    CREATE TABLE nexus_evidence (
        arrival INTEGER PRIMARY KEY, incident TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
        UNIQUE (incident, id)
    );
    CREATE TABLE nexus_documents (incident TEXT PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE nexus_claims (incident TEXT PRIMARY KEY);
    """,
    """
    CREATE TABLE nexus_tasks (
        arrival INTEGER PRIMARY KEY, incident TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
        UNIQUE (incident, key)
    );
    """,
)
"""Each brings the schema one version further; the version is the number of those applied. Never change one that was released."""

_INCIDENTS = """
    SELECT incident FROM (
        SELECT incident, at FROM nexus_events UNION ALL SELECT incident, at FROM nexus_evidence
        UNION ALL SELECT incident, NULL FROM nexus_documents
    ) GROUP BY incident ORDER BY MIN(at) DESC, incident DESC
"""
_KEEP = """
    INSERT INTO nexus_evidence (incident, id, at, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (incident, id) DO UPDATE SET at = excluded.at, body = excluded.body
"""
_KEEP_TASK = """
    INSERT INTO nexus_tasks (incident, key, at, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (incident, key) DO UPDATE SET at = excluded.at, body = excluded.body
"""
_SAVE = "INSERT INTO nexus_documents VALUES (?, ?) ON CONFLICT (incident) DO UPDATE SET body = excluded.body"
_REMEDIES = (
    ("locked", "another process holds it; end that process or name another --out"),
    ("readonly", "make it writable or name another --out"),
    ("unable to open", "check that its folder exists and may be written, or name another --out"),
    ("not a database", "move that file away, or name another --out"),
    ("malformed", "restore it from a backup, or name another --out"),
    ("full", "free some space"),
)


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def explained(path: Path, error: sqlite3.Error) -> RecordsError:
    """What is wrong with that database, as one line with what to do."""
    text = str(error)
    remedy = next((remedy for word, remedy in _REMEDIES if word in text), "name another --out")
    return RecordsError(f"the records in {path} do not answer ({text})", remedy)


class SqliteStore:
    """Made by `open`; an async context manager. One thread does all of its work, so writes never interleave."""

    def __init__(self, path: Path, folder: Path, thread: ThreadPoolExecutor, connection: sqlite3.Connection) -> None:
        self.path = path
        self.folder = folder
        self._thread = thread
        self._connection = connection

    @classmethod
    async def open(cls, path: Path, folder: Path | None = None) -> Self:
        """Open or create the file; pictures go below `folder`, by default the file's own. Raises RecordsError."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="nexus-records")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(thread, _connect, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(path, folder or path.parent, thread, connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def claim(self, incident: str) -> bool:
        """Take an id for a new incident; False when somebody has it already, also in another process."""

        def work(db: sqlite3.Connection) -> bool:
            return db.execute("INSERT OR IGNORE INTO nexus_claims VALUES (?)", (clean(incident),)).rowcount == 1

        return await self._do(work)

    async def append(self, *events: Event) -> None:
        """Add events, all or none; one whose key the incident already has is left as it was."""
        rows = [(clean(e.incident), clean(e.key), _micros(e.at), pack(e)) for e in events]
        await self._write("INSERT OR IGNORE INTO nexus_events (incident, key, at, body) VALUES (?, ?, ?, ?)", rows)

    async def events(self, incident: str) -> list[Event]:
        """All events of that incident in the order of their time, then of their arrival."""
        query = "SELECT body FROM nexus_events WHERE incident = ? ORDER BY at, arrival"
        rows = await self._do(lambda db: db.execute(query, (clean(incident),)).fetchall())
        return [unpack(Event, body) for (body,) in rows]

    async def keep(self, incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """Keep a piece of evidence and its pictures. Kept again, the later holds: a step run twice cites its second look."""
        folder = incident_folder(self.folder, incident)
        row = (clean(incident), clean(evidence.id), _micros(evidence.at), pack(evidence))

        def work(db: sqlite3.Connection) -> None:
            for path, png in pictures.items():
                write(inside(folder, path), png)
            db.execute(_KEEP, row)

        await self._do(work)

    async def evidence(self, incident: str, ids: Sequence[str] | None = None) -> list[Evidence]:
        """Evidence by id, or all, oldest first."""
        query = "SELECT id, body FROM nexus_evidence WHERE incident = ? ORDER BY at, arrival"
        rows = await self._do(lambda db: db.execute(query, (clean(incident),)).fetchall())
        wanted = None if ids is None else set(ids)
        return [unpack(Evidence, body) for name, body in rows if wanted is None or name in wanted]

    async def keep_task(self, incident: str, asked: AskedTask) -> None:
        """Keep a task as it was asked, compressed: its facts are long and alike. Kept again, the later holds."""
        body = zlib.compress(pack(asked).encode(), level=3)
        await self._write(_KEEP_TASK, [(clean(incident), clean(asked.key), _micros(asked.at), body)])

    async def tasks(self, incident: str) -> list[AskedTask]:
        """Every task of that incident, oldest first."""
        query = "SELECT body FROM nexus_tasks WHERE incident = ? ORDER BY at, arrival"
        rows = await self._do(lambda db: db.execute(query, (clean(incident),)).fetchall())
        return [unpack(AskedTask, zlib.decompress(body).decode()) for (body,) in rows]

    async def incidents(self) -> list[str]:
        """Ids of every incident, newest first."""
        rows = await self._do(lambda db: db.execute(_INCIDENTS).fetchall())
        return [incident for (incident,) in rows]

    async def save_document(self, incident: str, document: str) -> None:
        """Keep the latest `incident.json`."""
        await self._write(_SAVE, [(clean(incident), clean(document))])

    async def document(self, incident: str) -> str | None:
        """The latest `incident.json`."""
        query = "SELECT body FROM nexus_documents WHERE incident = ?"
        row = await self._do(lambda db: db.execute(query, (clean(incident),)).fetchone())
        return None if row is None else str(row[0])

    async def close(self) -> None:
        """Release the file; closing twice is harmless."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        except RuntimeError:
            return
        self._thread.shutdown()

    async def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        def work(db: sqlite3.Connection) -> None:
            # the cursor ends here: one that another thread lets go of resets a statement that this thread may be running
            db.executemany(statement, rows)

        await self._do(work)

    async def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        def transaction() -> Result:
            try:
                with self._connection:
                    return work(self._connection)
            except sqlite3.Error as error:
                raise explained(self.path, error) from error

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)
        except RuntimeError as error:
            raise RecordsError(f"the records in {self.path} are closed", "open them again") from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=5.0)
    except OSError as error:
        raise RecordsError(f"{path.parent} cannot be created ({error.strerror})", "name another --out") from error
    except sqlite3.Error as error:
        raise explained(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, error) from error
    except RecordsError:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise RecordsError(
            f"{path} has schema version {version}, this NEXUS knows {len(MIGRATIONS)}", "upgrade NEXUS or name another --out"
        )
    for number in range(version, len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if _version(connection) == number:
                for statement in MIGRATIONS[number].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
