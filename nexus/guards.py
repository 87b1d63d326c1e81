"""Guards: what an answer may not do whoever gave it, a model or the rules; pure, each returns the answer as it may stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from nexus.errors import ActionRefused
from nexus.incident import (
    Action,
    Approval,
    Cause,
    CauseStatus,
    Claim,
    Classification,
    Diagnosis,
    DryRun,
    Evidence,
    Finding,
    Impact,
    PostMortem,
    Risk,
    RootCause,
    Severity,
    Verdict,
)
from nexus.library import Agent
from nexus.runbook import Runbook, branch_for, floor_for

FELT = frozenset({"errors", "latency", "availability"})
"""Kinds of series whose movement users feel; others move for many reasons."""


def whole(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Of each tool's looks those at everything, where it has any: one that was narrowed hides what is wrong elsewhere."""
    held = list(evidence)
    at_all = {e.tool for e in held if not _narrowed(e)}
    return [e for e in held if e.tool not in at_all or not _narrowed(e)]


def _narrowed(look: Evidence) -> bool:
    return any(value not in (None, "", [], ()) for value in look.arguments.values())


def measured(seen: Iterable[Evidence], level: str) -> dict[str, str]:
    """The rubric's signals as the tools gave them: an answer cannot change what it is judged by. `level` is the alert's word."""
    signals = {"telemetry": "none", "now": "unknown", "security": "unknown", "alert": level}
    moved = False
    for evidence in whole(seen):
        if evidence.failed:
            continue
        if evidence.tool == "assess_impact":
            signals.update(evidence.values["signals"])
        elif evidence.tool == "security_signals":
            signals["security"] = evidence.values["security"]
        elif evidence.tool == "query_metrics":
            moved = moved or any(change["kind"] in FELT for change in evidence.values["changed"])
    if moved and signals["now"] == "normal":  # a look that came a little later saw more
        signals["now"] = "abnormal"
    return signals


def classified(answer: Classification, runbook: Runbook, known: Collection[str], signals: Mapping[str, str]) -> Classification:
    """Not below the floor of what was measured, above it only with evidence; no false alarm while something is abnormal."""
    floor, because = floor_for(runbook, signals)
    quiet = signals.get("now") == "normal" and signals.get("security") in ("none", "unknown")
    cited = tuple(e for e in answer.evidence if e in known)
    raised = answer.severity.rank < floor.rank and bool(cited)
    severity = answer.severity if raised else floor
    rationale = (
        answer.rationale if severity is answer.severity else f"{because} (answered {answer.severity.value}, floor {floor.value})"
    )
    return answer.model_copy(
        update={
            "severity": severity,
            "floor": floor,
            "evidence": cited,
            "rationale": rationale,
            "signals": dict(signals),
            "false_alarm": answer.false_alarm and quiet,
        }
    )


_FROM_LABEL = {"critical": Severity.P1, "high": Severity.P1, "medium": Severity.P2, "low": Severity.P3}


def unaided(level: str, runbook: Runbook) -> Classification:
    """A classification when nobody could triage: from the alert's own word, unknown treated as high."""
    signals = {"alert": level, "telemetry": "none"}
    floor, because = floor_for(runbook, signals)
    severity = floor.worse_of(_FROM_LABEL.get(level, Severity.P1))
    return Classification(
        severity=severity, floor=floor, impact=Impact(), signals=signals, rationale=f"triage was not possible; {because}"
    )


def cited(findings: Iterable[Finding], known: Collection[str]) -> tuple[list[Finding], list[str]]:
    """Findings that cite evidence, without ids that do not exist; and the ids that were struck."""
    kept: list[Finding] = []
    struck: list[str] = []
    for finding in findings:
        good = tuple(e for e in finding.evidence if e in known)
        struck += [e for e in finding.evidence if e not in known]
        if good:
            kept.append(finding.model_copy(update={"evidence": good}))
        elif not finding.evidence:
            struck.append(f"uncited: {finding.claim[:80]}")
    return kept, struck


def diagnosed(answer: Diagnosis, known: Collection[str]) -> tuple[Diagnosis, list[str]]:
    """A cause without evidence is inconclusive, one resting on a single piece is never confirmed."""
    claims = (answer.cause.evidence, *(h.evidence for h in answer.hypotheses), *(s.evidence for s in answer.suspects))
    struck = list(dict.fromkeys(e for claim in claims for e in claim if e not in known))
    evidence = tuple(dict.fromkeys(e for e in answer.cause.evidence if e in known))
    cause = answer.cause.model_copy(update={"evidence": evidence})
    if not evidence or cause.cause is Cause.UNKNOWN or cause.component is None:
        cause = cause.model_copy(update={"status": CauseStatus.INCONCLUSIVE, "confidence": min(cause.confidence, 0.3)})
    elif len(evidence) < 2 and cause.status is CauseStatus.CONFIRMED:
        cause = cause.model_copy(update={"status": CauseStatus.LIKELY})
    hypotheses = tuple(h.model_copy(update={"evidence": tuple(e for e in h.evidence if e in known)}) for h in answer.hypotheses)
    suspects = tuple(s.model_copy(update={"evidence": tuple(e for e in s.evidence if e in known)}) for s in answer.suspects)
    return answer.model_copy(update={"cause": cause, "hypotheses": hypotheses, "suspects": suspects}), struck


def grounded(report: PostMortem, known: Collection[str]) -> tuple[PostMortem, list[str]]:
    """A post-mortem whose sentences cite only evidence that exists; one that loses all it cited is unknown."""
    struck: list[str] = []

    def claim(said: Claim) -> Claim:
        kept = tuple(e for e in said.evidence if e in known)
        struck.extend(e for e in said.evidence if e not in known)
        if said.evidence and not kept:
            return Claim(text="unknown", known=False)
        return said.model_copy(update={"evidence": kept})

    single = ("what_failed", "why_it_failed", "why_not_caught", "users", "revenue", "reputation", "data")
    changed: dict[str, object] = {name: claim(getattr(report, name)) for name in single}
    changed["five_whys"] = tuple(claim(why) for why in report.five_whys)
    changed["prevention"] = {kind: tuple(claim(c) for c in claims) for kind, claims in report.prevention.items()}
    return report.model_copy(update=changed), list(dict.fromkeys(struck))


def check_action(action: Action, cause: RootCause, runbook: Runbook, agent: Agent) -> None:
    """Raise ActionRefused unless the cause's branch takes such actions and the agent may propose them."""
    branch = branch_for(runbook, cause.cause)
    if branch is None or cause.status is CauseStatus.INCONCLUSIVE:
        raise ActionRefused(f"{action}: there is no diagnosis to act on", "investigate again")
    if action.kind.value not in branch.actions:
        raise ActionRefused(
            f"{action} is not of the {branch.cause.value} branch", "that branch takes " + ", ".join(branch.actions)
        )
    if action.kind not in agent.actions:
        allowed = ", ".join(kind.value for kind in agent.actions) or "nothing"
        raise ActionRefused(f"{agent.title} may not propose {action.kind.value}", f"its front matter lists {allowed}")


def risk_of(action: Action, offered: Collection[Action]) -> Risk:
    """The risk of an action as the world rates it; beside what it offers, an action is never so low that nobody is asked.

    Of a world that rates nothing the proposer's own word is all there is.
    """
    rated = next((option.risk for option in offered if option.digest == action.digest), None)
    return rated or (Risk.MEDIUM if offered and action.risk is Risk.LOW else action.risk)


def check_dry_run(action: Action, dry_run: DryRun, runbook: Runbook) -> None:
    """Raise ActionRefused when the dry run failed or the action touches too much."""
    if not dry_run.ok:
        raise ActionRefused(f"{action}: dry run failed", dry_run.effect)
    if len(dry_run.touches) > runbook.limits.blast_radius:
        raise ActionRefused(
            f"{action} touches {len(dry_run.touches)} components", f"the limit is {runbook.limits.blast_radius}; do it in parts"
        )


def check_approval(action: Action, approval: Approval | None, now: datetime, used: Collection[str]) -> None:
    """Raise ActionRefused unless that approval holds for exactly this action, now, for the first time."""
    if approval is None:
        raise ActionRefused(f"{action} was not approved", "ask a person")
    if approval.verdict not in (Verdict.APPROVED, Verdict.AMENDED):
        raise ActionRefused(f"{action} was {approval.verdict.value} by {approval.by}", "propose something else")
    if approval.digest != action.digest:
        raise ActionRefused(f"{action} is not what was approved", "ask again for the exact action")
    if now > approval.expires_at:
        raise ActionRefused(f"the approval of {action} expired at {approval.expires_at:%H:%M:%S} UTC", "ask again")
    if approval_key(approval) in used:
        raise ActionRefused(f"the approval of {action} was used already", "ask again")


def approval_key(approval: Approval) -> str:
    """What makes an approval that one approval: it works once."""
    return f"{approval.digest}@{approval.at.isoformat()}"
