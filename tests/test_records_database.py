"""SQLite as a database of records: commits in groups, several processes on one file, and faults that name their remedy."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from incident_in_hand import ID, PICTURE, events, evidence

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database import Statement
from nexus.records.database.memory import MemoryDatabase
from nexus.records.database.schema import MIGRATIONS, statements_of
from nexus.records.database.sqlite import SqliteDatabase
from nexus.records.stores import SqliteStore

ADD = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, ?)"
KEYS: Statement = ("SELECT key FROM nexus_journal ORDER BY arrival", ())
WRITER = """
import asyncio, sys
from pathlib import Path
from nexus.records.database.sqlite import SqliteDatabase

async def main():
    database = await SqliteDatabase.open(Path(sys.argv[1]))
    add = "INSERT INTO nexus_journal (scope, key, body) VALUES ('s', ?, '')"
    await asyncio.gather(*(database.run((add, (f"{sys.argv[2]}{n}",))) for n in range(100)))
    await database.close()

asyncio.run(main())
"""
HOLDER = """
import asyncio, sys
from pathlib import Path
from nexus.records.database.sqlite import SqliteDatabase

async def main():
    database = await SqliteDatabase.open(Path(sys.argv[1]))
    async with database.hold("INC-1"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = await SqliteDatabase.open(path)
    yield opened
    await opened.close()


def add(key: str, body: str | None = "") -> Statement:
    return ADD, (key, body)


async def started(script: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE)


async def keys(database: SqliteDatabase | MemoryDatabase) -> list[str]:
    (rows,) = await database.run(KEYS)
    return [key for (key,) in rows]


async def in_its_thread(database: SqliteDatabase, work: Callable[[sqlite3.Connection], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(database._thread, work, database._connection)


async def traced(database: SqliteDatabase) -> list[str]:
    """What its connection is told, from now on."""
    told: list[str] = []
    await in_its_thread(database, lambda connection: connection.set_trace_callback(told.append))
    return told


async def test_statements_of_one_call_are_kept_all_or_none(database: SqliteDatabase) -> None:
    with pytest.raises(RecordsError, match="NOT NULL"):
        await database.run(add("a"), add("b", None), add("c"))
    assert await keys(database) == []
    assert await database.run(add("a"), add("b"), KEYS) == [[], [], [("a",), ("b",)]]


async def test_what_waits_is_committed_together(database: SqliteDatabase) -> None:
    told = await traced(database)
    await asyncio.gather(*(database.run(add(str(n))) for n in range(200)))
    assert sorted(await keys(database), key=int) == [str(n) for n in range(200)]
    assert told.count("COMMIT") < 20


async def test_one_that_fails_takes_no_other_with_it(database: SqliteDatabase) -> None:
    calls = [[add(str(n)), add(f"{n} again", None if n % 3 == 0 else "")] for n in range(30)]
    given = await asyncio.gather(*(database.run(*call) for call in calls), return_exceptions=True)
    assert [n for n, one in enumerate(given) if isinstance(one, RecordsError)] == list(range(0, 30, 3))
    assert len(await keys(database)) == 40


async def test_each_call_sees_what_those_before_it_wrote(database: SqliteDatabase) -> None:
    given = await asyncio.gather(*(database.run(add(str(n)), KEYS) for n in range(20)))
    assert [len(rows[1]) for rows in given] == list(range(1, 21))


async def test_what_must_be_on_disk_is_written_through_and_nothing_else(database: SqliteDatabase) -> None:
    told = await traced(database)
    await database.run(add("a"))
    assert not [line for line in told if "synchronous" in line]
    await database.run(add("b"), to_disk=True)
    after = told[told.index("COMMIT") + 1 :]
    assert after[0] == "PRAGMA synchronous = FULL"
    assert after[-2:] == ["COMMIT", "PRAGMA synchronous = NORMAL"]


async def test_a_call_that_is_no_longer_waited_for_disturbs_no_other(database: SqliteDatabase) -> None:
    tasks = [asyncio.create_task(database.run(add(str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    given = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in given] == [True, False] * 10
    assert set(await keys(database)) >= {str(n) for n in range(1, 20, 2)}


@pytest.mark.parametrize("value", ["\ud800", 2**70, object()], ids=["half a character", "too large a number", "no value"])
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_a_value_that_sqlite_does_not_take_fails_its_own_call_alone(
    database: SqliteDatabase, kind: str, value: object
) -> None:
    told = MemoryDatabase() if kind == "memory" else database
    async with asyncio.timeout(5):
        given = await asyncio.gather(
            told.run(add("a")), told.run((ADD, ("b", value))), told.run(add("c")), return_exceptions=True
        )
        assert [isinstance(one, Exception) for one in given] == [False, True, False]
        assert await keys(told) == ["a", "c"]


async def test_closing_waits_for_what_was_asked_before(path: Path) -> None:
    database = await SqliteDatabase.open(path)
    tasks = [asyncio.create_task(database.run(add(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*tasks)) == 50
    with pytest.raises(RecordsError, match="closed"):
        await database.run(KEYS)
    again = await SqliteDatabase.open(path)
    assert len(await keys(again)) == 50
    await again.close()


async def test_a_file_remembers_after_it_was_closed(path: Path) -> None:
    async with await SqliteStore.open(path) as first:
        await first.append(*events())
        await first.keep(ID, evidence()[3], {PICTURE: b"png"})
    async with await SqliteStore.open(path) as second:
        assert await second.events(ID) == events()
        assert await second.pictures(ID) == {PICTURE: b"png"}


async def test_a_file_of_an_earlier_version_is_brought_up_to_date_with_what_it_holds(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for migration in MIGRATIONS[:2]:
            for statement in statements_of(migration, arrival="INTEGER PRIMARY KEY", to_bytes="BLOB"):
                connection.execute(statement)
        connection.execute("PRAGMA user_version = 2")
        connection.execute("INSERT INTO nexus_claims (incident) VALUES (?)", (ID,))
        connection.execute("INSERT INTO nexus_documents (incident, body) VALUES (?, '{}')", (ID,))
    connection.close()
    async with await SqliteStore.open(path) as store:
        assert (await store.incidents(), await store.document(ID)) == ([ID], "{}")
        assert (await store.opening(ID), await store.unfinished()) == (None, [])


async def test_a_new_file_may_be_opened_by_many_at_once(path: Path) -> None:
    opened = await asyncio.gather(*(SqliteDatabase.open(path) for _ in range(8)))
    await asyncio.gather(*(one.run(add(str(n))) for n, one in enumerate(opened)))
    assert len(await keys(opened[0])) == 8
    for one in opened:
        await one.close()


async def test_two_processes_write_to_one_file_and_lose_nothing(path: Path) -> None:
    others = [await started(WRITER, str(path), name) for name in ("a", "b")]
    assert [await other.wait() for other in others] == [0, 0]
    database = await SqliteDatabase.open(path)
    assert sorted(await keys(database)) == sorted(f"{name}{n}" for name in ("a", "b") for n in range(100))
    await database.close()


async def test_a_process_that_was_killed_holds_nothing(database: SqliteDatabase, path: Path) -> None:
    other = await started(HOLDER, str(path))
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(IncidentHeld):
        async with database.hold("INC-1"):
            pytest.fail("held twice")
    other.kill()
    await other.wait()
    async with database.hold("INC-1"):
        pass


async def test_a_file_that_another_keeps_locked_says_so_and_is_not_lost(database: SqliteDatabase, path: Path) -> None:
    await in_its_thread(database, lambda connection: connection.execute("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    given = await asyncio.gather(*(database.run(add(str(n))) for n in range(3)), return_exceptions=True)
    assert all(isinstance(one, RecordsError) and "another process holds it" in str(one) for one in given)
    assert await keys(database) == []
    other.execute("ROLLBACK")
    other.close()
    await database.run(add("a"))
    assert await keys(database) == ["a"]


async def test_a_full_disk_says_so_and_what_was_recorded_stays(database: SqliteDatabase) -> None:
    await database.run(add("a"))
    await in_its_thread(database, lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(RecordsError, match="free some space"):
        await database.run(add("b"), add("c", "x" * 1_000_000))
    await in_its_thread(database, lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchall())
    await database.run(add("d"))
    assert await keys(database) == ["a", "d"]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"this is a letter, not a database" * 100)


def from_the_future(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "remedy"), [(not_a_database, "move that file away"), (from_the_future, "upgrade NEXUS"), (a_folder, "folder")]
)
async def test_a_file_that_cannot_be_opened_says_what_to_do(path: Path, spoil: Callable[[Path], None], remedy: str) -> None:
    spoil(path)
    with pytest.raises(RecordsError) as raised:
        await SqliteDatabase.open(path)
    assert remedy in raised.value.remedy
    assert "\n" not in str(raised.value)


async def test_a_folder_that_is_a_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordsError, match="cannot be created"):
        await SqliteDatabase.open(tmp_path / "out" / "records.sqlite")


async def test_a_name_that_is_no_folder_name_cannot_be_held(database: SqliteDatabase) -> None:
    with pytest.raises(RecordsError, match="is not an incident id"):
        async with database.hold("../escaped"):
            pytest.fail("held outside")
