"""PostgresDatabase: records in PostgreSQL, for several processes on several machines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from secrets import randbits
from typing import Any, Self

from nexus.errors import RecordsError, SettingsError
from nexus.records.database.contract import Rows, Statement
from nexus.records.database.schema import MIGRATIONS, statements_of

try:
    import psycopg
    from psycopg_pool import AsyncConnectionPool, PoolTimeout

    from nexus.records.database.postgres_address import PATIENCE_S, Address, Patience, introduce, key_of, passing
    from nexus.records.database.postgres_holds import Holds
except ImportError as error:
    raise SettingsError(
        f"records in PostgreSQL need the package {error.name or 'psycopg'}", "pip install 'nexus-incident-response[postgres]'"
    ) from error

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # or each lost connection is printed where people are asked

CONNECTIONS = 8
"""How many a process has at the most, besides the one that holds names."""
_OWN_TABLES = (
    "CREATE TABLE nexus_schema (version BIGINT NOT NULL)",
    "INSERT INTO nexus_schema VALUES (0)",
    "CREATE TABLE nexus_holds (key BIGINT PRIMARY KEY, epoch BIGINT NOT NULL)",
    "CREATE TABLE nexus_sessions (id BIGINT PRIMARY KEY, commits BIGINT NOT NULL, since TIMESTAMPTZ NOT NULL DEFAULT now())",
)
_THERE = "SELECT FROM pg_tables WHERE tablename = 'nexus_schema' AND schemaname = ANY (current_schemas(false))"
_IN_TURN = ("nexus_journal",)
"""Tables read from an arrival on: their writers commit in the order of their arrivals, or a reader would pass one by."""
_BEGIN_SESSION = (
    "DELETE FROM nexus_sessions WHERE since < now() - interval '7 days'",
    "INSERT INTO nexus_sessions (id, commits) VALUES (%(id)s, 0)",
)
_COUNT = "UPDATE nexus_sessions SET commits = commits + 1 WHERE id = %s RETURNING commits"
_END_SESSION = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
_COUNTED = "SELECT commits FROM nexus_sessions WHERE id = %s FOR UPDATE"
"""It waits for a transaction of that session that is still open."""


class _Session(psycopg.AsyncConnection[Any]):
    """A connection that counts its commits in the database."""

    id: int

    async def begin(self) -> None:
        """Write itself down."""
        self.id = randbits(62)
        await introduce(self, _called(self.id))
        for sql in _BEGIN_SESSION:
            await self.execute(sql, {"id": self.id})


def _called(session: int) -> str:
    return f"nexus session {session}"


class PostgresDatabase:
    """Made by `open`. A server that goes away is waited for, and what was under way is done, once.

    Each transaction counts itself in the row of its session. When the answer to COMMIT is lost, that row tells whether it was
    committed: then its rows are given, or else it runs again. So trying again is safe for every statement, also for one that is
    not idempotent by a key, and gives what the first try would have given. `to_disk` changes nothing: a commit is as durable
    as the server's synchronous_commit makes it.

    It needs sessions: of PgBouncer, pool_mode = session.
    """

    def __init__(self, address: Address, pool: AsyncConnectionPool[_Session]) -> None:
        self._address = address
        self._pool = pool
        self._holds = Holds(address)
        self._closed = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect, and bring the schema up to date. Raises RecordsError, and SettingsError for what is no address."""
        address = Address.read(url)
        try:
            async with await _Session.connect(address.conninfo, autocommit=True) as session:
                await _migrate(session, address)
                await session.begin()
        except psycopg.Error as error:
            raise address.explained(error) from error
        pool: AsyncConnectionPool[_Session] = AsyncConnectionPool(
            address.conninfo,
            connection_class=_Session,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=CONNECTIONS,
            configure=_Session.begin,
            reconnect_timeout=PATIENCE_S,
            open=False,
        )
        await pool.open()
        return cls(address, pool)

    async def run(self, *statements: Statement, to_disk: bool = False) -> list[Rows]:  # noqa: ARG002 - see above
        """Run them in one transaction, and give each one's rows."""
        if self._closed:
            raise RecordsError(f"the records in {self._address.name} are closed", "open them again")
        self._under_way += 1
        self._idle.clear()
        try:
            return await self._until_known(statements)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _until_known(self, statements: Sequence[Statement]) -> list[Rows]:
        patience = Patience()
        sent: _Sent | None = None
        while True:
            await self._holds.sure()
            try:
                async with self._pool.connection(patience.left_s) as connection:
                    if sent is None or not await _committed(connection, sent):
                        sent = await _send(connection, statements)
                        await connection.commit()
                    return sent.rows
            except PoolTimeout:
                raise await self._why_no_connection() from None
            except psycopg.Error as error:
                if not passing(error):
                    raise self._address.explained(error) from error
                self._holds.doubt()
                if not await patience.pause():
                    raise self._address.explained(error) from error

    async def _why_no_connection(self) -> RecordsError:
        """The pool does not say."""
        try:
            async with await _Session.connect(self._address.conninfo, autocommit=True) as session:
                await session.begin()
        except psycopg.Error as error:
            return self._address.explained(error)
        what = f"the records in {self._address.name} are too busy: no connection was free for {PATIENCE_S:g} s"
        return RecordsError(what, "give the server more power, or run fewer incidents at once")

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name by an advisory lock; it ends with the process. RecordsError also when it is lost meanwhile."""
        return self._holds.hold(name)

    async def close(self) -> None:
        """Release the connections; what was asked before is done before."""
        self._closed = True
        await self._idle.wait()
        await self._pool.close()


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a transaction gave, and the number of its session's commits with it; None when it writes nothing."""

    rows: list[Rows]
    session: int
    commits: int | None


async def _send(connection: _Session, statements: Sequence[Statement]) -> _Sent:
    """Run them and give what they gave, not yet committed if they write. In one round trip to the server."""
    writes = any(not sql.lstrip().startswith("SELECT") for sql, _ in statements)
    count = None
    async with connection.pipeline():  # what is not between BEGIN and COMMIT is one transaction, too
        if writes:
            await connection.execute("BEGIN")
            count = await connection.execute(_COUNT, (connection.id,))
        for table in _IN_TURN:
            if any(f"INSERT INTO {table} " in sql for sql, _ in statements):
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (key_of(f"turn {table}"),))
        cursors = [await connection.execute(_in_psycopg(sql), [_fit(value) for value in values]) for sql, values in statements]
    rows = [await cursor.fetchall() if cursor.description else [] for cursor in cursors]
    if count is None:
        return _Sent(rows, connection.id, None)
    ((commits,),) = await count.fetchall()
    return _Sent(rows, connection.id, commits)


async def _committed(connection: _Session, sent: _Sent) -> bool:
    """Whether a transaction was committed whose COMMIT was not answered; one that still waits for it is ended."""
    await connection.execute(_END_SESSION, (_called(sent.session),))
    return await (await connection.execute(_COUNTED, (sent.session,))).fetchone() == (sent.commits,)


@lru_cache(maxsize=256)
def _in_psycopg(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _fit(value: Any) -> Any:
    """PostgreSQL takes no NUL in text."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


async def _version(connection: _Session, address: Address) -> int | None:
    """The schema's version; None for a database without one. Raises RecordsError when it is of a later NEXUS."""
    if await (await connection.execute(_THERE)).fetchone() is None:
        return None
    ((version,),) = await (await connection.execute("SELECT version FROM nexus_schema")).fetchall()
    if version > len(MIGRATIONS):
        what = f"the records in {address.name} have schema version {version}, this NEXUS knows {len(MIGRATIONS)}"
        raise RecordsError(what, "upgrade NEXUS or name another database")
    return int(version)


async def _migrate(connection: _Session, address: Address) -> None:
    """Bring the schema up to date; of several processes that start at once, one does."""
    if await _version(connection, address) == len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (key_of("schema"),))
        version = await _version(connection, address)
        if version is None:
            for statement in _OWN_TABLES:
                await connection.execute(statement.encode())
        for migration in MIGRATIONS[version or 0 :]:
            for statement in statements_of(
                migration, arrival="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", to_bytes="BYTEA"
            ):
                await connection.execute(statement.replace(" TEXT", ' TEXT COLLATE "C"').encode())  # SQLite's order
        await connection.execute("UPDATE nexus_schema SET version = %s", (len(MIGRATIONS),))
