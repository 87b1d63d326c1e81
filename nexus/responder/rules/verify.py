"""Verification by rules: each check's values against what counts as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus.incident import Cause, CheckResult, Evidence, Verification
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import reading
from nexus.tools.readings import (
    DependenciesReading,
    ErrorRatesReading,
    InfrastructureReading,
    PatchTestReading,
    RecoveryReading,
    RegressionReading,
)


async def verify(task: Task, desk: Desk) -> Verification:
    """Passed when every check passed; worse when a reading says that health fell since the action."""
    facts = task.facts
    component = (facts.get("cause") or {}).get("component")
    results: list[CheckResult] = []
    looked: dict[str, Evidence] = {}
    worse = False
    for check in facts["checks"]:
        arguments = {k: (component if v in ("$suspect", "$component") else v) for k, v in check["arguments"].items()}
        arguments = {k: v for k, v in arguments.items() if v is not None}
        name = f"{check['tool']}{sorted(arguments.items())}"
        evidence = looked.get(name) or await desk.use(check["tool"], **arguments)
        looked[name] = evidence
        passed, detail = judge(evidence, scope_of(facts, check["tool"]))
        if check["tool"] == "recovery" and not evidence.failed:
            worse = worse or reading(evidence, RecoveryReading).worse
        results.append(CheckResult(check=check["text"], passed=passed, detail=detail, evidence=(evidence.id,)))
    return Verification(
        agent=task.agent.title,
        attempt=int(facts["attempt"]),
        passed=bool(results) and all(r.passed is True for r in results),
        worse=worse,
        checks=tuple(results),
        at=desk.lap.now(),
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a look is judged against: what is beyond us, that tool's look before the action, the component held responsible."""

    beyond_us: frozenset[str] = frozenset()
    before: Mapping[str, Any] = field(default_factory=dict)
    component: str | None = None


def scope_of(facts: Mapping[str, Any], tool: str) -> Scope:
    """The scope of a verification's looks with that tool; a third party that is worked around is beyond us."""
    cause = facts.get("cause") or {}
    outside = cause.get("cause") == Cause.EXTERNAL_DEPENDENCY.value and facts.get("phase") == "fix"
    before = (facts.get("before") or {}).get(tool) or {}
    return Scope(frozenset({cause["component"]}) if outside else frozenset(), before, cause.get("component"))


def _recovery(evidence: Evidence, scope: Scope) -> tuple[bool, str]:
    found = reading(evidence, RecoveryReading)
    left = [c for c in found.abnormal if c not in scope.beyond_us]
    return (found.recovered or (bool(found.looked_at) and not left)) and not found.worse, evidence.summary


def _infrastructure(evidence: Evidence, scope: Scope) -> tuple[bool, str]:
    now = {(p.component, p.problem) for p in reading(evidence, InfrastructureReading).problems}
    then = {(p["component"], p["problem"]) for p in scope.before.get("problems", [])}
    fresh = sorted(f"{component}: {problem}" for component, problem in now - then)
    return not fresh, f"new problems: {', '.join(fresh)}" if fresh else "no new problem on any node or workload"


def _rates(evidence: Evidence, scope: Scope) -> tuple[bool, str]:
    entries = reading(evidence, ErrorRatesReading).entries
    return not any(e.abnormal and e.component not in scope.beyond_us for e in entries), evidence.summary


def _dependencies(evidence: Evidence, scope: Scope) -> tuple[bool, str]:
    known = reading(evidence, DependenciesReading).dependencies
    return not any(d.failing and scope.component in (None, d.name) for d in known), evidence.summary


_JUDGES: dict[str, Callable[[Evidence, Scope], tuple[bool, str]]] = {
    "recovery": _recovery,
    "infrastructure_state": _infrastructure,
    "api_error_rates": _rates,
    "check_dependencies": _dependencies,
    "regress_endpoints": lambda evidence, _: (reading(evidence, RegressionReading).passed, evidence.summary),
    "test_patch": lambda evidence, _: (reading(evidence, PatchTestReading).passed, evidence.summary),
}


JUDGED = frozenset(_JUDGES)
"""Tools whose values say by themselves whether all is well."""


def judge(evidence: Evidence, scope: Scope) -> tuple[bool | None, str]:
    """Whether one look says that all is well; None when it could not look; a look without a judge passes by having been taken."""
    if evidence.failed:
        return None, evidence.summary
    known = _JUDGES.get(evidence.tool)
    return known(evidence, scope) if known else (True, evidence.summary)
