"""Alertmanager: the webhook of version 4, a group of alerts firing and resolved; the worst firing one leads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.moment import read_moment
from nexus.intake.text import tidy, word, words

NAME = "alertmanager"
_ORDER = {"critical": 0, "high": 1, "medium": 2, "unknown": 3, "low": 4}
_SERVICE = ("service", "component", "app", "job", "deployment")


def recognises(payload: Mapping[str, Any]) -> bool:
    """A group of alerts."""
    return "alerts" in payload


def read(payload: Mapping[str, Any], now: datetime) -> Alert:
    """The group as one alert. Raises AlertError when the group holds none that can be read."""
    listed = payload["alerts"]
    if not isinstance(listed, list):
        raise AlertError("`alerts` is not a list", "send Alertmanager's webhook payload as it is")
    if not listed:
        raise AlertError("the alert list is empty", "send a payload with at least one alert")
    entries = [entry for entry in listed if isinstance(entry, Mapping)]
    if not entries:
        raise AlertError("no entry of `alerts` is an object", "send Alertmanager's webhook payload as it is")
    alerts = [alert for entry in entries if (alert := _one(payload, entry, now)) is not None]
    if not alerts:
        raise AlertError("no alert of the group has the label `alertname` or a summary", "give the alert a name")
    firing = [a for a in alerts if a.state is AlertState.FIRING]
    lead = min(firing or alerts, key=lambda a: (_ORDER[a.level], a.starts_at))
    notes = [*lead.notes]
    if not firing:
        notes.append("every alert of the group is resolved already")
    elif len(alerts) > 1:
        notes.append(f"a group of {len(alerts)} alerts, {len(firing)} firing; the worst firing one leads")
    if len(alerts) < len(listed):
        notes.append(f"{len(listed) - len(alerts)} entries of the group have no name or are no objects and were passed over")
    return lead.model_copy(update={"notes": tuple(notes)})


def _is_resolved(entry: Mapping[str, Any], now: datetime) -> bool:
    """By its own status, else by its end: a zero end means that it goes on."""
    status = entry.get("status")
    if isinstance(status, str) and status:
        return status.strip().lower() == "resolved"
    end, note = read_moment(entry.get("endsAt"), now)
    return not note and end < now


def _one(payload: Mapping[str, Any], entry: Mapping[str, Any], now: datetime) -> Alert | None:
    labels = words(payload.get("groupLabels")) | words(payload.get("commonLabels")) | words(entry.get("labels"))
    annotations = words(payload.get("commonAnnotations")) | words(entry.get("annotations"))
    summary = annotations.get("summary") or annotations.get("message") or annotations.get("description") or ""
    title = labels.get("alertname") or annotations.get("title") or summary
    if not title:
        return None
    starts_at, note = read_moment(entry.get("startsAt"), now)
    return Alert(
        title=tidy(title, 500),
        service=next((labels[k] for k in _SERVICE if labels.get(k)), None),
        state=AlertState.RESOLVED if _is_resolved(entry, now) else AlertState.FIRING,
        severity_label=labels.get("severity") or labels.get("priority") or None,
        summary=tidy(summary, 2000),
        starts_at=starts_at,
        source=NAME,
        fingerprint=tidy(word(entry.get("fingerprint")), 200),
        labels=labels,
        annotations=annotations,
        notes=(note,) if note else (),
    )
