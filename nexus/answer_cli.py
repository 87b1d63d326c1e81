"""`nexus approve`, `reject`, `amend` and `answer`: a person's answer to what an incident asks, from any terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from nexus.errors import AnswerRefused, IncidentHeld, NexusError, UsageError
from nexus.options import flags_for
from nexus.process import fail

if TYPE_CHECKING:
    from temporalio.client import Client

    from nexus.incident import Opening, Question, Verdict
    from nexus.records.store import Store
    from nexus.settings import Settings

IncidentArgument = Annotated[str, typer.Argument(help="The incident's id.")]
QuestionArgument = Annotated[
    str | None, typer.Argument(help="Which approval: its number, its id or the beginning of that; the only one when not given.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Where incidents are kept.")]
CommentOption = Annotated[str, typer.Option(help="Why, for the record.")]

Compose = Callable[["Question", str], Mapping[str, Any]]
"""The answer to that question by that person. Raises AnswerRefused."""


class Answers(Protocol):
    """Where an incident's questions are open."""

    async def open(self, incident: str) -> list[Question]:
        """What the incident asks now, in the order in which it was asked."""
        ...

    async def answer(self, incident: str, question: Question, answer: Mapping[str, Any]) -> None:
        """Answer it, as the first who does. Raises AnswerRefused."""
        ...


@dataclass(frozen=True, slots=True)
class InRecords:
    """Questions of an incident that one process drives, or none at the moment."""

    records: Store

    async def open(self, incident: str) -> list[Question]:
        """Those that nobody has answered."""
        return await self.records.questions.open(incident)

    async def answer(self, incident: str, question: Question, answer: Mapping[str, Any]) -> None:
        """The first answer holds."""
        from nexus.answering import answered_already, what_of  # noqa: PLC0415 - kept off the path of --help

        if not await self.records.questions.answer(incident, question.id, dict(answer)):
            first = await self.records.questions.answered(incident, question.id)
            raise answered_already(incident, what_of(question), first or {})


@dataclass(frozen=True, slots=True)
class OnTemporal:
    """Questions of an incident that a fleet of workers drives."""

    client: Client

    async def open(self, incident: str) -> list[Question]:
        """Those that the incident's workflow asks."""
        from nexus.temporal.client import open_questions  # noqa: PLC0415 - an extra

        return await open_questions(self.client, incident)

    async def answer(self, incident: str, question: Question, answer: Mapping[str, Any]) -> None:
        """The workflow takes it or says why not."""
        from nexus.temporal.client import answer as give  # noqa: PLC0415 - an extra

        await give(self.client, incident, question.id, answer)


async def answers_of(opening: Opening, records: Store, settings: Settings) -> Answers:
    """Where that incident is answered. Raises UsageError when its server does not answer or the extra is not there."""
    if opening.engine == "embedded":
        return InRecords(records)
    from nexus.temporal.connection import connect  # noqa: PLC0415 - an extra

    return OnTemporal(await connect(settings.temporal))


async def give(settings: Settings, incident: str, kind: str, named: str | None, compose: Compose) -> list[str]:
    """Answer an open question; the lines that say so. Raises AnswerRefused."""
    from nexus.answering import answered_already, check_answer, check_deadline, chosen, in_words, nothing_open, what_of  # noqa: PLC0415 - light
    from nexus.records.stores import FILE, open_store  # noqa: PLC0415 - kept off the path of --help
    from nexus.terminal import who  # noqa: PLC0415 - same

    if settings.records_url is None and not (settings.out / FILE).is_file():
        raise UsageError(f"{settings.out} holds no incidents", "name the folder with --out, or run one with nexus run")
    async with await open_store(settings.out, settings.records_url) as records:
        opening = await records.opening(incident)
        if opening is None:
            raise AnswerRefused(f"there is no incident {incident} in {settings.records_name}", "nexus list names them")
        answers = await answers_of(opening, records, settings)
        known = await records.questions.answered(incident, named) if named else None
        if known is not None:
            raise answered_already(incident, named or "", known)
        asked = await answers.open(incident)
        if not asked:
            raise nothing_open(incident, await records.events(incident))
        question = chosen(incident, asked, kind, named)
        check_deadline(incident, question, real_time_of(opening))
        answer = compose(question, who())
        check_answer(question, answer)
        await answers.answer(incident, question, answer)
        lines = [f"{incident}: {what_of(question)}: {in_words(answer)}"]
        if opening.engine == "embedded" and not await _driven(records, incident):
            lines.append(f"go on:     nexus resume {incident}{flags_for(settings.out)}")
        return lines


def real_time_of(opening: Opening) -> datetime | None:
    """Now, where the incident's time is real time; None where only its engine knows the time, and judges deadlines itself."""
    return None if opening.simulated else datetime.now(UTC)


async def _driven(records: Store, incident: str) -> bool:
    """Whether some process drives it now."""
    try:
        async with records.hold(incident):
            return False
    except IncidentHeld:
        return True


def _answer(incident: str, kind: str, named: str | None, out: Path | None, compose: Compose) -> None:
    from nexus.settings import load_settings  # noqa: PLC0415 - kept off the path of --help

    try:
        lines = asyncio.run(give(load_settings(Path(), out=out), incident, kind, named, compose))
    except NexusError as error:
        raise fail(error) from error
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _verdict(verdict: Verdict, comment: str) -> Compose:
    from nexus.answering import verdict_on  # noqa: PLC0415 - kept off the path of --help

    return lambda question, by: verdict_on(question, verdict, by, comment)


def approve(
    incident: IncidentArgument, question: QuestionArgument = None, comment: CommentOption = "", out: OutOption = None
) -> None:
    """Approve an action that an incident asks for, exactly as it is shown."""
    from nexus.incident import Verdict  # noqa: PLC0415 - kept off the path of --help

    _answer(incident, "approval", question, out, _verdict(Verdict.APPROVED, comment))


def reject(
    incident: IncidentArgument,
    comment: CommentOption,
    question: QuestionArgument = None,
    out: OutOption = None,
) -> None:
    """Reject an action that an incident asks for: it is not done, and something else is proposed."""
    from nexus.incident import Verdict  # noqa: PLC0415 - kept off the path of --help

    if not comment.strip():
        raise fail(AnswerRefused("a rejection says why", "add --comment TEXT"))
    _answer(incident, "approval", question, out, _verdict(Verdict.REJECTED, comment))


def amend(  # noqa: PLR0917 - the command's options, each given by name
    incident: IncidentArgument,
    question: QuestionArgument = None,
    changes: Annotated[list[str] | None, typer.Option("--set", help="An argument as name=value; may be repeated.")] = None,
    target: Annotated[str | None, typer.Option(help="Another target.")] = None,
    comment: CommentOption = "",
    out: OutOption = None,
) -> None:
    """Approve an action that an incident asks for with other arguments, or on another target."""
    from nexus.answering import action_of, amended_action, verdict_on  # noqa: PLC0415 - kept off the path of --help
    from nexus.incident import Verdict  # noqa: PLC0415 - same

    def compose(asked: Question, by: str) -> Mapping[str, Any]:
        return verdict_on(asked, Verdict.AMENDED, by, comment, amended_action(action_of(asked), changes or (), target))

    _answer(incident, "approval", question, out, compose)


def answer(
    incident: IncidentArgument,
    words: Annotated[
        list[str], typer.Argument(metavar="[QUESTION] CHOICE", help="Which question, if several are open; the choice.")
    ],
    component: Annotated[str | None, typer.Option(help="The component, where the choice is a cause.")] = None,
    out: OutOption = None,
) -> None:
    """Answer a question that an incident asks, by one of its choices."""
    from nexus.answering import choice_for  # noqa: PLC0415 - kept off the path of --help

    if len(words) > 2:
        raise fail(UsageError(f"{len(words)} words are too many", "nexus answer ID [QUESTION] CHOICE"))
    named = words[0] if len(words) == 2 else None
    _answer(incident, "question", named, out, lambda _asked, by: choice_for(words[-1], component, by))
