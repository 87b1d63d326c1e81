"""Step 2: who investigates, each in parallel with its checks, and the correlation of what they found."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.asking import ask
from nexus.casework import Case, open_case, wait_until
from nexus.gate import absent
from nexus.guards import cited, diagnosed, whole
from nexus.incident import CauseStatus, Diagnosis, EventKind, Finding, Status
from nexus.raising import taken_in
from nexus.responder.answers import Findings
from nexus.runbook import investigators_for
from nexus.state import (
    Context,
    State,
    absences_of,
    actions_of,
    alert_of,
    diagnosis_of,
    dump,
    dumps,
    findings_of,
    iso,
    now_of,
    severity_of,
    verifications_of,
)

INVESTIGATE = "investigate_"
"""Prefix of the investigators' node names: one node an agent."""


def node_of(agent: str) -> str:
    """`backend-architect` investigates in node `investigate_backend_architect`."""
    return INVESTIGATE + agent.replace("-", "_")


def agent_of(node: str) -> str:
    """The agent that a node belongs to."""
    return node.removeprefix(INVESTIGATE).replace("_", "-")


def suspect_is_frontend(context: Context, state: State) -> bool:
    """Whether the component in question, the diagnosed one or else the alert's, is the client's side."""
    component = diagnosis_of(state).cause.component or alert_of(state).service
    service = context.world.catalog.get(component)
    return service is not None and service.kind == "frontend"


async def assign(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Begin a round: choose the investigators; later rounds look further back. The wait lets people be told first."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    runbook = context.library.runbook
    worse = await taken_in(context, state)
    state = {**state, **worse}
    chosen = investigators_for(runbook, severity_of(state), suspect_is_frontend(context, state))
    number = state.get("round", 0) + 1
    widen = int(runbook.clocks.widen_by.total_seconds() // 60) if number > 1 else 0
    names = [context.library.agent(i.agent).title for i in chosen]
    await case.record(
        EventKind.STARTED,
        context.library.agent(runbook.roles.commander).title,
        f"investigation round {number}: {', '.join(names)}",
        {"agents": names, "round": number},
    )
    update = State(
        assigned=[i.agent for i in chosen], round=number, window_minutes=state.get("window_minutes", 60) + widen, plan=None
    )
    update.update(worse)
    if state.get("status") != Status.INVESTIGATING.value:
        update["status"] = Status.INVESTIGATING.value
        update["status_since"] = iso(case.now)
        await case.record(EventKind.STATUS, "NEXUS", "status: Investigating", {"status": "Investigating"})
    return update


async def investigate(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """One investigator's checks; the node's name says whose. A failure here is this agent's absence and nobody else's."""
    context = runtime.context
    case = open_case(state, config, context)
    agent = agent_of(case.node)
    frontend = suspect_is_frontend(context, state)
    specs = investigators_for(context.library.runbook, severity_of(state), frontend)
    spec = next(s for s in specs if s.agent == agent)
    facts = {
        "checks": [c.model_dump(mode="json") for c in spec.checks],
        "round": state["round"],
        "window_minutes": state["window_minutes"],
        "ruled_out": sorted({r for f in findings_of(state) for r in f.ruled_out}),
    }
    done = await ask(case, agent, "investigate", Findings, facts)
    findings: list[Finding] = []
    if done.answer is not None:
        findings, struck = cited(done.answer.findings, {e.id for e in done.seen})
        await _record_findings(case, agent, findings, struck)
    return State(findings=dumps(findings), absences=absent(context, done), now=iso(done.ended))


async def _record_findings(case: Case, agent: str, findings: list[Finding], struck: list[str]) -> None:
    title = case.context.library.agent(agent).title
    for number, finding in enumerate(findings):
        await case.record(
            EventKind.FINDING, title, finding.claim, {"finding": dump(finding)}, key=f"{agent}-{number}", at=finding.at
        )
    if struck:
        await case.record(EventKind.STRUCK, title, f"struck, evidence does not exist: {', '.join(struck)}", {"struck": struck})


def earlier_attempts(state: State) -> list[dict[str, Any]]:
    """What was already done about which cause, and what became of it."""
    return [
        {"attempt": a.attempt, "action": dump(a.action), "digest": a.action.digest, "result": a.result.value, "detail": a.detail}
        for a in actions_of(state)
    ]


async def correlate(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """The commander weighs all findings into hypotheses and a root cause with its status."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    findings = findings_of(state)
    ids = sorted({e for f in findings for e in f.evidence})
    evidence = await context.records.evidence(case.incident, ids)
    facts = {
        "findings": dumps(findings),
        "absences": dumps(absences_of(state)),
        "round": state["round"],
        "rounds": context.library.runbook.limits.rounds,
        "evidence": dumps(whole(evidence)),
        "earlier_attempts": earlier_attempts(state),
        "verifications": dumps(verifications_of(state)),
    }
    done = await ask(case, context.library.runbook.roles.commander, "correlate", Diagnosis, facts)
    known = {e.id for e in evidence if not e.failed} | done.known
    answer, struck = diagnosed(done.answer or Diagnosis(), known)
    title = context.library.agent(context.library.runbook.roles.commander).title
    if struck:
        await case.record(EventKind.STRUCK, title, f"struck, evidence does not exist: {', '.join(struck)}", {"struck": struck})
    cause = answer.cause
    text = f"root cause {cause.status.value}: {cause.statement or 'the evidence does not say'}"
    await case.record(EventKind.DIAGNOSED, title, text, {"diagnosis": dump(answer)}, at=done.ended)
    update = State(diagnosis=dump(answer), now=iso(done.ended), rejected=[])
    if done.absence:
        update["absences"] = absent(context, done)
    if cause.status is not CauseStatus.INCONCLUSIVE:
        update["status"] = Status.IDENTIFIED.value
        update["status_since"] = iso(done.ended)
        await case.record(EventKind.STATUS, title, "status: Identified", {"status": "Identified"}, at=done.ended)
    return update
