"""Notices: what has fallen due, composed by its agents from what was known then, and sent."""

from __future__ import annotations

from datetime import datetime

from nexus.casework import Case
from nexus.delivery import deliver
from nexus.state import Context, State
from nexus.steps.escalate import escalate
from nexus.steps.inform import executive_brief, status_update
from nexus.timeline import Notice


def known_at(moment: datetime, earlier: State, latest: State) -> State:
    """What was known at that moment: a step's result counts from when its status began."""
    since = latest.get("status_since")
    later = since is not None and datetime.fromisoformat(since) > moment and bool(earlier)
    return earlier if later else latest


async def tell(context: Context, state: State, notice: Notice) -> None:
    """Compose and send one notice; what was composed before an interruption is sent as it was then."""
    if notice.kind == "status" and not await _composed(context, state, f"status:{notice.number}"):
        assert notice.status is not None
        case = Case(context, state, "status", notice.number, notice.at)
        await status_update(case, notice.number, notice.status, notice.next_update)
    if notice.rule is not None:
        await escalate(Case(context, state, "escalation", 0, notice.at), notice.rule)
    number = notice.brief if notice.rule is not None else notice.number
    rule = notice.rule.id if notice.rule is not None else None
    briefed = notice.kind == "brief" or notice.brief is not None
    if briefed and number is not None and not await _composed(context, state, f"brief:{rule or number}"):
        assert notice.status is not None
        case = Case(context, state, "brief", number, notice.at)
        await executive_brief(case, number, notice.status, notice.next_update, rule)


async def _composed(context: Context, state: State, key: str) -> bool:
    effect = await context.records.outbox.effect(state["incident"], key)
    if effect is not None:
        await deliver(context, effect)
    return effect is not None
