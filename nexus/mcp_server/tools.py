"""Tools: what an MCP client may do with incidents; each gives text, and raises NexusError where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from nexus.answer_cli import give
from nexus.answering import SHORTEST, choice_for, verdict_on
from nexus.errors import AnswerRefused, IncidentHeld, UsageError
from nexus.incident import Incident, Question, Verdict
from nexus.incidents import stored
from nexus.intake.report import report_body
from nexus.mcp_server.words import EVENTS, account_of, event_line, fenced, listed
from nexus.records.store import Store
from nexus.records.stores import open_kept, open_store
from nexus.records.wording import count
from nexus.responder.llm.fence import nonce
from nexus.settings import Settings
from nexus.terminal import who

NEWEST = 30
"""Incidents that a list holds at the most."""

IncidentId = Annotated[str, Field(min_length=1, max_length=200, description="The incident's id, as list_incidents gives it.")]
QuestionId = Annotated[
    str, Field(min_length=SHORTEST, max_length=200, description="The open question's id, as show_incident gives it.")
]
Severity = Literal["critical", "high", "medium", "low"]


class IncidentTools:
    """Incidents as the settings name their records. `approver`: who answers for approvals given here; None: nobody does."""

    def __init__(self, settings: Settings, approver: str | None = None) -> None:
        self._settings = settings
        self._approver = approver
        self._by = f"{approver or who()}, over MCP"

    async def open_incident(
        self,
        text: Annotated[str, Field(min_length=1, max_length=10_000, description="What is wrong, as a person would say it.")],
        service: Annotated[str | None, Field(max_length=200, description="The service that is hit, where it is known.")] = None,
        severity: Annotated[Severity | None, Field(description="How bad it seems; triage decides.")] = None,
    ) -> str:
        """Report that something is wrong. It is recorded like an alert: NEXUS opens an incident or joins it to an open one."""
        from nexus.reception import HELD  # noqa: PLC0415 - the engine, which no other tool needs

        now = datetime.now().astimezone()
        body = report_body(text, service, severity, self._by, now)
        async with await open_store(self._settings.out, self._settings.records_url) as records:
            name = await records.inbox.put("report", body, now, {})
            running = await _is_held(records, HELD)
        taken = "nexus serve is running and takes it up now" if running else "no nexus serve is running: it waits until one is"
        return f"Recorded as report {name} in {self._settings.records_name}: {taken}. list_incidents shows what becomes of it."

    async def list_incidents(
        self, open_only: Annotated[bool, Field(description="Only those that have not ended.")] = False
    ) -> str:
        """Incidents, newest first: id, severity, how each stands, and what it was about."""
        async with await self._records() as records:
            names = [name for name, _ in await records.page(NEWEST + 1, only_open=open_only)]
            found = [await stored(records, name) for name in names[:NEWEST]]
        incidents = [incident for incident in found if incident is not None]
        if not incidents:
            return f"No {'open ' if open_only else ''}incident is recorded in {self._settings.records_name}."
        more = ", and more" if len(names) > NEWEST else ""
        head = f"{count(len(incidents), 'open incident' if open_only else 'incident')}{more}."
        return fenced(head, listed(incidents), "incidents", nonce())

    async def show_incident(self, incident: IncidentId) -> str:
        """One incident in short: severity, status, cause, actions, what people are asked, and its last events."""
        async with await self._records() as records:
            found = await self._known(records, incident)
            events = await records.events(found.id)
        lines = account_of(found, events, approver=self._approver is not None)
        head = f"{found.id}, which has {len(events)} events (incident_events gives them)."
        return fenced(head, lines, f"incident {found.id}", nonce())

    async def incident_events(
        self,
        incident: IncidentId,
        after: Annotated[int, Field(ge=0, description="Events that arrived after this number; 0: from the first.")] = 0,
    ) -> str:
        """What happened in an incident, in the order in which it was recorded, up to a hundred events at once."""
        async with await self._records() as records:
            await self._known(records, incident)
            events = await records.events_after(incident, after)
        page = events[:EVENTS]
        if not page:
            return f"{incident} has no event after {after}."
        told = [f"{number}{event_line(event)}" for number, event in page]
        more = f"{len(events) - len(page)} more follow: go on with" if len(events) > len(page) else "Later ones come with"
        return fenced(
            f"{count(len(page), 'event')} of {incident}. {more} after={page[-1][0]}.", told, f"events of {incident}", nonce()
        )

    async def answer_question(
        self,
        incident: IncidentId,
        question: QuestionId,
        choice: Annotated[str, Field(min_length=1, max_length=200, description="One of the choices that show_incident gives.")],
        component: Annotated[str | None, Field(max_length=200, description="Where, if the choice is a cause.")] = None,
    ) -> str:
        """Answer a question that an incident asks by one of its choices; the first answer holds. Not for approvals."""
        return await self._give(incident, "question", question, lambda _asked, _who: choice_for(choice, component, self._by))

    async def approve_action(
        self,
        incident: IncidentId,
        question: QuestionId,
        comment: Annotated[str, Field(max_length=1000, description="Why, for the record.")] = "",
    ) -> str:
        """Approve the exact action that an open approval of an incident shows: NEXUS then carries it out."""
        return await self._decide(incident, question, Verdict.APPROVED, comment)

    async def reject_action(
        self,
        incident: IncidentId,
        question: QuestionId,
        comment: Annotated[str, Field(min_length=1, max_length=1000, description="Why; a rejection says so.")],
    ) -> str:
        """Reject the action that an open approval of an incident shows: it is not done, and something else is proposed."""
        if not comment.strip():
            raise AnswerRefused("a rejection says why", "give `comment`")
        return await self._decide(incident, question, Verdict.REJECTED, comment)

    async def _decide(self, incident: str, question: str, verdict: Verdict, comment: str) -> str:
        def compose(asked: Question, _who: str) -> Mapping[str, Any]:
            return verdict_on(asked, verdict, self._by, comment)

        return await self._give(incident, "approval", question, compose)

    async def _give(self, incident: str, kind: str, question: str, compose: Callable[[Question, str], Mapping[str, Any]]) -> str:
        return "\n".join(await give(self._settings, incident, kind, question, compose))

    async def _records(self) -> Store:
        return await open_kept(self._settings.out, self._settings.records_url)

    async def _known(self, records: Store, incident: str) -> Incident:
        found = await stored(records, incident)
        if found is None:
            raise UsageError(f"there is no incident {incident} in {self._settings.records_name}", "list_incidents names them")
        return found


async def _is_held(records: Store, name: str) -> bool:
    try:
        async with records.hold(name):
            return False
    except IncidentHeld:
        return True
