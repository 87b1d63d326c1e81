"""Runbook: `graphs/incident.yaml` as types, and the pure decisions that its tables give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from nexus.incident.action import Risk
from nexus.incident.base import Word
from nexus.incident.cause import Cause
from nexus.incident.severity import Severity

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, str) and value[:-1].isdigit() and value[-1:] in _UNITS:
        return timedelta(seconds=int(value[:-1]) * _UNITS[value[-1]])
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a duration like 30s, 15m, 2h or 2d")


Duration = Annotated[timedelta, BeforeValidator(_duration)]

RELEVANT_DEVELOPER = "relevant-developer"
"""Stands for frontend-developer or backend-architect, whichever owns the component."""


class Level(Word):
    """One row of the severity table."""

    definition: str
    examples: tuple[str, ...]
    respond_within: Duration | None = Field(description="None: next sprint")


class RubricRule(Word):
    """Sets the floor when every named signal has one of the listed values; the first rule that matches wins."""

    floor: Severity
    when: dict[str, tuple[str, ...]]
    because: str


class Member(Word):
    """One agent of a response team."""

    agent: str
    role: str
    action: str = ""


class CheckSpec(Word):
    """One check of step 2, done by one tool."""

    id: str
    text: str
    tool: str
    arguments: dict[str, str] = Field(
        default_factory=dict, description="values may be $component (the alert's service) or $suspect (the best suspect so far)"
    )


class Investigator(Word):
    """Who investigates, at which severities, with which checks in order."""

    agent: str
    severities: tuple[Severity, ...]
    checks: tuple[CheckSpec, ...]


class BranchStep(Word):
    """One arrow of the decision tree. role: prepare before approval, act changes something, the others do not."""

    agent: str
    role: Literal["prepare", "act", "support", "verify", "inform", "monitor"]
    text: str


class Branch(Word):
    """What is done when the cause is of that kind."""

    cause: Cause
    actions: tuple[str, ...] = Field(description="kinds of action that this branch may take, preferred first")
    steps: tuple[BranchStep, ...]


class Verifier(Word):
    """One of step 4's three."""

    agent: str
    when: Literal["always", "api"]
    checks: tuple[CheckSpec, ...]


class EscalationRule(Word):
    """One row of the escalation matrix."""

    id: str
    condition: str
    severity: Severity | None = None
    unresolved_for: Duration | None = None
    signal: Literal["breach_suspected", "user_data_affected", "revenue_over_threshold"] | None = None
    to: tuple[str, ...]
    action: str


class Clocks(Word):
    """Every duration the runbook or design sets."""

    status_every: Duration
    brief_every: Duration
    watch_for: Duration
    watch_every: Duration
    approval_expires: Duration
    question_expires: Duration
    external_check_every: Duration
    external_limit: Duration
    investigator_timeout: Duration
    post_mortem_within: Duration
    look_back: Duration
    widen_by: Duration


class Limits(Word):
    """How often before people take over."""

    attempts: int = Field(ge=1)
    rounds: int = Field(ge=1)
    blast_radius: int = Field(ge=1, description="components one action may touch")
    revenue_per_hour: float = Field(ge=0, description="USD an hour; above it Finance Tracker and Studio Producer come in")


class Section(Word):
    """One section of the post-mortem with its questions."""

    id: Literal["timeline", "root_cause", "impact", "prevention", "action_items"]
    title: str
    questions: tuple[str, ...]


class Roles(Word):
    """Who does what outside the tables."""

    commander: str
    communicator: str
    executive: str
    post_mortem: str
    prioritizer: str
    frontend_developer: str
    backend_developer: str
    hand_over_to: tuple[str, ...] = Field(description="people, not agents")


class Runbook(Word):
    """The whole of incident.yaml."""

    levels: dict[Severity, Level]
    rubric: tuple[RubricRule, ...]
    teams: dict[Severity, tuple[Member, ...]]
    investigators: tuple[Investigator, ...]
    branches: tuple[Branch, ...]
    verifiers: tuple[Verifier, ...]
    escalations: tuple[EscalationRule, ...]
    approvals: dict[Literal["low", "medium", "high"], Literal["auto", "ask"]]
    clocks: Clocks
    limits: Limits
    roles: Roles
    post_mortem: tuple[Section, ...]
    templates: dict[Literal["status_update", "executive_brief"], str]

    def asks(self, risk: Risk) -> Literal["auto", "ask"]:
        """Whether a person is asked before an action of that risk; always, when the table does not say."""
        return {Risk(name): answer for name, answer in self.approvals.items()}.get(risk, "ask")


def floor_for(runbook: Runbook, signals: Mapping[str, str]) -> tuple[Severity, str]:
    """The severity below which nobody may classify, and why."""
    for rule in runbook.rubric:
        if all(signals.get(name, "unknown") in values for name, values in rule.when.items()):
            return rule.floor, rule.because
    return Severity.P3, "no row of the rubric matches"


def developer_for(runbook: Runbook, frontend: bool) -> str:
    """The Relevant Developer: by the component's side, not by an agent's wish."""
    return runbook.roles.frontend_developer if frontend else runbook.roles.backend_developer


def team_for(runbook: Runbook, severity: Severity, frontend: bool) -> tuple[Member, ...]:
    """The response team; the commander leads at every severity but P3."""
    members = tuple(
        m.model_copy(update={"agent": developer_for(runbook, frontend)}) if m.agent == RELEVANT_DEVELOPER else m
        for m in runbook.teams[severity]
    )
    commander = runbook.roles.commander
    if severity is Severity.P3 or any(m.agent == commander for m in members):
        return members
    return (Member(agent=commander, role="Incident commander"), *members)


def investigators_for(runbook: Runbook, severity: Severity, frontend: bool) -> tuple[Investigator, ...]:
    """Who investigates in parallel; the Relevant Developer joins unless there already."""
    chosen: dict[str, Investigator] = {}
    for spec in runbook.investigators:
        if severity not in spec.severities:
            continue
        found = spec
        if spec.agent == RELEVANT_DEVELOPER:
            agent = developer_for(runbook, frontend)
            own = next((i for i in runbook.investigators if i.agent == agent), None)
            found = spec.model_copy(update={"agent": agent, "checks": own.checks if own else spec.checks})
        chosen.setdefault(found.agent, found)
    return tuple(chosen.values())


def investigating_agents(runbook: Runbook) -> tuple[str, ...]:
    """Everybody who may ever investigate: one node each."""
    names = dict.fromkeys(spec.agent for spec in runbook.investigators)
    names.pop(RELEVANT_DEVELOPER, None)
    return tuple(dict.fromkeys((*names, runbook.roles.backend_developer, runbook.roles.frontend_developer)))


def branch_for(runbook: Runbook, cause: Cause) -> Branch | None:
    """The branch of the decision tree; None for an unknown cause, which has none."""
    return next((b for b in runbook.branches if b.cause is cause), None)


def verifiers_for(runbook: Runbook, api_related: bool) -> tuple[Verifier, ...]:
    """Who verifies in parallel."""
    return tuple(v for v in runbook.verifiers if v.when == "always" or api_related)


def escalations_due(
    runbook: Runbook, severity: Severity, open_for: timedelta, *, signals: frozenset[str], done: frozenset[str], resolved: bool
) -> tuple[EscalationRule, ...]:
    """Rows of the matrix that hold now and were not acted on; none once resolved."""
    if resolved:
        return ()
    return tuple(
        rule
        for rule in runbook.escalations
        if rule.id not in done
        and (rule.severity is None or rule.severity is severity)
        and (rule.unresolved_for is None or open_for >= rule.unresolved_for)
        and (rule.signal is None or rule.signal in signals)
    )
