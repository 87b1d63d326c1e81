"""Opsgenie: the webhook's alert actions; creating is trouble, closing and deleting its end, the rest is people's work.

Atlassian's documentation, "Opsgenie Edge Connector alert action data". Jira Service Management posts the same.
"""

from __future__ import annotations

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import Delivery
from nexus.intake.fields import line, part
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.service import service_in
from nexus.intake.text import words

NAME = "opsgenie"
_TROUBLE = frozenset({"Create", "UpdatePriority"})
_END = frozenset({"Close", "Delete"})


def recognises(posted: Posted) -> bool:
    """An action on an alert."""
    alert = part(posted.payload, "alert")
    return bool(line(posted.payload, "action")) and ("alertId" in alert or "integrationId" in posted.payload)


def read(posted: Posted) -> Delivery:
    """The alert acted on, or no alert with a note. Raises AlertError when it has no message."""
    action, told = line(posted.payload, "action"), part(posted.payload, "alert")
    if action not in _TROUBLE | _END:
        return Delivery(NAME, note=f"Opsgenie's action {action} tells neither of new trouble nor of its end")
    title = line(told, "message", limit=500)
    if not title:
        raise AlertError("Opsgenie's alert has no message", "send the webhook's payload as it is")
    starts_at, note = read_moment(told.get("createdAt"), posted.now)
    labels = words(told.get("tags")) | words(told.get("details"))
    if entity := line(told, "entity"):
        labels.setdefault("entity", entity)
    alert = Alert(
        title=title,
        service=service_in(labels, "entity"),
        state=AlertState.RESOLVED if action in _END else AlertState.FIRING,
        severity_label=line(told, "priority") or None,
        summary=line(told, "description", limit=2000),
        starts_at=starts_at,
        source=NAME,
        fingerprint=line(told, "alertId") or line(told, "alias", limit=500),
        group=line(told, "alias", limit=500),
        labels=labels,
        notes=(note,) if note else (),
        raw=dict(posted.kept),
    )
    return Delivery(NAME, (alert,))
