"""Answering: which open question a person's answer is for, and whether it fits; pure, each refusal says why and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nexus.errors import AnswerRefused
from nexus.incident import Action, Cause, Event, EventKind, Question, Verdict
from nexus.records.wording import moment, plain, said

_TOGETHER = re.compile(r"-(\d+)$")
SHORTEST = 4
"""Characters that the beginning of an id has at least, so that none is taken for a number."""
READABLE = 8
"""Characters of an id that people are shown, where they are enough."""
_PEOPLES = (Verdict.APPROVED, Verdict.REJECTED, Verdict.AMENDED)


def number_of(identity: str) -> int:
    """The number under which it was asked: 1, 2, … where several things were asked together."""
    found = _TOGETHER.search(identity)
    return int(found[1]) if found else 1


def numbered(questions: Sequence[Question]) -> dict[int, Question]:
    """Open questions by number; one that was asked together with others keeps its number when these are answered."""
    own = {number_of(q.id): q for q in questions}
    return own if len(own) == len(questions) else dict(enumerate(questions, 1))


def short_of(identity: str) -> str:
    """The id as people type it."""
    found = _TOGETHER.search(identity)
    return identity[: min(READABLE, found.start())] + found[0] if found else identity[:READABLE]


def what_of(question: Question) -> str:
    """What is asked, on one line: the exact action, or the words."""
    return plain(str(action_of(question)) if "action" in question.detail else question.text)


def ways_of(incident: str, question: Question, flags: str = "") -> tuple[str, str]:
    """The command that answers it, and what else may be said; it is named by its id, which no later question has."""
    named = f"{incident} {short_of(question.id)}"
    if question.kind == "approval":
        return f"nexus approve {named}{flags}", "(or reject with --comment TEXT, or amend with --set name=value)"
    choices = question.detail.get("choices", ())
    somewhere = "; a cause with --component NAME" if any(needs_component(c) for c in choices) else ""
    return f"nexus answer {named} CHOICE{flags}", f"(CHOICE: {', '.join(choices)}{somewhere})"


def action_of(question: Question) -> Action:
    """The action that an approval is about."""
    return Action.model_validate(question.detail["action"])


def listed(questions: Sequence[Question]) -> str:
    """Open questions with number, what and deadline, on one line."""
    return "; ".join(
        f"{number} {what_of(q)}, until {moment(q.deadline, seconds=True)}" for number, q in numbered(questions).items()
    )


def chosen(incident: str, questions: Sequence[Question], kind: str, named: str | None) -> Question:
    """The open question of that kind that is meant: by number, id or its beginning, or the only one. Raises AnswerRefused."""
    meant = list(questions) if named is None else _meant(questions, named)
    fitting = [q for q in meant if q.kind == kind]
    if not meant:
        raise AnswerRefused(f"{incident} has no open question {named}", f"open are: {listed(questions)}")
    if not fitting:
        raise AnswerRefused(f"{what_of(meant[0])} is not answered in that way", " ".join(ways_of(incident, meant[0])))
    if len(fitting) > 1:
        raise AnswerRefused(f"{incident} has several open questions that this may be for", f"name one: {listed(questions)}")
    return fitting[0]


def nothing_open(incident: str, events: Sequence[Event]) -> AnswerRefused:
    """The refusal where nothing is asked; what was answered last may be what the person meant."""
    last = next((e for e in reversed(events) if e.kind is EventKind.ANSWERED), None)
    told = f" (answered last: {plain(said(last.actor, last.text))})" if last else ""
    return AnswerRefused(f"{incident} waits for no answer{told}", f"nexus show {incident} says how it stands")


def _meant(questions: Sequence[Question], named: str) -> list[Question]:
    exact = [q for q in questions if q.id == named]
    if exact:
        return exact
    if named.isdecimal() and len(named) < SHORTEST:
        found = numbered(questions).get(int(named))
        return [found] if found else []
    beginning, dash, together = named.rpartition("-")
    in_short = [
        q for q in questions if len(beginning) >= SHORTEST and q.id.startswith(beginning) and q.id.endswith(dash + together)
    ]
    return in_short or [q for q in questions if len(named) >= SHORTEST and q.id.startswith(named)]


def check_deadline(incident: str, question: Question, now: datetime | None) -> None:
    """Raise AnswerRefused when its deadline has passed; `now` is None where the incident's time is not known here."""
    if now is not None and question.deadline is not None and now > question.deadline:
        raise AnswerRefused(
            f"too late: {what_of(question)} was to be answered by {moment(question.deadline, seconds=True)}",
            f"nexus resume {incident} goes on without it",
        )


def verdict_on(question: Question, verdict: Verdict, by: str, comment: str = "", amended: Action | None = None) -> dict[str, Any]:
    """A verdict as the records and engines hold it: bound to the exact action that was shown."""
    given: dict[str, Any] = {"verdict": verdict.value, "comment": comment, "by": by, "digest": question.detail["digest"]}
    return given | ({"amended": amended.model_dump(mode="json")} if amended is not None else {})


def choice_for(choice: str, component: str | None, by: str) -> dict[str, Any]:
    """A choice as the records and engines hold it."""
    return {"choice": choice, "component": component, "by": by}


def check_answer(question: Question, answer: Mapping[str, Any]) -> None:
    """Raise AnswerRefused unless the answer fits what is asked."""
    if question.kind == "approval":
        _check_verdict(question, answer)
    else:
        _check_choice(question, answer)


def needs_component(choice: str) -> bool:
    """Whether that choice says nothing without a component: a cause is somewhere."""
    return choice in set(Cause)


def _check_verdict(question: Question, answer: Mapping[str, Any]) -> None:
    action = action_of(question)
    if answer.get("verdict") not in _PEOPLES:
        raise AnswerRefused(f"{plain(str(answer.get('verdict')))} is no verdict", "say approved, rejected or amended")
    if answer.get("digest") != question.detail["digest"]:
        raise AnswerRefused(f"the answer is for another action than {plain(str(action))}", "look at it again and answer anew")
    if (answer["verdict"] == Verdict.AMENDED) != (answer.get("amended") is not None):
        raise AnswerRefused("an amended action goes with the verdict amended, and only with that", "nexus amend gives both")
    if answer["verdict"] == Verdict.AMENDED:
        _check_amended(action, answer["amended"])


def _check_amended(action: Action, amended: Any) -> None:
    try:
        other = Action.model_validate(amended)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise AnswerRefused(
            f"the amended action is none ({where}: {first['msg']})", "give it like the one that is asked"
        ) from error
    if other.kind is not action.kind:
        raise AnswerRefused(
            f"a {action.kind.value} cannot be amended to a {other.kind.value}", "reject it and say what is to be done instead"
        )
    if other.digest == action.digest:
        raise AnswerRefused(f"that changes nothing about {plain(str(action))}", "approve it, or change an argument or the target")


def _check_choice(question: Question, answer: Mapping[str, Any]) -> None:
    choice, choices = str(answer.get("choice")), question.detail["choices"]
    if choice not in choices:
        raise AnswerRefused(f"{plain(choice)} is not offered", f"choose one of {', '.join(choices)}")
    if needs_component(choice) and not answer.get("component"):
        suspects = ", ".join(plain(s) for s in question.detail.get("suspects", ()))
        raise AnswerRefused(
            f"{choice} says nothing without its component", f"add --component NAME{f'; suspects: {suspects}' if suspects else ''}"
        )


def amended_action(action: Action, changes: Sequence[str], target: str | None = None) -> Action:
    """The action with other arguments, each as `name=value`, and perhaps another target. Raises AnswerRefused."""
    arguments = dict(action.arguments)
    for change in changes:
        name, separator, value = change.partition("=")
        if not separator or not name.strip():
            raise AnswerRefused(f"{plain(change)} is no change", "write it as name=value")
        arguments[name.strip()] = _value(value.strip(), action.arguments.get(name.strip()))
    return action.model_copy(update={"arguments": arguments, "target": target or action.target})


def _value(text: str, before: Any) -> Any:
    """JSON where it is strict JSON, else the text itself; what was text stays text: release 4.10 is no number."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(before, str) and not isinstance(value, str) else value


def in_words(answer: Mapping[str, Any]) -> str:
    """An answer that was given, and by whom, on one line."""
    verdict, component = answer.get("verdict"), answer.get("component")
    if verdict is None:
        given = str(answer.get("choice")) + (f" in {component}" if component else "")
    else:
        given = f"amended to {Action.model_validate(answer['amended'])}" if verdict == Verdict.AMENDED else str(verdict)
    comment = f" ({answer['comment']})" if answer.get("comment") else ""
    return plain(f"{given} by {answer.get('by', 'somebody')}{comment}")


def answered_already(incident: str, what: str, answer: Mapping[str, Any]) -> AnswerRefused:
    """The refusal of an answer that came second."""
    return AnswerRefused(f"{what} was answered already: {in_words(answer)}", f"nexus show {incident} says how it goes on")
