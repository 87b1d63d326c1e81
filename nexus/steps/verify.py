"""Step 4: verifiers in parallel, the judgement over them, the wait for the other side, and the 30-minute watch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.asking import Done, ask
from nexus.casework import Case, open_case, wait_until
from nexus.gate import absent
from nexus.guards import whole
from nexus.incident import (
    ActionKind,
    ActionResult,
    CheckResult,
    EventKind,
    Status,
    Verification,
)
from nexus.runbook import Verifier, verifiers_for
from nexus.state import (
    Context,
    State,
    actions_of,
    alert_of,
    classification_of,
    diagnosis_of,
    dump,
    iso,
    now_of,
    plan_of,
    verifications_of,
)

VERIFY = "verify_"
"""Prefix of the verifiers' node names: one node an agent."""

Judgement = Literal["passed", "partly", "failed"]


def node_of(agent: str) -> str:
    """`api-tester` verifies in node `verify_api_tester`."""
    return VERIFY + agent.replace("-", "_")


def agent_of(node: str) -> str:
    """The agent that a node belongs to."""
    return node.removeprefix(VERIFY).replace("_", "-")


NEEDS = {
    "screenshot": "browser",
    "regress_endpoints": "endpoints",
    "infrastructure_state": "infrastructure",
    "picture_metrics": "metrics",
}
"""Looks that a world without that capability cannot offer, ever: their checks are left out. One that is down still counts."""


def possible(tool: str, context: Context) -> bool:
    """Whether this world could ever answer that tool."""
    needed = NEEDS.get(tool)
    return needed is None or getattr(context.world, needed) is not None


def chosen_verifiers(state: State, context: Context) -> tuple[Verifier, ...]:
    """Who verifies: API Tester when a component with endpoints was hit."""
    classification = classification_of(state)
    hit = set(classification.impact.services if classification else ()) | {
        diagnosis_of(state).cause.component,
        alert_of(state).service,
    }
    api = context.world.endpoints is not None and any(s.endpoints for s in context.world.catalog if s.name in hit)
    return verifiers_for(context.library.runbook, api)


async def begin_verification(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Wait until the change has settled, and name the verifiers."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state) + SETTLE))
    return State(assigned=[v.agent for v in chosen_verifiers(state, context)], now=iso(case.now))


SETTLE = timedelta(minutes=5)
"""How long a change is given to show: rates are read over the last five minutes."""


async def verify(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """One verifier's checks; the node's name says whose. A verifier that is absent has not passed."""
    context = runtime.context
    case = open_case(state, config, context)
    agent = agent_of(case.node)
    spec = next(v for v in context.library.runbook.verifiers if v.agent == agent)
    checks = [c.model_dump(mode="json") for c in spec.checks if possible(c.tool, context)]
    verification, done = await _verification(case, agent, checks)
    return State(verifications=[dump(verification)], absences=absent(context, done), now=iso(done.ended))


async def _verification(
    case: Case, agent: str, checks: list[dict[str, Any]], suffix: str = "", *, aloud: bool = True
) -> tuple[Verification, Done[Verification]]:
    state, context = case.state, case.context
    proposed = plan_of(state)
    facts = {
        "plan": dump(proposed) if proposed else None,
        "actions": [dump(a.action) for a in actions_of(state) if a.attempt == state["attempt"]],
        "checks": checks,
        "attempt": state["attempt"],
        "cause": dump(diagnosis_of(state).cause),
        "phase": state.get("phase", "fix"),
        "before": await _before(case),
    }
    done = await ask(case, agent, "verify", Verification, facts, suffix=suffix)
    title = context.library.agent(agent).title
    absent = CheckResult(check="answer", passed=None, detail=context.vault.mask(done.absence.reason) if done.absence else "")
    found = done.answer or Verification(agent=title, attempt=state["attempt"], passed=False, checks=(absent,), at=done.ended)
    passed = bool(found.checks) and all(c.passed is True and set(c.evidence) & done.known for c in found.checks)
    found = found.model_copy(update={"passed": passed})
    if aloud:
        failed = "; ".join(f"{c.check}: {c.detail}" for c in found.checks if c.passed is not True)
        text = "passed" if passed else f"not passed: {failed}"
        await case.record(EventKind.VERIFIED, title, text, {"verification": dump(found)}, key=agent + suffix, at=done.ended)
    return found, done


async def _before(case: Case) -> dict[str, Any]:
    """The last look of each tool before this attempt's first action: what was wrong already is no new damage."""
    begun = [a.started_at for a in actions_of(case.state) if a.attempt == case.state["attempt"]]
    if not begun:
        return {}
    evidence = await case.context.records.evidence(case.incident)
    return {e.tool: e.values for e in sorted(whole(evidence), key=lambda e: e.at) if not e.failed and e.at <= min(begun)}


def judgement(results: list[Verification], acted: bool, improved: bool) -> Judgement:
    """passed: everybody passed; partly: not everybody, but the change clearly helped and made nothing worse; else failed."""
    if not acted or not results:
        return "failed"
    if all(v.passed for v in results):
        return "passed"
    if improved and not any(v.worse for v in results):
        return "partly"
    return "failed"


async def judge(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """The judgement over all verifiers; the status becomes Monitoring when they all passed."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    current = [a for a in actions_of(state) if a.attempt == state["attempt"]]
    asked = set(state["assigned"])
    titles = {context.library.agent(a).title for a in asked}
    results = [v for v in verifications_of(state)[-len(asked) :] if v.agent in titles] if asked else []
    acted = bool(current) and all(a.result in (ActionResult.DONE, ActionResult.UNDONE) for a in current)
    improved = await _improved(case, results)
    verdict = judgement(results, acted, improved)
    commander = context.library.agent(context.library.runbook.roles.commander).title
    text = {
        "passed": "the fix is verified",
        "partly": "the fix helped and is kept, but something is still wrong: investigating further",
        "failed": "the fix did not help",
    }[verdict]
    await case.record(EventKind.VERIFIED, commander, text, {"verdict": verdict})
    update = State(verdict=verdict, now=iso(case.now))
    if verdict == "passed" and state.get("status") != Status.MONITORING.value:
        update["status"] = Status.MONITORING.value
        update["status_since"] = iso(case.now)
        await case.record(EventKind.STATUS, commander, "status: Monitoring", {"status": "Monitoring"})
    if verdict == "passed":
        update["watch_since"] = iso(case.now)
    if verdict == "partly":
        update["round"] = 0
    return update


IMPROVED_TO = 0.6
"""A health score that fell to this share of what it was before the action is a clear improvement."""


async def _improved(case: Case, results: list[Verification]) -> bool:
    """Whether the verifiers' own readings say that health is clearly better than before the action."""
    ids = [e for v in results for c in v.checks for e in c.evidence]
    evidence = await case.context.records.evidence(case.incident, ids) if ids else []
    readings = [e.values for e in evidence if e.tool == "recovery" and not e.failed]
    if not readings:
        return False
    component = diagnosis_of(case.state).cause.component
    return all(
        float(r["now_score"]) <= IMPROVED_TO * float(r["before_score"]) and not r["worse"] and component not in r["abnormal"]
        for r in readings
    )


async def await_external(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Look at the other side at intervals until it is well, or the limit for waiting is reached."""
    context = runtime.context
    clocks = context.library.runbook.clocks
    case = open_case(state, config, context, wait_until(now_of(state) + clocks.external_check_every))
    check = {"id": "external", "text": "Monitor for external recovery", "tool": "check_dependencies", "arguments": {}}
    agent = context.library.runbook.roles.commander
    found, done = await _verification(case, agent, [check], aloud=False)
    title = context.library.agent(agent).title
    await case.record(
        EventKind.WATCHED, title, "; ".join(c.detail for c in found.checks), {"recovered": found.passed}, at=done.ended
    )
    since = state.get("watch_since")
    began = now_of(State(now=since)) if since else case.now
    verdict: Literal["down", "recovered", "limit"] = "recovered" if found.passed else "down"
    if not found.passed and done.ended - began >= clocks.external_limit:
        verdict = "limit"
    return State(external_verdict=verdict, now=iso(done.ended))


async def watch(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """One look of the watch; trouble that is seen twice running is a relapse, a full quiet watch ends the incident well."""
    context = runtime.context
    clocks = context.library.runbook.clocks
    since = state.get("watch_since")
    began = now_of(State(now=since)) if since else now_of(state)
    ends = began + clocks.watch_for
    ticks = (now_of(state) - began) // clocks.watch_every + 1
    case = open_case(state, config, context, wait_until(min(began + ticks * clocks.watch_every, max(ends, now_of(state)))))
    title = context.library.agent(context.library.runbook.roles.commander).title
    quiet, at = await _quiet(case)
    if not quiet:
        await case.record(EventKind.RELAPSED, title, "the trouble came back during the watch", {}, at=at)
        return State(watch_verdict="relapse", watch_since=None, round=0, now=iso(at))
    minutes = int((case.now - began).total_seconds() // 60)
    await case.record(EventKind.WATCHED, title, f"minute {minutes} of the watch: all well", {}, at=at)
    if at < ends:
        return State(watch_verdict="quiet", now=iso(at))
    await case.record(EventKind.STATUS, title, "status: Resolved", {"status": "Resolved"}, at=at)
    return State(watch_verdict="done", status=Status.RESOLVED.value, status_since=iso(at), now=iso(at))


async def _quiet(case: Case) -> tuple[bool, Any]:
    """Look once; where something is seen, look again before calling it a relapse."""
    agent = case.context.library.runbook.roles.commander
    check = {"id": "watch", "text": "Monitor after the fix", "tool": "recovery", "arguments": {}}
    for attempt in ("", ".again"):
        found, done = await _verification(case, agent, [check], attempt, aloud=False)
        if not found.passed:
            title = case.context.library.agent(agent).title
            await case.record(
                EventKind.WATCHED, title, "; ".join(c.detail for c in found.checks), {}, key=attempt or "first", at=done.ended
            )
        if found.passed:
            return True, done.ended
        case = Case(case.context, case.state, case.node, case.step, done.ended)
    return False, done.ended


def holds_fallback(state: State) -> bool:
    """Whether this attempt left a fallback on."""
    return any(
        a.attempt == state["attempt"] and a.result is ActionResult.DONE and a.action.kind is ActionKind.FALLBACK
        for a in actions_of(state)
    )
