"""Changes to real systems in a journal: made once under a key, read back after a crash, taken back by who made them."""

# ruff: noqa: ARG002 - the switch knows no time

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from nexus.errors import ActionFailed, ActionUnknown
from nexus.incident import Action, ActionKind, DryRun
from nexus.world.connectors.acting import JournaledActions
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Died(BaseException):
    """The process ends here."""


@dataclass
class Switch:
    """A system with one setting per component; `dies` ends the process in the middle, `blind` cannot be read."""

    kind: ActionKind = ActionKind.ROLLBACK
    set: dict[str, str] = field(default_factory=lambda: {"web": "2"})
    done: list[str] = field(default_factory=list)
    dies: str = ""
    blind: bool = False
    refuses: bool = False

    async def options(self, component: str, at: datetime) -> list[Action]:
        if self.refuses:
            raise ActionFailed("the switch does not answer")
        return [self.action(component)] if component in self.set else []

    def action(self, component: str = "web", to: str = "1") -> Action:
        return Action(kind=self.kind, target=component, arguments={"to": to})

    def owns(self, action: Action) -> bool:
        return action.kind is self.kind

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        return DryRun(ok=True, effect="it switches", before={"component": action.target, "was": self.set[action.target]})

    async def carry_out(self, action: Action) -> str:
        if self.refuses:
            raise ActionFailed("the switch is stuck")
        if self.dies == "before":
            raise Died
        self.set[action.target] = action.arguments["to"]
        self.done.append(str(action))
        if self.dies == "after":
            raise Died
        return "switched"

    async def take_back(self, before: Mapping[str, Any]) -> str:
        self.set[before["component"]] = before["was"]
        self.done.append("back")
        if self.dies == "after":
            raise Died
        return "back"

    async def is_done(self, action: Action) -> bool | None:
        return None if self.blind else self.set[action.target] == action.arguments["to"]

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        return None if self.blind else self.set[before["component"]] == before["was"]

    async def state(self, at: datetime) -> dict[str, Any]:
        return dict(self.set)


async def test_the_same_key_changes_once_and_gives_the_first_receipt() -> None:
    switch = Switch()
    actions = JournaledActions({"switch": switch}, MemoryJournal())
    first = await actions.apply(switch.action(), NOW, "k1")
    assert await actions.apply(switch.action(), NOW, "k1") == first
    assert (first.detail, switch.done) == ("switched", ["rollback web (to=1)"])


async def test_a_dry_run_says_who_takes_it_back_and_that_one_does() -> None:
    one, other = Switch(), Switch(ActionKind.RESTART)
    actions = JournaledActions({"one": one, "other": other}, MemoryJournal())
    before = (await actions.dry_run(other.action(), NOW)).before
    await actions.apply(other.action(), NOW, "k1")
    assert other.set == {"web": "1"}
    await actions.undo(before, NOW, "k2")
    await actions.undo(before, NOW, "k2")
    assert (other.set, other.done.count("back"), one.done) == ({"web": "2"}, 1, [])


@pytest.mark.parametrize(("dies", "made"), [("before", None), ("after", "done before the interruption")])
@pytest.mark.parametrize("undo", [False, True])
async def test_after_a_crash_the_system_says_what_became_of_it(dies: str, made: str | None, undo: bool) -> None:
    journal, switch = MemoryJournal(), Switch()
    first = JournaledActions({"switch": switch}, journal)
    before = (await first.dry_run(switch.action(), NOW)).before
    if undo:
        if dies == "before":
            return
        await first.apply(switch.action(), NOW, "k0")
    switch.dies = dies
    with pytest.raises(Died):
        await (first.undo(before, NOW, "k1") if undo else first.apply(switch.action(), NOW, "k1"))
    switch.dies = ""
    second = JournaledActions({"switch": switch}, journal)
    found = await second.find("k1", NOW)
    assert (found.detail.partition(": ")[2] if found else None) == made
    times = len(switch.done)
    if not undo:
        await second.apply(switch.action(), NOW, "k1")
        assert switch.set == {"web": "1"}
        assert len(switch.done) == max(times, 1)


async def test_what_cannot_be_read_back_is_unknown_and_not_repeated() -> None:
    journal, switch = MemoryJournal(), Switch(dies="after")
    with pytest.raises(Died):
        await JournaledActions({"switch": switch}, journal).apply(switch.action(), NOW, "k1")
    switch.blind, switch.dies = True, ""
    second = JournaledActions({"switch": switch}, journal)
    for again in (second.find("k1", NOW), second.apply(switch.action(), NOW, "k1")):
        with pytest.raises(ActionUnknown, match="cannot be read back"):
            await again
    assert len(switch.done) == 1


async def test_what_was_never_ordered_was_certainly_not_made() -> None:
    assert await JournaledActions({"switch": Switch()}, MemoryJournal()).find("k9", NOW) is None


async def test_options_of_all_sources_and_a_gap_for_one_that_cannot_tell() -> None:
    one, other = Switch(), Switch(ActionKind.RESTART, refuses=True)
    actions = JournaledActions({"one": one, "other": other}, MemoryJournal())
    with collecting() as gaps:
        assert await actions.options("web", NOW) == [one.action()]
    assert gaps == ["the switch does not answer"]
    one.refuses = True
    with pytest.raises(ActionFailed):
        await actions.options("web", NOW)


async def test_an_action_that_nobody_offers_is_refused_before_anything_is_written() -> None:
    journal = MemoryJournal()
    actions = JournaledActions({"switch": Switch()}, journal)
    with pytest.raises(ActionFailed, match="no connector carries out"):
        await actions.apply(Action(kind=ActionKind.SCALE, target="web"), NOW, "k1")
    with pytest.raises(ActionFailed, match="no connector takes back"):
        await actions.undo({"by": "gone", "state": {}}, NOW, "k2")
    assert await journal.since() == []


async def test_a_change_that_failed_may_be_tried_again() -> None:
    switch = Switch(refuses=True)
    actions = JournaledActions({"switch": switch}, MemoryJournal())
    with pytest.raises(ActionFailed, match="stuck"):
        await actions.apply(switch.action(), NOW, "k1")
    assert await actions.find("k1", NOW) is None
    switch.refuses = False
    assert (await actions.apply(switch.action(), NOW, "k1")).detail == "switched"
