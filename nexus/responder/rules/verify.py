"""Verification by rules: each check's values against what counts as well."""

from __future__ import annotations

from collections.abc import Mapping
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
    cause = facts.get("cause") or {}
    beyond_us = {cause["component"]} if cause.get("cause") == Cause.EXTERNAL_DEPENDENCY.value and facts.get("phase") == "fix" else set()
    component = cause.get("component")
    before: Mapping[str, Any] = facts.get("before") or {}
    results: list[CheckResult] = []
    looked: dict[str, Evidence] = {}
    worse = False
    for check in facts["checks"]:
        arguments = {k: (component if v in ("$suspect", "$component") else v) for k, v in check["arguments"].items()}
        arguments = {k: v for k, v in arguments.items() if v is not None}
        name = f"{check['tool']}{sorted(arguments.items())}"
        evidence = looked.get(name) or await desk.use(check["tool"], **arguments)
        looked[name] = evidence
        passed, detail = judge(evidence, beyond_us, before.get(check["tool"]), component)
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


def judge(evidence: Evidence, beyond_us: set[str], before: Mapping[str, Any] | None, component: str | None) -> tuple[bool | None, str]:
    """Whether one look says that all is well; None when it could not look."""
    if evidence.failed:
        return None, evidence.summary
    if evidence.tool == "recovery":
        found = reading(evidence, RecoveryReading)
        left = [c for c in found.abnormal if c not in beyond_us]
        return (found.recovered or (bool(found.looked_at) and not left)) and not found.worse, evidence.summary
    if evidence.tool == "infrastructure_state":
        now = {(p.component, p.problem) for p in reading(evidence, InfrastructureReading).problems}
        then = {(p["component"], p["problem"]) for p in (before or {}).get("problems", [])}
        fresh = sorted(f"{c}: {p}" for c, p in now - then)
        return not fresh, f"new problems: {', '.join(fresh)}" if fresh else "no new problem on any node or workload"
    if evidence.tool == "api_error_rates":
        abnormal = [e.component for e in reading(evidence, ErrorRatesReading).entries if e.abnormal and e.component not in beyond_us]
        return not abnormal, evidence.summary
    if evidence.tool == "regress_endpoints":
        return reading(evidence, RegressionReading).passed, evidence.summary
    if evidence.tool == "test_patch":
        return reading(evidence, PatchTestReading).passed, evidence.summary
    if evidence.tool == "check_dependencies":
        failing = [d.name for d in reading(evidence, DependenciesReading).dependencies if d.failing and component in (None, d.name)]
        return not failing, evidence.summary
    return True, evidence.summary
