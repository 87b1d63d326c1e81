"""Correlation by rules: the ranked suspects, each tested against what the other tools saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from nexus.incident import Cause, CauseStatus, Diagnosis, Evidence, Hypothesis, RootCause, Suspect
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import CLAIMS, reading
from nexus.responder.rules.supports import MECHANISM, Support, latest, supports
from nexus.runbook import Runbook, branch_for
from nexus.tools.readings import ChangesReading, MetricsReading, SuspectEntry, SuspectsReading

CONFIRMS = 0.55
"""Confidence from which a cause with two independent supports counts as confirmed."""
LIKELY = 0.3
"""Confidence below which the evidence does not say."""
SURE = 0.8
"""How often a first suspect like it must have been the right one for more than a guess."""
FAILED_BEFORE = 0.6
"""What is left of a suspect's score for each attempt on it that did not help."""
MOST = 10
"""Suspects that are kept."""
WEAK = 0.25
"""The most confidence in a suspect that does not stand out from noise."""
DRAWN_BY = "picture_suspect"
NEEDED = ("query_metrics", "search_logs", "list_changes")
"""Looks without which nothing is confirmed."""


def penalty(entry: SuspectEntry, earlier: Iterable[Mapping[str, Any]], runbook: Runbook) -> float:
    """Each earlier attempt of that branch on that component speaks against it: the trouble is still there, or again."""
    branch = branch_for(runbook, entry.cause)
    kinds = branch.actions if branch else ()
    tried = [a for a in earlier if a["action"]["target"] == entry.component and a["action"]["kind"] in kinds]
    return float(FAILED_BEFORE ** len(tried))


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
    if not any(entry.strong for entry in board.suspects):
        return _without_strong(ranked.id, board, looks, ruled_out, complete)
    earlier = task.facts["earlier_attempts"]
    rival = by_change(board.suspects[0], looks)
    entries = [*board.suspects, rival] if rival else list(board.suspects)
    weighed = sorted(((e, e.score * penalty(e, earlier, task.library.runbook)) for e in entries), key=lambda pair: -pair[1])
    tested = [(entry, score, supports(entry, looks)) for entry, score in weighed[:3]]
    first, _, support = tested[0]
    confidence = _confidence(first, board, support, sum(entry.strong for entry in entries))
    status = status_of(confidence, support, complete) if board.sure >= SURE else CauseStatus.INCONCLUSIVE
    drawn = await _drawn(first.component, desk) if status is not CauseStatus.INCONCLUSIVE else ()
    cause = RootCause(
        cause=first.cause,
        component=first.component,
        status=status,
        confidence=round(confidence, 3),
        introduced_at=introduced(first, looks) or first.onset or board.onset,
        statement=_statement(first, support),
        mechanism=first.mechanism,
        change=first.change,
        evidence=tuple(dict.fromkeys([ranked.id, *(s.evidence for s in support), *drawn])),
    )
    suspects = _suspects(ranked.id, [(e, s) for e, s in weighed if e is not rival], looks)
    return Diagnosis(hypotheses=tuple(_hypothesis(*t) for t in tested), suspects=suspects, cause=cause, ruled_out=ruled_out)


def _suspects(ranked: str, weighed: Sequence[tuple[SuspectEntry, float]], looks: Mapping[str, Evidence]) -> tuple[Suspect, ...]:
    return tuple(
        Suspect(
            component=entry.component,
            score=round(score, 4),
            evidence=tuple(dict.fromkeys([ranked, *(s.evidence for s in supports(entry, looks))])),
            reasons=entry.reasons,
        )
        for entry, score in weighed[:MOST]
    )


async def _drawn(component: str, desk: Desk) -> tuple[str, ...]:
    """The picture of what convinced; none where it could not be drawn, which changes nothing else."""
    if DRAWN_BY not in desk.agent.tools:
        return ()
    picture = await desk.use(DRAWN_BY, component=component)
    return () if picture.failed else (picture.id,)


def introduced(first: SuspectEntry, looks: Mapping[str, Evidence]) -> datetime | None:
    """When the change held responsible was made."""
    if first.change is None or "list_changes" not in looks:
        return None
    return next((c.at for c in reading(looks["list_changes"], ChangesReading).changes if c.id == first.change), None)


def _confidence(first: SuspectEntry, board: SuspectsReading, support: list[Support], count: int) -> float:
    tools = len({s.tool for s in support})
    apart = 1.0 if count == 1 else board.separated
    told = first.cause_confidence * (0.55 + 0.15 * min(tools, 3)) * (0.7 + 0.3 * apart) + 0.05 * min(tools, 3)
    return min(0.97, told * min(1.0, board.sure / SURE))


def _statement(entry: SuspectEntry, support: list[Support]) -> str:
    kind = entry.cause.value.replace("_", " ")
    because = "; ".join(s.text for s in support[:3]) or "; ".join(entry.reasons[:2])
    return f"{kind} in {entry.component}: {because}"


def _without_strong(
    ranked: str, board: SuspectsReading, looks: Mapping[str, Evidence], ruled_out: tuple[str, ...], complete: bool
) -> Diagnosis:
    """No suspect stands out: either nothing is wrong, or we cannot see, and the best of the weak ones is where to look first."""
    abnormal = any(CLAIMS[tool](look).abnormal for tool, look in looks.items() if tool in CLAIMS)
    nothing = complete and not abnormal and reading(looks["query_metrics"], MetricsReading).looked_at > 0
    cause = RootCause(statement="every look was possible and nothing is abnormal" if nothing else "the evidence does not say")
    if abnormal and board.suspects:
        first = board.suspects[0]
        support = supports(first, looks)
        why = "; ".join((*(s.text for s in support[:3]), *first.reasons[:2])[:2])
        cause = RootCause(
            cause=first.cause,
            component=first.component,
            confidence=round(min(WEAK, _confidence(first, board, support, 0)), 3),
            introduced_at=first.onset or board.onset,
            statement=f"the evidence does not say; the first to look at is {first.component}: {why}",
            mechanism=first.mechanism,
            evidence=tuple(dict.fromkeys([ranked, *(s.evidence for s in support)])),
        )
    suspects = _suspects(ranked, [(entry, entry.score) for entry in board.suspects], looks)
    return Diagnosis(suspects=suspects, cause=cause, ruled_out=ruled_out, nothing_wrong=nothing)
