"""Verification with a model: the checks pass by what was measured; a model's doubt counts where its own look bears it out."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from nexus.incident import CheckResult, Evidence, Verification, Word
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, cited, invented, spoken
from nexus.responder.rules.verify import JUDGED, judge, scope_of

ELSEWHERE = frozenset({"test_patch", "check_dependencies"})
"""Looks that say nothing of a change that was made, unless a check asks for them: at other patches, at what is worked around."""


class Result(Word):
    """One check's result."""

    check: str = Field(max_length=200, description="the check's text or id; for a doubt of your own, what you doubt")
    passed: bool | None = Field(description="null: could not look")
    detail: str = Field(max_length=300, description="what was seen, with its figures")
    evidence: Cited = ()


class VerificationAsked(Word):
    """Give a result for each check, and one for each doubt that a look of yours bears out."""

    results: tuple[Result, ...] = Field(max_length=16)


def merge(task: Task, draft: Verification, asked: VerificationAsked, known: Known) -> Merged[Verification]:
    """The rules' verification; a result that the model calls failed is added where a look of its own, taken now, says so."""
    own = {i for check in draft.checks for i in check.evidence}
    since = min((known.evidence[i].at for i in own if i in known.evidence), default=draft.at)
    checks = list(draft.checks)
    struck: list[str] = []
    missing: set[str] = set()
    for said in asked.results:
        good, bad = cited(said.evidence, known.evidence)
        missing |= set(bad)
        if said.passed is not False:
            continue
        borne_out = _failing(task, [known.evidence[i] for i in good if i not in own and known.evidence[i].at >= since])
        text, lost = spoken(said.detail, known.on(good))
        struck += lost
        if borne_out is None:
            struck.append(f"{said.check[:60]}: called failed, but no look of its own that can be judged says so")
        else:
            detail = f"{borne_out.removesuffix('.')}. {text}".strip()
            checks.append(CheckResult(check="Doubt", passed=False, detail=detail, evidence=good))
    passed = bool(checks) and all(c.passed is True for c in checks)
    return Merged(
        draft.model_copy(update={"checks": tuple(checks), "passed": passed}), len(asked.results), tuple(struck), invented(missing)
    )


def _failing(task: Task, looks: Iterable[Evidence]) -> str | None:
    """What the first of these looks says, judged as the rules judge it, if it says that something is wrong."""
    asked = {check.get("tool") for check in task.facts["checks"]}
    for evidence in looks:
        if evidence.tool in JUDGED and (evidence.tool in asked or evidence.tool not in ELSEWHERE):
            passed, detail = judge(evidence, scope_of(task.facts, evidence.tool))
            if passed is False:
                return detail
    return None


def _a_round(task: Task, _draft: Verification) -> bool:
    """A verifier's round of checks; a single routine look of the watch is measured and needs no model."""
    return len(task.facts["checks"]) > 1


VERIFY = Part(asks=VerificationAsked, merge=merge, worth=_a_round)
