"""Step 3: only what was planned, allowed, dry-run and approved is done; its undo is on record first; what failed is undone."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LIBRARY, Releases, Script, a_cause, a_plan, rollback, run
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.runtime import Runtime
from world_in_hand import CATALOG, FIRED, Lines, Pipelines, Source

from nexus.drive import Pending
from nexus.errors import ActionFailed
from nexus.incident import (
    Action,
    ActionKind,
    ActionResult,
    Alert,
    Approval,
    Cause,
    Diagnosis,
    EventKind,
    Outcome,
    Plan,
    Risk,
    Verdict,
)
from nexus.records.memory import MemoryStore
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.state import Context, State, dump, dumps, iso
from nexus.steps.act import act, reinstate, restore, undo
from nexus.world import World
from nexus.world.clock import VirtualClock
from nexus.world.simulated_people import SimulatedPeople

Answering = Callable[[Pending], Awaitable[Any]]
ID = "INC-1"


def planning(*plans: Plan | None) -> Any:
    """Answers these plans one after the other, then none."""
    left = list(plans)

    async def rule(task: Task, desk: Desk) -> PlanAnswer:
        found = left.pop(0) if left else None
        return PlanAnswer(plan=found, why_none="nothing left")

    return rule


def replying(*replies: dict[str, Any]) -> tuple[Answering, list[Any]]:
    """A person who answers like this, one approval after the other, the last one for good; and what was asked."""
    left, asked = list(replies), list[Any]()

    async def answer(pending: Pending) -> Any:
        asked.append(pending.value)
        reply = left.pop(0) if len(left) > 1 else left[0]
        return {"digest": pending.value["digest"], "by": "ada", **reply}

    return answer, asked


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


@pytest.mark.parametrize(
    ("proposed", "why"),
    [
        (Action(kind=ActionKind.FAILOVER, target="checkout"), "is not of the deployment branch"),
        (Action(kind=ActionKind.ROTATE, target="checkout"), "is not of the deployment branch"),
        (rollback("nowhere"), "dry run failed"),
        (rollback(arguments={"to": "1.0", "touches": [f"c{n}" for n in range(20)]}), "touches 20 components"),
    ],
)
async def test_a_plan_that_is_not_allowed_is_refused_on_record_and_nobody_is_asked(proposed: Action, why: str) -> None:
    answer, asked = replying({"verdict": "approved"})
    told = await run(answers={"plan": planning(*[a_plan(proposed)] * 3)}, answer=answer)
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert (told.shop.log, asked) == ([], [])
    assert [why in e.text for e in told.of(EventKind.REFUSED)] == [True] * 3


async def test_after_a_refused_plan_a_good_one_may_follow() -> None:
    wrong = a_plan(Action(kind=ActionKind.FAILOVER, target="checkout"))
    told = await run(answers={"plan": planning(wrong, a_plan(rollback()))})
    assert told.incident.outcome is Outcome.RESOLVED
    assert told.shop.log == ["rollback checkout (to=1.0)"]


async def test_an_agent_may_not_propose_what_its_front_matter_does_not_list() -> None:
    agents = {
        **LIBRARY.agents,
        "devops-automator": LIBRARY.agent("devops-automator").model_copy(update={"actions": (ActionKind.FLAG,)}),
    }
    told = await run(library=replace(LIBRARY, agents=agents))
    assert told.shop.log == []
    assert "may not propose rollback" in told.of(EventKind.REFUSED)[0].text


async def test_a_person_is_shown_the_exact_action_its_dry_run_and_the_deadline() -> None:
    answer, asked = replying({"verdict": "approved"})
    await run(answer=answer)
    (shown,) = asked
    assert Action.model_validate(shown["action"]).digest == shown["digest"] == rollback().digest
    assert shown["dry_run"]["effect"] == "checkout runs 1.0"
    assert shown["dry_run"]["before"] == {"checkout": "1.1"}
    assert shown["deadline"] > shown["asked_at"]


async def test_a_low_risk_is_approved_by_policy_and_nobody_is_asked() -> None:
    answer, asked = replying({"verdict": "rejected"})
    told = await run(plans=(rollback(risk=Risk.LOW),), answer=answer)
    assert asked == []
    assert [a.approval.by for a in told.incident.actions if a.approval] == ["policy"]
    assert told.incident.outcome is Outcome.RESOLVED


async def test_a_rejected_action_is_not_proposed_again() -> None:
    answer, asked = replying({"verdict": "rejected"}, {"verdict": "approved"})
    told = await run(Releases(good=frozenset({"0.9"})), plans=(rollback("1.0"), rollback("0.9")), answer=answer)
    assert [a["action"]["arguments"]["to"] for a in asked] == ["1.0", "0.9"]
    assert told.shop.log == ["rollback checkout (to=0.9)"]
    assert told.incident.outcome is Outcome.RESOLVED


async def test_when_everything_is_rejected_people_have_it_and_nothing_was_done() -> None:
    answer, asked = replying({"verdict": "rejected"})
    told = await run(plans=(rollback("1.0"), rollback("0.9")), answer=answer)
    assert (len(asked), told.shop.log) == (2, [])
    assert told.incident.outcome is Outcome.HANDED_OVER


async def test_an_amended_action_of_the_same_branch_is_done_as_amended() -> None:
    answer, _ = replying({"verdict": "amended", "amended": dump(rollback("0.9"))})
    told = await run(Releases(good=frozenset({"0.9"})), answer=answer)
    assert told.shop.log == ["rollback checkout (to=0.9)"]
    assert told.incident.outcome is Outcome.RESOLVED


@pytest.mark.parametrize(
    "amended",
    [Action(kind=ActionKind.FAILOVER, target="checkout"), rollback("nowhere"), Action(kind=ActionKind.HOTFIX, target="x")],
)
async def test_an_amended_action_that_is_not_allowed_is_a_rejection_that_says_why(amended: Action) -> None:
    answer, asked = replying({"verdict": "amended", "amended": dump(amended)}, {"verdict": "approved"})
    told = await run(Releases(good=frozenset({"0.9"})), plans=(rollback("1.0"), rollback("0.9")), answer=answer)
    first = told.of(EventKind.ANSWERED)[0]
    assert first.data["approval"]["verdict"] == "rejected"
    assert "the amended action was refused" in first.text
    assert [a["action"]["arguments"]["to"] for a in asked] == ["1.0", "0.9"]
    assert told.shop.log == ["rollback checkout (to=0.9)"]


async def test_an_answer_for_another_action_than_the_one_shown_approves_nothing() -> None:
    answer, _ = replying({"verdict": "approved", "digest": rollback("1.O").digest})
    told = await run(answer=answer, plans=(rollback(),))
    assert told.shop.log == []
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert "was not approved" in told.of(EventKind.REFUSED)[0].text


async def test_an_approval_that_nobody_gives_is_not_asked_for_for_ever() -> None:
    asked: list[Any] = []

    async def late(pending: Pending) -> Any:
        asked.append(pending.value)
        assert len(asked) < 20, "the same approval is asked for again and again"
        return {"verdict": "expired", "by": "the clock"}

    told = await run(answer=late)
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.shop.log == []


async def test_three_attempts_that_failed_hand_over_and_leave_the_state_as_it_was() -> None:
    told = await run(Releases(good=frozenset()), plans=tuple(rollback(to) for to in ("1.0", "0.9", "0.8", "0.7")))
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert [(a.attempt, a.result) for a in told.incident.actions] == [(n, ActionResult.UNDONE) for n in (1, 2, 3)]
    assert told.shop.running == {"checkout": "1.1"}
    assert told.incident.handed_over_to == ("on-call engineer", "engineering manager")


async def test_a_world_that_offers_no_actions_says_so_and_people_have_it() -> None:
    told = await run(shop_world=False)
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert "offers no actions" in told.of(EventKind.REFUSED)[0].text


def hotfix(patch: str) -> Action:
    return Action(kind=ActionKind.HOTFIX, target="checkout", arguments={"patch": patch, "to": "1.2"}, risk=Risk.MEDIUM)


async def bug(task: Task, desk: Desk) -> Diagnosis:
    return Diagnosis(cause=a_cause(Cause.CODE_BUG, evidence=tuple(e["id"] for e in task.facts["evidence"])))


async def test_a_patch_that_fails_its_tests_is_never_released() -> None:
    plans = (hotfix("bad"), hotfix("good"))
    shop = Releases(good=frozenset({"1.2"}))
    told = await run(
        shop, code=Source(), plans=plans, answers={"correlate": bug, "verify:evidence-collector": patch_tester(shop)}
    )
    assert [str(a.action.arguments["patch"]) for a in told.incident.actions] == ["good"]
    assert told.incident.outcome is Outcome.RESOLVED


async def test_where_no_patch_passes_nothing_is_released() -> None:
    shop = Releases(good=frozenset({"1.2"}))
    told = await run(
        shop, code=Source(), plans=(hotfix("bad"),), answers={"correlate": bug, "verify:evidence-collector": patch_tester(shop)}
    )
    assert told.shop.log == []
    assert told.incident.outcome is Outcome.HANDED_OVER


def patch_tester(shop: Releases) -> Any:
    """Evidence Collector: tests a patch with the real rules, else looks whether the shop is well."""
    from nexus.responder.rules.verify import verify  # noqa: PLC0415 - only here

    async def rule(task: Task, desk: Desk) -> Any:
        if any(c["tool"] == "test_patch" for c in task.facts["checks"]):
            return await verify(task, desk)
        return await Script(shop).verify(task, desk)

    return rule
