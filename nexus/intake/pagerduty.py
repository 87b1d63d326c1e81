"""PagerDuty: webhooks of version 3: an incident's event is an alert when it tells of trouble or of its end.

PagerDuty/developer-docs, docs/webhooks/01-Overview.md. Acknowledging, assigning, noting are people's work and no alerts.
"""

from __future__ import annotations

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import Delivery
from nexus.intake.fields import line, part, parts
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted

NAME = "pagerduty"
_TROUBLE = frozenset({"incident.triggered", "incident.reopened", "incident.escalated", "incident.priority_updated"})
_END = "incident.resolved"


def recognises(posted: Posted) -> bool:
    """An event with a type."""
    return bool(line(posted.payload, "event", "event_type"))


def read(posted: Posted) -> Delivery:
    """The incident as an alert, or no alert with a note. Raises AlertError when the incident has no title."""
    event = part(posted.payload, "event")
    kind, incident = line(event, "event_type"), part(event, "data")
    if kind == "pagey.ping":
        return Delivery(NAME, note="PagerDuty's test ping; the webhook works")
    if kind not in _TROUBLE and kind != _END:
        return Delivery(NAME, note=f"PagerDuty's {kind} tells neither of new trouble nor of its end")
    if line(incident, "resolve_reason", "type") == "merge_resolve_reason":
        return Delivery(NAME, note="the incident was merged into another one, which goes on")
    title = line(incident, "title", limit=500) or line(incident, "summary", limit=500)
    if not title:
        raise AlertError("PagerDuty's incident has no title", "send the payload of a version 3 webhook as it is")
    starts_at, note = read_moment(incident.get("created_at") or event.get("occurred_at"), posted.now)
    over = kind == _END or line(incident, "status") == "resolved"
    labels = {
        "service": line(incident, "service", "summary"),
        "urgency": line(incident, "urgency"),
        "priority": line(incident, "priority", "summary"),
        "team": ", ".join(team for item in parts(incident, "teams")[:20] if (team := line(item, "summary"))),
        "number": line(incident, "number"),
    }
    identity = line(incident, "id")
    alert = Alert(
        title=title,
        service=labels["service"] or None,
        state=AlertState.RESOLVED if over else AlertState.FIRING,
        severity_label=labels["priority"] or labels["urgency"] or None,
        starts_at=starts_at,
        source=NAME,
        fingerprint=identity,
        group=identity,
        labels={key: value for key, value in labels.items() if value},
        annotations={"link": link} if (link := line(incident, "html_url", limit=2000)) else {},
        notes=(note,) if note else (),
        raw=dict(posted.kept),
    )
    return Delivery(NAME, (alert,))
