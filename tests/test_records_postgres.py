"""PostgreSQL as a database of records: a server that goes away, holds that are lost, many processes, faults with a remedy."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import pytest

from nexus.errors import IncidentHeld, RecordsError, SettingsError
from nexus.records.database import Statement, postgres_address
from nexus.records.database.postgres import PostgresDatabase
from nexus.records.database.postgres_address import Address
from nexus.records.database.schema import MIGRATIONS

if TYPE_CHECKING:
    from postgres_in_hand import PostgresServer

ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, ?) RETURNING key"
KEYS: Statement = ("SELECT key FROM nexus_journal ORDER BY arrival", ())
END_HOLDS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nexus hold%'"
PROCESS = """
import asyncio, sys
from nexus.records.database.postgres import PostgresDatabase

async def main(url, name):
    print("started", flush=True)
    sys.stdin.readline()
    database = await PostgresDatabase.open(url)
    {body}
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""
WRITER = PROCESS.format(
    body="""
    async def write(writer):
        for n in range(15):
            await database.run((ADD, (f"{name}-{writer}-{n}", "")))

    ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, ?)"
    await asyncio.gather(*(write(writer) for writer in range(20)))"""
)
HOLDER = PROCESS.format(
    body="""
    async with database.hold(name):
        print("held", flush=True)
        await asyncio.sleep(60)"""
)
OPENER = PROCESS.format(body="")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = await PostgresDatabase.open(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
async def second(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """As another process sees it."""
    opened = await PostgresDatabase.open(postgres_url)
    yield opened
    await opened.close()


def add(key: str, body: str | None = "") -> Statement:
    return ADD, (key, body)


async def keys(database: PostgresDatabase) -> list[str]:
    (rows,) = await database.run(KEYS)
    return [key for (key,) in rows]


def as_owner(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


async def process(script: str, *arguments: str) -> asyncio.subprocess.Process:
    """A process that has imported all it needs and waits for its start."""
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(sys.executable, "-c", script, *arguments, stdin=pipe, stdout=pipe)
    assert started.stdout is not None
    assert await started.stdout.readline() == b"started\n"
    return started


def go(started: asyncio.subprocess.Process) -> None:
    assert started.stdin is not None
    started.stdin.write(b"\n")


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


async def test_a_name_is_held_by_one_process_and_by_none_that_was_killed(database: PostgresDatabase, postgres_url: str) -> None:
    other = await process(HOLDER, postgres_url, "INC-1")
    go(other)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(IncidentHeld):
        async with database.hold("INC-1"):
            pytest.fail("held twice")
    async with database.hold("INC-2"):
        other.kill()
        await other.wait()
        await eventually_held(database, "INC-1")


async def eventually_held(database: PostgresDatabase, name: str) -> None:
    """The server needs a moment to notice that a process is gone."""
    async with asyncio.timeout(5):
        while True:
            with suppress(IncidentHeld):
                async with database.hold(name):
                    return
            await asyncio.sleep(0.01)


async def test_a_hold_whose_connection_is_lost_is_taken_back(
    database: PostgresDatabase, second: PostgresDatabase, postgres_url: str
) -> None:
    async with database.hold("INC-1"), database.hold("INC-2"):
        as_owner(postgres_url, END_HOLDS)
        database._holds.doubt()
        await database.run(add("a"))
        for name in ("INC-1", "INC-2"):
            with pytest.raises(IncidentHeld):
                async with second.hold(name):
                    pytest.fail("held twice")
    for name in ("INC-1", "INC-2"):
        async with second.hold(name):
            pass


@pytest.mark.parametrize("still", [True, False], ids=["and still holds it", "and let it go"])
async def test_a_hold_that_another_had_in_between_is_lost_and_what_was_done_under_it_ends(
    database: PostgresDatabase, second: PostgresDatabase, postgres_url: str, still: bool
) -> None:
    went_on = False

    async def drive() -> None:
        nonlocal went_on
        async with database.hold("INC-1"):
            as_owner(postgres_url, END_HOLDS)
            async with second.hold("INC-1"):
                await asyncio.sleep(10 if still else 0)
            await asyncio.sleep(10)
            went_on = True

    with pytest.raises(RecordsError, match="INC-1 is no longer held") as raised:
        await drive()
    assert not went_on
    assert "nexus resume INC-1" in raised.value.remedy
    async with database.hold("INC-1"):
        pass


async def test_a_hold_that_cannot_be_taken_back_in_time_is_lost(
    database: PostgresDatabase, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drive() -> None:
        async with database.hold("INC-1"):
            postgres_server.kill()
            await asyncio.sleep(10)

    monkeypatch.setattr(postgres_address, "PATIENCE_S", 0.3)
    try:
        with pytest.raises(RecordsError, match="no longer held"):
            await drive()
    finally:
        postgres_server.start()
    async with database.hold("INC-1"):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:hush@db/records",
        "records.sqlite",
        "postgresql://ada:hu/sh@db/records",
        "postgresql://ada:hush@[::1/records",
        "postgresql://ada:hush@db/records?no=option",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(SettingsError, match="postgresql://USER:PASSWORD@HOST") as raised:
        Address.read(url)
    assert "hu" not in str(raised.value)


def test_an_address_is_named_by_database_host_and_port_and_never_by_its_password() -> None:
    address = Address.read("postgres://ada:hush@db.example:5433/records?sslmode=require")
    assert address.name == "records on db.example:5433"
    assert "hush" not in repr(address)
    told = address.explained(psycopg.OperationalError("connection failed:\n  hush is not a password"))
    assert "hush" not in str(told)
    assert "\n" not in str(told)


async def test_both_forms_of_an_address_open(postgres_url: str) -> None:
    database = await PostgresDatabase.open(postgres_url.replace("postgresql://", "postgres://"))
    assert await keys(database) == []
    await database.close()


@pytest.mark.parametrize(
    ("user", "prepare", "remedy"),
    [
        ("with_password:wrong", "CREATE ROLE with_password LOGIN PASSWORD 'right'", "correct user and password"),
        ("nobody_there", "SELECT 1", "create that user"),
        ("locked_out", "CREATE ROLE locked_out LOGIN", "pg_hba.conf"),
        ("no_more", "CREATE ROLE no_more LOGIN CONNECTION LIMIT 0", "raise max_connections"),
        ("no_rights", "CREATE ROLE no_rights LOGIN", "GRANT that user rights"),
        ("no_entry", "CREATE ROLE no_entry LOGIN; REVOKE USAGE ON SCHEMA public FROM PUBLIC", "GRANT USAGE, CREATE"),
    ],
)
async def test_who_is_not_let_in_is_told_why(
    postgres_server: PostgresServer, postgres_url: str, user: str, prepare: str, remedy: str
) -> None:
    role = user.partition(":")[0]
    as_owner(postgres_url, f"DROP ROLE IF EXISTS {role}", prepare)
    with pytest.raises(RecordsError) as raised:
        await PostgresDatabase.open(postgres_url.replace("nexus@", f"{user}@"))
    assert remedy in raised.value.remedy
    assert f"on 127.0.0.1:{postgres_server.port}" in raised.value.what
    assert "wrong" not in str(raised.value)


async def test_a_server_that_is_not_there_and_a_database_that_is_not_there_say_so(postgres_server: PostgresServer) -> None:
    with pytest.raises(RecordsError, match="CREATE DATABASE"):
        await PostgresDatabase.open(postgres_server.url("not_there"))
    with pytest.raises(RecordsError, match="start the server, or correct host and port"):
        await PostgresDatabase.open("postgresql://nexus@127.0.0.1:1/records")


async def test_a_server_whose_connections_are_all_taken_says_so(postgres_server: PostgresServer, postgres_url: str) -> None:
    as_owner(postgres_url, "DROP ROLE IF EXISTS one_of_many", "CREATE ROLE one_of_many LOGIN")
    taken = []
    try:
        with suppress(psycopg.OperationalError):
            while True:
                taken.append(psycopg.connect(postgres_server.url("postgres", "one_of_many")))
        with pytest.raises(RecordsError, match="raise max_connections"):
            await PostgresDatabase.open(postgres_url.replace("nexus@", "one_of_many@"))
    finally:
        for connection in taken:
            connection.close()


async def test_records_of_a_later_nexus_are_left_alone(database: PostgresDatabase, postgres_url: str) -> None:
    as_owner(postgres_url, f"UPDATE nexus_schema SET version = {len(MIGRATIONS) + 1}")
    with pytest.raises(RecordsError, match="upgrade NEXUS"):
        await PostgresDatabase.open(postgres_url)
    assert await keys(database) == []


async def test_who_may_only_read_and_write_can_use_tables_that_are_there(database: PostgresDatabase, postgres_url: str) -> None:
    as_owner(
        postgres_url,
        "DROP ROLE IF EXISTS reader_and_writer",
        "CREATE ROLE reader_and_writer LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader_and_writer",
    )
    limited = await PostgresDatabase.open(postgres_url.replace("nexus@", "reader_and_writer@"))
    async with limited.hold("INC-1"):
        await limited.run(add("a"))
    assert await keys(database) == ["a"]
    await limited.close()


async def test_who_may_not_write_is_told_so_at_once(database: PostgresDatabase, postgres_url: str) -> None:
    await database.run(add("a"))
    as_owner(
        postgres_url,
        "DROP ROLE IF EXISTS only_reader",
        "CREATE ROLE only_reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader",
    )
    with pytest.raises(RecordsError, match="GRANT that user rights"):
        await PostgresDatabase.open(postgres_url.replace("nexus@", "only_reader@"))


async def test_the_server_ends_what_a_vanished_machine_left_within_seconds(database: PostgresDatabase) -> None:
    asked = "SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_user_timeout')"
    assert await database.run((asked, ())) == [[("5", "10000")]]
    async with database.hold("INC-1"):
        assert database._holds._connection is not None
        assert await (await database._holds._connection.execute(asked)).fetchall() == [("5", "10000")]


async def test_without_its_driver_it_says_what_to_install() -> None:
    script = """
import asyncio, sys
sys.modules["psycopg"] = None
from nexus.errors import SettingsError
from nexus.records.stores import PostgresStore
try:
    asyncio.run(PostgresStore.open("postgresql://nexus@127.0.0.1:1/records"))
except SettingsError as error:
    print(error)
"""
    told = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    said, _ = await told.communicate()
    assert said.decode().strip() == (
        "records in PostgreSQL need the package psycopg: pip install 'nexus-incident-response[postgres]'"
    )
