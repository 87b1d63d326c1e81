"""Asking: what an incident asks people while it runs on Temporal, and which answers it takes; pure but for the waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nexus.answering import check_answer
from nexus.drive import Pending
from nexus.errors import AnswerRefused
from nexus.incident import Question
from nexus.incidents import question_of


def refusal(asked: Pending, answer: Mapping[str, Any], now: datetime) -> str | None:
    """Why this is no answer to what is asked; None when it is one."""
    deadline = asked.value["deadline"]
    if now >= datetime.fromisoformat(deadline):
        return f"its deadline was {deadline}"
    try:
        check_answer(question_of(asked), answer)
    except AnswerRefused as refused:
        return refused.what
    return None


@dataclass(slots=True)
class _Waiting:
    pending: Pending
    answer: asyncio.Future[Mapping[str, Any]]


@dataclass(slots=True)
class Desk:
    """What is asked now, each thing on its own, and what was answered of it."""

    waiting: dict[str, _Waiting] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    async def answered(self, pending: Pending) -> Mapping[str, Any]:
        """The answer, when somebody gives it."""
        asked = _Waiting(pending, asyncio.get_running_loop().create_future())
        self.waiting[pending.id] = asked
        try:
            return await asked.answer
        finally:
            del self.waiting[pending.id]
            self.closed.add(pending.id)

    def refuse(self, question: str, answer: Mapping[str, Any], now: datetime) -> str | None:
        """Why this answer cannot be taken; None when it can."""
        asked = self.waiting.get(question)
        if question in self.closed or (asked is not None and asked.answer.done()):
            return f"{question} was answered already, or its deadline has passed"
        if asked is None:
            return f"there is no open question {question}"
        return refusal(asked.pending, answer, now)

    def take(self, question: str, answer: Mapping[str, Any]) -> None:
        """Answer it."""
        self.waiting[question].answer.set_result(answer)

    def questions(self) -> list[Question]:
        """What is open, in the order in which it was asked."""
        return [question_of(w.pending) for w in self.waiting.values() if not w.answer.done()]
