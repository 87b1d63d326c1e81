"""Generic: any JSON object, read by the names that alerting tools commonly use; docs/alerts.md describes the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import Delivery
from nexus.intake.fields import name
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.text import tidy, word, words

NAME = "generic"
_TITLE = ("title", "alertname", "alert_name", "name", "subject", "message", "summary", "description", "text")
_SUMMARY = ("summary", "description", "message", "text", "body", "details")
_SEVERITY = ("severity", "priority", "level", "urgency", "criticality")
_SERVICE = ("service", "component", "app", "application", "service_name", "resource", "host")
_START = ("starts_at", "startsAt", "started_at", "startedAt", "timestamp", "time", "created_at", "createdAt", "date", "ts")
_STATE = ("state", "status")
_IDENTITY = ("fingerprint", "dedup_key", "alert_id", "id")
_GROUP = ("group", "group_key", "groupKey", "incident_key")
_OVER = frozenset({"resolved", "ok", "closed", "recovered", "recovery", "inactive", "normal"})


def recognises(_posted: Posted) -> bool:
    """Any object will do."""
    return True


def read(posted: Posted) -> Delivery:
    """The object as an alert. Raises AlertError when nothing in it can serve as a title."""
    payload = posted.payload
    labels = words(_first(payload, ("labels", "tags")))
    title = _text(payload, _TITLE, 500) or labels.get("alertname", "")
    if not title:
        raise AlertError("the alert has no title", "give it a field `title` (or name, alertname, message, summary)")
    starts_at, note = read_moment(_first(payload, _START), posted.now)
    resolved = _text(payload, _STATE, 100).lower() in _OVER or _first(payload, ("resolved",)) is True
    alert = Alert(
        title=title,
        service=_text(payload, _SERVICE, 200) or labels.get("service", "") or None,
        state=AlertState.RESOLVED if resolved else AlertState.FIRING,
        severity_label=_text(payload, _SEVERITY, 100) or labels.get("severity", "") or None,
        summary=_text(payload, _SUMMARY, 2000),
        starts_at=starts_at,
        source=_text(payload, ("source",), 100) or NAME,
        fingerprint=tidy(word(_first(payload, _IDENTITY)), 200),
        group=_text(payload, _GROUP, 500),
        labels=labels,
        annotations=words(_first(payload, ("annotations",))),
        notes=(note,) if note else (),
        raw=dict(posted.kept),
    )
    return Delivery(NAME, (alert,))


def _first(payload: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these fields that holds something, whatever the case of its name."""
    folded = {str(key).lower(): value for key, value in reversed(list(payload.items()))}
    for field in names:
        value = payload.get(field, folded.get(field.lower()))
        if value not in (None, "", [], {}):
            return value
    return None


def _text(payload: Mapping[str, Any], names: Sequence[str], limit: int) -> str:
    """The first of these fields that is text or a number, or names something, and has something to show."""
    for field in names:
        if shown := name(_first(payload, (field,)), limit=limit):
            return shown
    return ""
