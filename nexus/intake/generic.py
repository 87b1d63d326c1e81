"""Generic: any JSON object, read by the names that alerting tools commonly use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.moment import read_moment
from nexus.intake.text import tidy, word, words

NAME = "generic"
_TITLE = ("title", "alertname", "alert_name", "name", "subject", "message", "summary", "description", "text")
_SUMMARY = ("summary", "description", "message", "text", "body", "details")
_SEVERITY = ("severity", "priority", "level", "urgency", "criticality")
_SERVICE = ("service", "component", "app", "application", "service_name", "resource", "host")
_START = ("starts_at", "startsAt", "started_at", "startedAt", "timestamp", "time", "created_at", "createdAt", "date", "ts")
_STATE = ("state", "status")
_OVER = frozenset({"resolved", "ok", "closed", "recovered", "recovery", "inactive", "normal"})


def recognises(payload: Mapping[str, Any]) -> bool:
    """Any object will do."""
    return isinstance(payload, Mapping)


def _first(payload: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these fields that holds something, whatever the case of its name."""
    folded = {str(key).lower(): value for key, value in reversed(list(payload.items()))}
    for name in names:
        value = payload.get(name, folded.get(name.lower()))
        if value not in (None, "", [], {}):
            return value
    return None


def _text(payload: Mapping[str, Any], names: Sequence[str], limit: int) -> str:
    """The first of these fields that is text or a number and has something to show."""
    for name in names:
        value = _first(payload, (name,))
        if isinstance(value, Mapping):
            value = value.get("name") or value.get("id")
        if isinstance(value, str | int | float) and not isinstance(value, bool) and (shown := tidy(str(value), limit)):
            return shown
    return ""


def read(payload: Mapping[str, Any], now: datetime) -> Alert:
    """The object as an alert. Raises AlertError when nothing in it can serve as a title."""
    labels = words(_first(payload, ("labels", "tags")))
    title = _text(payload, _TITLE, 500) or labels.get("alertname", "")
    if not title:
        raise AlertError("the alert has no title", "give it a field `title` (or name, alertname, message, summary)")
    starts_at, note = read_moment(_first(payload, _START), now)
    state = _text(payload, _STATE, 100).lower()
    resolved = state in _OVER or _first(payload, ("resolved",)) is True
    notes = [note] if note else []
    if resolved:
        notes.append("the source says that it is resolved already")
    severity = _text(payload, _SEVERITY, 100) or labels.get("severity", "")
    service = _text(payload, _SERVICE, 200) or labels.get("service", "")
    summary = _text(payload, _SUMMARY, 2000)
    return Alert(
        title=title,
        service=service or None,
        state=AlertState.RESOLVED if resolved else AlertState.FIRING,
        severity_label=severity or None,
        summary=summary,
        starts_at=starts_at,
        source=_text(payload, ("source",), 100) or NAME,
        fingerprint=tidy(word(_first(payload, ("fingerprint", "id", "alert_id", "dedup_key"))), 200),
        labels=labels,
        annotations=words(_first(payload, ("annotations",))),
        notes=tuple(notes),
    )
