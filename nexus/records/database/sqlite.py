"""SqliteDatabase: one SQLite file, worked on by one thread that commits in groups."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from filelock import FileLock, Timeout

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database.contract import Rows, Statement
from nexus.records.database.schema import MIGRATIONS, statements_of
from nexus.records.paths import incident_folder

_REMEDIES = (
    ("locked", "another process holds it; end that process or name another --out"),
    ("readonly", "make it writable or name another --out"),
    ("unable to open", "check that its folder exists and may be written, or name another --out"),
    ("not a database", "move that file away, or name another --out"),
    ("malformed", "restore it from a backup, or name another --out"),
    ("full", "free some space"),
)
Outcome: TypeAlias = "list[Rows] | RecordsError"
WAITS_MS = 10_000
"""How long a statement waits for another process that is writing."""


def explained(path: Path, error: Exception) -> RecordsError:
    """What is wrong with that database, as one line with what to do."""
    text = str(error)
    remedy = next((remedy for word, remedy in _REMEDIES if word in text), "name another --out")
    return RecordsError(f"the records in {path} do not answer ({text})", remedy)


@dataclass(slots=True)
class _Job:
    """Statements that somebody waits for."""

    statements: Sequence[Statement]
    to_disk: bool
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Rows]]

    def tell(self, outcome: Outcome) -> None:
        """Hand the outcome to whoever waits, if anybody still does."""
        with suppress(RuntimeError):  # their loop is closed
            self.loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Outcome) -> None:
        if self.done.done():
            return
        if isinstance(outcome, RecordsError):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class SqliteDatabase:
    """Made by `open`. What waits while a commit is under way goes into the next one together: each still all or none."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor, connection: sqlite3.Connection) -> None:
        self.path = path
        self._thread = thread
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._at_work = False
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file. Raises RecordsError."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="nexus-records")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(thread, _connect, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(path, thread, connection)

    async def run(self, *statements: Statement, to_disk: bool = False) -> list[Rows]:
        """Run them in order, all or none, and give each one's rows."""
        loop = asyncio.get_running_loop()
        job = _Job(statements, to_disk, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise RecordsError(f"the records in {self.path} are closed", "open them again")
            self._waiting.append(job)
            if not self._at_work:
                self._at_work = True
                self._thread.submit(self._work)
        return await job.done

    def _work(self) -> None:
        while True:
            with self._lock:
                jobs, self._waiting = self._waiting, []
                if not jobs:
                    self._at_work = False
                    return
            to_disk = any(job.to_disk for job in jobs)
            outcomes = transact(self._connection, self.path, [job.statements for job in jobs], to_disk=to_disk)
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.tell(outcome)

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name by a lock on a file beside the database; it ends with the process."""
        return _held(incident_folder(self.path.parent / ".locks", name), name)

    async def close(self) -> None:
        """Release the file; what was asked before is done before."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


def transact(
    connection: sqlite3.Connection, path: Path, batches: Sequence[Sequence[Statement]], *, to_disk: bool
) -> list[Outcome]:
    """Batches in one transaction; each is all or none on its own, and one that fails takes no other with it."""
    writes = any(not sql.lstrip().startswith("SELECT") for batch in batches for sql, _ in batch)
    try:
        if to_disk:
            connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        outcomes = [_attempt(connection, path, batch) for batch in batches]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [explained(path, error) for _ in batches]
    finally:
        if to_disk:
            connection.execute("PRAGMA synchronous = NORMAL")
    return outcomes


def _attempt(connection: sqlite3.Connection, path: Path, batch: Sequence[Statement]) -> Outcome:
    connection.execute("SAVEPOINT batch")
    try:
        rows = [connection.execute(sql, parameters).fetchall() for sql, parameters in batch]
    except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
        if not connection.in_transaction:  # a full disk ends the whole transaction
            raise
        connection.execute("ROLLBACK TO batch")
        rows_or_error: Outcome = explained(path, error)
    else:
        rows_or_error = rows
    connection.execute("RELEASE batch")
    return rows_or_error


@asynccontextmanager
async def _held(path: Path, name: str) -> AsyncIterator[None]:
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise IncidentHeld(name) from None
    except OSError as error:
        raise RecordsError(f"{path} cannot be written ({error.strerror})", "name another --out") from error
    try:
        yield
    finally:
        lock.release()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAITS_MS / 1000, isolation_level=None)
    except OSError as error:
        raise RecordsError(f"{path.parent} cannot be created ({error.strerror})", "name another --out") from error
    except sqlite3.Error as error:
        raise explained(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, error) from error
    except RecordsError:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema up to date. Raises RecordsError for one that is newer than this NEXUS."""
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise RecordsError(
            f"{path} has schema version {version}, this NEXUS knows {len(MIGRATIONS)}", "upgrade NEXUS or name another --out"
        )
    for number in range(version, len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            if _version(connection) == number:
                for statement in statements_of(MIGRATIONS[number], arrival="INTEGER PRIMARY KEY", to_bytes="BLOB"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
