"""Answers: a person's word on what an incident asks: approve, reject, amend, or choose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nexus.answer_cli import real_time_of
from nexus.answering import (
    SHORTEST,
    action_of,
    amended_action,
    answered_already,
    check_answer,
    check_deadline,
    choice_for,
    chosen,
    in_words,
    nothing_open,
    verdict_on,
    what_of,
)
from nexus.errors import AnswerRefused
from nexus.incident import Question, Verdict
from nexus.service.auth import Approver, Responder
from nexus.service.incidents import IncidentId, unknown
from nexus.service.parts import Parts, PartsDep
from nexus.service.problems import documented

router = APIRouter(prefix="/incidents/{incident}/questions/{question}", tags=["answers"])
QuestionId = Annotated[str, Path(min_length=1, max_length=200, description="the question's id, or its beginning")]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
_REFUSALS = documented(401, 403, 404, 408, 409, 413, 422, 503)


class Given(BaseModel):
    """What is sent with an answer."""

    model_config = ConfigDict(extra="forbid")


class Approve(Given):
    """Do exactly this."""

    comment: Comment = Field(default="", description="why, for the record")


class Reject(Given):
    """Do not."""

    comment: Annotated[Comment, StringConstraints(min_length=1)] = Field(description="why: something else is proposed then")


class Amend(Given):
    """Do it like this instead."""

    changes: dict[str, Any] = Field(default_factory=dict, description="arguments by name, with their new values")
    target: str | None = Field(default=None, min_length=1, max_length=200, description="another target")
    comment: Comment = Field(default="", description="why, for the record")


class Choose(Given):
    """One of the choices."""

    choice: str = Field(min_length=1, max_length=200, description="as the question lists it")
    component: str | None = Field(default=None, min_length=1, max_length=200, description="where the choice is a cause")


class Answered(BaseModel):
    """The answer, as the record holds it."""

    incident: str
    question: str = Field(description="its id, whole")
    said: str = Field(description="what was answered, and by whom")


Compose = Callable[[Question], Mapping[str, Any]]


@router.post("/approve", summary="Approve an action", responses=_REFUSALS)
async def approve(incident: IncidentId, question: QuestionId, parts: PartsDep, person: Approver, given: Approve) -> Answered:
    """Exactly as it is asked; it works once."""
    return await _give(parts, incident, question, "approval", _verdict(Verdict.APPROVED, person.name, given.comment))


@router.post("/reject", summary="Reject an action", responses=_REFUSALS)
async def reject(incident: IncidentId, question: QuestionId, parts: PartsDep, person: Approver, given: Reject) -> Answered:
    """It is not done, and something else is proposed."""
    return await _give(parts, incident, question, "approval", _verdict(Verdict.REJECTED, person.name, given.comment))


@router.post("/amend", summary="Approve an action otherwise", responses=_REFUSALS)
async def amend(incident: IncidentId, question: QuestionId, parts: PartsDep, person: Approver, given: Amend) -> Answered:
    """With other arguments, or on another target; of the same kind."""
    unfit = next((name for name in given.changes if "=" in name), None)
    if unfit is not None:
        raise AnswerRefused(f"{unfit[:100]!r} is no argument's name", "give the name alone, and its value as the value")
    changes = [f"{name}={json.dumps(value)}" for name, value in given.changes.items()]

    def compose(asked: Question) -> Mapping[str, Any]:
        amended = amended_action(action_of(asked), changes, given.target)
        return verdict_on(asked, Verdict.AMENDED, person.name, given.comment, amended)

    return await _give(parts, incident, question, "approval", compose)


@router.post("/answer", summary="Answer a question", responses=_REFUSALS)
async def answer(incident: IncidentId, question: QuestionId, parts: PartsDep, person: Responder, given: Choose) -> Answered:
    """By one of its choices."""
    said = choice_for(given.choice, given.component, person.name)
    return await _give(parts, incident, question, "question", lambda _asked: said)


def _verdict(verdict: Verdict, by: str, comment: str) -> Compose:
    return lambda asked: verdict_on(asked, verdict, by, comment)


async def _give(parts: Parts, incident: str, named: str, kind: str, compose: Compose) -> Answered:
    """Answer an open question, as the first who does. Raises AnswerRefused."""
    records = parts.site.records
    opening = await records.opening(incident)
    if opening is None:
        raise unknown(incident)
    if len(named) < SHORTEST:
        raise AnswerRefused(
            f"{named} is no question's id", f"give at least {SHORTEST} characters of it; a number may be another's soon"
        )
    known = await records.questions.answered(incident, named)
    if known is not None:
        raise answered_already(incident, named, known)
    answers = await parts.site.answers(opening)
    asked = await answers.open(incident)
    if not asked:
        raise nothing_open(incident, await records.events(incident))
    question = chosen(incident, asked, kind, named)
    check_deadline(incident, question, real_time_of(opening))
    said = compose(question)
    check_answer(question, said)
    await answers.answer(incident, question, said)
    parts.site.reception.wake()
    return Answered(incident=incident, question=question.id, said=f"{what_of(question)}: {in_words(said)}")
