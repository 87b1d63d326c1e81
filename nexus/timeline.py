"""Timeline: what falls due and when, decided from the incident's standing and what was already sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from nexus.incident import Outcome, Severity, Status
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
    """What went out so far."""

    status: Status | None = None
    status_at: datetime | None = None
    brief_at: datetime | None = None
    brief_status: Status | None = None
    escalations: frozenset[str] = frozenset()
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that has to go out at `at`; `next_update` is None when nothing will follow."""

    kind: Literal["status", "brief", "escalation"]
    at: datetime
    status: Status | None = None
    next_update: datetime | None = None
    rule: EscalationRule | None = field(default=None)


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
    if standing.severity is not None:
        open_for = now - standing.opened_at
        rules = escalations_due(
            runbook, standing.severity, open_for, signals=standing.signals, done=sent.escalations, resolved=standing.over
        )
        notices += [Notice("escalation", now, standing.status, rule=rule) for rule in rules]
    status_due = _beat_due(runbook, standing, sent.status, sent.status_at, brief=False)
    if status_due is not None and status_due <= now:
        following = None if standing.over else next_beat(standing.opened_at, runbook.clocks.status_every, now)
        notices.append(Notice("status", now, standing.status, following))
    brief_due = _beat_due(runbook, standing, sent.brief_status, sent.brief_at, brief=True)
    if brief_due is not None and brief_due <= now:
        following = None if standing.over else next_beat(standing.opened_at, runbook.clocks.brief_every, now)
        notices.append(Notice("brief", now, standing.status, following))
    return tuple(notices)


def after(sent: Sent, notice: Notice) -> Sent:
    """What has been sent once `notice` is out."""
    if notice.kind == "status":
        return replace(sent, status=notice.status, status_at=notice.at)
    if notice.kind == "brief":
        return replace(sent, brief_status=notice.status, brief_at=notice.at)
    assert notice.rule is not None
    return replace(sent, escalations=sent.escalations | {notice.rule.id})
