"""Throughout: the status page update and the executive brief, written by their agents, published once each."""

from __future__ import annotations

from datetime import datetime

from nexus.casework import Case, ask
from nexus.errors import ToolError
from nexus.incident import EventKind, ExecutiveBrief, Status, StatusUpdate
from nexus.responder.answers import BriefText, StatusText
from nexus.state import Json, alert_of, diagnosis_of, dump

MOMENT = "%Y-%m-%d %H:%M UTC"


def service_of(case: Case) -> str:
    """The service that the public hears of: the alert's, else the worst hit, else the world's name."""
    classification = case.state.get("classification") or {}
    hit = classification.get("impact", {}).get("services") or []
    return alert_of(case.state).service or (hit[0] if hit else case.context.world.name)


def _facts(case: Case, status: Status, next_update: datetime | None) -> Json:
    state = case.state
    return {
        "status": status.value,
        "service": service_of(case),
        "cause": dump(diagnosis_of(state).cause),
        "plan": state.get("plan"),
        "outcome": state.get("outcome"),
        "actions": state.get("actions", []),
        "impact": (state.get("classification") or {}).get("impact", {}),
        "next_update": next_update.strftime(MOMENT) if next_update else None,
        "current_action": status.meaning,
    }


async def status_update(case: Case, number: int, status: Status, next_update: datetime | None) -> StatusUpdate:
    """Compose, publish and record one status page update; composed without its agent when that is absent."""
    roles = case.context.library.runbook.roles
    facts = _facts(case, status, next_update)
    done = await ask(case, roles.communicator, "status_update", StatusText, facts, free=True, suffix=f".s{number}", quiet=True)
    text = done.answer or StatusText(impact="unknown", current_action=status.meaning)
    update = StatusUpdate(
        number=number,
        at=case.now,
        service=service_of(case),
        status=status,
        impact=text.impact,
        current_action=text.current_action,
        next_update=next_update,
        evidence=text.evidence,
    )
    holes = {
        "timestamp": case.now.strftime(MOMENT),
        "service": update.service,
        "status": status.value,
        "impact": update.impact,
        "current_action": update.current_action,
        "next_update": facts["next_update"],
    }
    body = case.context.library.template("status_update", holes)
    key = f"status:{number}"
    failed = ""
    try:
        await case.context.world.people.post_status(case.incident, body, case.now, key)
    except ToolError as error:
        failed = f" (not delivered: {error})"
    title = case.context.library.agent(roles.communicator).title
    await case.record(
        EventKind.PUBLISHED,
        title,
        f"status update {number}: {status.value}{failed}",
        {"status_update": dump(update), "text": body},
        key=key,
    )
    return update


async def executive_brief(case: Case, number: int, status: Status, next_update: datetime | None) -> ExecutiveBrief:
    """Compose, send and record one brief to the stakeholders."""
    roles = case.context.library.runbook.roles
    facts = _facts(case, status, next_update)
    done = await ask(case, roles.executive, "executive_brief", BriefText, facts, free=True, suffix=f".b{number}", quiet=True)
    unknown = "unknown"
    text = done.answer or BriefText(situation=unknown, cause=unknown, action=status.meaning, impact=unknown)
    brief = ExecutiveBrief(
        number=number,
        at=case.now,
        situation=text.situation,
        cause=text.cause,
        action=text.action,
        impact=text.impact,
        next_update=next_update,
        evidence=text.evidence,
    )
    holes = {
        "timestamp": case.now.strftime(MOMENT),
        "situation": text.situation,
        "cause": text.cause,
        "action": text.action,
        "impact": text.impact,
        "next_update": facts["next_update"],
    }
    body = case.context.library.template("executive_brief", holes)
    key = f"brief:{number}"
    failed = ""
    try:
        await case.context.world.people.brief(case.incident, body, case.now, key)
    except ToolError as error:
        failed = f" (not delivered: {error})"
    title = case.context.library.agent(roles.executive).title
    await case.record(
        EventKind.PUBLISHED,
        title,
        f"executive brief {number}: {status.value}{failed}",
        {"brief": dump(brief), "text": body},
        key=key,
    )
    return brief
