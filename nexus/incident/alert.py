"""Alert: what came in, normalised, with the original kept whole."""

from __future__ import annotations

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
    fingerprint: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = Field(default=(), description="what had to be assumed while reading it")
    raw: dict[str, Any] = Field(default_factory=dict, description="the payload as it came")

    @property
    def level(self) -> Level:
        """The source's word as one of five; a bare number counts 1 as the worst."""
        word = "".join(c for c in (self.severity_label or "").lower() if c.isalnum())
        return next((level for level, words in _WORDS.items() if word in words), "unknown")
