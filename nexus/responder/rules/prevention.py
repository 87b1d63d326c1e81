"""Prevention by rules: five whys, the four kinds of prevention and action items, by the kind of cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from nexus.incident import ActionItem, Alert, Cause, Claim, Classification, Prevention, RootCause
from nexus.responder.contract import Task

UNKNOWN = Claim(text="unknown", known=False)

CAUGHT: dict[Cause, tuple[str, str, str, str]] = {
    Cause.DEPLOYMENT: (
        "an alert on {c}'s error rate and latency that is tied to each release, so that a bad one is seen in its first minutes",
        "a canary or staged release of {c} with an automatic stop when its error rate leaves the band of the version before",
        "a change of {c} is watched by its author for fifteen minutes and carries its rollback in the change record",
        "keep the last two good versions of {c} ready, and rehearse the rollback each month",
    ),
    Cause.INFRASTRUCTURE: (
        "an alert on the saturation of {c} (the resource that ran out) at 80 %, with the time left at the present rate",
        "a load test of {c} to its limit each quarter, so that the limit is known before users find it",
        "a capacity review of {c} with a named owner, and a checklist for what to do at each threshold",
        "headroom for {c}: automatic growth or scaling, and a standby whose failover is rehearsed",
    ),
    Cause.CODE_BUG: (
        "an alert on new exception types in {c}, grouped by where they arise",
        "a regression test in {c} for the input that failed, and fuzzing of its handlers with missing and empty values",
        "review of {c} asks for the empty and the missing case; exceptions have an owner within a day",
        "a feature flag around the failing path of {c}, so that it can be switched off without a release",
    ),
    Cause.EXTERNAL_DEPENDENCY: (
        "a probe of {c} from our side every minute, with its own alert",
        "a game day in which {c} is taken away, to prove that the fallback carries the load",
        "a contact, a contract and an escalation path at {c}'s vendor in the on-call handbook",
        "a circuit breaker in front of {c} that switches its fallback on by itself",
    ),
    Cause.UNKNOWN: (
        "alerts on the first symptom that users see, one for each core feature",
        "an end-to-end test of each core feature, run each minute",
        "an open question in the weekly review until the cause is known",
        "tracing across all services, kept for a week",
    ),
}
"""By cause: monitoring, testing, process, infrastructure; {c} is the component."""

KINDS: tuple[Prevention, ...] = ("monitoring", "testing", "process", "infrastructure")
DUE = {"monitoring": 7, "testing": 21, "process": 14, "infrastructure": 30}
"""Days until an action item of that kind is due."""


def prevention_for(cause: RootCause) -> dict[Prevention, tuple[Claim, ...]]:
    """One measure of each kind, for this cause and component."""
    name = cause.component or "the affected service"
    texts = CAUGHT[cause.cause]
    return {
        kind: (Claim(text=text.format(c=name), evidence=cause.evidence, known=bool(cause.evidence)),)
        for kind, text in zip(KINDS, texts, strict=True)
    }


def items_for(task: Task, cause: RootCause, now: datetime) -> tuple[ActionItem, ...]:
    """One action item a measure, owned by the component's team where the catalog names one."""
    owners: Mapping[str, str] = task.facts.get("owners", {})
    owner = owners.get(cause.component or "", next(iter(owners.values()), "platform team"))
    by_kind = {"monitoring": owner, "testing": owner, "process": "platform team", "infrastructure": owner}
    texts = CAUGHT[cause.cause]
    name = cause.component or "the affected service"
    return tuple(
        ActionItem(
            id=f"{kind}-1",
            action=(text.format(c=name)[0].upper() + text.format(c=name)[1:]),
            owner=by_kind[kind],
            deadline=now + timedelta(days=DUE[kind]),
            kind=kind,
            reason=cause.statement,
        )
        for kind, text in zip(KINDS, texts, strict=True)
    )


TELLS: dict[Cause, tuple[str, ...]] = {
    Cause.DEPLOYMENT: ("CI/CD", "deploy"),
    Cause.INFRASTRUCTURE: ("database", "infrastructure", "metrics"),
    Cause.CODE_BUG: ("code", "log"),
    Cause.EXTERNAL_DEPENDENCY: ("external", "depend"),
}
"""By cause: words of the checks whose findings say why it could do harm, the most telling first."""


def what_failed(alert: Alert, classification: Classification) -> Claim:
    """Which services failed their users."""
    services = list(classification.impact.services) or ([alert.service] if alert.service else [])
    if not services:
        return UNKNOWN
    return Claim(text=f"{' and '.join(services)} failed or were slow for their users", evidence=classification.evidence)


def why_not_caught(alert: Alert, cause: RootCause) -> Claim:
    """How long it was there before the alert."""
    if cause.introduced_at is None or alert.starts_at < cause.introduced_at:
        return Claim(text="unknown: when it was introduced is not in the record", known=False)
    lead = (alert.starts_at - cause.introduced_at).total_seconds() / 60
    text = f"it was there {lead:.0f} minutes before the alert; nothing watches {cause.component} closely enough to fire sooner"
    return Claim(text=text, evidence=cause.evidence)


def _why_possible(cause: RootCause, findings: Sequence[Mapping[str, Any]]) -> Claim:
    """The finding that says why such a cause could reach users."""
    kind = cause.cause.value.replace("_", " ")
    question = f"Why could this {kind} reach users?"
    for word in TELLS.get(cause.cause, ()):
        for finding in findings:
            looked = not finding["claim"].startswith("could not look")
            if word.lower() in finding["check"].lower() and looked:
                return Claim(text=f"{question} {finding['claim'].rstrip('.')}.", evidence=tuple(finding["evidence"]))
    return Claim(text=f"{question} Unknown: no finding says.", known=False)


def five_whys(
    alert: Alert, cause: RootCause, findings: Sequence[Mapping[str, Any]], classification: Classification
) -> tuple[Claim, Claim, Claim, Claim, Claim]:
    """Five answers, each from the evidence of the one before; where the record ends the answer is unknown."""
    services = " and ".join(classification.impact.services) or alert.service or "the service"
    component = cause.component or "an unknown component"
    failed = what_failed(alert, classification)
    caught = why_not_caught(alert, cause)
    held = cause.statement != ""
    return (
        failed.model_copy(
            update={"text": f"Why did users notice? {failed.text.capitalize() if not failed.known else failed.text}."}
        ),
        Claim(
            text=f"Why did {services} fail? The trouble began in {component}.",
            evidence=cause.evidence,
            known=bool(cause.evidence),
        ),
        Claim(text=f"Why did {component} fail? {cause.statement or 'Unknown'}.", evidence=cause.evidence, known=held),
        _why_possible(cause, findings),
        caught.model_copy(update={"text": f"Why was it not caught earlier? {caught.text[0].upper()}{caught.text[1:]}."}),
    )
