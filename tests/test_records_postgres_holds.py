"""Holds in PostgreSQL: one process has a name, a dead one has none, and a lost one is taken back or ends what it guards."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from postgres_records_in_hand import PROCESS, add, as_owner, go, process

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database import postgres_address
from nexus.records.database.postgres import PostgresDatabase

if TYPE_CHECKING:
    from postgres_in_hand import PostgresServer

END_HOLDS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nexus hold%'"
HOLDER = PROCESS.format(
    body="""
    async with database.hold(name):
        print("held", flush=True)
        await asyncio.sleep(60)"""
)


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
