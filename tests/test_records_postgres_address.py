"""Addresses of PostgreSQL: what is one, what is told when it does not answer or does not let in, and never a password."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest
from postgres_records_in_hand import add, as_owner, keys

from nexus.errors import RecordsError, SettingsError
from nexus.records.database.postgres import PostgresDatabase
from nexus.records.database.postgres_address import Address
from nexus.records.database.schema import MIGRATIONS

if TYPE_CHECKING:
    from postgres_in_hand import PostgresServer


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
