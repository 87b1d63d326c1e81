"""Triage by rules: measure the impact, look for breach or flood, let the rubric set the severity."""

from __future__ import annotations

from nexus.incident import Alert, AlertState, Classification, Evidence, Impact, Severity
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.runbook import floor_for
from nexus.tools.readings import ImpactReading, LogsReading, MetricsReading, SecurityReading


async def classify(task: Task, desk: Desk) -> Classification:
    """Severity, scope and whether anything is wrong at all."""
    alert = Alert.model_validate(task.facts["alert"])
    measured = await desk.use("assess_impact")
    guarded = await desk.use("security_signals")
    impact = Impact()
    signals = {"telemetry": "none", "now": "unknown", "alert": alert.level}
    if not measured.failed:
        reading = ImpactReading.model_validate({"summary": measured.summary, **measured.values})
        impact, signals = reading.impact, {**signals, **reading.signals}
    signals["security"] = "unknown"
    if not guarded.failed:
        security = SecurityReading.model_validate({"summary": guarded.summary, **guarded.values})
        signals["security"] = security.security
        breach = security.security in ("breach", "suspected")
        impact = impact.model_copy(
            update={
                "breach_suspected": breach,
                "user_data_affected": bool(impact.user_data_affected) or (breach and security.personal_data),
            }
        )
    floor, because = floor_for(task.library.runbook, signals)
    calm = await _nothing_is_wrong(desk, signals)
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
    reading = MetricsReading.model_validate({"summary": "", **evidence.values})
    telling = [c for c in reading.changed if c.kind in ("errors", "latency", "availability")]
    return reading.looked_at == 0 or bool(telling)


def _complains(evidence: Evidence) -> bool:
    if evidence.failed:
        return False
    reading = LogsReading.model_validate({"summary": "", **evidence.values})
    return any(
        p.new and p.level in ("error", "critical") and p.rate_after > max(1.0, 3 * p.rate_before) for p in reading.patterns
    )
