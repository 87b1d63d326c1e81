"""The two stores keep the same contract, and SQLite's faults name their remedy."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from incident_in_hand import ID, OPENED, at, event, events, evidence

from nexus.errors import RecordsError
from nexus.incident import EventKind, Evidence
from nexus.records.memory import MemoryStore
from nexus.records.packing import clean, pack, unpack
from nexus.records.sqlite import MIGRATIONS, SqliteStore
from nexus.records.store import Store


@pytest.fixture(params=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = await SqliteStore.open(tmp_path / "out" / "nexus.db") if request.param == "sqlite" else MemoryStore()
    yield opened
    await opened.close()


async def test_events_come_back_in_the_order_of_their_time(store: Store) -> None:
    log = events()
    await store.append(*reversed(log))
    assert [e.at for e in await store.events(ID)] == [e.at for e in log]
    assert {e.key: e for e in await store.events(ID)} == {e.key: e for e in log}


async def test_an_id_is_claimed_once(store: Store) -> None:
    assert [await store.claim(ID), await store.claim(ID), await store.claim(ID + "-2")] == [True, False, True]


async def test_events_of_one_moment_keep_the_order_of_their_arrival(store: Store) -> None:
    twins = [event(EventKind.FINDING, 3, "a", text) for text in ("z", "y", "x")]
    for twin in twins:
        await store.append(twin)
    assert await store.events(ID) == twins


async def test_recording_a_key_twice_records_it_once_and_as_it_was(store: Store) -> None:
    first = event(EventKind.FINDING, 1, "a", "said")
    await store.append(first, first)
    await store.append(first.model_copy(update={"text": "said otherwise"}))
    assert await store.events(ID) == [first]


async def test_incidents_are_apart_though_their_keys_are_the_same(store: Store) -> None:
    one = event(EventKind.OPENED, 0, "a", "x")
    await store.append(one, one.model_copy(update={"incident": "other"}))
    assert await store.events(ID) == [one]
    assert len(await store.events("other")) == 1
    assert await store.events("nobody") == []


async def test_incidents_are_listed_newest_first(store: Store) -> None:
    opened = event(EventKind.OPENED, 0, "a", "x")
    for name, minutes in (("middle", 10), ("oldest", 0), ("newest", 20)):
        await store.append(opened.model_copy(update={"incident": name, "at": OPENED + timedelta(minutes=minutes)}))
    assert await store.incidents() == ["newest", "middle", "oldest"]


async def test_evidence_comes_back_whole_oldest_first_or_by_id(store: Store) -> None:
    kept = evidence()
    for piece in reversed(kept):
        await store.keep(ID, piece, dict.fromkeys(piece.pictures, b"png"))
    assert await store.evidence(ID) == kept
    assert await store.evidence(ID, [kept[2].id, "not there", kept[0].id]) == [kept[0], kept[2]]
    assert await store.evidence(ID, []) == []


async def test_evidence_of_a_step_that_ran_again_is_that_of_its_second_run(store: Store) -> None:
    first = evidence()[0]
    second = first.model_copy(update={"summary": "looked again"})
    await store.keep(ID, first, {})
    await store.keep(ID, second, {})
    assert await store.evidence(ID) == [second]


async def test_the_document_kept_last_is_the_one_given_back(store: Store) -> None:
    assert await store.document(ID) is None
    await store.save_document(ID, '{"id": 1}')
    await store.save_document(ID, '{"id": 2}')
    assert await store.document(ID) == '{"id": 2}'
    assert await store.incidents() == [ID]


async def test_values_that_are_no_json_are_kept_as_far_as_json_can(store: Store) -> None:
    odd = {
        "nan": float("nan"),
        "inf": [float("-inf")],
        "half": "a\ud800b",
        "at": OPENED,
        "\udc00": 1,
        "long": "x" * 2_000_000,
        "nul": "a\0b",
    }
    await store.keep(ID, evidence()[0].model_copy(update={"values": odd}), {})
    await store.append(event(EventKind.FINDING, 1, "a", "漢字 🙂", value=float("nan")))
    kept = (await store.evidence(ID))[0].values
    assert kept["nan"] is None
    assert kept["inf"] == [None]
    assert kept["half"] == "a\ufffdb"
    assert kept["at"] == OPENED.isoformat()
    assert kept["nul"] == "a\0b"
    assert len(kept["long"]) == 2_000_000
    assert (await store.events(ID))[0].text == "漢字 🙂"


@pytest.mark.parametrize("path", ["../escaped.png", "/etc/escaped.png", "a/../../escaped.png", "", "a\\..\\b.png"])
async def test_a_picture_cannot_be_kept_outside_its_incident(store: Store, path: str, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="inside the incident's folder"):
        await store.keep(ID, evidence()[0], {path: b"png"})
    assert await store.evidence(ID) == []
    assert not strays(tmp_path)


def strays(folder: Path) -> list[Path]:
    return list(folder.rglob("escaped.png"))


@pytest.mark.parametrize("incident", ["../x", "", ".", "..", "a/b", "/x", "a\0b", "x" * 200])
async def test_an_incident_id_cannot_lead_out_of_the_records(store: Store, incident: str) -> None:
    with pytest.raises(RecordsError, match="is not an incident id"):
        await store.keep(incident, evidence()[0], {"a.png": b"png"})


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    await asyncio.gather(*(store.append(event(EventKind.EVIDENCE, n / 60, "a", str(n))) for n in range(50)))
    assert [e.text for e in await store.events(ID)] == [str(n) for n in range(50)]


async def test_closing_twice_is_harmless(store: Store) -> None:
    await store.close()
    await store.close()


async def test_sqlite_remembers_after_it_was_closed(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "n.db") as first:
        await first.append(*events())
        await first.keep(ID, evidence()[3], {"evidence/p.png": b"png"})
    async with await SqliteStore.open(tmp_path / "n.db") as second:
        assert await second.events(ID) == events()
    assert (tmp_path / ID / "evidence" / "p.png").read_bytes() == b"png"


async def test_memory_gives_its_pictures_back() -> None:
    store = MemoryStore()
    await store.keep(ID, evidence()[3], {"evidence/p.png": b"png"})
    assert store.pictures(ID) == {"evidence/p.png": b"png"}


async def test_what_is_given_back_cannot_change_what_memory_holds() -> None:
    store = MemoryStore()
    await store.keep(ID, evidence()[0], {})
    (await store.evidence(ID))[0].values["looked_at"] = 0
    assert (await store.evidence(ID))[0].values == {"looked_at": 120}


async def test_several_events_are_appended_all_or_none(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "n.db") as store:
        with pytest.raises(TypeError):
            await store._do(
                lambda db: db.executemany("INSERT INTO nexus_events (incident, key, at, body) VALUES (?, ?, ?, ?)", broken())
            )
        assert await store.incidents() == []


def broken() -> Iterator[tuple[str, str, int, str]]:
    """One good row, then a fault."""
    yield ("i", "k", 1, "{}")
    raise TypeError("no more")


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
async def test_a_file_that_cannot_be_opened_says_what_to_do(tmp_path: Path, spoil: Callable[[Path], None], remedy: str) -> None:
    spoil(tmp_path / "n.db")
    with pytest.raises(RecordsError) as raised:
        await SqliteStore.open(tmp_path / "n.db")
    assert remedy in raised.value.remedy
    assert "\n" not in str(raised.value)


async def test_a_folder_that_is_a_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordsError, match="cannot be created"):
        await SqliteStore.open(tmp_path / "out" / "n.db")


async def test_a_locked_file_says_who_may_hold_it(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "n.db") as store:
        await store._do(lambda db: db.execute("PRAGMA busy_timeout = 1"))
        other = sqlite3.connect(tmp_path / "n.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsError, match="another process holds it"):
            await store.append(*events())
        other.execute("ROLLBACK")
        other.close()
        await store.append(*events())
        assert await store.events(ID) == events()


async def test_no_cursor_leaves_the_thread_that_works_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[object] = []
    original = SqliteStore._do

    async def watched(self: SqliteStore, work: Callable[[sqlite3.Connection], object]) -> object:
        given_back.append(await original(self, work))
        return given_back[-1]

    async with await SqliteStore.open(tmp_path / "n.db") as store:
        monkeypatch.setattr(SqliteStore, "_do", watched)
        await store.append(*events())
        await store.keep(ID, Evidence(id="E", tool="t", agent="a", at=at(0), summary="s"), {})
        await store.save_document(ID, "{}")
    assert given_back == [None, None, None]


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "n.db")
    await store.close()
    with pytest.raises(RecordsError, match="closed"):
        await store.events(ID)


json_like = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(some.characters()),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(some.characters()), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(values=some.dictionaries(some.text(some.characters()), json_like))
def test_packing_takes_any_value_and_packing_again_changes_nothing(values: dict[str, object]) -> None:
    first = unpack(Evidence, pack(Evidence(id="E", tool="t", agent="a", at=at(0), summary="s", values=values)))
    assert unpack(Evidence, pack(first)) == first
    assert clean(first.values) == first.values
