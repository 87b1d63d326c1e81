"""The whole engine on a world of one switch: releases that are good or bad, and a responder that a test scripts task by task."""

# ruff: noqa: ARG002 - the world's answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from world_in_hand import CATALOG, FIRED, Lines, Pipelines, Source, Tried

from nexus.asked import Answering, approve_all
from nexus.embedded import handle
from nexus.errors import ActionFailed
from nexus.incident import (
    Action,
    ActionKind,
    Alert,
    Cause,
    CauseStatus,
    CheckResult,
    Classification,
    Diagnosis,
    DryRun,
    Event,
    EventKind,
    Evidence,
    Finding,
    Impact,
    Incident,
    Plan,
    Risk,
    RootCause,
    Severity,
    Step,
    Verification,
    Word,
)
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.responder.answers import Findings, PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules import RulesResponder
from nexus.world import ServiceCatalog, World
from nexus.world.actions import Receipt
from nexus.world.clock import Clock, VirtualClock
from nexus.world.endpoints import ProbeResult
from nexus.world.simulated_people import SimulatedPeople

LIBRARY = Library.default()
LOOKS = {
    "infrastructure-maintainer": "list_changes",
    "devops-automator": "list_changes",
    "backend-architect": "search_logs",
    "frontend-developer": "search_logs",
    "evidence-collector": "regress_endpoints",
    "api-tester": "regress_endpoints",
}
"""A tool that each agent may use and that this world can answer."""

PAY = ProbeResult("checkout", "POST", "/pay", error_rate=0.0, latency_ms=90, normal_error_rate=0.0, normal_latency_ms=90)

Answer = TypeVar("Answer", bound=Word)
Rule = Callable[[Task, Desk], Awaitable[Any]]


@dataclass
class Releases:
    """The one switch: component to version. The shop is well while every component runs a good version."""

    running: dict[str, str] = field(default_factory=lambda: {"checkout": "1.1"})
    good: frozenset[str] = frozenset({"1.0"})
    broken: frozenset[str] = frozenset()
    before_apply: Callable[[Action], Awaitable[None]] | None = None
    log: list[str] = field(default_factory=list)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    took: timedelta = timedelta(minutes=2)

    @property
    def well(self) -> bool:
        return all(version in self.good for version in self.running.values())

    async def options(self, component: str, at: datetime) -> list[Action]:
        return []

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        touches = tuple(action.arguments.get("touches", (action.target,)))
        return DryRun(
            ok=action.arguments.get("to") != "nowhere",
            effect=f"{action.target} runs {action.arguments.get('to')}",
            touches=touches,
            before={action.target: self.running.get(action.target)},
        )

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        if key in self.receipts:
            return self.receipts[key]
        if self.before_apply is not None:
            await self.before_apply(action)
        if action.target in self.broken:
            self.log.append(f"failed {action}")
            raise ActionFailed(f"{action.target} does not take it", "try something else")
        self.log.append(str(action))
        self.running[action.target] = str(action.arguments["to"])
        self.receipts[key] = Receipt("4 of 4 instances", self.took)
        return self.receipts[key]

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        if key not in self.receipts:
            self.log.append(f"undo {undo}")
            self.running.update(undo)
            self.receipts[key] = Receipt("as it was", self.took)
        return self.receipts[key]

    async def find(self, key: str, at: datetime) -> Receipt | None:
        return self.receipts.get(key)

    async def state(self, at: datetime) -> dict[str, Any]:
        return dict(self.running)


def rollback(to: str = "1.0", /, target: str = "checkout", **more: Any) -> Action:
    """One change of the deployment branch."""
    action = Action(kind=ActionKind.ROLLBACK, target=target, arguments={"to": to}, risk=Risk.MEDIUM, reason="the release did it")
    return action.model_copy(update=more)


def a_plan(*actions: Action, attempt: int = 1, branch: str = "deployment") -> Plan:
    """A plan with a line for each action."""
    steps = tuple(Step(actor="DevOps Automator", role="act", text="Execute rollback", action=a) for a in actions)
    return Plan(branch=branch, attempt=attempt, steps=steps, rationale="the release did it")


def a_classification(level: Severity = Severity.P1, /, **more: Any) -> Classification:
    """What triage says; its signals set the floor that belongs to that severity."""
    availability = {Severity.P0: ("core", "down"), Severity.P1: ("major", "down"), Severity.P2: ("minor", "down")}
    feature, state = availability.get(level, ("cosmetic", "ok"))
    signals = {"security": "none", "telemetry": "full", "feature": feature, "availability": state, "now": "abnormal"}
    impact = Impact(
        services=("checkout",), users_affected=100, data_at_risk=False, user_data_affected=False, breach_suspected=False
    )
    said = Classification(severity=level, floor=level, impact=impact, signals=signals, rationale="checkout is down")
    return said.model_copy(update=more)


def a_cause(cause: Cause = Cause.DEPLOYMENT, evidence: tuple[str, ...] = (), **more: Any) -> RootCause:
    """A likely cause in checkout."""
    said = RootCause(
        cause=cause, component="checkout", status=CauseStatus.LIKELY, confidence=0.8, statement="release 1.1 of checkout fails",
        evidence=evidence, introduced_at=FIRED - timedelta(minutes=5),
    )  # fmt: skip
    return said.model_copy(update=more)


@dataclass
class Script:
    """A responder: `answers` by `task` or `task:agent`, else a good engineer's answers for one bad release."""

    shop: Releases
    severity: Severity = Severity.P1
    answers: Mapping[str, Rule] = field(default_factory=dict)
    plans: tuple[Action, ...] = (rollback(),)
    asked: list[tuple[str, str]] = field(default_factory=list)
    facts: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    name: str = "script"

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        self.asked.append((task.name, task.agent.name))
        self.facts.append((task.name, task.facts))
        rule = self.answers.get(f"{task.name}:{task.agent.name}") or self.answers.get(task.name) or self._rule(task.name)
        if rule is None:
            return await RulesResponder().respond(task, schema, desk)
        return cast("Answer", await rule(task, desk))

    def _rule(self, task: str) -> Rule | None:
        own: dict[str, Rule] = {
            "triage": self.triage,
            "investigate": self.investigate,
            "correlate": self.correlate,
            "plan": self.plan,
            "verify": self.verify,
        }
        return own.get(task)

    async def triage(self, task: Task, desk: Desk) -> Classification:
        seen = await desk.use("list_changes")
        return a_classification(self.severity, evidence=(seen.id,))

    async def investigate(self, task: Task, desk: Desk) -> Findings:
        seen = await desk.use(LOOKS[task.agent.name])
        return Findings(findings=(a_finding(task, desk, seen.id),))

    async def correlate(self, task: Task, desk: Desk) -> Diagnosis:
        ids = tuple(e["id"] for e in task.facts["evidence"])
        return Diagnosis(cause=a_cause(evidence=ids))

    async def plan(self, task: Task, desk: Desk) -> PlanAnswer:
        left = [a for a in self.plans if a.digest not in task.facts["excluded"]]
        if not left:
            return PlanAnswer(plan=None, why_none="everything was tried")
        return PlanAnswer(plan=a_plan(left[0], attempt=task.facts["attempt"]))

    async def verify(self, task: Task, desk: Desk) -> Verification:
        seen = await desk.use(LOOKS[task.agent.name])
        return judged(task, desk, seen, passed=self.shop.well)


def a_finding(task: Task, desk: Desk, *ids: str, claim: str = "1.1 came five minutes before", **more: Any) -> Finding:
    """What that agent claims, on that evidence."""
    return Finding(agent=task.agent.title, check="look", claim=claim, evidence=ids, abnormal=True, at=desk.lap.now(), **more)


def judged(task: Task, desk: Desk, seen: Evidence, *, passed: bool | None) -> Verification:
    """A verifier's one check."""
    check = CheckResult(check="all well", passed=passed, detail="as seen", evidence=(seen.id,))
    return Verification(
        agent=task.agent.title, attempt=task.facts["attempt"], passed=passed is True, checks=(check,), at=desk.lap.now()
    )


@dataclass
class Told:
    """One run: the incident and all that it left behind."""

    incident: Incident
    records: MemoryStore
    people: SimulatedPeople
    shop: Releases
    script: Script
    events: list[Event]

    def of(self, kind: EventKind) -> list[Event]:
        """Events of that kind, in order."""
        return [e for e in self.events if e.kind is kind]

    @property
    def kinds(self) -> list[EventKind]:
        """The kinds of all events, in the order in which they were recorded."""
        return [e.kind for e in self.heard]

    heard: list[Event] = field(default_factory=list)


def with_clocks(library: Library = LIBRARY, **clocks: timedelta) -> Library:
    """The library with other durations."""
    runbook = library.runbook.model_copy(update={"clocks": library.runbook.clocks.model_copy(update=clocks)})
    return replace(library, runbook=runbook)


async def run(
    shop: Releases | None = None,
    script: Script | None = None,
    *,
    severity: Severity = Severity.P1,
    answer: Answering = approve_all,
    until: str | None = None,
    library: Library = LIBRARY,
    clock: Clock | None = None,
    people: SimulatedPeople | None = None,
    catalog: ServiceCatalog = CATALOG,
    code: Source | None = None,
    shop_world: bool = True,
    **script_fields: Any,
) -> Told:
    """One incident from its alert on."""
    shop = shop or Releases()
    script = script or Script(shop, severity, **script_fields)
    people, records = people or SimulatedPeople(), MemoryStore()
    world = World(
        name="in hand", people=people, clock=clock or VirtualClock(FIRED), catalog=catalog,
        logs=Lines(), changes=Pipelines(), endpoints=Tried([PAY]), code=code,
        actions=shop if shop_world else None,
    )  # fmt: skip
    heard: list[Event] = []
    label = {Severity.P2: "medium", Severity.P3: "low"}.get(script.severity, "critical")
    alert = Alert(title="checkout is down", service="checkout", severity_label=label, starts_at=FIRED)
    incident = await handle(
        alert, library=library, world=world, responder=script, records=records,
        answer=answer, listeners=[heard.append], until=until,
    )  # fmt: skip
    return Told(incident, records, people, shop, script, await records.events(incident.id), heard)


def minute(moment: datetime) -> float:
    """Minutes since the alert."""
    return round((moment.astimezone(UTC) - FIRED).total_seconds() / 60, 6)
