"""Words by rules: status texts, briefs and escalation proposals, from the record alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.bulletins import brief_text, cause_text, component_name, impact_text, status_text
from nexus.incident import Classification, Plan, RootCause, Status
from nexus.responder.answers import BriefText, Proposal, StatusText
from nexus.responder.contract import Task
from nexus.responder.desk import Desk

ETA = {Status.INVESTIGATING: None, Status.IDENTIFIED: 30, Status.MONITORING: 30, Status.RESOLVED: None}
"""Minutes until the next stage at the runbook's pace; None: cannot be said."""


Facts = Mapping[str, Any]


def _classification(facts: Facts) -> Classification | None:
    return Classification.model_validate(facts["classification"]) if facts["classification"] else None


def _plan(facts: Facts) -> Plan | None:
    return Plan.model_validate(facts["plan"]) if facts.get("plan") else None


def own_status(facts: Facts) -> StatusText:
    """Impact and current action for the status page, in our own words."""
    status = Status(facts["status"])
    classification = _classification(facts)
    cause = RootCause.model_validate(facts["cause"])
    waiting = "our engineers, who have taken over" if facts.get("outcome") == "handed_over" else None
    impact, action = status_text(status, classification, cause, _plan(facts), waiting)
    return StatusText(impact=impact, current_action=action, evidence=classification.evidence if classification else ())


def own_brief(facts: Facts) -> BriefText:
    """The brief's four lines, in our own words."""
    status = Status(facts["status"])
    classification = _classification(facts)
    cause = RootCause.model_validate(facts["cause"])
    situation, about, action, impact = brief_text(status, classification, cause, _plan(facts), facts["service"], ETA[status])
    evidence = (classification.evidence if classification else ()) + cause.evidence
    return BriefText(situation=situation, cause=about, action=action, impact=impact, evidence=evidence)


async def status_update(task: Task, _desk: Desk) -> StatusText:
    """The status page's free lines."""
    return own_status(task.facts)


async def executive_brief(task: Task, _desk: Desk) -> BriefText:
    """The brief's four lines."""
    return own_brief(task.facts)


async def escalate(task: Task, _desk: Desk) -> Proposal:
    """What the agent that was called in proposes."""
    return own_proposal(task.agent.name, task.facts)


def own_proposal(name: str, facts: Facts) -> Proposal:
    """What an agent that is called in proposes, from the incident's record, in our own words."""
    classification = _classification(facts)
    cause = RootCause.model_validate(facts["cause"])
    about = cause_text(cause)
    component = component_name(cause.component) if cause.component else ""
    impact = impact_text(classification) if classification else "impact unknown"
    tried = [a for a in facts["actions"] if a["result"] in ("undone", "failed")]
    if name == "studio-producer" and facts["rule"] != "revenue":
        vendor = f" Open a vendor escalation for {component}." if component else " Have the vendors of the suspects on call."
        held = [a for a in facts["actions"] if a["result"] == "done"]
        so_far = f"{len(tried)} changes were tried and did not help." if tried else "No change has been tried yet."
        if held:
            so_far = "A fix is in place and is being watched; keep the second engineer until the watch has ended."
        text = f"Bring in a second engineer for {component or 'the search for the cause'}. {so_far}{vendor}"
    elif name == "project-shepherd":
        text = f"Free one developer who knows {component or 'the affected service'} from sprint work until this is resolved."
    elif name == "legal-compliance-checker":
        text = (
            "Open a notification assessment now: the 72 hours of GDPR Art. 33 count from awareness, "
            f"{facts['opened_at'][:16]} UTC. Preserve access logs; affected records are to be counted. {impact}"
        )
    elif name == "finance-tracker":
        amount = classification.impact.revenue_per_hour if classification else None
        figure = f"{amount:,.0f} USD an hour at risk by the service catalog" if amount is not None else "revenue at risk unknown"
        text = f"{figure}; book the incident's cost from {facts['opened_at'][:16]} UTC and report at each update."
    elif name == "executive-summary-generator":
        text = f"Brief the stakeholders on user data: {impact} {about}."
    else:
        text = f"{about}. {impact}"
    evidence = (classification.evidence if classification else ()) + cause.evidence
    return Proposal(proposal=text, evidence=evidence)
