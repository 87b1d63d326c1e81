"""Summaries: an incident in one line; how one ended is remembered, since that changes no more."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexus.incident import Moment, Outcome, Severity, Status
from nexus.records.document import state_in
from nexus.records.store import Store

MOST = 2000
"""Incidents that are remembered."""


class Summary(BaseModel):
    """One incident in one line."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str = Field(description="the alert's")
    service: str | None
    severity: Severity | None = Field(description="null before triage")
    status: Status
    outcome: Outcome
    opened_at: Moment
    ended_at: Moment | None
    questions: int = Field(description="how many wait for a person's answer")


class Summaries:
    """Of the incidents in these records."""

    def __init__(self, records: Store) -> None:
        self._records = records
        self._ended: dict[str, Summary] = {}

    async def of(self, incident: str, *, ended: bool) -> Summary | None:
        """That incident in one line; None where the records hold nothing of it that can be read."""
        known = self._ended.get(incident)
        if known is not None:
            return known
        if not ended:
            return await self._open(incident)
        summary = await self._closed(incident)
        if summary is not None:
            if len(self._ended) >= MOST:
                del self._ended[next(iter(self._ended))]
            self._ended[incident] = summary
        return summary

    async def _closed(self, incident: str) -> Summary | None:
        document = await self._records.document(incident)
        return _summary(incident, json.loads(document), 0) if document else None

    async def _open(self, incident: str) -> Summary | None:
        opening = await self._records.opening(incident)
        if opening is None:
            return await self._closed(incident)
        state = state_in(opening, await self._records.events(incident))
        severity = (state.get("classification") or {}).get("severity")
        return _summary(incident, {**state, "severity": severity}, len(await self._records.questions.open(incident)))


def _summary(incident: str, told: dict[str, Any], questions: int) -> Summary:
    return Summary(
        id=incident,
        title=told["alert"]["title"],
        service=told["alert"].get("service"),
        severity=told.get("severity"),
        status=told.get("status") or Status.INVESTIGATING,
        outcome=told.get("outcome") or Outcome.WAITING,
        opened_at=told["opened_at"],
        ended_at=told.get("ended_at"),
        questions=questions,
    )
