"""PostMortem, ActionItem and BacklogItem: what the incident leaves behind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nexus.incident.base import Moment, Word
from nexus.incident.severity import Severity

Prevention = Literal["monitoring", "testing", "process", "infrastructure"]


class Claim(Word):
    """A sentence of the post-mortem with what it rests on; unknown where the record does not say."""

    text: str
    evidence: tuple[str, ...] = ()
    known: bool = True


class ActionItem(Word):
    """[Action] → [Owner] → [Deadline]."""

    id: str
    action: str
    owner: str
    deadline: Moment
    kind: Prevention
    reason: str = ""


class PostMortem(Word):
    """The runbook's five sections."""

    introduced: Moment | None
    detected: Moment
    resolved: Moment | None
    duration_minutes: float | None = Field(description="of user impact; None when its start or end is unknown")
    what_failed: Claim
    why_it_failed: Claim
    why_not_caught: Claim
    five_whys: tuple[Claim, ...] = Field(min_length=5, max_length=5)
    users: Claim
    revenue: Claim
    reputation: Claim
    data: Claim
    prevention: dict[Prevention, tuple[Claim, ...]]
    action_items: tuple[ActionItem, ...]


class BacklogItem(Word):
    """A ranked piece of work; `key` makes adding it twice harmless."""

    key: str
    rank: int
    title: str
    owner: str
    deadline: Moment | None
    severity: Severity
    score: float = Field(description="reach x impact x confidence / effort (RICE)")
    incident: str
    kind: str = "prevention"
