"""Inbox: what was sent in from outside, kept before it is answered for, until somebody has handled it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nexus.records.database import Database, Statement
from nexus.records.packing import clean
from nexus.records.rows import micros

SAME_WITHIN = timedelta(minutes=10)
"""A body that comes again within this time is its sender's second try; later, it is news again."""
TOGETHER = 100
"""Deliveries that are committed together, at the most."""
MOST_AT_ONCE = 32 * 1024 * 1024
"""Characters of bodies that `waiting` gives at once, the first whatever its length."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOW = SAME_WITHIN // timedelta(microseconds=1)
_PUT = """
    INSERT INTO nexus_deliveries (id, source, received, size, headers, body) SELECT ?, ?, ?, ?, ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM nexus_deliveries WHERE id = ? AND received > ?)
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
_STANDS = "SELECT id FROM nexus_deliveries WHERE id IN (?, ?) AND received > ? ORDER BY arrival LIMIT 1"
_WAITING = """
    SELECT arrival, id, source, received, headers, body FROM nexus_deliveries WHERE arrival IN (
        SELECT arrival FROM (
            SELECT arrival, size, SUM(size) OVER (ORDER BY arrival) AS total FROM (
                SELECT arrival, size FROM nexus_deliveries WHERE handled IS NULL ORDER BY arrival LIMIT ?
            ) AS oldest
        ) AS summed WHERE total - size < ?
    ) AND handled IS NULL ORDER BY arrival
"""
_HANDLED = "UPDATE nexus_deliveries SET handled = ?, outcome = ?, headers = '{}', body = '' WHERE id = ? AND handled IS NULL"
_BACKLOG = "SELECT COUNT(*), MIN(received) FROM nexus_deliveries WHERE handled IS NULL"
_TRY = "UPDATE nexus_deliveries SET outcome = outcome WHERE arrival = -1"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivery that waits to be handled, as it came. `arrival` ascends."""

    id: str
    arrival: int
    source: str
    received_at: datetime
    body: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and since when."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class _Put:
    """One delivery on its way in: how it is kept, how the one is found that it repeats, and who waits for its id."""

    keep: Statement
    find: Statement
    done: asyncio.Future[str]


class Inbox:
    """The deliveries in one database. Raises RecordsError when it does not answer.

    Deliveries that come while a commit is under way go into the next one together. One that was handled keeps its id, times and
    outcome; its body and headers, which may hold secrets, are let go.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._coming: list[_Put] = []
        self._keeping: asyncio.Task[None] | None = None

    async def put(self, source: str, body: str, received_at: datetime, headers: Mapping[str, str]) -> str:
        """Keep a delivery; on disk before this returns its id. The same body from the same source is kept once for a while."""
        text = clean(body)
        now, digest = micros(received_at), _digest(source, text)
        turn, since = now // _WINDOW, now - _WINDOW
        this, last = f"{digest}-{turn:x}", f"{digest}-{turn - 1:x}"
        row = (this, clean(source), now, len(text), json.dumps(clean(dict(headers))), text)
        put = _Put((_PUT, (*row, last, since)), (_STANDS, (this, last, since)), asyncio.get_running_loop().create_future())
        self._coming.append(put)
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        return await put.done

    async def _keep(self) -> None:
        while self._coming:
            puts, self._coming = self._coming[:TOGETHER], self._coming[TOGETHER:]
            try:
                names = await self._kept(puts)
            except Exception as error:  # noqa: BLE001 - each of them hears it
                for put in puts:
                    if not put.done.done():
                        put.done.set_exception(error)
                continue
            for put, name in zip(puts, names, strict=True):
                if not put.done.done():
                    put.done.set_result(name)

    async def _kept(self, puts: Sequence[_Put]) -> list[str]:
        """The id of each, in order."""
        new = await self._database.run(*(put.keep for put in puts), to_disk=True)
        again = [put.find for put, rows in zip(puts, new, strict=True) if not rows]
        found = iter(await self._database.run(*again) if again else ())
        return [str((rows or next(found))[0][0]) for rows in new]

    async def waiting(self, limit: int = 100) -> list[Delivered]:
        """What nobody has handled, oldest first; fewer than `limit` where bodies are large."""
        (rows,) = await self._database.run((_WAITING, (limit, MOST_AT_ONCE)))
        return [
            Delivered(name, int(arrival), source, _EPOCH + timedelta(microseconds=received), body, json.loads(headers))
            for arrival, name, source, received, headers, body in rows
        ]

    async def handled(self, ids: Sequence[str], outcomes: Sequence[str]) -> None:
        """Say what became of deliveries, all or none; one that was handled before stays as it was."""
        now = micros(datetime.now(UTC))
        pairs = zip(ids, outcomes, strict=True)
        await self._database.run(*((_HANDLED, (now, clean(outcome), clean(name))) for name, outcome in pairs))

    async def backlog(self) -> Backlog:
        """What waits, in figures."""
        (((waiting, oldest),),) = await self._database.run((_BACKLOG, ()))
        return Backlog(int(waiting), None if oldest is None else _EPOCH + timedelta(microseconds=oldest))

    async def prove(self) -> None:
        """Raise RecordsError unless a delivery could be kept now; changes nothing."""
        await self._database.run((_TRY, ()))


def _digest(source: str, body: str) -> str:
    return hashlib.sha256(f"{source}\0{body}".encode()).hexdigest()[:24]
