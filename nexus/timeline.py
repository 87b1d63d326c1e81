"""Timeline: what falls due and when, decided from the incident's standing and what was already sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from nexus.incident import Event, EventKind, Outcome, Severity, Status
from nexus.runbook import EscalationRule, Runbook, escalations_due


@dataclass(frozen=True, slots=True)
class Standing:
    """The incident as its clocks see it; `status` is None before triage and for what never becomes public."""

    opened_at: datetime
    severity: Severity | None = None
    status: Status | None = None
    since: datetime | None = None
    signals: frozenset[str] = frozenset()
    outcome: Outcome | None = None

    @property
    def over(self) -> bool:
        """No clock runs any more."""
        return self.status is Status.RESOLVED or self.outcome is not None


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out so far; `posts` and `briefs` number them. `handed_over`: the last post said so."""

    status: Status | None = None
    status_at: datetime | None = None
    posts: int = 0
    brief_at: datetime | None = None
    brief_status: Status | None = None
    briefs: int = 0
    escalations: frozenset[str] = frozenset()
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that has to go out at `at`; `next_update` is None when nothing will follow.

    `number` counts status updates, or briefs; an escalation has a `brief`'s number where stakeholders are told of it.
    """

    kind: Literal["status", "brief", "escalation"]
    at: datetime
    status: Status | None = None
    next_update: datetime | None = None
    rule: EscalationRule | None = field(default=None)
    number: int = 0
    brief: int | None = None


def next_beat(opened_at: datetime, every: timedelta, after: datetime) -> datetime:
    """The first beat later than `after`: beats are counted from the opening, so no drift adds up."""
    return opened_at + ((after - opened_at) // every + 1) * every


def _beat_due(
    runbook: Runbook, standing: Standing, last: Status | None, last_at: datetime | None, brief: bool
) -> datetime | None:
    if standing.status is None or standing.since is None:
        return None
    if brief and standing.severity is not Severity.P0:
        return None
    if last is not standing.status or last_at is None:
        return standing.since
    if standing.over:
        return None
    every = runbook.clocks.brief_every if brief else runbook.clocks.status_every
    return next_beat(standing.opened_at, every, last_at)


def next_due(runbook: Runbook, standing: Standing, sent: Sent) -> datetime | None:
    """When the next notice falls due; None when nothing ever will as things stand."""
    moments = [
        _beat_due(runbook, standing, sent.status, sent.status_at, brief=False),
        _beat_due(runbook, standing, sent.brief_status, sent.brief_at, brief=True),
    ]
    if standing.severity is not None and not standing.over:
        for rule in runbook.escalations:
            if rule.id in sent.escalations or rule.severity not in (None, standing.severity):
                continue
            if rule.signal is not None and rule.signal not in standing.signals:
                continue
            moments.append(standing.opened_at + (rule.unresolved_for or timedelta()))
    return min((m for m in moments if m is not None), default=None)


def due(runbook: Runbook, standing: Standing, sent: Sent, now: datetime) -> tuple[Notice, ...]:
    """Everything that has to go out at `now`. A beat that was missed goes out once, not once for each time it was missed."""
    notices: list[Notice] = []
    briefs = sent.briefs
    if standing.severity is not None:
        open_for = now - standing.opened_at
        rules = escalations_due(
            runbook, standing.severity, open_for, signals=standing.signals, done=sent.escalations, resolved=standing.over
        )
        for rule in rules:
            told = runbook.roles.executive in rule.to and standing.severity is not Severity.P0
            briefs += told
            notices.append(Notice("escalation", now, standing.status, rule=rule, brief=briefs if told else None))
    status_due = _beat_due(runbook, standing, sent.status, sent.status_at, brief=False)
    if status_due is not None and status_due <= now:
        following = None if standing.over else next_beat(standing.opened_at, runbook.clocks.status_every, now)
        notices.append(Notice("status", now, standing.status, following, number=sent.posts + 1))
    brief_due = _beat_due(runbook, standing, sent.brief_status, sent.brief_at, brief=True)
    if brief_due is not None and brief_due <= now:
        following = None if standing.over else next_beat(standing.opened_at, runbook.clocks.brief_every, now)
        notices.append(Notice("brief", now, standing.status, following, number=briefs + 1))
    return tuple(notices)


def after(sent: Sent, notice: Notice) -> Sent:
    """What has been sent once `notice` is out."""
    if notice.kind == "status":
        return replace(sent, status=notice.status, status_at=notice.at, posts=notice.number)
    if notice.kind == "brief":
        return replace(sent, brief_status=notice.status, brief_at=notice.at, briefs=notice.number)
    assert notice.rule is not None
    return replace(sent, escalations=sent.escalations | {notice.rule.id}, briefs=notice.brief or sent.briefs)


def sent_of(runbook: Runbook, events: Iterable[Event]) -> Sent:
    """What went out, read from the record; an escalation counts once everybody whom it calls was told."""
    sent = Sent()
    called: dict[str, int] = {}
    for event in events:
        if event.kind is EventKind.PUBLISHED:
            post, brief = event.data.get("status_update"), event.data.get("brief")
            if post is not None and post["number"] > sent.posts:
                sent = replace(sent, status=Status(post["status"]), status_at=event.at, posts=post["number"])
                sent = replace(sent, handed_over=event.data.get("outcome") == Outcome.HANDED_OVER.value)
            if brief is not None and brief["number"] > sent.briefs:
                sent = replace(sent, briefs=brief["number"])
                if event.data.get("rule") is None:
                    sent = replace(sent, brief_status=Status(event.data["status"]), brief_at=event.at)
        if event.kind is EventKind.ESCALATED:
            rule = event.data["escalation"]["rule"]
            called[rule] = called.get(rule, 0) + 1
    complete = {rule.id for rule in runbook.escalations if called.get(rule.id, 0) >= len(rule.to)}
    return replace(sent, escalations=frozenset(complete))
