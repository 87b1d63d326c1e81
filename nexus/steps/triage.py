"""Step 1: acknowledge, assess scope and impact, classify, activate the team, create the channel; false alarms end here."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.asking import Done, ask
from nexus.bulletins import component_name, situation_text
from nexus.casework import Case, names_of, open_case
from nexus.delivery import deliver
from nexus.gate import absent
from nexus.guards import classified, measured, unaided
from nexus.incident import Classification, Effect, EffectKind, EffectState, EventKind, Outcome, Severity, Status
from nexus.outgoing import publishable
from nexus.runbook import team_for
from nexus.state import Context, State, alert_of, classification_of, diagnosis_of, dump, iso


def is_frontend(context: Context, component: str | None) -> bool:
    """Whether that component is the client's side, so that its developer is the Frontend Developer."""
    service = context.world.catalog.get(component)
    return service is not None and service.kind == "frontend"


async def triage(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Classify, name the team, open the channel. Its looks count as the alert's first minute and take no simulated time."""
    context = runtime.context
    case = open_case(state, config, context)
    runbook = context.library.runbook
    alert = alert_of(state)
    title = context.library.agent(runbook.roles.commander).title
    await case.record(EventKind.OPENED, title, f"alert acknowledged: {alert.title}", {"alert": state["alert"]})
    done: Done[Classification] = await ask(case, runbook.roles.commander, "triage", Classification, {}, free=True)
    signals = measured(done.seen, alert.level)
    answer = classified(done.answer, runbook, done.known, signals) if done.answer else unaided(alert.level, runbook)
    team = await _activate(case, answer)
    text = f"{answer.severity.value}: {answer.rationale}" if not answer.false_alarm else f"false alarm: {answer.rationale}"
    await case.record(
        EventKind.CLASSIFIED, title, text, {"severity": answer.severity.value, "team": team, "classification": dump(answer)}
    )
    update = State(
        classification=dump(answer),
        team=team,
        now=iso(done.ended),
        limits={"attempts": runbook.limits.attempts, "rounds": runbook.limits.rounds},
        round=0,
        attempt=0,
        phase="fix",
        window_minutes=int(runbook.clocks.look_back.total_seconds() // 60),
        absences=absent(context, done),
    )
    if not answer.false_alarm and answer.severity is not Severity.P3:
        update["status"] = Status.INVESTIGATING.value
        update["status_since"] = iso(done.ended)
        await case.record(EventKind.STATUS, title, "status: Investigating", {"status": "Investigating"})
    return update


async def _activate(case: Case, answer: Classification) -> list[str]:
    """Name the response team and open its channel; a channel that cannot be opened is recorded and does not stop anything."""
    context = case.context
    library = context.library
    members = team_for(library.runbook, answer.severity, is_frontend(context, alert_of(case.state).service))
    team = [library.agent(m.agent).title for m in members]
    if answer.false_alarm:
        return team
    hit = [alert_of(case.state).service, *answer.impact.services]
    service = next((s for s in hit if publishable(s, names_of(context))), None)
    title = f"{answer.severity.value}: {situation_text(Status.INVESTIGATING, answer, component_name(service))}"
    effect = Effect(incident=case.incident, key="channel", kind=EffectKind.CHANNEL, at=case.now, what={"title": title})
    sent = await deliver(context, effect)
    if sent.state is EffectState.FAILED:
        why = f"no channel could be opened: {sent.result['why']}"
        await case.record(EventKind.CHANNEL, "NEXUS", why, {"failed": True})
    else:
        name = sent.result["name"]
        await case.record(EventKind.CHANNEL, "NEXUS", f"channel {name} opened; team: {', '.join(team)}", {"channel": name})
    return team


async def close_false_alarm(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """End without action, and say why."""
    case = open_case(state, config, runtime.context)
    classification = classification_of(state)
    diagnosis = diagnosis_of(state)
    why = diagnosis.cause.statement if diagnosis.nothing_wrong else (classification.rationale if classification else "")
    await case.record(EventKind.CLOSED, "NEXUS", f"false alarm, no action taken: {why}", {"outcome": Outcome.FALSE_ALARM.value})
    update = State(outcome=Outcome.FALSE_ALARM.value, ended_at=iso(case.now))
    if state.get("status"):
        update["status"] = Status.RESOLVED.value
        update["status_since"] = iso(case.now)
    return update
