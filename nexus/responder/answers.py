"""Answers: the schemas that agents answer with, where the house's own words are not enough."""

from __future__ import annotations

from pydantic import Field

from nexus.incident import BacklogItem, Classification, Diagnosis, Finding, Plan, PostMortem, Verification, Word


class Findings(Word):
    """An investigator's answer."""

    findings: tuple[Finding, ...]


class PlanAnswer(Word):
    """A plan, or why there is none."""

    plan: Plan | None
    why_none: str = ""


class StatusText(Word):
    """Support Responder's two free lines of the status page template."""

    impact: str = Field(max_length=600)
    current_action: str = Field(max_length=600)
    evidence: tuple[str, ...] = ()


class BriefText(Word):
    """Executive Summary Generator's four lines of the brief."""

    situation: str = Field(max_length=600)
    cause: str = Field(max_length=600)
    action: str = Field(max_length=600)
    impact: str = Field(max_length=600)
    evidence: tuple[str, ...] = ()


class Proposal(Word):
    """What an agent that was escalated to proposes."""

    proposal: str = Field(max_length=2000)
    evidence: tuple[str, ...] = ()


class Ranking(Word):
    """Sprint Prioritizer's answer: best first."""

    items: tuple[BacklogItem, ...]


ANSWERS: dict[str, type[Word]] = {
    "triage": Classification,
    "investigate": Findings,
    "correlate": Diagnosis,
    "plan": PlanAnswer,
    "verify": Verification,
    "status_update": StatusText,
    "executive_brief": BriefText,
    "escalate": Proposal,
    "post_mortem": PostMortem,
    "backlog": Ranking,
}
"""By task, what it is answered with."""
