"""Handing over and asking: the question to people when the evidence does not say, the hand-over, and the escalation matrix."""

from __future__ import annotations

from collections.abc import Collection

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from nexus.asking import ask
from nexus.bulletins import cause_text, component_name
from nexus.casework import Case, common_facts, names_of, open_case, wait_until
from nexus.delivery import deliver
from nexus.gate import let_out
from nexus.incident import (
    ActionResult,
    Cause,
    CauseStatus,
    Diagnosis,
    Effect,
    EffectKind,
    EffectState,
    Escalation,
    EventKind,
    Outcome,
    RootCause,
    Status,
)
from nexus.outgoing import publishable, with_known_names
from nexus.responder.answers import Proposal
from nexus.responder.rules.inform import own_proposal
from nexus.runbook import EscalationRule
from nexus.state import Context, Json, State, actions_of, diagnosis_of, dump, iso, now_of

NO_PROPOSAL = "no proposal: no answer was given"


async def ask_people(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """The evidence does not say: a person may name the cause; silence until the deadline hands the incident over."""
    context = runtime.context
    asked = now_of(state)
    deadline = asked + context.library.runbook.clocks.question_expires
    names = names_of(context)
    suspects = [s.component for s in diagnosis_of(state).suspects if publishable(s.component, names)]
    reply = interrupt(
        {
            "kind": "question",
            "text": "The evidence does not say what the cause is. Name cause and component, or hand over.",
            "choices": [c.value for c in Cause if c is not Cause.UNKNOWN] + ["hand_over"],
            "suspects": suspects,
            "asked_at": iso(asked),
            "deadline": iso(deadline),
        }
    )
    now = max(asked, now_of(State(now=reply["now"])))
    case = open_case(state, config, context, now)
    choice = str(reply.get("choice", "hand_over"))
    by = str(reply.get("by", "nobody"))
    if choice not in set(Cause) or not reply.get("component"):
        await case.record(EventKind.ANSWERED, by, "no cause was named: handing over", {"choice": choice})
        return State(answer={"choice": "hand_over", "by": by}, now=iso(now))
    await case.record(EventKind.ANSWERED, by, f"cause named: {choice} in {reply['component']}", {"choice": choice})
    cause = RootCause(
        cause=Cause(choice),
        component=str(reply["component"]),
        status=CauseStatus.LIKELY,
        confidence=0.5,
        statement=f"named by {by}: {choice} in {reply['component']}",
        evidence=tuple(e for s in diagnosis_of(state).suspects if s.component == reply["component"] for e in s.evidence),
    )
    await case.record(EventKind.STATUS, by, "status: Identified", {"status": "Identified"})
    return State(
        answer={"choice": choice, "by": by},
        diagnosis=dump(diagnosis_of(state).model_copy(update={"cause": cause})),
        status=Status.IDENTIFIED.value,
        status_since=iso(now),
        now=iso(now),
    )


def hand_over_text(state: State, diagnosis: Diagnosis, names: Collection[str]) -> str:
    """What a person who takes over needs first, in our own words; `names` are the components that are known."""

    def known(name: str | None) -> str:
        return component_name(name if publishable(name, names) else None)

    cause = diagnosis.cause.model_copy(update={"component": known(diagnosis.cause.component)})
    tried = [f"attempt {a.attempt}: {a.action.kind.value} {known(a.action.target)}: {a.result.value}" for a in actions_of(state)]
    suspects = dict.fromkeys(known(s.component) for s in diagnosis.suspects[:5])
    lines = [
        f"{state['incident']} needs people.",
        f"Cause: {cause_text(cause)}",
        "Suspects: " + (", ".join(suspects) or "none"),
        "Tried: " + ("; ".join(tried) or "nothing"),
        *(
            f"To find out: what became of attempt {a.attempt}, {a.action.kind.value} {known(a.action.target)}"
            + (f" ({a.owner}, by {a.deadline:%Y-%m-%d %H:%M} UTC)" if a.owner and a.deadline else "")
            for a in actions_of(state)
            if a.result is ActionResult.UNKNOWN
        ),
        "Ruled out: " + (", ".join(diagnosis.ruled_out[:8]) or "nothing"),
        f"Its evidence and reasons: nexus show {state['incident']}",
    ]
    return "\n".join(lines)


async def hand_over(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Give the incident to people, with everything known."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    people = list(context.library.runbook.roles.hand_over_to)
    text = hand_over_text(state, diagnosis_of(state), names_of(context))
    for person in people:
        what = {"to": person, "text": text}
        key = f"hand-over:{person}"
        sent = await deliver(context, Effect(incident=case.incident, key=key, kind=EffectKind.NOTICE, at=case.now, what=what))
        if sent.state is EffectState.FAILED:
            why = f"{person} could not be told: {sent.result['why']}"
            await case.record(EventKind.REFUSED, "NEXUS", why, {}, key=person)
    data = {"outcome": Outcome.HANDED_OVER.value, "to": people, "text": text}
    await case.record(EventKind.CLOSED, "NEXUS", f"handed over unresolved to {', '.join(people)}", data)
    return State(outcome=Outcome.HANDED_OVER.value, handed_over_to=people, ended_at=iso(case.now), now=iso(case.now))


async def escalate(case: Case, rule: EscalationRule) -> list[Escalation]:
    """Bring in the matrix row's agents, each with its proposal; an agent that fails is still recorded as called."""
    escalations: list[Escalation] = []
    diagnosis = diagnosis_of(case.state)
    facts: Json = {
        **common_facts(case),
        "rule": rule.id,
        "condition": rule.condition,
        "asked": rule.action,
        "cause": dump(diagnosis.cause),
        "status": case.state.get("status"),
        "actions": case.context.vault.masked(case.state.get("actions", [])),
        "opened_at": case.state["opened_at"],
    }
    facts = with_known_names(facts, names_of(case.context))
    for agent in rule.to:
        key = f"escalation:{rule.id}:{agent}"
        if await case.context.records.outbox.effect(case.incident, key) is not None:
            continue  # called before an interruption
        title = case.context.library.agent(agent).title
        done = await ask(case, agent, "escalate", Proposal, facts, free=True, suffix=f".{rule.id}")
        given = done.answer or Proposal(proposal=NO_PROPOSAL)
        proposal = given.proposal
        if done.answer is not None:
            own = (own_proposal(agent, facts).proposal,)
            (proposal,) = await let_out(case, agent, facts, (proposal,), own, f"escalation:{rule.id}:{agent}")
        escalation = Escalation(
            rule=rule.id,
            condition=rule.condition,
            to=title,
            at=case.now,
            asked=rule.action,
            proposal=proposal,
            evidence=tuple(e for e in given.evidence if e in done.known),
        )
        text = f"{rule.condition}: {rule.action}. {proposal}"
        event = case.event(EventKind.ESCALATED, title, text, {"escalation": dump(escalation)}, key=key)
        what = {"to": title, "text": text}
        notice = Effect(incident=case.incident, key=key, kind=EffectKind.NOTICE, at=case.now, what=what, event=event)
        await deliver(case.context, notice)
        escalations.append(escalation)
    return escalations
