"""PostgreSQL as records in hand: what two processes see, statements to try, and processes of their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import psycopg
import pytest

from nexus.records.database import Statement
from nexus.records.database.postgres import PostgresDatabase

ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, ?) RETURNING key"
KEYS: Statement = ("SELECT key FROM nexus_journal ORDER BY arrival", ())
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
