"""Correlation with a model: it adds explanations and their tests; how sure a cause is, the evidence decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from nexus.guards import whole
from nexus.incident import Cause, CauseStatus, Diagnosis, Evidence, Hypothesis, RootCause, Word
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, advising, cited, invented
from nexus.responder.rules.claims import reading
from nexus.responder.rules.correlate import introduced, penalty
from nexus.responder.rules.supports import Support, latest, supports
from nexus.tools.readings import ChangesReading, SuspectEntry, SuspectsReading

TOLD = frozenset({"search_logs", "list_changes"})
"""Looks at what people and programs wrote: of themselves they make no cause likely, something measured must agree."""
SHOWN_BY = {
    Cause.DEPLOYMENT: frozenset({"list_changes"}),
    Cause.INFRASTRUCTURE: frozenset({"check_databases", "infrastructure_state", "security_signals"}),
    Cause.CODE_BUG: frozenset({"search_logs", "client_errors"}),
    Cause.EXTERNAL_DEPENDENCY: frozenset({"check_dependencies"}),
}
"""By kind of cause, the looks that show it where it is; taken without showing it, they speak against it."""
RIVALS = 0.5
"""Share of the first suspect's score from which another one is a rival: whoever fails because of others has far less."""
LIKELY_AT = 0.45
"""Confidence of a cause that a model found and that two independent looks support."""
MOST = 5
"""Hypotheses that are kept."""


class Explanation(Word):
    """One explanation."""

    cause: Cause
    component: str | None = Field(default=None, max_length=80)
    change: str | None = Field(default=None, max_length=80, description="id of the change held responsible, if any")
    statement: str = Field(max_length=400, description="what happened there, in one or two sentences")
    test: str = Field(max_length=400, description="what must be true if it holds, and what a look showed")
    held: bool | None = Field(default=None, description="whether it stood the test; null: could not be tested")
    evidence: Cited = ()


class DiagnosisAsked(Word):
    """Give one to three explanations of different kinds, the one that stands first."""

    explanations: tuple[Explanation, ...] = Field(min_length=1, max_length=3)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """An explanation with what the evidence says of it."""

    said: Explanation
    entry: SuspectEntry
    support: list[Support]
    ids: tuple[str, ...]
    statement: str
    test: str

    @property
    def tools(self) -> frozenset[str]:
        """Kinds of look that support it."""
        return frozenset(s.tool for s in self.support)


def merge(task: Task, draft: Diagnosis, asked: DiagnosisAsked, known: Known) -> Merged[Diagnosis]:
    """The rules' diagnosis, the model's explanations among its hypotheses; its first takes over only where more supports it."""
    looks = latest(whole(known.evidence.values()))
    board = reading(looks["rank_suspects"], SuspectsReading).suspects if "rank_suspects" in looks else ()
    weighed: list[_Weighed] = []
    struck: list[str] = []
    missing: set[str] = set()
    for said in asked.explanations:
        good, bad = cited(said.evidence, known.evidence)
        missing |= set(bad)
        if said.component is not None and said.component not in known.components:
            struck.append(f"no component is called {said.component[:40]!r}")
            continue
        statement, lost = advising(said.statement, known.ground)
        test, lost_too = advising(said.test, known.ground)
        struck += [*lost, *lost_too]
        entry = _entry(said, board, looks)
        support = supports(entry, looks) if entry is not None else []
        if entry is not None and statement:
            weighed.append(_Weighed(said, entry, support, good, statement, test or "not stated in words that the record bears"))
    objections = (*invented(missing), *(s for s in struck if s.startswith("no component")))
    claims = len(asked.explanations)
    if not weighed:
        return Merged(draft, claims, tuple(struck), objections)
    first = weighed[0]
    cause = draft.cause
    if (first.said.cause, first.said.component) == (cause.cause, cause.component):
        cause = cause.model_copy(
            update={"statement": f"{cause.statement}. {first.statement}", "evidence": _union(cause.evidence, first.ids)}
        )
    elif _measured(first, board, looks) and _takes_over(first, draft, looks, task):
        cause = _cause_of(first, looks)
    else:
        struck.append(f"{first.said.cause.value} in {first.said.component}: not enough independent looks support it")
    answer = draft.model_copy(
        update={"cause": cause, "hypotheses": _hypotheses(draft, weighed), "nothing_wrong": draft.nothing_wrong}
    )
    return Merged(answer, claims, tuple(struck), objections)


def _entry(said: Explanation, board: tuple[SuspectEntry, ...], looks: Mapping[str, Evidence]) -> SuspectEntry | None:
    """The explanation as the rules' tests take it: the suspect of that name, with the kind of cause that the model gives.

    The change that it holds responsible has to be one of that component's.
    """
    if said.component is None or said.cause is Cause.UNKNOWN:
        return None
    own = next((e for e in board if e.component == said.component), None)
    if own is not None and own.cause is said.cause:
        return own
    base = own or SuspectEntry(component=said.component, score=0.0, strong=False, cause=said.cause)
    made = reading(looks["list_changes"], ChangesReading).changes if "list_changes" in looks else ()
    change = next((c.id for c in made if (c.id, c.component) == (said.change, said.component)), None)
    return base.model_copy(update={"cause": said.cause, "change": change, "mechanism": None})


def _measured(first: _Weighed, board: tuple[SuspectEntry, ...], looks: Mapping[str, Evidence]) -> bool:
    """Whether what was measured leaves it open: the ranking has it among the first, and the looks at its kind do not deny it."""
    board = tuple(e for e in board if e.strong)
    own = next((e for e in board if e.component == first.said.component), None)
    if board and (own is None or own.score < RIVALS * board[0].score):
        return False
    shows = SHOWN_BY[first.said.cause]
    agreed = own is not None and own.cause is first.said.cause
    denied = bool(shows & looks.keys()) or own is not None
    return agreed or bool(shows & first.tools) or not denied


def _takes_over(first: _Weighed, draft: Diagnosis, looks: Mapping[str, Evidence], task: Task) -> bool:
    """Two independent looks, one of them a measurement, more than the rules' own cause has; never what was tried already."""
    if draft.cause.status is CauseStatus.CONFIRMED or draft.nothing_wrong:
        return False
    if len(first.tools) < 2 or not first.tools - TOLD:
        return False
    if penalty(first.entry, task.facts["earlier_attempts"], task.library.runbook) < 1:
        return False
    if draft.cause.status is CauseStatus.INCONCLUSIVE:
        return True
    own = next((h for h in draft.hypotheses if (h.cause, h.component) == (draft.cause.cause, draft.cause.component)), None)
    theirs = {looks_at.tool for looks_at in looks.values() if own is not None and looks_at.id in own.evidence}
    return len(first.tools) > len(theirs)


def _cause_of(first: _Weighed, looks: Mapping[str, Evidence]) -> RootCause:
    entry = first.entry
    return RootCause(
        cause=entry.cause,
        component=entry.component,
        status=CauseStatus.LIKELY,
        confidence=LIKELY_AT,
        introduced_at=introduced(entry, looks) or entry.onset,
        statement=first.statement,
        mechanism=entry.mechanism,
        change=entry.change,
        evidence=_union(tuple(s.evidence for s in first.support), first.ids),
    )


def _hypotheses(draft: Diagnosis, weighed: list[_Weighed]) -> tuple[Hypothesis, ...]:
    """The rules' and the model's, each pair of cause and component once; one without support has not held."""
    kept = {(h.cause, h.component): h for h in draft.hypotheses}
    for one in weighed:
        key = (one.said.cause, one.said.component)
        if key in kept:
            continue
        kept[key] = Hypothesis(
            cause=one.said.cause,
            component=one.said.component,
            statement=one.statement,
            test=one.test,
            held=(one.said.held if one.support else None if one.said.held else one.said.held),
            evidence=_union(one.ids, tuple(s.evidence for s in one.support)),
        )
    return tuple(kept.values())[:MOST]


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _shows(_task: Task, draft: Diagnosis, _seen: object) -> dict[str, object]:
    best = [{"component": s.component, "score": s.score, "reasons": list(s.reasons)} for s in draft.suspects[:5]]
    tested = [h.model_dump(mode="json") for h in draft.hypotheses]
    return {"ranked_suspects": best, "tested_by_rules": tested}


CORRELATE = Part(asks=DiagnosisAsked, merge=merge, shows=_shows)
