"""Alert: what came in, normalised, with the original kept whole."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word

Level = Literal["critical", "high", "medium", "low", "unknown"]
_WORDS: dict[Level, frozenset[str]] = {
    "critical": frozenset({"critical", "crit", "page", "emergency", "fatal", "disaster", "p0", "sev0", "sev1", "0", "1"}),
    "high": frozenset({"high", "error", "err", "major", "urgent", "p1", "sev2", "2"}),
    "medium": frozenset({"medium", "moderate", "warning", "warn", "minor", "average", "p2", "sev3", "3"}),
    "low": frozenset({"low", "info", "information", "informational", "notice", "debug", "trivial", "cosmetic", "none", "ticket",
                      "p3", "p4", "p5", "sev4", "sev5", "4", "5"}),
}  # fmt: skip
_FROM_ONE: dict[str, Level] = {"p1": "critical", "p2": "high", "p3": "medium", "p4": "low", "p5": "low"}
_OF_SOURCE: dict[str, dict[str, Level]] = {
    "pagerduty": _FROM_ONE,
    "opsgenie": _FROM_ONE,
    "datadog": {**_FROM_ONE, "success": "low"},
}
"""Words that mean something else with these sources: their priorities count from P1, ours from P0."""
_PASSING = frozenset({"severity", "priority", "level", "urgency", "state", "status", "value"})
"""Labels that change while the trouble stays the same."""


class AlertState(Explained):
    """Whether the source says that the trouble is still there."""

    FIRING = "firing", "the condition holds"
    RESOLVED = "resolved", "the source says the condition no longer holds"


class Alert(Word):
    """One notification from monitoring, a person or an agent."""

    title: str = Field(max_length=500)
    service: str | None = None
    state: AlertState = AlertState.FIRING
    severity_label: str | None = Field(default=None, description="the source's own word, never trusted alone")
    summary: str = ""
    starts_at: Moment
    source: str = "generic"
    fingerprint: str = Field(default="", description="the source's own key for this trouble, firing or resolved")
    group: str = Field(default="", description="the source's own key for alerts that belong together")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = Field(default=(), description="what had to be assumed while reading it")
    raw: dict[str, Any] = Field(default_factory=dict, description="the payload as it came")

    @property
    def level(self) -> Level:
        """The source's word as one of five; a bare number counts 1 as the worst."""
        word = "".join(c for c in (self.severity_label or "").lower() if c.isalnum())
        if own := _OF_SOURCE.get(self.source, {}).get(word):
            return own
        return next((level for level, words in _WORDS.items() if word in words), "unknown")


class JoinedAlert(Word):
    """A further alert of an open incident, and why it belongs to it."""

    at: Moment = Field(description="when it was taken in")
    alert: Alert
    because: str
    evidence: str = Field(default="", description="id of the evidence that it became")


def identity_of(alert: Alert) -> str:
    """What is the same for every alert of one trouble, firing or resolved: 16 hexadecimal digits.

    By the source's own fingerprint; without one by source, title, service and those labels that do not change with its state.
    """
    lasting = {name: value for name, value in alert.labels.items() if name.lower() not in _PASSING}
    exact = [alert.fingerprint] if alert.fingerprint else [alert.title, alert.service, lasting]
    told = json.dumps([alert.source, *exact], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
