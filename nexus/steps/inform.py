"""Throughout: the status page update and the executive brief, written by their agents, published once each."""

from __future__ import annotations

from datetime import datetime

from nexus.asking import ask
from nexus.bulletins import component_name
from nexus.casework import Case, common_facts, names_of
from nexus.delivery import deliver
from nexus.gate import let_out
from nexus.incident import Effect, EffectKind, EventKind, ExecutiveBrief, Status, StatusUpdate
from nexus.outgoing import publishable, with_known_names
from nexus.responder.answers import BriefText, StatusText
from nexus.responder.rules.inform import own_brief, own_status
from nexus.state import Json, alert_of, diagnosis_of, dump

MOMENT = "%Y-%m-%d %H:%M UTC"
BRIEF_WORDS = 120
"""Words of a brief's lines together; what is added to our own must not make it longer."""


def service_of(case: Case) -> str:
    """The service that the public hears of: the alert's, else the worst hit, whichever is known and nothing but a name."""
    classification = case.state.get("classification") or {}
    hit = classification.get("impact", {}).get("services") or []
    said = (alert_of(case.state).service, *hit, case.context.world.name)
    known = names_of(case.context)
    return component_name(next((name for name in said if publishable(name, known)), None))


def _facts(case: Case, status: Status, next_update: datetime | None) -> Json:
    state = case.state
    facts = {
        **common_facts(case),
        "status": status.value,
        "service": service_of(case),
        "cause": dump(diagnosis_of(state).cause),
        "plan": state.get("plan"),
        "outcome": state.get("outcome"),
        "actions": case.context.vault.masked(state.get("actions", [])),
        "impact": (state.get("classification") or {}).get("impact", {}),
        "next_update": next_update.strftime(MOMENT) if next_update else None,
        "current_action": status.meaning,
    }
    return with_known_names(facts, names_of(case.context))


async def _cited(case: Case, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Of the ids that a text cites, those that exist."""
    known = {e.id for e in await case.context.records.evidence(case.incident, ids)}
    return tuple(e for e in ids if e in known)


async def _publish(case: Case, kind: EffectKind, *, agent: str, text: str, told: str, data: Json, key: str) -> None:
    """Send once and record; what could not be delivered is recorded as such."""
    title = case.context.library.agent(agent).title
    event = case.event(EventKind.PUBLISHED, title, told, {**data, "text": text}, key=key)
    what = {"text": text}
    await deliver(case.context, Effect(incident=case.incident, key=key, kind=kind, at=case.now, what=what, event=event))


async def status_update(case: Case, number: int, status: Status, next_update: datetime | None) -> StatusUpdate:
    """Compose, publish and record one status page update; in our own words when its agent is absent."""
    library = case.context.library
    agent = library.runbook.roles.communicator
    facts = _facts(case, status, next_update)
    done = await ask(case, agent, "status_update", StatusText, facts, free=True, suffix=f".s{number}", quiet=True)
    own = own_status(facts)
    text = done.answer or own
    mine = (own.impact, own.current_action)
    impact, action = await let_out(case, agent, facts, (text.impact, text.current_action), mine, f"status:{number}")
    update = StatusUpdate(
        number=number,
        at=case.now,
        service=service_of(case),
        status=status,
        impact=impact,
        current_action=action,
        next_update=next_update,
        evidence=await _cited(case, text.evidence),
    )
    holes = {
        "timestamp": case.now.strftime(MOMENT),
        "service": update.service,
        "status": status.value,
        "impact": update.impact,
        "current_action": update.current_action,
        "next_update": facts["next_update"],
    }
    body = library.template("status_update", holes)
    told, data = f"status update {number}: {status.value}", {"status_update": dump(update), "outcome": case.state.get("outcome")}
    await _publish(case, EffectKind.STATUS, agent=agent, text=body, told=told, data=data, key=f"status:{number}")
    return update


async def executive_brief(
    case: Case, number: int, status: Status, next_update: datetime | None, rule: str | None = None
) -> ExecutiveBrief:
    """Compose, send and record one brief to the stakeholders; in our own words when its agent is absent.

    `rule`: the row of the escalation matrix that asks for it, where it is not the cadence.
    """
    library = case.context.library
    agent = library.runbook.roles.executive
    facts = _facts(case, status, next_update)
    done = await ask(case, agent, "executive_brief", BriefText, facts, free=True, suffix=f".b{number}", quiet=True)
    own = own_brief(facts)
    text = done.answer or own
    mine = own.model_dump(exclude={"evidence"})
    lines = text.model_dump(exclude={"evidence"})
    passed = await let_out(case, agent, facts, tuple(lines.values()), tuple(mine.values()), f"brief:{number}")
    if sum(len(line.split()) for line in passed) > BRIEF_WORDS:
        passed = tuple(mine.values())
    said = dict(zip(lines, passed, strict=True))
    evidence = await _cited(case, text.evidence)
    brief = ExecutiveBrief(number=number, at=case.now, next_update=next_update, evidence=evidence, **said)
    holes = {"timestamp": case.now.strftime(MOMENT), "next_update": facts["next_update"], **said}
    body = library.template("executive_brief", holes)
    told, data = f"executive brief {number}: {status.value}", {"brief": dump(brief), "status": status.value, "rule": rule}
    await _publish(case, EffectKind.BRIEF, agent=agent, text=body, told=told, data=data, key=f"brief:{rule or number}")
    return brief
