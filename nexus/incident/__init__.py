"""The words of the house, one noun a file; import them from here."""

from nexus.incident.action import (
    Action,
    ActionKind,
    ActionRecord,
    ActionResult,
    Approval,
    DryRun,
    Plan,
    Risk,
    Step,
    Verdict,
)
from nexus.incident.alert import Alert, AlertState, JoinedAlert
from nexus.incident.asked import AskedTask
from nexus.incident.authorship import Author, Authorship
from nexus.incident.base import Explained, Moment, Word
from nexus.incident.bulletin import Escalation, ExecutiveBrief, Status, StatusUpdate
from nexus.incident.cause import Cause, CauseStatus, Diagnosis, Hypothesis, RootCause, Suspect
from nexus.incident.effect import Effect, EffectKind, EffectState
from nexus.incident.event import Event, EventKind
from nexus.incident.evidence import Absence, Evidence, Finding
from nexus.incident.incident import Incident, Outcome, Question, TimelineEntry, Usage
from nexus.incident.learning import ActionItem, BacklogItem, Claim, PostMortem, Prevention
from nexus.incident.opening import Opening, Surroundings
from nexus.incident.severity import Classification, Impact, Severity
from nexus.incident.verification import CheckResult, Verification

__all__ = [
    "Absence",
    "Action",
    "ActionItem",
    "ActionKind",
    "ActionRecord",
    "ActionResult",
    "Alert",
    "AlertState",
    "Approval",
    "AskedTask",
    "Author",
    "Authorship",
    "BacklogItem",
    "Cause",
    "CauseStatus",
    "CheckResult",
    "Claim",
    "Classification",
    "Diagnosis",
    "DryRun",
    "Effect",
    "EffectKind",
    "EffectState",
    "Escalation",
    "Event",
    "EventKind",
    "Evidence",
    "ExecutiveBrief",
    "Explained",
    "Finding",
    "Hypothesis",
    "Impact",
    "Incident",
    "JoinedAlert",
    "Moment",
    "Opening",
    "Outcome",
    "Plan",
    "PostMortem",
    "Prevention",
    "Question",
    "Risk",
    "RootCause",
    "Severity",
    "Status",
    "StatusUpdate",
    "Step",
    "Surroundings",
    "Suspect",
    "TimelineEntry",
    "Usage",
    "Verdict",
    "Verification",
    "Word",
]
