"""Step 3, deciding: a plan of the cause's branch, dry-run, and approved where policy asks."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from engine_in_hand import LIBRARY, Releases, Script, a_cause, a_plan, rollback, run
from world_in_hand import Source

from nexus.drive import Pending
from nexus.incident import (
    Action,
    ActionKind,
    ActionResult,
    Cause,
    Diagnosis,
    EventKind,
    Outcome,
    Plan,
    Risk,
)
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.state import dump

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
