"""Triage with a model: it may raise the severity on evidence, and says why; what was measured stays as it was measured."""

from __future__ import annotations

from pydantic import Field

from nexus.incident import Classification, Severity, Word
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, advising, cited, invented, unquoting


class TriageAsked(Word):
    """Give the classification: the severity and why."""

    severity: Severity = Field(description="P0 to P3; never below the floor")
    rationale: str = Field(max_length=600, description="two or three sentences: who is hit, how, and what makes it this severity")
    evidence: Cited = ()


def merge(task: Task, draft: Classification, asked: TriageAsked, known: Known) -> Merged[Classification]:
    """The rules' classification, raised where evidence of something wrong is cited, with the model's reasons."""
    good, bad = cited(asked.evidence, known.evidence)
    struck = [f"evidence {i} does not exist" for i in bad]
    wrong = draft.signals.get("now") == "abnormal" or draft.signals.get("security") not in ("none", "unknown", None)
    severity = draft.severity
    if asked.severity.rank > draft.severity.rank:
        struck.append(f"severity {asked.severity.value} is below the rubric's {draft.severity.value}")
    elif asked.severity.rank < draft.severity.rank:
        if good and wrong:
            severity = asked.severity
        else:
            struck.append(f"severity {asked.severity.value} is raised without evidence of anything abnormal")
    text, unborne = advising(asked.rationale, unquoting(task, known, [draft.rationale]))
    rationale = f"{draft.rationale}. {text}" if text else draft.rationale
    answer = draft.model_copy(
        update={
            "severity": severity,
            "rationale": rationale,
            "false_alarm": draft.false_alarm and severity is draft.severity,
            "evidence": tuple(dict.fromkeys((*draft.evidence, *good))),
        }
    )
    return Merged(answer, 2, (*struck, *unborne), invented(bad))


def _shows(_task: Task, draft: Classification, _seen: object) -> dict[str, object]:
    return {
        "floor": draft.floor.value,
        "because": draft.rationale,
        "measured": draft.signals,
        "impact": draft.impact.model_dump(mode="json"),
    }


TRIAGE = Part(asks=TriageAsked, merge=merge, shows=_shows)
