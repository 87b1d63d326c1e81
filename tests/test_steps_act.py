"""Step 3, doing: act with the undo on record first, take back what did not help, put a fallback back on."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LIBRARY, Releases, Script, a_cause, a_plan, rollback
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.runtime import Runtime
from world_in_hand import CATALOG, FIRED, Lines, Pipelines

from nexus.drive import Pending
from nexus.errors import ActionFailed
from nexus.incident import (
    Action,
    ActionKind,
    Alert,
    Approval,
    Diagnosis,
    EventKind,
    Verdict,
)
from nexus.records.stores import MemoryStore
from nexus.state import Context, State, dump, dumps, iso
from nexus.steps.act import act, reinstate, restore, undo
from nexus.world import World
from nexus.world.clock import VirtualClock
from nexus.world.simulated_people import SimulatedPeople

Answering = Callable[[Pending], Awaitable[Any]]
ID = "INC-1"


def context(shop: Releases) -> Context:
    world = World("in hand", SimulatedPeople(), VirtualClock(FIRED), CATALOG, logs=Lines(), changes=Pipelines(), actions=shop)
    return Context(LIBRARY, world, Script(shop), MemoryStore())


def approved(action: Action, **more: Any) -> Approval:
    said = Approval(digest=action.digest, verdict=Verdict.APPROVED, by="ada", at=FIRED, expires_at=FIRED + timedelta(minutes=30))
    return said.model_copy(update=more)


def planned(*actions: Action, approvals: tuple[Approval, ...] | None = None, **more: Any) -> State:
    alert = Alert(title="down", service="checkout", starts_at=FIRED)
    state = State(
        incident=ID, opened_at=iso(FIRED), alert=dump(alert), now=iso(FIRED), attempt=0, plan=dump(a_plan(*actions)),
        approvals=dumps(approvals if approvals is not None else [approved(a) for a in actions]),
        diagnosis=dump(Diagnosis(cause=a_cause(evidence=("IM1-1",)))), limits={"attempts": 3, "rounds": 2},
    )  # fmt: skip
    state.update(more)  # type: ignore[typeddict-item]  # tests give any field
    return state


def at_step(node: str, step: int = 7) -> Any:
    return {"metadata": {"langgraph_node": node, "langgraph_step": step}}


async def acted(shop: Releases, state: State) -> tuple[list[Any], Context]:
    """What `act` did, as the state's actions."""
    given_to = context(shop)
    update = await act(state, at_step("act"), Runtime(context=given_to))
    return update["actions"], given_to


async def test_an_approved_action_is_done_once() -> None:
    shop = Releases()
    actions, _ = await acted(shop, planned(rollback()))
    assert [a["result"] for a in actions] == ["done"]
    assert shop.log == ["rollback checkout (to=1.0)"]


@pytest.mark.parametrize(
    ("approvals", "why"),
    [
        ((), "was not approved"),
        ((approved(rollback("1.O")),), "was not approved"),
        ((approved(rollback(), verdict=Verdict.REJECTED),), "was rejected"),
        ((approved(rollback(), verdict=Verdict.EXPIRED),), "was expired"),
        ((approved(rollback(), expires_at=FIRED - timedelta(seconds=1)),), "expired at"),
    ],
)
async def test_without_an_approval_that_holds_nothing_is_done(approvals: tuple[Approval, ...], why: str) -> None:
    shop = Releases()
    actions, given_to = await acted(shop, planned(rollback(), approvals=approvals))
    assert shop.log == []
    assert shop.running == {"checkout": "1.1"}
    assert [a["result"] for a in actions] == ["failed"]
    assert why in actions[0]["detail"]
    events = await given_to.records.events(ID)
    assert [e.kind for e in events] == [EventKind.REFUSED]


async def test_an_approval_works_once() -> None:
    shop = Releases()
    first, _ = await acted(shop, planned(rollback()))
    again = planned(rollback(), actions=first, attempt=1)
    actions, _ = await acted(shop, again)
    assert [a["result"] for a in actions] == ["done", "failed"]
    assert "used already" in actions[1]["detail"]
    assert len(shop.log) == 1


async def test_the_same_action_twice_in_one_plan_needs_two_approvals() -> None:
    shop = Releases()
    actions, _ = await acted(shop, planned(rollback(), rollback()))
    assert [a["result"] for a in actions] == ["done", "failed"]
    assert len(shop.log) == 1


async def test_the_undo_is_on_record_before_the_change_is_made() -> None:
    shop = Releases(broken=frozenset({"checkout"}))
    given_to = context(shop)
    seen: list[Any] = []

    async def look(action: Action) -> None:
        seen.extend(await given_to.records.events(ID))

    shop.before_apply = look
    update = await act(planned(rollback()), at_step("act"), Runtime(context=given_to))
    assert [e.kind for e in seen] == [EventKind.ACTING]
    assert seen[0].data["undo"] == {"checkout": "1.1"}
    assert [e.kind for e in await given_to.records.events(ID)] == [EventKind.ACTING, EventKind.ACTED]
    assert [(a["result"], a["undo"]) for a in update["actions"]] == [("failed", {"checkout": "1.1"})]


async def test_the_first_action_that_fails_ends_the_attempt_and_those_before_it_are_taken_back() -> None:
    shop = Releases({"checkout": "1.1", "search": "3.1", "help": "2.1"}, broken=frozenset({"search"}))
    state = planned(rollback(), rollback(target="search"), rollback(target="help"))
    actions, given_to = await acted(shop, state)
    assert [(a["action"]["target"], a["result"]) for a in actions] == [("checkout", "done"), ("search", "failed")]
    update = await undo(planned(rollback(), actions=actions, attempt=1), at_step("undo", 8), Runtime(context=given_to))
    assert [a["result"] for a in update["actions"]] == ["undone", "failed"]
    assert shop.running == {"checkout": "1.1", "search": "3.1", "help": "2.1"}


async def test_what_was_done_is_taken_back_newest_first() -> None:
    shop = Releases({"checkout": "1.1", "search": "3.1"})
    actions, given_to = await acted(shop, planned(rollback(), rollback(target="search")))
    await undo(planned(rollback(), actions=actions, attempt=1), at_step("undo", 8), Runtime(context=given_to))
    assert shop.log[2:] == ["undo {'search': '3.1'}", "undo {'checkout': '1.1'}"]


async def test_an_undo_that_fails_is_recorded_as_unknown_and_the_others_go_on() -> None:
    class Stuck(Releases):
        async def undo(self, undo: dict[str, Any], at: Any, key: str) -> Any:
            if "search" in undo:
                raise ActionFailed("search does not answer", "look by hand")
            return await super().undo(undo, at, key)

    shop = Stuck({"checkout": "1.1", "search": "3.1"})
    actions, given_to = await acted(shop, planned(rollback(), rollback(target="search")))
    update = await undo(planned(rollback(), actions=actions, attempt=1), at_step("undo", 8), Runtime(context=given_to))
    assert [a["result"] for a in update["actions"]] == ["undone", "unknown"]
    assert shop.running["checkout"] == "1.1"


@given(
    running=st.dictionaries(st.sampled_from(["checkout", "search", "help"]), st.sampled_from(["1.1", "2.1"]), min_size=1),
    targets=st.lists(
        st.tuples(st.sampled_from(["checkout", "search", "help"]), st.sampled_from(["1.0", "2.0", "nowhere"])), max_size=5
    ),
    broken=st.frozensets(st.sampled_from(["search", "help"])),
)
@settings(deadline=None, max_examples=40)
async def test_after_an_attempt_that_was_taken_back_the_state_is_the_one_before(
    running: dict[str, str], targets: list[tuple[str, str]], broken: frozenset[str]
) -> None:
    shop = Releases({"checkout": "1.1", "search": "1.1", "help": "1.1", **running}, broken=broken)
    before = dict(shop.running)
    actions, given_to = await acted(shop, planned(*[rollback(to, target=target) for target, to in targets]))
    await undo(planned(rollback(), actions=actions, attempt=1), at_step("undo", 8), Runtime(context=given_to))
    assert shop.running == before


async def test_a_step_that_runs_again_changes_nothing_twice() -> None:
    shop = Releases()
    given_to = context(shop)
    first = await act(planned(rollback()), at_step("act"), Runtime(context=given_to))
    again = await act(planned(rollback()), at_step("act"), Runtime(context=given_to))
    assert shop.log == ["rollback checkout (to=1.0)"]
    assert len(await given_to.records.events(ID)) == 2
    assert [a["result"] for a in first["actions"]] == [a["result"] for a in again["actions"]]


async def test_a_fallback_is_taken_back_and_put_on_again_once_however_often_the_other_side_wavers() -> None:
    on = Action(kind=ActionKind.FALLBACK, target="payments", arguments={"to": "on"})
    shop = Releases({"payments": "off"})
    actions, given_to = await acted(shop, planned(on))
    runtime = Runtime(context=given_to)
    for step in (10, 20, 30):
        back = await restore(planned(on, actions=actions, attempt=1), at_step("restore", step), runtime)
        assert shop.running == {"payments": "off"}
        again = await reinstate(planned(on, actions=back["actions"], attempt=1), at_step("reinstate", step + 5), runtime)
        actions = again["actions"]
        assert shop.running == {"payments": "on"}
        assert [a["result"] for a in actions].count("done") == 1
    assert [line for line in shop.log if line.startswith("fallback")] == ["fallback payments (to=on)"] * 4


async def test_what_is_put_on_again_is_recorded_with_its_undo_before() -> None:
    on = Action(kind=ActionKind.FALLBACK, target="payments", arguments={"to": "on"})
    shop = Releases({"payments": "off"})
    actions, given_to = await acted(shop, planned(on))
    runtime = Runtime(context=given_to)
    back = await restore(planned(on, actions=actions, attempt=1), at_step("restore", 10), runtime)
    seen: list[EventKind] = []

    async def look(action: Action) -> None:
        seen.extend(e.kind for e in await given_to.records.events(ID))

    shop.before_apply = look
    await reinstate(planned(on, actions=back["actions"], attempt=1), at_step("reinstate", 15), runtime)
    assert seen.count(EventKind.ACTING) == 2
