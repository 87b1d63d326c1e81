"""Learning by rules: the post-mortem's five sections from the record, and the backlog's ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nexus.bulletins import impact_text
from nexus.incident import (
    ActionItem,
    ActionRecord,
    ActionResult,
    Alert,
    BacklogItem,
    Claim,
    Classification,
    PostMortem,
    RootCause,
    Severity,
)
from nexus.responder.answers import Ranking
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.prevention import UNKNOWN, five_whys, items_for, prevention_for, what_failed, why_not_caught

EFFORT = {"monitoring": 1.0, "testing": 2.0, "process": 1.0, "infrastructure": 3.0, "incident": 2.0}
"""Person-weeks by kind of work, for want of an estimate."""
IMPACT = {Severity.P0: 3.0, Severity.P1: 2.0, Severity.P2: 1.0, Severity.P3: 0.5}
"""RICE's scale of impact, by the incident's severity."""


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


async def post_mortem(task: Task, desk: Desk) -> PostMortem:
    """Every sentence cites evidence or the record; what is not there is unknown."""
    if "picture_metrics" in task.agent.tools:
        await desk.use("picture_metrics")
    facts = task.facts
    alert = Alert.model_validate(facts["alert"])
    cause = RootCause.model_validate(facts["cause"])
    classification = Classification.model_validate(facts["classification"])
    actions = [ActionRecord.model_validate(a) for a in facts["actions"]]
    resolved = _moment(facts["resolved_at"])
    introduced = cause.introduced_at
    ended = _impact_end(actions, resolved)
    whys = five_whys(alert, cause, facts["findings"], classification)
    return PostMortem(
        introduced=introduced,
        detected=alert.starts_at,
        resolved=resolved,
        duration_minutes=round((ended - introduced).total_seconds() / 60, 1) if introduced and ended else None,
        what_failed=what_failed(alert, classification),
        why_it_failed=Claim(text=cause.statement, evidence=cause.evidence) if cause.statement else UNKNOWN,
        why_not_caught=why_not_caught(alert, cause),
        five_whys=whys,
        users=Claim(
            text=impact_text(classification),
            evidence=classification.evidence,
            known=classification.impact.users_affected is not None,
        ),
        revenue=_revenue(classification, introduced, ended),
        reputation=_reputation(facts["timeline"]),
        data=_data(classification),
        prevention=prevention_for(cause),
        action_items=items_for(task, cause, datetime.fromisoformat(facts["time"])),
    )


def _impact_end(actions: Sequence[ActionRecord], resolved: datetime | None) -> datetime | None:
    """Users were well again when the last action that held was done; without one, when the incident was resolved."""
    held = [a.ended_at for a in actions if a.result is ActionResult.DONE and a.ended_at]
    fallback = [
        a.ended_at for a in actions if a.result is ActionResult.UNDONE and a.action.kind.value == "fallback" and a.ended_at
    ]
    return max(held, default=min(fallback, default=resolved)) if (held or fallback) else resolved


def _revenue(classification: Classification, introduced: datetime | None, ended: datetime | None) -> Claim:
    rate = classification.impact.revenue_per_hour
    if rate is None:
        return UNKNOWN
    if introduced is None or ended is None:
        return Claim(
            text=f"{rate:,.0f} USD an hour at risk by the service catalog; the duration is unknown",
            evidence=classification.evidence,
        )
    hours = max((ended - introduced).total_seconds() / 3600, 0)
    text = f"up to {rate * hours:,.0f} USD: {rate:,.0f} USD an hour at risk by the service catalog, for {hours * 60:.0f} minutes"
    return Claim(text=text, evidence=classification.evidence)


def _reputation(timeline: Sequence[Mapping[str, Any]]) -> Claim:
    posts = [e for e in timeline if e["kind"] == "published" and "status update" in e["text"]]
    return Claim(text=f"{len(posts)} public status updates were posted; complaints and press: unknown", known=bool(posts))


def _data(classification: Classification) -> Claim:
    impact = classification.impact
    state = classification.signals.get("data", "unknown")
    words = {"safe": "no data was lost or put at risk", "at_risk": "data was at risk", "lost": "data was lost"}
    text = words.get(state, "unknown whether data was lost")
    if impact.user_data_affected:
        text += "; user data was affected: notification under GDPR and CCPA is being assessed"
    elif impact.user_data_affected is None:
        text += "; whether user data was affected is unknown"
    return Claim(text=text, evidence=classification.evidence, known=state in words)


CONFIDENCE = 0.8
"""How sure it is that an item would have prevented or shortened the incident, for want of an estimate."""


def score(severity: Severity, reach: float, confidence: float, effort: float) -> float:
    """RICE: reach x impact x confidence / effort (Intercom, 2016); reach in thousands of users an hour, effort in weeks."""
    return round(reach * IMPACT[severity] * confidence / effort, 2)


def reach_of(classification: Classification) -> float:
    """Thousands of users an hour, at least 1."""
    return max(1.0, (classification.impact.users_affected or 0) * 60 / 1000)


def ranked(incident: str, severity: Severity, scored: Iterable[tuple[float, ActionItem]]) -> Ranking:
    """Action items as the backlog takes them, best first; equals by their deadline."""
    ordered = sorted(scored, key=lambda p: (-p[0], p[1].deadline, p[1].id))
    items = tuple(
        BacklogItem(
            key=f"{incident}:{item.id}",
            rank=rank,
            title=item.action,
            owner=item.owner,
            deadline=item.deadline,
            severity=severity,
            score=value,
            incident=incident,
            kind=item.kind,
        )
        for rank, (value, item) in enumerate(ordered, 1)
    )
    return Ranking(items=items)


async def backlog(task: Task, _desk: Desk) -> Ranking:
    """Action items best first; a low-severity alert becomes the one item itself."""
    facts = task.facts
    classification = Classification.model_validate(facts["classification"])
    alert = Alert.model_validate(facts["alert"])
    severity, reach = classification.severity, reach_of(classification)
    items = [ActionItem.model_validate(i) for i in facts["action_items"]]
    if not items:
        key = f"{facts['incident']}:alert"
        owner = facts["owners"].get(alert.service or "", "product team")
        only = BacklogItem(
            key=key,
            rank=1,
            title=alert.title,
            owner=owner,
            deadline=datetime.fromisoformat(facts["opened_at"]) + timedelta(days=14),
            severity=severity,
            score=score(severity, reach, CONFIDENCE, EFFORT["incident"]),
            incident=facts["incident"],
            kind="defect",
        )
        return Ranking(items=(only,))
    return ranked(facts["incident"], severity, ((score(severity, reach, CONFIDENCE, EFFORT[i.kind]), i) for i in items))
