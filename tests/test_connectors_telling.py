"""Words to people over several outlets, in a journal: each once, and after a crash only where they are not there yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from nexus.errors import ToolError
from nexus.incident import BacklogItem, Severity
from nexus.world.connectors.contract import Message, MessageKind
from nexus.world.connectors.telling import JournaledPeople
from nexus.world.journal import MemoryJournal

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Died(BaseException):
    """The process ends here."""


@dataclass
class Board:
    """An outlet that keeps what it is given."""

    kinds: tuple[MessageKind, ...] = ("channel", "status", "brief", "notice")
    roles: tuple[str, ...] = ()
    sent: list[Message] = field(default_factory=list)
    fails: bool = False
    dies: bool = False
    knows: bool = True

    def takes(self, message: Message) -> bool:
        return message.kind in self.kinds and (message.kind != "notice" or not self.roles or message.to in self.roles)

    async def send(self, message: Message) -> str:
        if self.fails:
            raise ToolError("the board is full", "wipe it")
        self.sent.append(message)
        if self.dies:
            raise Died
        return "#inc" if message.kind == "channel" else "sent"

    async def was_sent(self, message: Message) -> bool | None:
        return message in self.sent if self.knows else None


@dataclass
class Pile:
    """A backlog."""

    keys: set[str] = field(default_factory=set)

    async def add(self, item: BacklogItem) -> bool:
        new = item.key not in self.keys
        self.keys.add(item.key)
        return new


def people(journal: MemoryJournal | None = None, **outlets: Board) -> JournaledPeople:
    return JournaledPeople(outlets, {}, journal or MemoryJournal())


async def test_a_message_goes_to_everybody_who_takes_it_once() -> None:
    page, mail, pager = Board(("status",)), Board(("status", "brief")), Board(("notice",), ("CTO",))
    told = people(page=page, mail=mail, pager=pager)
    await told.post_status("I", "down", NOW, "status:1")
    await told.post_status("I", "down", NOW, "status:1")
    await told.notify("I", "CTO", "call", NOW, "n1")
    assert [len(board.sent) for board in (page, mail, pager)] == [1, 1, 1]
    assert await people(page=Board()).open_channel("I", "title", NOW) == "#inc"


async def test_two_incidents_may_use_the_same_key() -> None:
    board = Board()
    told = people(board=board)
    await told.post_status("I", "down", NOW, "status:1")
    await told.post_status("J", "down", NOW, "status:1")
    assert [message.incident for message in board.sent] == ["I", "J"]


@pytest.mark.parametrize(("knows", "times"), [(True, 1), (False, 2)])
async def test_after_a_crash_it_is_sent_again_only_where_it_may_not_be_there(knows: bool, times: int) -> None:
    journal, board = MemoryJournal(), Board(dies=True, knows=knows)
    with pytest.raises(Died):
        await people(journal, board=board).brief("I", "text", NOW, "brief:1")
    board.dies = False
    await people(journal, board=board).brief("I", "text", NOW, "brief:1")
    assert len(board.sent) == times


async def test_an_outlet_that_fails_is_named_and_so_are_those_that_did_not() -> None:
    told = people(page=Board(), mail=Board(fails=True))
    with pytest.raises(ToolError, match=r"not sent by mail: the board is full \(sent by page\)"):
        await told.post_status("I", "down", NOW, "status:1")


async def test_words_for_whom_there_is_no_outlet_are_a_failure_that_says_so() -> None:
    told = people(pager=Board(("notice",), ("CTO",)))
    for sending, what in (
        (told.post_status("I", "x", NOW, "k"), "publishes status updates"),
        (told.brief("I", "x", NOW, "k"), "reaches the stakeholders"),
        (told.notify("I", "CEO", "x", NOW, "k"), "reaches CEO"),
        (told.open_channel("I", "x", NOW), "opens channels"),
        (told.add_to_backlog([]), "keeps a backlog"),
    ):
        with pytest.raises(ToolError, match=what):
            await sending


async def test_work_is_added_to_every_backlog_and_counted_once() -> None:
    one, other = Pile(), Pile({"a"})
    told = JournaledPeople({}, {"one": one, "other": other}, MemoryJournal())
    items = [
        BacklogItem(key=key, rank=1, title=key, owner="x", deadline=None, severity=Severity.P2, score=1, incident="I")
        for key in "ab"
    ]
    assert await told.add_to_backlog(items) == 2
    assert await told.add_to_backlog(items) == 0
    assert one.keys == other.keys == {"a", "b"}
