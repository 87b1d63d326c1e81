"""Run: what one contender made of one scenario, whether that is as expected, and what it cost."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident import Action, ActionKind, ActionResult, Author, Cause, Incident, Outcome, Usage, Word
from nexus.incident.base import Explained
from nexus.runbook import Runbook, branch_for
from nexus.world.sandbox.scenario import Expectation

UNRESOLVED = "unresolved"
"""How a plain agent's incident ends that is not well after its change: people have it then."""
NO_ANSWER = "no answer"


class Contender(Explained):
    """Who handles the incident."""

    RULES = "rules", "the runbook's agents, answering by rules alone"
    LLM = "llm", "the runbook's agents, a model on top of the rules"
    PLAIN = "plain", "one agent with every tool and the same model, and no runbook around it"


class Right(Word):
    """Whether it is as the scenario expects; `cause` is the kind of cause with its component, None where neither is expected."""

    severity: bool
    cause: bool | None
    outcome: bool


class Made(Word):
    """A change that was made, or tried."""

    kind: ActionKind
    target: str
    arguments: dict[str, Any]
    result: ActionResult


class Run(Word):
    """One contender's handling of one scenario."""

    contender: Contender
    repetition: int = Field(description="from 1")
    severity: str | None
    cause: str
    component: str | None
    branch: str | None = Field(description="of the runbook, by the cause; None: the cause is unknown")
    actions: tuple[Made, ...]
    outcome: str = Field(description="an incident's outcome; of the plain agent also `unresolved` and `no answer`")
    right: Right
    why: str = Field(default="", description="why there is no answer, no change or no recovery, or why the rules first took over")
    usage: Usage = Usage()
    model_seconds: float = Field(default=0.0, description="waited for the model, summed over agents that work at once")
    seconds: float = Field(description="by the wall clock")
    claims: int = Field(default=0, description="sentences and choices that the model gave")
    struck: int = Field(default=0, description="of these, those that did not stand")
    by_model: int = Field(default=0, description="tasks that the model answered")
    by_rules: int = Field(default=0, description="tasks that the model was to answer and the rules took over")


def right_of(expect: Expectation, severity: str | None, cause: str, component: str | None, outcome: str) -> Right:
    """Against the expectation. `unresolved` stands for handed over: either way people have to go on."""
    judged = [
        found in expected for found, expected in ((cause, expect.cause), (component, expect.component)) if expected
    ]  # members of these enums equal their values
    ended = Outcome.HANDED_OVER.value if outcome == UNRESOLVED else outcome
    return Right(severity=severity in expect.severity, cause=all(judged) if judged else None, outcome=ended in expect.outcome)


def branch_of(runbook: Runbook, cause: str) -> str | None:
    """The branch of the decision tree that such a cause leads to."""
    branch = branch_for(runbook, Cause(cause))
    return branch.cause.value if branch else None


def made(action: Action, result: ActionResult) -> Made:
    """What was done, and what became of it."""
    return Made(kind=action.kind, target=action.target, arguments=action.arguments, result=result)


def run_of(incident: Incident, expect: Expectation, runbook: Runbook, contender: Contender, **measured: float) -> Run:
    """An incident that the runbook's agents handled. `measured`: its `repetition` and its `seconds`."""
    severity = incident.severity.value if incident.severity else None
    cause, outcome = incident.cause, incident.outcome.value
    signed = incident.authorship
    return Run(
        contender=contender,
        repetition=int(measured["repetition"]),
        severity=severity,
        cause=cause.cause.value,
        component=cause.component,
        branch=branch_of(runbook, cause.cause.value),
        actions=tuple(made(a.action, a.result) for a in incident.actions),
        outcome=outcome,
        right=right_of(expect, severity, cause.cause.value, cause.component, outcome),
        why=next((a.why for a in signed if a.why), ""),
        usage=incident.usage,
        model_seconds=round(sum(a.seconds for a in signed), 3),
        seconds=round(measured["seconds"], 3),
        claims=sum(a.claims for a in signed),
        struck=sum(len(a.struck) for a in signed),
        by_model=sum(a.by is Author.MODEL for a in signed),
        by_rules=sum(a.by is Author.RULES for a in signed),
    )
