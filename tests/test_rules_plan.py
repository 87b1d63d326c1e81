"""Planning by rules: which of the branch's actions comes first, and that what was tried or rejected is not proposed again."""

from __future__ import annotations

from typing import Any

import pytest
from engine_in_hand import LIBRARY, a_cause, rollback
from world_in_hand import Levers, desk_of, look

from nexus.incident import Action, ActionKind, Cause
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.rules.plan import FITS, order, plan
from nexus.runbook import branch_for
from nexus.state import dump

K = ActionKind


def option(kind: ActionKind, **arguments: Any) -> Action:
    return Action(kind=kind, target="checkout", arguments=arguments)


ALL = [option(kind) for kind in ActionKind]


def kinds(
    cause: Cause, mechanism: str | None = None, previous: str | None = None, options: list[Action] | None = None
) -> list[ActionKind]:
    branch = branch_for(LIBRARY.runbook, cause)
    assert branch is not None
    return [a.kind for a in order(options or ALL, branch, a_cause(cause, mechanism=mechanism), previous)]


@pytest.mark.parametrize(
    ("cause", "mechanism", "expected"),
    [
        (Cause.DEPLOYMENT, "release", [K.ROLLBACK, K.FLAG]),
        (Cause.DEPLOYMENT, "flag", [K.FLAG, K.ROLLBACK]),
        (Cause.CODE_BUG, None, [K.HOTFIX, K.FLAG]),
        (Cause.EXTERNAL_DEPENDENCY, "dependency", [K.FALLBACK]),
        (Cause.INFRASTRUCTURE, "disk", [K.SCALE, K.FAILOVER, K.RESTART]),
        (Cause.INFRASTRUCTURE, "cpu", [K.FAILOVER, K.SCALE, K.RESTART]),
        (Cause.INFRASTRUCTURE, "memory", [K.RESTART, K.SCALE, K.FAILOVER]),
        (Cause.INFRASTRUCTURE, "flood", [K.LIMIT, K.SCALE, K.RESTART, K.FAILOVER]),
        (Cause.INFRASTRUCTURE, "credential", [K.ROTATE, K.SCALE, K.RESTART, K.FAILOVER]),
        (Cause.INFRASTRUCTURE, None, [K.SCALE, K.RESTART, K.FAILOVER]),
    ],
)
def test_what_treats_the_mechanism_comes_first_and_only_the_branchs_actions_come_at_all(
    cause: Cause, mechanism: str | None, expected: list[ActionKind]
) -> None:
    assert kinds(cause, mechanism) == expected


@pytest.mark.parametrize("mechanism", [*FITS, None, "release", "something new"])
@pytest.mark.parametrize("cause", [c for c in Cause if c is not Cause.UNKNOWN])
def test_no_order_ever_holds_an_action_of_another_branch(cause: Cause, mechanism: str | None) -> None:
    branch = branch_for(LIBRARY.runbook, cause)
    assert branch is not None
    assert {k.value for k in kinds(cause, mechanism)} <= set(branch.actions)


def test_the_reversal_of_the_guilty_change_comes_before_all() -> None:
    options = [option(K.FLAG, to="off"), option(K.ROLLBACK, to="0.9"), option(K.ROLLBACK, to="1.0")]
    branch = branch_for(LIBRARY.runbook, Cause.DEPLOYMENT)
    assert branch is not None
    assert order(options, branch, a_cause(), "1.0")[0].arguments == {"to": "1.0"}


def test_of_two_alike_the_worlds_own_order_holds() -> None:
    options = [option(K.ROLLBACK, to="1.0"), option(K.ROLLBACK, to="0.9")]
    branch = branch_for(LIBRARY.runbook, Cause.DEPLOYMENT)
    assert branch is not None
    assert order(options, branch, a_cause(), None) == options


def test_a_fallback_is_never_switched_off_as_a_fix() -> None:
    assert kinds(Cause.EXTERNAL_DEPENDENCY, options=[option(K.FALLBACK, on=False)]) == []


async def answer(levers: Levers | None, *, excluded: tuple[str, ...] = (), cause: Cause = Cause.DEPLOYMENT) -> PlanAnswer:
    """What the planner of that branch answers."""
    branch = branch_for(LIBRARY.runbook, cause)
    assert branch is not None
    agent = LIBRARY.agent(branch.steps[0].agent)
    facts = {
        "cause": dump(a_cause(cause, evidence=("IM1-1",))), "branch": branch.model_dump(mode="json"), "attempt": 2,
        "excluded": list(excluded), "earlier_attempts": [],
    }  # fmt: skip

    desk = desk_of(agent, look(actions=levers))
    return await plan(Task("plan", agent, LIBRARY, facts), desk)


async def test_the_plan_has_the_branchs_lines_and_its_action_on_the_acting_one() -> None:
    found = (await answer(Levers([rollback()]))).plan
    assert found is not None
    assert [(s.actor, s.role) for s in found.steps] == [
        ("DevOps Automator", "act"), ("Infrastructure Maintainer", "verify"), ("Evidence Collector", "verify"),
    ]  # fmt: skip
    assert [s.action is not None for s in found.steps] == [True, False, False]
    assert (found.branch, found.attempt) == ("deployment", 2)
    assert found.actions[0].digest == rollback().digest
    assert found.actions[0].proposed_by == "DevOps Automator"
    assert len(found.actions[0].evidence) == 3


async def test_what_was_tried_or_rejected_is_passed_over() -> None:
    found = (await answer(Levers([rollback("1.0"), rollback("0.9")]), excluded=(rollback("1.0").digest,))).plan
    assert found is not None
    assert found.actions[0].arguments == {"to": "0.9"}


@pytest.mark.parametrize(
    ("levers", "excluded"),
    [
        (Levers([rollback()]), (rollback().digest,)),
        (Levers([rollback()], works=False), ()),
        (Levers([Action(kind=K.FAILOVER, target="checkout")]), ()),
        (Levers([rollback(target="search")]), ()),
        (Levers(), ()),
        (Levers([rollback()], read_only=True), ()),
        (None, ()),
    ],
)
async def test_without_a_fitting_action_there_is_no_plan_and_the_reason_is_given(
    levers: Levers | None, excluded: tuple[str, ...]
) -> None:
    found = await answer(levers, excluded=excluded)
    assert found.plan is None
    assert found.why_none
