"""Activities: what an incident does beside its graph: it tells people, asks them, and keeps its document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from temporalio import activity

from nexus.drive import Pending
from nexus.incident import Outcome
from nexus.incidents import document_of, question_of
from nexus.notices import tell
from nexus.records.document import to_json
from nexus.state import Json, State
from nexus.steps.reassess import reassess
from nexus.temporal.contexts import Contexts
from nexus.temporal.payloads import Answers, Asking, Ending, Telling, assessed_json, notice_of


@dataclass(slots=True)
class Activities:
    """The activities of one worker."""

    contexts: Contexts

    @activity.defn
    async def publish(self, told: Telling) -> None:
        """Compose and send one notice."""
        context = await self.contexts.of(told.state["incident"])
        await tell(context, cast("State", told.state), notice_of(told.notice))

    @activity.defn
    async def reassess(self, state: Json) -> Json | None:
        """How bad the incident is by all its alerts; None before triage."""
        context = await self.contexts.of(state["incident"])
        assessed = await reassess(context, cast("State", state))
        return None if assessed is None else assessed_json(assessed)

    @activity.defn
    async def ask(self, asked: Asking) -> None:
        """Put the questions into the records, where people look for them, and the incident's document as it waits."""
        state, records = cast("State", asked.state), self.contexts.records
        pending = [Pending(name, value) for name, value in asked.pending.items()]
        for part in (part for each in pending for part in each.asked):
            await records.questions.ask(state["incident"], question_of(part))
        document = await document_of(records, state, pending, Outcome.WAITING)
        await records.save_document(state["incident"], to_json(document))

    @activity.defn
    async def keep_answers(self, given: Answers) -> None:
        """Keep the answers beside their questions."""
        for question, answer in given.answers.items():
            await self.contexts.records.questions.answer(given.incident, question, answer)

    @activity.defn
    async def finish(self, ending: Ending) -> str:
        """Keep the incident's document; its outcome."""
        state, records = cast("State", ending.state), self.contexts.records
        document = await document_of(records, state, (), Outcome(ending.outcome) if ending.outcome else None)
        await records.save_document(state["incident"], to_json(document), ended=document.outcome is not Outcome.WAITING)
        await self.contexts.let_go(state["incident"])
        return document.outcome.value
