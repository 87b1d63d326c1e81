"""Severity, the impact it is judged by, and the Classification that triage gives."""

from __future__ import annotations

from pydantic import Field

from nexus.incident.base import Explained, Word


class Severity(Explained):
    """The runbook's four levels; a lower number is worse."""

    P0 = "P0", "critical: service completely down, data loss, security breach"
    P1 = "P1", "high: major feature broken, significant performance degradation"
    P2 = "P2", "medium: minor feature broken, workaround available"
    P3 = "P3", "low: cosmetic issue, minor inconvenience"

    @property
    def rank(self) -> int:
        """0 for P0 up to 3 for P3."""
        return int(self.value[1])

    def worse_of(self, other: Severity) -> Severity:
        """The more severe of the two."""
        return self if self.rank <= other.rank else other


class Impact(Word):
    """What triage measured; None means it could not be known."""

    users_affected: int | None = Field(default=None, description="people per minute who meet an error or a timeout")
    share_of_traffic: float | None = Field(default=None, ge=0, le=1)
    services: tuple[str, ...] = ()
    revenue_per_hour: float | None = Field(default=None, description="USD an hour at risk, from the catalog")
    data_at_risk: bool | None = None
    user_data_affected: bool | None = None
    breach_suspected: bool | None = None


class Classification(Word):
    """Triage's answer: how bad, for whom, why, on which evidence."""

    severity: Severity
    floor: Severity = Field(description="what the rubric alone says; a responder may only go above it")
    impact: Impact
    signals: dict[str, str] = Field(default_factory=dict, description="the enumerated values that the rubric looked at")
    false_alarm: bool = False
    rationale: str
    evidence: tuple[str, ...] = ()
