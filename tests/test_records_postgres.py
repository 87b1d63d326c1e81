"""PostgreSQL as a database of records: statements all or none, many processes, and a server that goes away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from postgres_records_in_hand import KEYS, PROCESS, add, go, keys, process

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database import Statement, postgres_address
from nexus.records.database.postgres import PostgresDatabase
from nexus.records.database.schema import MIGRATIONS

if TYPE_CHECKING:
    from postgres_in_hand import PostgresServer

WRITER = PROCESS.format(
    body="""
    async def write(writer):
        for n in range(15):
            await database.run((ADD, (f"{name}-{writer}-{n}", "")))

    ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, ?)"
    await asyncio.gather(*(write(writer) for writer in range(20)))"""
)
OPENER = PROCESS.format(body="")


async def test_statements_of_one_call_are_kept_all_or_none(database: PostgresDatabase) -> None:
    with pytest.raises(RecordsError, match="not-null"):
        await database.run(add("a"), add("b", None), add("c"))
    assert await keys(database) == []
    assert await database.run(add("a"), add("b"), KEYS) == [[("a",)], [("b",)], [("a",), ("b",)]]


@pytest.mark.parametrize("value", ["\ud800", 2**70, object()], ids=["half a character", "too large a number", "no value"])
async def test_a_value_that_postgresql_does_not_take_fails_its_own_call_alone(database: PostgresDatabase, value: object) -> None:
    at = "INSERT INTO nexus_events (incident, key, at, body) VALUES (?, 'k', ?, '')"
    odd = (at, ("i", value)) if isinstance(value, int) else (at, (value, 1))
    given = await asyncio.gather(
        database.run(add("a")), database.run(add("b"), odd), database.run(add("c")), return_exceptions=True
    )
    assert [isinstance(one, Exception) for one in given] == [False, True, False]
    assert sorted(await keys(database)) == ["a", "c"]


async def test_a_call_that_is_no_longer_waited_for_disturbs_no_other(database: PostgresDatabase) -> None:
    tasks = [asyncio.create_task(database.run(("SELECT pg_sleep(0.02)", ()), add(str(n)))) for n in range(20)]
    await asyncio.sleep(0.03)
    for task in tasks[::2]:
        task.cancel()
    given = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, list) for one in given[1::2]] == [True] * 10
    assert set(await keys(database)) >= {str(n) for n in range(1, 20, 2)}


async def test_calls_that_wait_for_one_another_in_a_circle_are_both_done(database: PostgresDatabase) -> None:
    claim = "INSERT INTO nexus_claims (incident) VALUES (?) ON CONFLICT DO NOTHING RETURNING incident"
    wait: Statement = ("SELECT pg_sleep(0.2)", ())
    given = await asyncio.gather(
        database.run((claim, ("a",)), wait, (claim, ("b",))), database.run((claim, ("b",)), wait, (claim, ("a",)))
    )
    assert sorted(row for rows in given for row in rows[0] + rows[2]) == [("a",), ("b",)]


async def test_closing_waits_for_what_was_asked_before(database: PostgresDatabase, second: PostgresDatabase) -> None:
    tasks = [asyncio.create_task(database.run(add(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*tasks)) == 50
    with pytest.raises(RecordsError, match="closed"):
        await database.run(KEYS)
    assert len(await keys(second)) == 50


async def test_processes_that_start_at_once_on_a_new_database_build_it_once(postgres_url: str) -> None:
    others = [await process(OPENER, postgres_url, "-") for _ in range(2)]
    for other in others:
        go(other)
    opened = await asyncio.gather(*(PostgresDatabase.open(postgres_url) for _ in range(4)))
    assert [await other.wait() for other in others] == [0, 0]
    assert await opened[0].run(("SELECT version FROM nexus_schema", ())) == [[(len(MIGRATIONS),)]]
    for one in opened:
        await one.close()


async def test_writers_of_two_processes_lose_nothing_and_who_follows_misses_nothing(
    database: PostgresDatabase, postgres_url: str
) -> None:
    others = [await process(WRITER, postgres_url, name) for name in ("a", "b")]
    for other in others:
        go(other)
    expected = {f"{name}-{writer}-{n}" for name in ("a", "b") for writer in range(20) for n in range(15)}
    seen: list[tuple[int, str]] = []
    async with asyncio.timeout(30):
        while len(seen) < len(expected):
            since = seen[-1][0] if seen else 0
            (rows,) = await database.run(("SELECT arrival, key FROM nexus_journal WHERE arrival > ? ORDER BY arrival", (since,)))
            seen += [(number, key) for number, key in rows]
    assert {key for _, key in seen} == expected
    assert [await other.wait() for other in others] == [0, 0]


@dataclass
class Wire:
    """Between a database and its server: may cut a connection at its next COMMIT."""

    port: int
    cut: str = ""
    cuts: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def meet(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers += [to_client, to_server]
        await asyncio.gather(self.there(client, to_client, to_server), self.back(server, to_client, to_server))

    async def there(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter, to_server: asyncio.StreamWriter) -> None:
        while data := await client.read(65536):
            if b"COMMIT" in data and self.cut in ("on its way there", "and the server does not notice"):
                self.cuts += 1
                to_client.close()
                if self.cut == "on its way there":
                    to_server.close()
                self.cut = ""
                return
            if b"COMMIT" in data and self.cut:
                self.cut = "now"
            to_server.write(data)
        to_server.close()

    async def back(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, to_server: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            if self.cut == "now":
                self.cuts += 1
                self.cut = ""
                to_server.close()
                break
            to_client.write(data)
        to_client.close()

    async def close(self) -> None:
        for writer in self.writers:
            writer.close()
        for writer in self.writers:
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def over_a_wire(server: PostgresServer, url: str) -> AsyncIterator[tuple[PostgresDatabase, Wire]]:
    wire = Wire(server.port)
    async with await asyncio.start_server(wire.meet, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        database = await PostgresDatabase.open(url.replace(str(server.port), str(port)))
        yield database, wire
        await database.close()
        await wire.close()


@pytest.mark.parametrize("how", ["on its way there", "on its way back", "and the server does not notice"])
async def test_a_commit_whose_answer_is_lost_is_done_once(postgres_server: PostgresServer, postgres_url: str, how: str) -> None:
    answer = "UPDATE nexus_questions SET answer = ? WHERE answer IS NULL RETURNING id"
    async with over_a_wire(postgres_server, postgres_url) as (database, wire):
        await database.run(("INSERT INTO nexus_questions (incident, id, body) VALUES ('i', 'q', '')", ()))
        wire.cut = how
        assert await database.run((answer, ("yes",)), add("a")) == [[("q",)], [("a",)]]
        assert (await keys(database), wire.cuts) == (["a"], 1)


@pytest.mark.parametrize("how", ["killed", "restarted"])
async def test_a_server_that_goes_away_while_many_write_loses_and_doubles_nothing(
    database: PostgresDatabase, second: PostgresDatabase, postgres_server: PostgresServer, how: str
) -> None:
    given: list[str] = []

    async def write(writer: int) -> None:
        for n in range(40):
            ((row,),) = await database.run(add(f"{writer}-{n}"))
            given.append(row[0])

    async with database.hold("INC-1"):
        writing = asyncio.gather(*(write(writer) for writer in range(10)))
        while len(given) < 100:  # noqa: ASYNC110 - in the middle, wherever that is
            await asyncio.sleep(0.001)
        if how == "killed":
            postgres_server.kill()
        else:
            postgres_server.stop(signal.SIGINT)
        await asyncio.sleep(0.1)
        assert not writing.done()
        await asyncio.to_thread(postgres_server.start)
        await writing
        assert sorted(given) == sorted(await keys(database)) == sorted(f"{writer}-{n}" for writer in range(10) for n in range(40))
        with pytest.raises(IncidentHeld):
            async with second.hold("INC-1"):
                pytest.fail("held twice")


async def test_a_server_that_stays_away_is_waited_for_no_longer_than_is_sensible(
    database: PostgresDatabase, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_address, "PATIENCE_S", 0.3)
    postgres_server.kill()
    try:
        with pytest.raises(RecordsError, match="start the server") as raised:
            await database.run(add("a"))
        assert f"127.0.0.1:{postgres_server.port}" in str(raised.value)
    finally:
        postgres_server.start()
