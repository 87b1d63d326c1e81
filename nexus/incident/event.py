"""Event: one line of the record; the log of them is only ever appended to."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident.base import Explained, Moment, Word


class EventKind(Explained):
    """What can happen in an incident."""

    OPENED = "opened", "the alert was acknowledged"
    ALERTED = "alerted", "a further alert of the same outage came in"
    CHANNEL = "channel", "the incident's channel was created"
    CLASSIFIED = "classified", "severity, scope and team"
    STARTED = "started", "an agent began a task"
    EVIDENCE = "evidence", "a tool was used"
    FINDING = "finding", "an agent's claim"
    ABSENT = "absent", "an agent did not answer"
    AUTHORED = "authored", "who answered a task, a model or the rules, why and at what cost"
    STRUCK = "struck", "a claim was removed: its evidence does not exist"
    DIAGNOSED = "diagnosed", "hypotheses and root cause"
    STATUS = "status", "the incident's status changed"
    PLANNED = "planned", "what is to be done"
    ASKED = "asked", "a person was asked"
    ANSWERED = "answered", "a person, policy or the clock answered"
    ACTING = "acting", "an action begins; its undo is recorded here, before it runs"
    ACTED = "acted", "an action ended"
    UNDONE = "undone", "an action was taken back"
    REFUSED = "refused", "something was not allowed"
    TESTED = "tested", "a patch was tried away from production"
    VERIFIED = "verified", "a verifier's judgement"
    WATCHED = "watched", "a look during the watch"
    RELAPSED = "relapsed", "the trouble came back"
    PUBLISHED = "published", "a status update or brief went out"
    ESCALATED = "escalated", "a row of the escalation matrix came true"
    POST_MORTEM = "post_mortem", "the post-mortem was written"
    BACKLOG = "backlog", "work was ranked into the backlog"
    CLOSED = "closed", "the incident ended, with its outcome"


class Event(Word):
    """`key` is unique in the incident: recording it twice records it once. `wording` is the hash of the library's texts."""

    incident: str
    key: str
    at: Moment
    kind: EventKind
    actor: str
    text: str
    wording: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
