"""Incident: everything about one outage, as `incident.json` holds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from nexus.incident.action import ActionRecord, Plan
from nexus.incident.alert import Alert, JoinedAlert
from nexus.incident.authorship import Authorship
from nexus.incident.base import Explained, Moment, Word
from nexus.incident.bulletin import Escalation, ExecutiveBrief, Status, StatusUpdate
from nexus.incident.cause import Hypothesis, RootCause, Suspect
from nexus.incident.evidence import Absence, Evidence, Finding
from nexus.incident.learning import BacklogItem, PostMortem
from nexus.incident.severity import Classification, Severity
from nexus.incident.verification import Verification


class Outcome(Explained):
    """How an incident ended, or why it has not."""

    RESOLVED = "resolved", "fixed, verified and watched"
    BACKLOGGED = "backlogged", "low severity: goes to the next sprint"
    FALSE_ALARM = "false_alarm", "nothing was wrong"
    WAITING = "waiting", "not ended: under way or stopped, or a person has to decide"
    HANDED_OVER = "handed_over", "unresolved: people have it now, with everything known"


class Usage(Word):
    """What the incident cost in model calls; zeros when no model was used."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = Field(default=0.0, description="None: a model was used whose price is not configured")

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens


def usage_of(authorship: Iterable[Authorship]) -> Usage:
    """What these answers cost together."""
    told = list(authorship)
    costs = [a.cost_usd for a in told if a.calls]
    return Usage(
        calls=sum(a.calls for a in told),
        prompt_tokens=sum(a.prompt_tokens for a in told),
        cached_tokens=sum(a.cached_tokens for a in told),
        completion_tokens=sum(a.completion_tokens for a in told),
        cost_usd=None if None in costs else round(sum(c for c in costs if c is not None), 6),
    )


class TimelineEntry(Word):
    """One line of the timeline."""

    at: Moment
    actor: str
    kind: str
    text: str


class Question(Word):
    """Something that a person is asked and has not answered."""

    id: str
    kind: str
    text: str
    deadline: Moment | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class Incident(Word):
    """The whole incident; its JSON schema is published by `nexus show --schema`."""

    id: str
    alert: Alert = Field(description="the one that opened it")
    joined: tuple[JoinedAlert, ...] = Field(default=(), description="further alerts of the same outage, as they came")
    opened_at: Moment
    ended_at: Moment | None = None
    status: Status
    severity: Severity | None
    classification: Classification | None = None
    team: tuple[str, ...] = ()
    cause: RootCause = RootCause()
    hypotheses: tuple[Hypothesis, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    findings: tuple[Finding, ...] = ()
    absences: tuple[Absence, ...] = ()
    plan: Plan | None = None
    actions: tuple[ActionRecord, ...] = ()
    verification: tuple[Verification, ...] = ()
    status_updates: tuple[StatusUpdate, ...] = ()
    briefs: tuple[ExecutiveBrief, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    post_mortem: PostMortem | None = None
    backlog: tuple[BacklogItem, ...] = ()
    open_questions: tuple[Question, ...] = ()
    handed_over_to: tuple[str, ...] = ()
    authorship: tuple[Authorship, ...] = Field(default=(), description="who answered which task; empty without a model")
    usage: Usage = Usage()
    outcome: Outcome
