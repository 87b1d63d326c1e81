"""Step 5: the post-mortem and its way into the backlog."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.asking import ask
from nexus.bulletins import component_name
from nexus.casework import Case, common_facts, names_of, open_case, wait_until
from nexus.delivery import deliver
from nexus.gate import absent
from nexus.guards import grounded
from nexus.incident import BacklogItem, Effect, EffectKind, EffectState, EventKind, Outcome, PostMortem, Severity
from nexus.outgoing import outgoing_ground, unworkable
from nexus.raising import taken_in
from nexus.responder.answers import Ranking
from nexus.responder.rules.prevention import CAUGHT
from nexus.state import Context, Json, State, alert_of, classification_of, diagnosis_of, dump, dumps, findings_of, iso, now_of

NOBODY = "product team"
"""Who owns what nobody who is known owns."""


async def post_mortem(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Workflow Optimizer writes the five sections from the record alone."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    runbook = context.library.runbook
    worse = await taken_in(context, state)
    state = {**state, **worse}
    events = await context.records.events(case.incident)
    facts = {
        "timeline": [e.model_dump(mode="json", exclude={"data", "incident", "key", "wording"}) for e in events],
        "cause": dump(diagnosis_of(state).cause),
        "hypotheses": dumps(diagnosis_of(state).hypotheses),
        "findings": dumps(findings_of(state)),
        "actions": context.vault.masked(state.get("actions", [])),
        "verification": state.get("verifications", []),
        "impact": (state.get("classification") or {}).get("impact", {}),
        "sections": [s.model_dump(mode="json") for s in runbook.post_mortem],
        "opened_at": state["opened_at"],
        "resolved_at": state.get("status_since"),
        "absences": state.get("absences", []),
        "team": state.get("team", []),
        "owners": _owners(case),
    }
    done = await ask(case, runbook.roles.post_mortem, "post_mortem", PostMortem, facts)
    title = context.library.agent(runbook.roles.post_mortem).title
    if done.answer is None:
        return State(**worse, absences=absent(context, done), now=iso(done.ended))
    known = {e.id for e in await context.records.evidence(case.incident)}
    report, struck = grounded(done.answer, known)
    if struck:
        await case.record(EventKind.STRUCK, title, f"struck, evidence does not exist: {', '.join(struck)}", {"struck": struck})
    text = f"post-mortem written with {len(report.action_items)} action items"
    await case.record(EventKind.POST_MORTEM, title, text, {"post_mortem": dump(report)}, at=done.ended)
    return State(**worse, post_mortem=dump(report), now=iso(done.ended))


def _owners(case: Case) -> dict[str, str]:
    """Component to owner, for those that the incident touched."""
    classification = classification_of(case.state)
    names = {
        diagnosis_of(case.state).cause.component,
        alert_of(case.state).service,
        *(classification.impact.services if classification else ()),
    }
    return {s.name: s.owner for s in case.context.world.catalog if s.name in names}


async def _let_out(case: Case, facts: Json, items: tuple[BacklogItem, ...]) -> tuple[BacklogItem, ...]:
    """The items as a tracker may have them: under a title of ours, and owned by whom we know, where their own may not go out."""
    own = [text for texts in CAUGHT.values() for text in texts]
    cause = diagnosis_of(case.state).cause
    about = {**common_facts(case), **facts, "cause": dump(cause), "actions": case.state.get("actions", [])}
    own += [text.format(c=component_name(cause.component)) for text in own]
    evidence = await case.context.records.evidence(case.incident)
    ground = outgoing_ground(about, evidence, names_of(case.context), own)
    titles = {agent.title for agent in case.context.library.agents.values()}
    told: list[BacklogItem] = []
    for item in items:
        wrong = unworkable(item.title, ground)
        if wrong:
            text = f"struck before it went out: {wrong}"
            await case.record(EventKind.STRUCK, "NEXUS", text, {"struck": [wrong]}, key=item.key)
        title = f"{item.kind.capitalize()}: item {item.rank} of {item.incident}, see its record" if wrong else item.title
        owner = item.owner if item.owner in titles or component_name(item.owner) == item.owner else NOBODY
        told.append(item.model_copy(update={"title": title, "owner": owner}))
    return tuple(told)


async def backlog(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Sprint Prioritizer ranks the action items, or a low-severity alert itself, into the backlog; adding twice adds once."""
    context = runtime.context
    case = open_case(state, config, context)
    runbook = context.library.runbook
    classification = classification_of(state)
    severity = classification.severity if classification else Severity.P3
    report = state.get("post_mortem")
    facts = {"action_items": report["action_items"] if report else [], "owners": _owners(case), "opened_at": state["opened_at"]}
    done = await ask(case, runbook.roles.prioritizer, "backlog", Ranking, facts)
    items = await _let_out(case, facts, done.answer.items if done.answer else ())
    title = context.library.agent(runbook.roles.prioritizer).title
    what = {"items": dumps(items)}
    sent = await deliver(
        context, Effect(incident=case.incident, key="backlog", kind=EffectKind.BACKLOG, at=done.ended, what=what)
    )
    text = f"{len(items)} items ranked into the backlog, {sent.result.get('new', 0)} of them new"
    if sent.state is EffectState.FAILED:
        text = f"the backlog could not be reached, its items are in backlog.jsonl: {sent.result['why']}"
    await case.record(EventKind.BACKLOG, title, text, {"items": dumps(items)}, at=done.ended)
    outcome = Outcome.RESOLVED if report or severity is not Severity.P3 else Outcome.BACKLOGGED
    await case.record(EventKind.CLOSED, "NEXUS", f"incident ended: {outcome.value}", {"outcome": outcome.value}, at=done.ended)
    return State(
        backlog=dumps(items),
        absences=absent(context, done),
        outcome=outcome.value,
        ended_at=iso(done.ended),
        now=iso(done.ended),
    )
