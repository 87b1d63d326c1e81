"""Simulated people: each word is sent once for its key, whichever process sends it, and all of them read the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_in_hand import KINDS, views

from nexus.incident import BacklogItem, Severity
from nexus.world.journal import MemoryJournal
from nexus.world.simulated_people import SimulatedPeople

AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)


def item(key: str, rank: int = 1, incident: str = "INC-1") -> BacklogItem:
    return BacklogItem(
        key=key, rank=rank, title=f"mend {key}", owner="QA", deadline=AT, severity=Severity.P2, score=1.5, incident=incident
    )


async def test_people_are_told_once_for_each_key() -> None:
    people = SimulatedPeople()
    for text in ("all is well", "all is well again"):
        await people.post_status("INC-1", text, AT, "1")
        await people.brief("INC-1", text, AT, "1")
        await people.notify("INC-1", "Studio Producer", text, AT, "1")
        assert await people.open_channel("INC-1", text, AT) == "#incident-inc-1"
    assert [m.kind for m in people.messages] == ["status", "brief", "notice", "channel"]
    assert {m.text for m in people.messages} == {"all is well"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_two_processes_use_is_sent_once_and_both_see_the_first(kind: str, tmp_path: Path) -> None:
    async with views(kind, tmp_path) as journals:
        one, other = map(SimulatedPeople, journals)
        await one.post_status("INC-1", "first", AT, "1")
        await other.post_status("INC-1", "second", AT, "1")
        await one.refresh()
        assert [m.text for m in one.messages] == ["first"]
        assert one.messages == other.messages


@pytest.mark.parametrize("kind", KINDS)
async def test_what_two_processes_send_at_once_stands_in_one_order_for_both_and_for_whoever_comes_later(
    kind: str, tmp_path: Path
) -> None:
    async with views(kind, tmp_path) as journals:
        both = [SimulatedPeople(journal) for journal in journals]
        await asyncio.gather(*(p.notify("INC-1", "QA", f"{n} of {i}", AT, str(n)) for i, p in enumerate(both) for n in range(20)))
        later = SimulatedPeople(journals[1])
        for people in (*both, later):
            await people.refresh()
        assert sorted(int(m.key) for m in later.messages) == list(range(20))
        assert both[0].messages == both[1].messages == later.messages


@pytest.mark.parametrize("kind", KINDS)
async def test_the_backlog_takes_each_item_once_and_says_how_many_were_new(kind: str, tmp_path: Path) -> None:
    async with views(kind, tmp_path) as journals:
        one, other = map(SimulatedPeople, journals)
        assert await one.add_to_backlog([item("a"), item("b")]) == 2
        assert await other.add_to_backlog([item("b"), item("c", incident="INC-2"), item("a", rank=9)]) == 1
        assert await one.add_to_backlog([item("a"), item("c")]) == 0
        assert one.backlog == other.backlog == {"a": item("a"), "b": item("b"), "c": item("c", incident="INC-2")}


@pytest.mark.parametrize("kind", KINDS)
async def test_items_that_are_added_twice_at_once_are_new_to_one_of_them(kind: str, tmp_path: Path) -> None:
    async with views(kind, tmp_path) as (journal, _):
        people = SimulatedPeople(journal)
        assert sum(await asyncio.gather(*(people.add_to_backlog([item("a"), item("b")]) for _ in range(3)))) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_two_incidents_that_add_an_item_of_one_key_at_once_count_it_once(kind: str, tmp_path: Path) -> None:
    async with views(kind, tmp_path) as journals:
        both = [SimulatedPeople(journal) for journal in journals]
        counted = await asyncio.gather(*(p.add_to_backlog([item("a", incident=f"INC-{n}")]) for n, p in enumerate(both)))
        assert sorted(counted) == [0, 1]
        assert both[0].backlog == both[1].backlog == {"a": item("a", incident=f"INC-{counted.index(1)}")}


async def test_texts_of_any_kind_come_back_as_they_were_sent(tmp_path: Path) -> None:
    text = 'naïve "quotes"\n\x00 and half a pair \ud83d'
    async with views("file", tmp_path) as (mine, theirs):
        await SimulatedPeople(mine).notify("INC-1", "QA", text, AT, "1")
        people = SimulatedPeople(theirs)
        await people.refresh()
        (message,) = people.messages
        assert (message.text, message.at, message.kind) == (text, AT, "notice")


async def test_refreshing_twice_at_once_takes_each_message_in_once() -> None:
    class Slow(MemoryJournal):
        async def since(self, arrival: int = 0) -> list[tuple[int, str, str]]:
            found = await super().since(arrival)
            await asyncio.sleep(0)
            return found

    journal = Slow()
    await SimulatedPeople(journal).post_status("INC-1", "well", AT, "1")
    people = SimulatedPeople(journal)
    await asyncio.gather(people.refresh(), people.refresh())
    assert len(people.messages) == 1
