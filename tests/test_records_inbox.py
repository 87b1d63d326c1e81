"""The inbox: what was sent in is kept once, in its order, until it is handled, in every database alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from incident_in_hand import ID, OPENED, alert, event, events

from nexus.errors import RecordsError
from nexus.incident import EventKind, Opening
from nexus.records import inbox
from nexus.records.database import Rows, Statement
from nexus.records.inbox import SAME_WITHIN, Backlog
from nexus.records.store import Store
from nexus.records.stores import MemoryStore, open_store

HEADERS = {"content-type": "application/json"}


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    match request.param:
        case "memory":
            opened = MemoryStore()
        case "sqlite":
            opened = await open_store(tmp_path / "out")
        case _:
            opened = await open_store(tmp_path / "out", request.getfixturevalue("postgres_url"))
    yield opened
    await opened.close()


async def test_a_delivery_waits_as_it_came_until_it_is_handled(store: Store) -> None:
    body = '{"title": "日本 100% of ? 🙂"}'
    name = await store.inbox.put("grafana", body, OPENED, HEADERS)
    (waiting,) = await store.inbox.waiting()
    assert (waiting.id, waiting.source, waiting.body) == (name, "grafana", body)
    assert (waiting.received_at, waiting.headers) == (OPENED, HEADERS)
    await store.inbox.handled([name], ["opened INC-1"])
    assert await store.inbox.waiting() == []


async def test_deliveries_are_handed_out_oldest_first_and_no_more_than_asked_for(store: Store) -> None:
    names = [await store.inbox.put("generic", str(n), OPENED, {}) for n in range(5)]
    assert [one.id for one in await store.inbox.waiting(3)] == names[:3]
    await store.inbox.handled(names[1:3], ["joined", "joined"])
    left = await store.inbox.waiting()
    assert [one.id for one in left] == [names[0], *names[3:]]
    assert sorted(one.arrival for one in left) == [one.arrival for one in left]


async def test_a_body_that_its_sender_tries_again_is_kept_once_under_the_same_id(store: Store) -> None:
    first = await store.inbox.put("pagerduty", "{}", OPENED, {})
    again = [await store.inbox.put("pagerduty", "{}", OPENED + SAME_WITHIN * part, {}) for part in (0, 0.5, 0.99)]
    assert {first, *again} == {first}
    await store.inbox.handled([first], ["opened"])
    assert await store.inbox.put("pagerduty", "{}", OPENED + SAME_WITHIN * 0.99, {}) == first
    assert await store.inbox.waiting() == []


async def test_the_same_words_much_later_or_from_somebody_else_are_news(store: Store) -> None:
    first = await store.inbox.put("generic", "{}", OPENED, {})
    later = await store.inbox.put("generic", "{}", OPENED + SAME_WITHIN, {})
    other = await store.inbox.put("sentry", "{}", OPENED, {})
    assert len({first, later, other}) == 3
    assert len(await store.inbox.waiting()) == 3


async def test_many_who_try_the_same_at_once_are_given_one_id(store: Store) -> None:
    names = await asyncio.gather(*(store.inbox.put("generic", "{}", OPENED, {}) for _ in range(20)))
    assert len(set(names)) == len(await store.inbox.waiting()) == 1


async def test_many_deliveries_at_once_are_all_kept(store: Store) -> None:
    names = await asyncio.gather(*(store.inbox.put("generic", str(n), OPENED, {}) for n in range(200)))
    assert {one.id for one in await store.inbox.waiting(1000)} == set(names)
    assert len(set(names)) == 200


async def test_deliveries_that_come_together_are_committed_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = store._database.run

    async def counted(*statements: Statement, to_disk: bool = False) -> list[Rows]:
        runs.append(len(statements))
        assert to_disk
        return await run(*statements, to_disk=to_disk)

    monkeypatch.setattr(store._database, "run", counted)
    await asyncio.gather(*(store.inbox.put("generic", str(n), OPENED, {}) for n in range(250)))
    assert (len(runs), sum(runs)) == (3, 250)


async def test_who_waits_while_the_database_fails_is_told_and_the_next_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_statements: Statement, to_disk: bool = False) -> list[Rows]:
        raise RecordsError("the disk is full", f"free some space ({to_disk})")

    with monkeypatch.context() as patched:
        patched.setattr(store._database, "run", failing)
        told = await asyncio.gather(*(store.inbox.put("generic", str(n), OPENED, {}) for n in range(3)), return_exceptions=True)
    assert [str(one) for one in told] == ["the disk is full: free some space (True)"] * 3
    await store.inbox.put("generic", "kept", OPENED, {})
    assert [one.body for one in await store.inbox.waiting()] == ["kept"]


async def test_a_sender_who_goes_away_takes_nobody_along(store: Store) -> None:
    putting = [asyncio.ensure_future(store.inbox.put("generic", str(n), OPENED, {})) for n in range(3)]
    await asyncio.sleep(0)
    putting[1].cancel()
    first, gone, third = await asyncio.gather(*putting, return_exceptions=True)
    assert isinstance(gone, asyncio.CancelledError)
    assert {first, third} <= {one.id for one in await store.inbox.waiting()}


async def test_a_delivery_that_was_handled_stays_as_it_was(store: Store) -> None:
    name = await store.inbox.put("generic", "{}", OPENED, {})
    await store.inbox.handled([name, "nobody"], ["opened", "x"])
    await store.inbox.handled([name], ["joined"])
    (rows,) = await store._database.run(("SELECT outcome, body, headers FROM nexus_deliveries", ()))
    assert [tuple(row) for row in rows] == [("opened", "", "{}")]


async def test_the_backlog_says_how_many_wait_and_since_when(store: Store) -> None:
    assert await store.inbox.backlog() == Backlog(0, None)
    names = [await store.inbox.put("generic", str(n), OPENED + timedelta(minutes=n), {}) for n in range(3)]
    assert await store.inbox.backlog() == Backlog(3, OPENED)
    await store.inbox.handled(names[:1], ["opened"])
    assert await store.inbox.backlog() == Backlog(2, OPENED + timedelta(minutes=1))


async def test_large_bodies_are_handed_out_a_few_at_a_time_and_none_is_left_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_AT_ONCE", 100)
    names = [await store.inbox.put("generic", str(n) * 90, OPENED, {}) for n in range(4)]
    seen = []
    while waiting := await store.inbox.waiting():
        assert len(waiting) <= 2
        seen += [one.id for one in waiting]
        await store.inbox.handled([one.id for one in waiting], ["opened"] * len(waiting))
    assert seen == names


async def test_a_delivery_shows_neither_body_nor_headers_where_it_is_printed(store: Store) -> None:
    await store.inbox.put("generic", "password-1", OPENED, {"x": "password-2"})
    assert "password" not in repr(await store.inbox.waiting())


async def test_records_that_cannot_be_written_are_known_before_a_delivery_comes(store: Store) -> None:
    await store.inbox.prove()
    assert await store.inbox.backlog() == Backlog(0, None)


async def test_a_file_that_may_only_be_read_proves_it(tmp_path: Path) -> None:
    async with await open_store(tmp_path) as records:
        await records._database.run(("PRAGMA query_only = ON", ()))
        with pytest.raises(RecordsError, match="readonly"):
            await records.inbox.prove()


async def test_incidents_are_paged_from_the_last_by_id_and_the_open_ones_alone(store: Store) -> None:
    for n in range(5):
        await store.begin(Opening(incident=f"INC-{n}", alert=alert(), opened_at=OPENED, graph=1))
    await store.save_document("INC-3", "{}", ended=True)
    assert await store.page(2) == [("INC-4", False), ("INC-3", True)]
    assert await store.page(9, before="INC-3", only_open=True) == [(f"INC-{n}", False) for n in (2, 1, 0)]
    assert await store.page(9, only_open=True) == [(f"INC-{n}", False) for n in (4, 2, 1, 0)]


async def test_who_follows_an_incident_is_given_its_events_by_their_arrival(store: Store) -> None:
    late, early = event(EventKind.FINDING, 9, "a", "late"), event(EventKind.FINDING, 1, "a", "early")
    await store.append(late, *events()[:2])
    await store.append(early, early.model_copy(update={"incident": "other"}))
    told = await store.events_after(ID, 0)
    assert [one for _, one in told] == [late, *events()[:2], early]
    assert await store.events_after(ID, told[2][0]) == told[3:]
    assert await store.events_after(ID, told[3][0]) == []
