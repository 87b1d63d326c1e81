"""Investigation with a model: what the runbook's checks showed stands as measured; the model reads it and looks further."""

from __future__ import annotations

from pydantic import Field

from nexus.incident import Finding, Word
from nexus.responder.answers import Findings
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, cited, invented, spoken


class FindingAsked(Word):
    """One finding."""

    check: str = Field(default="", max_length=80, description="id of the check that it answers; empty for a further look")
    claim: str = Field(max_length=400, description="what was seen, since when, with figures from the cited evidence")
    component: str | None = Field(default=None, max_length=80)
    abnormal: bool = False
    evidence: Cited = ()


class FindingsAsked(Word):
    """Give your findings: one for each check, and one for each further look that showed something."""

    findings: tuple[FindingAsked, ...] = Field(max_length=16)


def merge(task: Task, draft: Findings, asked: FindingsAsked, known: Known) -> Merged[Findings]:
    """The rules' findings, with what the model reads in them as far as the evidence it cites bears that, and its further ones."""
    checks = {c["id"]: c["text"] for c in task.facts["checks"]}
    findings = {f.check: f for f in draft.findings}
    further: list[Finding] = []
    struck: list[str] = []
    missing: set[str] = set()
    for said in asked.findings:
        good, bad = cited(said.evidence, known.evidence)
        missing |= set(bad)
        text, unborne = spoken(said.claim, known.on(good))
        struck += unborne
        if not good:
            struck.append(f"uncited: {said.claim[:60]}")
            continue
        if not text:
            continue
        component = said.component if said.component in known.components else None
        own = findings.get(checks.get(said.check, said.check))
        if own is not None:
            evidence = tuple(dict.fromkeys((*own.evidence, *good)))
            update = {
                "claim": own.claim if text in own.claim else f"{own.claim.removesuffix('.')}. {text}",
                "evidence": evidence,
                "component": own.component or component,
                "abnormal": own.abnormal or said.abnormal,
            }
            findings[own.check] = own.model_copy(update=update)
        else:
            at = max(known.evidence[i].at for i in good)
            further.append(
                Finding(
                    agent=task.agent.title,
                    check="Further look",
                    claim=text,
                    evidence=good,
                    component=component,
                    abnormal=said.abnormal,
                    at=at,
                )
            )
    return Merged(Findings(findings=(*findings.values(), *further)), len(asked.findings), tuple(struck), invented(missing))


INVESTIGATE = Part(asks=FindingsAsked, merge=merge)
