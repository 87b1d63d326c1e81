"""Answers on Temporal: which are taken, which are refused and why, and what becomes of those that are pending together."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporal_in_hand import PATIENCE, Fleet, a_fleet, a_server, an_opening

from nexus.drive import Pending
from nexus.errors import AnswerRefused
from nexus.incident import Action, ActionKind, Event, EventKind, Outcome, Question, Risk
from nexus.temporal import answer, open_questions, standing
from nexus.temporal.asking import Desk, refusal

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER = (NOW + timedelta(minutes=30)).isoformat()
OTHER = Action(kind=ActionKind.ROLLBACK, target="cart", arguments={}, risk=Risk.LOW, reason="better").model_dump(mode="json")
BETTER = {**OTHER, "arguments": {"to": "1.0"}}
APPROVAL = {"kind": "approval", "digest": "d1", "action": OTHER, "deadline": LATER}
CAUSE = {"kind": "question", "text": "What?", "choices": ["deployment", "hand_over"], "deadline": LATER}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (APPROVAL, {"verdict": "approved", "digest": "d1"}),
        (APPROVAL, {"verdict": "rejected", "digest": "d1", "comment": "no"}),
        (APPROVAL, {"verdict": "amended", "digest": "d1", "amended": BETTER}),
        (CAUSE, {"choice": "deployment", "component": "cart"}),
        (CAUSE, {"choice": "hand_over"}),
    ],
)
def test_an_answer_that_fits_is_taken(asked: dict[str, Any], given: dict[str, Any]) -> None:
    assert refusal(Pending("q", asked), given, NOW) is None


@pytest.mark.parametrize(
    ("asked", "given", "reason"),
    [
        (APPROVAL, {"verdict": "approved", "digest": "d0"}, "another action"),
        (APPROVAL, {"verdict": "approved"}, "another action"),
        (APPROVAL, {"verdict": "perhaps", "digest": "d1"}, "perhaps is no verdict"),
        (APPROVAL, {"verdict": "expired", "digest": "d1"}, "expired is no verdict"),
        (APPROVAL, {"verdict": "amended", "digest": "d1"}, "goes with the verdict amended"),
        (APPROVAL, {"verdict": "amended", "digest": "d1", "amended": OTHER}, "changes nothing"),
        (APPROVAL, {"verdict": "amended", "digest": "d1", "amended": {"kind": "magic"}}, "the amended action is none (kind"),
        (CAUSE, {"choice": "magic"}, "magic is not offered"),
        (CAUSE, {"choice": "deployment"}, "component"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_reason(
    asked: dict[str, Any], given: dict[str, Any], reason: str
) -> None:
    assert reason in str(refusal(Pending("q", asked), given, NOW))


def test_an_answer_after_the_deadline_is_refused() -> None:
    given = {"verdict": "approved", "digest": "d1"}
    assert refusal(Pending("q", APPROVAL), given, NOW + timedelta(minutes=29)) is None
    assert refusal(Pending("q", APPROVAL), given, NOW + timedelta(minutes=30)) == f"its deadline was {LATER}"


async def test_a_question_is_answered_once_and_closed_when_nobody_waits_any_more() -> None:
    desk, given = Desk(), {"verdict": "approved", "digest": "d1"}
    waits = [asyncio.ensure_future(desk.answered(Pending(name, APPROVAL))) for name in ("q1", "q2")]
    await asyncio.sleep(0)
    assert [question.id for question in desk.questions()] == ["q1", "q2"]
    desk.take("q2", given)
    assert "q2 was answered already" in str(desk.refuse("q2", given, NOW))
    assert [question.id for question in desk.questions()] == ["q1"]
    assert await waits[1] == given
    waits[0].cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert "or its deadline has passed" in str(desk.refuse("q1", given, NOW))
    assert desk.refuse("q3", given, NOW) == "there is no open question q3"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One server with one worker, whose agents plan two actions at once."""
    folder = tmp_path_factory.mktemp("answers")
    async with a_server(folder) as server, a_fleet(folder, await server.client(), "a", responder="two") as found:
        yield found


async def asked(fleet: Fleet, incident: str, number: int) -> list[Question]:
    """That many questions, when they are open."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await open_questions(fleet.client, incident)) != number:  # noqa: ASYNC110 - asked of the server
            await asyncio.sleep(0.1)
    return found


async def answers(fleet: Fleet, incident: str, number: int) -> list[Event]:
    """The record of at least that many answers, when it has them."""
    async with asyncio.timeout(PATIENCE):
        while len(said := await fleet.said(incident, EventKind.ANSWERED)) < number:  # noqa: ASYNC110 - asked of the records
            await asyncio.sleep(0.1)
    return said


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.xdist_group("temporal")
async def test_two_approvals_that_are_pending_at_once_are_answered_independently(fleet: Fleet) -> None:
    incident = await fleet.begin(an_opening("metrics-down", "INC-two", approve="ask", pace=200.0))
    first, second = await asked(fleet, incident, 2)
    assert [q.id for q in await fleet.records.questions.open(incident)] == [first.id, second.id]
    approved = {"verdict": "approved", "digest": second.detail["digest"], "by": "ada"}
    with pytest.raises(AnswerRefused, match="another action"):
        await answer(fleet.client, incident, first.id, approved)
    with pytest.raises(AnswerRefused, match="there is no open question nothing"):
        await answer(fleet.client, incident, "nothing", approved)
    await answer(fleet.client, incident, second.id, approved)
    with pytest.raises(AnswerRefused, match="was answered already"):
        await answer(fleet.client, incident, second.id, approved)
    assert await asked(fleet, incident, 1) == [first]
    assert (await standing(fleet.client, incident))["outcome"] is None
    await answer(fleet.client, incident, first.id, {"verdict": "rejected", "digest": first.detail["digest"], "by": "bob"})

    said = await answers(fleet, incident, 2)
    await fleet.client.get_workflow_handle(incident).terminate()
    assert [(e.actor, e.data["approval"]["verdict"]) for e in said] == [("bob", "rejected"), ("ada", "approved")]
    kept = [await fleet.records.questions.answered(incident, q.id) for q in (first, second)]
    assert [k["by"] for k in kept if k] == ["bob", "ada"]
    with pytest.raises(AnswerRefused, match="INC-two is not open on Temporal"):
        await answer(fleet.client, incident, first.id, approved)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.xdist_group("temporal")
async def test_what_nobody_answers_in_time_is_handed_over_and_its_record_says_who_did_not(fleet: Fleet) -> None:
    incident = await fleet.begin(an_opening("metrics-down", "INC-silent", approve="ask"))
    assert (await fleet.ended(incident)).outcome is Outcome.HANDED_OVER
    said = await answers(fleet, incident, 2)
    assert {(e.actor, e.data["approval"]["verdict"]) for e in said} == {("the clock", "expired")}
    assert await fleet.records.questions.open(incident) == []
