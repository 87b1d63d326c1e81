"""Correlation by rules: the ranked suspects, each tested against what the other tools saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nexus.incident import Cause, CauseStatus, Diagnosis, Evidence, Hypothesis, RootCause, Suspect
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import CLAIMS, reading
from nexus.runbook import Runbook, branch_for
from nexus.tools.readings import (
    ChangesReading,
    CommunicationReading,
    DatabasesReading,
    DependenciesReading,
    ErrorRatesReading,
    InfrastructureReading,
    LogsReading,
    MetricsReading,
    PagesReading,
    SecurityReading,
    SuspectEntry,
    SuspectsReading,
)

CONFIRMS = 0.55
"""Confidence from which a cause with two independent supports counts as confirmed."""
LIKELY = 0.3
"""Confidence below which the evidence does not say."""
FAILED_BEFORE = 0.6
"""What is left of a suspect's score for each attempt on it that did not help."""
NEEDED = ("query_metrics", "search_logs", "list_changes")
"""Looks without which nothing is confirmed."""


@dataclass(frozen=True, slots=True)
class Support:
    """One independent piece of evidence for or against a suspect."""

    evidence: str
    tool: str
    text: str


def latest(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    """The newest look of each tool that could look."""
    found: dict[str, Evidence] = {}
    for item in sorted((e for e in evidence if not e.failed), key=lambda e: e.at):
        found[item.tool] = item
    return found


def _on_changes(entry: SuspectEntry, item: Evidence) -> str | None:
    if entry.cause is not Cause.DEPLOYMENT:
        return None
    changes = [c for c in reading(item, ChangesReading).changes if c.component == entry.component and c.minutes_before >= 0]
    guilty = next((c for c in changes if c.id == entry.change), None)
    if guilty is None:
        return None
    return f"{MECHANISM.get(guilty.kind, guilty.kind)} {guilty.version} {guilty.minutes_before:.0f} min before the alert"


def _on_problems(entry: SuspectEntry, item: Evidence) -> str | None:
    databases = item.tool == "check_databases"
    found = reading(item, DatabasesReading).problems if databases else reading(item, InfrastructureReading).problems
    problems = [p for p in found if p.component == entry.component]
    return problems[0].detail if problems else None


def _on_dependencies(entry: SuspectEntry, item: Evidence) -> str | None:
    failing = [d for d in reading(item, DependenciesReading).dependencies if d.failing and d.name == entry.component]
    return f"probes fail at {failing[0].error_rate:.0%}; its status page says: {failing[0].status_page}" if failing else None


def _on_logs(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [p for p in reading(item, LogsReading).patterns if p.component == entry.component]
    return f"its log says: {own[0].template}" if own else None


def _measured(value: float, unit: str) -> str:
    """A share as a percentage, anything else with its unit."""
    return f"{value:.1%}" if unit == "share" else f"{value:.3g} {unit}".rstrip()


def _on_metrics(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [c for c in reading(item, MetricsReading).changed if c.component == entry.component]
    if not own:
        return None
    first = own[0]
    name, way = first.metric.replace("_", " "), "rose" if first.direction == "up" else "fell"
    return f"{name} {way} from {_measured(first.before, first.unit)} to {_measured(first.after, first.unit)}"


def _on_rates(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [e for e in reading(item, ErrorRatesReading).entries if e.component == entry.component and e.abnormal]
    if not own:
        return None
    rate, normal = own[0].error_rate, own[0].normal_error_rate or 0.0
    if rate is not None and rate > normal + 0.01:
        return f"its error rate is {rate:.1%}, normally {normal:.1%}"
    return f"its latency is {own[0].latency_ms or 0:.0f} ms, normally {own[0].normal_latency_ms or 0:.0f} ms"


def _on_edges(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [e for e in reading(item, CommunicationReading).edges if entry.component == e.callee and e.abnormal]
    return f"calls from {own[0].caller} to it fail or are slow" if own else None


def _on_pages(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [p for p in reading(item, PagesReading).pages if p.component == entry.component and p.abnormal]
    return f"browsers report on {own[0].page}: {own[0].top_error or 'slow or missing assets'}" if own else None


def _on_security(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [s for s in reading(item, SecurityReading).signals if s.component == entry.component]
    return own[0].detail if own else None


TESTS = {
    "list_changes": _on_changes,
    "check_databases": _on_problems,
    "infrastructure_state": _on_problems,
    "check_dependencies": _on_dependencies,
    "search_logs": _on_logs,
    "query_metrics": _on_metrics,
    "api_error_rates": _on_rates,
    "service_communication": _on_edges,
    "client_errors": _on_pages,
    "page_load": _on_pages,
    "asset_delivery": _on_pages,
    "security_signals": _on_security,
}


def supports(entry: SuspectEntry, looks: Mapping[str, Evidence]) -> list[Support]:
    """What other tools independently say about that suspect."""
    found = []
    for tool, test in TESTS.items():
        if tool in looks and (text := test(entry, looks[tool])) is not None:
            found.append(Support(looks[tool].id, tool, text))
    return found


def penalty(entry: SuspectEntry, earlier: Iterable[Mapping[str, Any]], runbook: Runbook) -> float:
    """Each earlier attempt of that branch on that component speaks against it: the trouble is still there, or again."""
    branch = branch_for(runbook, entry.cause)
    kinds = branch.actions if branch else ()
    tried = [a for a in earlier if a["action"]["target"] == entry.component and a["action"]["kind"] in kinds]
    return float(FAILED_BEFORE ** len(tried))


MECHANISM = {"deployment": "release", "config": "config", "flag": "flag"}
BY_CHANGE = 0.65
"""How much a change at the suspect is worth as its explanation when the ranking itself prefers another kind of cause."""


DEFECT_WITH_CHANGE = 1.05
"""A code bug is a defect that no change explains: where that component was changed before, the change explains it better."""


RECENT = 120.0
"""Minutes before the alert within which a change alone, without anything that points to it, is a rival explanation."""


def by_change(first: SuspectEntry, looks: Mapping[str, Evidence]) -> SuspectEntry | None:
    """The rival explanation: what looks like capacity or a defect may have come with a change of that same component."""
    if first.cause not in (Cause.INFRASTRUCTURE, Cause.CODE_BUG) or "list_changes" not in looks:
        return None
    changes = [
        c
        for c in reading(looks["list_changes"], ChangesReading).changes
        if c.component == first.component and 0 <= c.minutes_before <= RECENT and c.kind in MECHANISM
    ]
    if not changes:
        return None
    return first.model_copy(
        update={
            "cause": Cause.DEPLOYMENT,
            "mechanism": MECHANISM[changes[0].kind],
            "change": changes[0].id,
            "score": first.score * (DEFECT_WITH_CHANGE if first.cause is Cause.CODE_BUG else BY_CHANGE),
            "cause_confidence": first.cause_confidence * 0.8,
        }
    )


def _hypothesis(entry: SuspectEntry, score: float, support: list[Support]) -> Hypothesis:
    text = "; ".join(s.text for s in support)
    return Hypothesis(
        cause=entry.cause,
        component=entry.component,
        statement=f"{entry.cause.value.replace('_', ' ')} in {entry.component}"
        + (f" ({entry.mechanism})" if entry.mechanism else ""),
        test=f"looked for independent signs: {text}" if support else "looked for independent signs: none found",
        held=bool(support),
        score=round(score, 4),
        evidence=tuple(dict.fromkeys(s.evidence for s in support)),
    )


def status_of(confidence: float, support: list[Support], complete: bool) -> CauseStatus:
    """Confirmed needs confidence, two independent supports and every needed look; likely needs one support."""
    if confidence >= CONFIRMS and len({s.tool for s in support}) >= 2 and complete:
        return CauseStatus.CONFIRMED
    if confidence >= LIKELY and support:
        return CauseStatus.LIKELY
    return CauseStatus.INCONCLUSIVE


async def correlate(task: Task, desk: Desk) -> Diagnosis:
    """Two or three hypotheses, each tested; the one that stands is the cause."""
    evidence = [Evidence.model_validate(e) for e in task.facts["evidence"]]
    security = await desk.use("security_signals")
    looks = latest([*evidence, security])
    ranked = looks.get("rank_suspects")
    ruled_out = tuple(dict.fromkeys(r for f in task.facts["findings"] for r in f["ruled_out"]))
    complete = all(tool in looks for tool in NEEDED) and not any(e.failed and e.tool in NEEDED for e in evidence)
    if ranked is None:
        return Diagnosis(ruled_out=ruled_out)
    board = reading(ranked, SuspectsReading)
    if not board.suspects:
        return _without_suspects(looks, ruled_out, complete)
    earlier = task.facts["earlier_attempts"]
    rival = by_change(board.suspects[0], looks)
    entries = [*board.suspects, rival] if rival else list(board.suspects)
    weighed = sorted(((e, e.score * penalty(e, earlier, task.library.runbook)) for e in entries), key=lambda pair: -pair[1])
    tested = [(entry, score, supports(entry, looks)) for entry, score in weighed[:3]]
    first, _, support = tested[0]
    confidence = _confidence(first, board.separated, support, len(weighed))
    status = status_of(confidence, support, complete)
    cause = RootCause(
        cause=first.cause,
        component=first.component,
        status=status,
        confidence=round(confidence, 3),
        introduced_at=introduced(first, looks) or first.onset or board.onset,
        statement=_statement(first, support),
        mechanism=first.mechanism,
        change=first.change,
        evidence=tuple(dict.fromkeys([ranked.id, *(s.evidence for s in support)])),
    )
    suspects = tuple(
        Suspect(
            component=entry.component,
            score=round(score, 4),
            evidence=tuple(dict.fromkeys([ranked.id, *(s.evidence for s in supports(entry, looks))])),
            reasons=entry.reasons,
        )
        for entry, score in [(e, s) for e, s in weighed if e is not rival][:10]
    )
    return Diagnosis(hypotheses=tuple(_hypothesis(*t) for t in tested), suspects=suspects, cause=cause, ruled_out=ruled_out)


def introduced(first: SuspectEntry, looks: Mapping[str, Evidence]) -> datetime | None:
    """When the change held responsible was made."""
    if first.change is None or "list_changes" not in looks:
        return None
    return next((c.at for c in reading(looks["list_changes"], ChangesReading).changes if c.id == first.change), None)


def _confidence(first: SuspectEntry, separated: float, support: list[Support], count: int) -> float:
    tools = len({s.tool for s in support})
    apart = 1.0 if count == 1 else separated
    return min(0.97, first.cause_confidence * (0.55 + 0.15 * min(tools, 3)) * (0.7 + 0.3 * apart) + 0.05 * min(tools, 3))


def _statement(entry: SuspectEntry, support: list[Support]) -> str:
    kind = entry.cause.value.replace("_", " ")
    because = "; ".join(s.text for s in support[:3]) or "; ".join(entry.reasons[:2])
    return f"{kind} in {entry.component}: {because}"


def _without_suspects(looks: Mapping[str, Evidence], ruled_out: tuple[str, ...], complete: bool) -> Diagnosis:
    """No suspect: either nothing is wrong, or we cannot see."""
    abnormal = any(CLAIMS[tool](look).abnormal for tool, look in looks.items() if tool in CLAIMS)
    nothing = complete and not abnormal and reading(looks["query_metrics"], MetricsReading).looked_at > 0
    statement = "every look was possible and nothing is abnormal" if nothing else "the evidence does not say"
    return Diagnosis(cause=RootCause(statement=statement), ruled_out=ruled_out, nothing_wrong=nothing)
