"""Words by rules: status texts, briefs and escalation proposals, from the record alone."""

from __future__ import annotations

from nexus.bulletins import brief_text, impact_text, status_text
from nexus.incident import Classification, Plan, RootCause, Status
from nexus.responder.answers import BriefText, Proposal, StatusText
from nexus.responder.contract import Task
from nexus.responder.desk import Desk

ETA = {Status.INVESTIGATING: None, Status.IDENTIFIED: 30, Status.MONITORING: 30, Status.RESOLVED: None}
"""Minutes until the next stage at the runbook's pace; None: cannot be said."""


def _classification(task: Task) -> Classification | None:
    return Classification.model_validate(task.facts["classification"]) if task.facts["classification"] else None


def _plan(task: Task) -> Plan | None:
    return Plan.model_validate(task.facts["plan"]) if task.facts.get("plan") else None


async def status_update(task: Task, _desk: Desk) -> StatusText:
    """Impact and current action for the status page."""
    status = Status(task.facts["status"])
    classification = _classification(task)
    cause = RootCause.model_validate(task.facts["cause"])
    waiting = "our engineers, who have taken over" if task.facts.get("outcome") == "handed_over" else None
    impact, action = status_text(status, classification, cause, _plan(task), waiting)
    return StatusText(impact=impact, current_action=action, evidence=classification.evidence if classification else ())


async def executive_brief(task: Task, _desk: Desk) -> BriefText:
    """The brief's four lines."""
    status = Status(task.facts["status"])
    classification = _classification(task)
    cause = RootCause.model_validate(task.facts["cause"])
    situation, about, action, impact = brief_text(status, classification, cause, _plan(task), task.facts["service"], ETA[status])
    evidence = (classification.evidence if classification else ()) + cause.evidence
    return BriefText(situation=situation, cause=about, action=action, impact=impact, evidence=evidence)


async def escalate(task: Task, _desk: Desk) -> Proposal:
    """What the agent that was called in proposes, from the incident's record."""
    classification = _classification(task)
    cause = RootCause.model_validate(task.facts["cause"])
    about = cause.statement or "the cause is not known yet"
    impact = impact_text(classification) if classification else "impact unknown"
    tried = [a for a in task.facts["actions"] if a["result"] in ("undone", "failed")]
    name = task.agent.name
    if name == "studio-producer" and task.facts["rule"] != "revenue":
        vendor = (
            f" Open a vendor escalation for {cause.component}."
            if cause.component
            else " Have the vendors of the suspects on call."
        )
        held = [a for a in task.facts["actions"] if a["result"] == "done"]
        so_far = f"{len(tried)} changes were tried and did not help." if tried else "No change has been tried yet."
        if held:
            so_far = "A fix is in place and is being watched; keep the second engineer until the watch has ended."
        text = f"Bring in a second engineer for {cause.component or 'the search for the cause'}. {so_far}{vendor}"
    elif name == "project-shepherd":
        text = (
            f"Free one developer who knows {cause.component or 'the affected service'} from sprint work until this is resolved."
        )
    elif name == "legal-compliance-checker":
        text = (
            "Open a notification assessment now: the 72 hours of GDPR Art. 33 count from awareness, "
            f"{task.facts['opened_at'][:16]} UTC. Preserve access logs; affected records are to be counted. {impact}"
        )
    elif name == "finance-tracker":
        amount = classification.impact.revenue_per_hour if classification else None
        figure = f"{amount:,.0f} USD an hour at risk by the service catalog" if amount is not None else "revenue at risk unknown"
        text = f"{figure}; book the incident's cost from {task.facts['opened_at'][:16]} UTC and report at each update."
    elif name == "executive-summary-generator":
        text = f"Brief the stakeholders on user data: {impact} {about}."
    else:
        text = f"{about}. {impact}"
    evidence = (classification.evidence if classification else ()) + cause.evidence
    return Proposal(proposal=text, evidence=evidence)
