"""Holds: names that one process holds by advisory locks of a connection that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import psycopg

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database.postgres_address import Address, Patience, introduce, key_of, passing

BEAT_S = 1.0
"""How often the connection is asked whether it lives; an error elsewhere has it asked at once."""
_ANSWERS_WITHIN_S = 5.0
_TAKE = """
    WITH lock AS (SELECT pg_try_advisory_lock(%(key)s) AS taken)
    INSERT INTO nexus_holds (key, epoch) SELECT %(key)s, 1 FROM lock WHERE taken
    ON CONFLICT (key) DO UPDATE SET epoch = nexus_holds.epoch + 1 RETURNING epoch
"""
_TAKE_BACK = "SELECT pg_try_advisory_lock(%(key)s)"
_EPOCH = "SELECT epoch FROM nexus_holds WHERE key = %(key)s"
_DROP = "SELECT pg_advisory_unlock(%(key)s)"
_END_OLD = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %(own)s AND pid <> pg_backend_pid()"


@dataclass(slots=True, eq=False)
class _Held:
    """A name; `epoch` counts its holders, None while it is not yet held."""

    key: int
    epoch: int | None = None
    body: asyncio.Timeout | None = None
    lost: bool = False

    def lose(self) -> None:
        """Cancel what is done under it."""
        if not self.lost and self.body is not None:
            self.body.reschedule(asyncio.get_running_loop().time())
        self.lost = True


class Holds:
    """The server ends a hold together with its connection, so a process that dies holds nothing.

    When the connection is lost and the process lives (the server was restarted, the network failed), it is made anew and
    each name taken back, for as long as a server is waited for; meanwhile `sure` lets nothing be written. A name that
    somebody else held in between, which its epoch tells, or that cannot be taken back in time, is lost: what was done
    under it is cancelled, and the context manager raises RecordsError.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._own = f"nexus hold {token_hex(8)}"
        self._held: dict[int, _Held] = {}
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._doubt = asyncio.Event()
        self._sure = asyncio.Event()
        self._sure.set()

    async def sure(self) -> None:
        """Wait while it is in doubt whether names are still held."""
        await self._sure.wait()

    def doubt(self) -> None:
        """Ask at once whether the connection lives; somebody met one that does not."""
        if self._watch is not None:
            self._sure.clear()
            self._doubt.set()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold a name. Raises IncidentHeld, and RecordsError when it is lost or the server does not answer."""
        key = key_of(f"hold {name}")
        if key in self._held:
            raise IncidentHeld(name)
        held = self._held[key] = _Held(key)
        try:
            await self._take(held, name)
            async with asyncio.timeout(None) as held.body:
                yield
        except TimeoutError:
            if not held.lost:
                raise
            what = f"{name} is no longer held: the connection to the records in {self._address.name} was lost"
            raise RecordsError(what, f"nexus resume {name} goes on when nobody else does") from None
        finally:
            held.body = None
            del self._held[key]
            await self._drop(held)

    async def _take(self, held: _Held, name: str) -> None:
        patience = Patience()
        while held.epoch is None:
            await self._sure.wait()
            try:
                async with self._lock:
                    connection = self._connection or await self._connect()
                    found = await (await connection.execute(_TAKE, {"key": held.key})).fetchone()
            except psycopg.Error as error:
                if not passing(error) or not await patience.pause():
                    raise self._address.explained(error) from error
                self.doubt()
            else:
                if found is None:
                    raise IncidentHeld(name)
                held.epoch = found[0]

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = self._connection = await psycopg.AsyncConnection.connect(self._address.conninfo, autocommit=True)
        await introduce(connection, self._own)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching())
        return connection

    async def _drop(self, held: _Held) -> None:
        async with self._lock:
            if self._connection is None:
                return
            if self._held:
                if held.epoch is not None and not held.lost:
                    with suppress(psycopg.Error):  # the lock is gone with the connection
                        await self._connection.execute(_DROP, {"key": held.key})
                return
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            await self._connection.close()
            self._connection = None
            self._sure.set()

    async def _watching(self) -> None:
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._doubt.wait()
                async with self._lock:
                    self._doubt.clear()
                    if not await self._lives():
                        self._sure.clear()
                        await self._take_back()
                    if not self._doubt.is_set():
                        self._sure.set()
        finally:
            self._lose_all()
            self._sure.set()

    async def _lives(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await (self._connection or await self._connect()).execute("SELECT 1")
        except (psycopg.Error, TimeoutError):
            return False
        return True

    async def _take_back(self) -> None:
        patience = Patience()
        waiting: list[_Held] = []
        while True:
            with suppress(psycopg.Error, TimeoutError):
                if not waiting or self._connection is None or self._connection.closed:
                    connection = await self._renew()
                    waiting = self._standing()
                waiting = [held for held in waiting if not await _taken_back(connection, held)]
                if not waiting:
                    return
            if not await patience.pause():
                self._lose_all()
                return

    async def _renew(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is not None:
            await self._connection.close()
        connection = await self._connect()
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            while not await self._alone(connection):  # noqa: ASYNC110 - the server tells when it is asked
                await asyncio.sleep(0.02)
        return connection

    async def _alone(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Whether nothing is left of the connections before; what is, is ended."""
        return not await (await connection.execute(_END_OLD, {"own": self._own})).fetchall()

    def _standing(self) -> list[_Held]:
        return [held for held in self._held.values() if held.epoch is not None and not held.lost]

    def _lose_all(self) -> None:
        for held in self._standing():
            held.lose()


async def _taken_back(connection: psycopg.AsyncConnection[Any], held: _Held) -> bool:
    """Whether that name needs no other try: it is held again, or lost for good."""
    key = {"key": held.key}
    locked = await (await connection.execute(_TAKE_BACK, key)).fetchone() == (True,)
    if await (await connection.execute(_EPOCH, key)).fetchone() == (held.epoch,):
        return locked
    held.lose()
    if locked:
        await connection.execute(_DROP, key)
    return True
