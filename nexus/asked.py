"""Asked: who answers what an incident asks: a policy, a person here, or whoever is first by way of the records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any

from nexus.answering import in_words
from nexus.drive import Pending
from nexus.incidents import question_of
from nexus.state import Context

Answering = Callable[[Pending], Awaitable[Mapping[str, Any] | None]]
"""Gives the answer to one approval or question; None when nobody will answer it now."""
POLL = 0.5
"""Seconds between two looks for an answer that another process gave."""


async def approve_all(pending: Pending) -> Mapping[str, Any] | None:
    """Every action is approved; questions wait for their deadline."""
    if pending.value["kind"] == "approval":
        return {"verdict": "approved", "digest": pending.value["digest"], "by": "policy: approve auto"}
    await asyncio.Event().wait()
    return None


async def approve_none(_pending: Pending) -> Mapping[str, Any] | None:
    """Nobody answers: the incident waits."""
    return None


async def answered_before(context: Context, incident: str, pending: Pending) -> Mapping[str, Any] | None:
    """Put the question into the records; the answer, where somebody gave it before this process asked."""
    questions = context.records.questions
    with context.world.clock.busy():
        await questions.ask(incident, question_of(pending))
        return await questions.answered(incident, pending.id)


async def answered(context: Context, incident: str, pending: Pending, answer: Answering) -> Mapping[str, Any] | None:
    """An answer from whoever gives it first: `answer`, or anybody by way of the records."""
    clock = context.world.clock
    with nullcontext() if answer is approve_all else clock.busy():
        return await _first(answer(pending), _polled(context, incident, pending.id))


async def _polled(context: Context, incident: str, question: str) -> Mapping[str, Any] | None:
    while (given := await context.records.questions.answered(incident, question)) is None:  # noqa: ASYNC110 - another process's
        await asyncio.sleep(POLL)
    return given


async def _first(*works: Awaitable[Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    tasks = [asyncio.ensure_future(work) for work in works]
    told: str | None = None
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        given = next(task.result() for task in tasks if task in done)
        told = in_words(given) if given else None
        return given
    finally:
        for task in tasks:
            task.cancel(told)
