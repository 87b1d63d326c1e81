"""StatusUpdate, ExecutiveBrief and Escalation: what people are told, by the runbook's templates."""

from __future__ import annotations

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word


class Status(Explained):
    """The status page's four words."""

    INVESTIGATING = "Investigating", "we know that something is wrong, not yet what"
    IDENTIFIED = "Identified", "the cause is known and being acted on"
    MONITORING = "Monitoring", "a fix is in place and being watched"
    RESOLVED = "Resolved", "the watch ended well"


class StatusUpdate(Word):
    """A post on the status page; `next_update` is None only when resolved."""

    number: int
    at: Moment
    service: str
    status: Status
    impact: str
    current_action: str
    next_update: Moment | None
    evidence: tuple[str, ...] = ()


class ExecutiveBrief(Word):
    """The stakeholders' brief."""

    number: int
    at: Moment
    situation: str
    cause: str
    action: str
    impact: str
    next_update: Moment | None
    evidence: tuple[str, ...] = ()


class Escalation(Word):
    """One row of the escalation matrix that came true, and what its agent proposed."""

    rule: str = Field(description="id of the matrix row")
    condition: str
    to: str
    at: Moment
    asked: str = Field(description="the matrix's action")
    proposal: str
    evidence: tuple[str, ...] = ()
