"""Triage by rules: measure the impact, look for breach or flood, let the rubric set the severity."""

from __future__ import annotations

from nexus.guards import FELT, measured
from nexus.incident import Alert, AlertState, Classification, Evidence, Impact, Severity
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import reading
from nexus.runbook import floor_for
from nexus.tools.readings import ImpactReading, LogsReading, MetricsReading, SecurityReading


async def classify(task: Task, desk: Desk) -> Classification:
    """Severity, scope and whether anything is wrong at all."""
    alert = Alert.model_validate(task.facts["alert"])
    measured_impact = await desk.use("assess_impact")
    guarded = await desk.use("security_signals")
    impact = Impact()
    if not measured_impact.failed:
        impact = reading(measured_impact, ImpactReading).impact
    signals = measured(desk.seen, alert.level)
    if not guarded.failed:
        security = reading(guarded, SecurityReading)
        breach = security.security in ("breach", "suspected")
        affected = bool(impact.user_data_affected) or (breach and security.personal_data)
        impact = impact.model_copy(update={"breach_suspected": breach, "user_data_affected": affected})
    calm = await _nothing_is_wrong(desk, signals)
    signals = measured(desk.seen, alert.level)
    floor, because = floor_for(task.library.runbook, signals)
    insists = alert.state is AlertState.FIRING and alert.level in ("critical", "high")
    small = floor is Severity.P3 and alert.level in ("low", "unknown")
    severity, rationale = floor, because
    if calm and insists:
        severity = floor.worse_of(Severity.P2)
        rationale = f"nothing is beyond its normal, but the source still says {alert.level}: a closer look before it is dismissed"
    elif calm and not small:
        rationale = "every look was possible and all is normal now"
    return Classification(
        severity=severity,
        floor=floor,
        impact=impact,
        signals=signals,
        false_alarm=calm and not insists and not small,
        rationale=rationale,
        evidence=tuple(e.id for e in desk.seen if not e.failed),
    )


async def _nothing_is_wrong(desk: Desk, signals: dict[str, str]) -> bool:
    """All is normal by the impact, and a closer look at series and logs agrees."""
    if signals.get("now") != "normal" or signals.get("security") not in ("none", "unknown"):
        return False
    metrics = await desk.use("query_metrics")
    logs = await desk.use("search_logs")
    return not _moved(metrics) and not _complains(logs)


def _moved(evidence: Evidence) -> bool:
    if evidence.failed:
        return True
    found = reading(evidence, MetricsReading)
    telling = [c for c in found.changed if c.kind in FELT]
    return found.looked_at == 0 or bool(telling)


def _complains(evidence: Evidence) -> bool:
    if evidence.failed:
        return False
    found = reading(evidence, LogsReading)
    return any(p.new and p.level in ("error", "critical") and p.rate_after > max(1.0, 3 * p.rate_before) for p in found.patterns)
