"""State: what flows between steps, JSON all the way down; and Context: what a run is given."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from nexus.incident import (
    Absence,
    ActionRecord,
    Alert,
    Classification,
    Diagnosis,
    Event,
    Finding,
    Outcome,
    Plan,
    Severity,
    Status,
    Verification,
    Word,
)
from nexus.library import Library
from nexus.masking import Vault
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.timeline import Standing
from nexus.world import World

Json: TypeAlias = dict[str, Any]


def later(left: str, right: str) -> str:
    """Of two moments the later one: parallel agents end at different times, the step ends with the last."""
    if not left or not right:
        return left or right
    return max(left, right, key=datetime.fromisoformat)


class State(TypedDict, total=False):
    """Evidence is here by id only; its values are in the records."""

    incident: str
    opened_at: str
    alert: Json
    now: Annotated[str, later]
    ask_always: bool
    classification: Json
    team: list[str]
    status: str
    status_since: str
    limits: dict[str, int]
    round: int
    window_minutes: int
    assigned: list[str]
    findings: Annotated[list[Json], operator.add]
    absences: Annotated[list[Json], operator.add]
    diagnosis: Json
    attempt: int
    phase: Literal["fix", "restore"]
    plan: Json | None
    look_further: bool
    approvals: list[Json]
    rejected: list[str]
    untried: list[str]
    actions: list[Json]
    verifications: Annotated[list[Json], operator.add]
    verdict: Literal["passed", "partly", "failed"]
    watch_since: str | None
    watch_verdict: Literal["quiet", "done", "relapse"]
    external_verdict: Literal["down", "recovered", "limit"]
    answer: Json | None
    handed_over_to: list[str]
    post_mortem: Json
    backlog: list[Json]
    outcome: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a step may reach; nothing else is reached for.

    `vault`: the incident's secrets, in memory only. `heard` is told of each event that is new.
    """

    library: Library
    world: World
    responder: Responder
    records: Store
    vault: Vault = field(default_factory=Vault)
    heard: Callable[[Event], None] = field(default=lambda _: None)


def iso(moment: datetime) -> str:
    """A moment as state holds it."""
    return moment.astimezone(UTC).isoformat()


def now_of(state: State) -> datetime:
    """The incident's time as the last step left it."""
    return datetime.fromisoformat(state["now"])


def dump(word: Word) -> Json:
    """A word as state holds it."""
    return word.model_dump(mode="json")


def dumps(words: Iterable[Word]) -> list[Json]:
    """Words as state holds them."""
    return [dump(word) for word in words]


def alert_of(state: State) -> Alert:
    """The alert."""
    return Alert.model_validate(state["alert"])


def classification_of(state: State) -> Classification | None:
    """Triage's answer; None before triage."""
    value = state.get("classification")
    return Classification.model_validate(value) if value else None


def severity_of(state: State) -> Severity:
    """The severity; P0 until triage has said otherwise, so that nothing urgent waits."""
    classification = classification_of(state)
    return classification.severity if classification else Severity.P0


def diagnosis_of(state: State) -> Diagnosis:
    """The latest diagnosis; an empty one before correlation."""
    return Diagnosis.model_validate(state.get("diagnosis") or {})


def plan_of(state: State) -> Plan | None:
    """The current plan."""
    value = state.get("plan")
    return Plan.model_validate(value) if value else None


def actions_of(state: State) -> list[ActionRecord]:
    """Every action carried out so far, in order."""
    return [ActionRecord.model_validate(a) for a in state.get("actions", [])]


def verifications_of(state: State) -> list[Verification]:
    """Every verifier's judgement so far."""
    return [Verification.model_validate(v) for v in state.get("verifications", [])]


def findings_of(state: State) -> list[Finding]:
    """Every finding so far."""
    return [Finding.model_validate(f) for f in state.get("findings", [])]


def absences_of(state: State) -> list[Absence]:
    """Everybody who did not answer."""
    return [Absence.model_validate(a) for a in state.get("absences", [])]


def signals_of(state: State, threshold: float) -> frozenset[str]:
    """The conditions of the escalation matrix that hold whatever the time."""
    classification = classification_of(state)
    if classification is None:
        return frozenset()
    impact = classification.impact
    held = {
        "breach_suspected": bool(impact.breach_suspected),
        "user_data_affected": bool(impact.user_data_affected),
        "revenue_over_threshold": (impact.revenue_per_hour or 0.0) > threshold,
    }
    return frozenset(name for name, holds in held.items() if holds)


def standing_of(state: State, threshold: float) -> Standing:
    """The incident as its clocks see it."""
    classification = classification_of(state)
    status = state.get("status")
    since = state.get("status_since")
    outcome = state.get("outcome")
    return Standing(
        opened_at=datetime.fromisoformat(state["opened_at"]),
        severity=classification.severity if classification else None,
        status=Status(status) if status else None,
        since=datetime.fromisoformat(since) if since else None,
        signals=signals_of(state, threshold),
        outcome=Outcome(outcome) if outcome else None,
    )
