"""Effect: one thing that leaves NEXUS, written down before it does."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word
from nexus.incident.event import Event


class EffectKind(Explained):
    """Everything that leaves NEXUS."""

    ACTION = "action", "a change to the world"
    UNDO = "undo", "a change taken back"
    STATUS = "status", "a post on the status page"
    BRIEF = "brief", "a brief to the stakeholders"
    NOTICE = "notice", "a message to one role or person"
    CHANNEL = "channel", "the incident's channel, opened"
    BACKLOG = "backlog", "items for the backlog"


class EffectState(Explained):
    """What is known of an effect."""

    BEGUN = "begun", "it was about to leave: it may or may not have arrived"
    DONE = "done", "the other side confirmed it"
    FAILED = "failed", "the other side refused it or could not be reached"
    UNKNOWN = "unknown", "whether it arrived cannot be found out"


class Effect(Word):
    """One outgoing effect, written down before it leaves; `key` is unique in its incident, there and at its target.

    `event` is what the record says once it has arrived.
    """

    incident: str
    key: str
    kind: EffectKind
    at: Moment
    what: dict[str, Any] = Field(default_factory=dict)
    state: EffectState = EffectState.BEGUN
    result: dict[str, Any] = Field(default_factory=dict)
    event: Event | None = None
