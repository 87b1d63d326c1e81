"""Words with a model: its writers are shown nothing that strangers wrote, and what they say is held against the record."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident import CauseStatus, RootCause, Word
from nexus.outgoing import trusted
from nexus.responder.answers import BriefText, Proposal, StatusText
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, cited, invented, spoken


class StatusAsked(Word):
    """Give the status page's two free lines."""

    impact: str = Field(max_length=400, description="what does not work for users, what still does; one or two sentences")
    current_action: str = Field(max_length=400, description="what is being done; one or two sentences")
    evidence: Cited = ()


class BriefAsked(Word):
    """Give the brief's four lines, each one sentence."""

    situation: str = Field(max_length=300, description="[service] is [down/degraded] affecting [N users / % of traffic]")
    cause: str = Field(max_length=300, description="Known or Under investigation, a dash, a short description if known")
    action: str = Field(max_length=300, description="what is being done, a dash, ETA")
    impact: str = Field(max_length=300, description="revenue, users, reputation; each with its figure or unknown")
    evidence: Cited = ()


class ProposalAsked(Word):
    """Give your proposal."""

    proposal: str = Field(max_length=1500, description="at most ten lines, the one thing that should happen now first")
    evidence: Cited = ()


def _trusted(task: Task) -> dict[str, Any]:
    return trusted(task.facts)


def _cause(task: Task) -> RootCause:
    cause = RootCause.model_validate(task.facts["cause"])
    return RootCause() if cause.status is CauseStatus.INCONCLUSIVE else cause


def status_merge(task: Task, draft: StatusText, asked: StatusAsked, known: Known) -> Merged[StatusText]:
    """The model's sentences that stand, else the rules' own."""
    good, bad = cited(asked.evidence, known.evidence)
    impact, lost = spoken(asked.impact, known.ground, _cause(task), public=True)
    action, lost_too = spoken(asked.current_action, known.ground, _cause(task), public=True)
    answer = StatusText(
        impact=impact or draft.impact, current_action=action or draft.current_action, evidence=good or draft.evidence
    )
    struck = (*lost, *lost_too)
    return Merged(answer, 2, struck, (*invented(bad), *struck))


def brief_merge(task: Task, draft: BriefText, asked: BriefAsked, known: Known) -> Merged[BriefText]:
    """The model's lines that stand, else the rules' own; `Known` only for a cause that is."""
    good, bad = cited(asked.evidence, known.evidence)
    cause = _cause(task)
    lines: dict[str, str] = {}
    struck: list[str] = []
    for name in ("situation", "cause", "action", "impact"):
        text, lost = spoken(getattr(asked, name), known.ground, cause, public=True)
        struck += lost
        lines[name] = text or getattr(draft, name)
    says_known = lines["cause"].lower().startswith("known")
    if says_known != draft.cause.lower().startswith("known"):
        struck.append("the cause line does not say how far the cause is known")
        lines["cause"] = draft.cause
    return Merged(BriefText(**lines, evidence=good or draft.evidence), 4, tuple(struck), (*invented(bad), *struck))


def proposal_merge(task: Task, draft: Proposal, asked: ProposalAsked, known: Known) -> Merged[Proposal]:
    """The model's sentences that stand, else the rules' own."""
    good, bad = cited(asked.evidence, known.evidence)
    text, struck = spoken(asked.proposal, known.ground, _cause(task), public=True)
    return Merged(
        Proposal(proposal=text or draft.proposal, evidence=good or draft.evidence), 1, struck, (*invented(bad), *struck)
    )


def _draft(_task: Task, draft: Word, _seen: object) -> dict[str, object]:
    return {"said_by_rules": draft.model_dump(mode="json", exclude={"evidence"})}


STATUS_UPDATE = Part(asks=StatusAsked, merge=status_merge, facts=_trusted, shows=_draft, public=True)
EXECUTIVE_BRIEF = Part(asks=BriefAsked, merge=brief_merge, facts=_trusted, shows=_draft, public=True)
ESCALATE = Part(asks=ProposalAsked, merge=proposal_merge, facts=_trusted, shows=_draft, public=True)
