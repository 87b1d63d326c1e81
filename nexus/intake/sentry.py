"""Sentry: webhooks of an integration: issue alerts, issues and metric alerts; its other resources are no alerts.

Sentry's documentation, integrations/integration-platform/webhooks (issue-alerts, issues, metric-alerts).
"""

from __future__ import annotations

import re
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import Delivery
from nexus.intake.fields import at, line, part
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.service import service_in
from nexus.intake.text import tidy, word, words

NAME = "sentry"
_HEADER = "sentry-hook-resource"
_RESOURCES = {"event_alert": "event", "issue": "issue", "metric_alert": "metric_alert"}
_TROUBLE = frozenset({"triggered", "created", "unresolved", "critical", "warning"})
_END = "resolved"
_PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")


def recognises(posted: Posted) -> bool:
    """Sentry's own header, else an installation's action on one of its resources."""
    return _HEADER in posted.headers or ("installation" in posted.payload and _resource(posted) in _RESOURCES)


def read(posted: Posted) -> Delivery:
    """The issue or metric alert, or no alert with a note. Raises AlertError when it has no title."""
    resource, action = _resource(posted), line(posted.payload, "action")
    if resource not in _RESOURCES:
        return Delivery(NAME, note=f"Sentry's {resource} {action} is no alert")
    found = _RESOURCES[resource]
    if action not in _TROUBLE and action != _END:
        return Delivery(NAME, note=f"Sentry's {found} {action or 'unsaid'} tells neither of new trouble nor of its end")
    told = _metric(posted) if found == "metric_alert" else _issue(posted, found)
    if not told["title"]:
        raise AlertError(f"Sentry's {found} has no title", "send the webhook's payload as it is")
    begun, note = read_moment(told.pop("begun"), posted.now)
    alert = Alert(
        **told,
        state=AlertState.RESOLVED if action == _END else AlertState.FIRING,
        starts_at=begun,
        source=NAME,
        notes=(note,) if note else (),
        raw=dict(posted.kept),
    )
    return Delivery(NAME, (alert,))


def _resource(posted: Posted) -> str:
    """What was acted on: by the header, else by what the data hold."""
    held = part(posted.payload, "data")
    return line(posted.headers, _HEADER) or next((name for name, key in _RESOURCES.items() if part(held, key)), "")


def _issue(posted: Posted, held: str) -> dict[str, Any]:
    """What an issue, or the event that set an issue alert off, says of itself."""
    told = part(posted.payload, "data", held)
    labels = words(told.get("tags"))
    project = line(told, "project", "slug") or "".join(_PROJECT.findall(line(told, "url", limit=2000))[:1])
    if project:
        labels.setdefault("project", project)
    if rule := line(posted.payload, "data", "triggered_rule"):
        labels["rule"] = rule
    issue = line(told, "issue_id") or (line(told, "id") if held == "issue" else "")
    return {
        "title": line(told, "title", limit=500),
        "service": service_in(labels, "project"),
        "severity_label": line(told, "level") or None,
        "summary": line(told, "culprit", limit=2000),
        "begun": told.get("firstSeen") or told.get("datetime") or told.get("timestamp"),
        "fingerprint": issue,
        "group": issue,
        "labels": labels,
        "annotations": _link(told),
    }


def _metric(posted: Posted) -> dict[str, Any]:
    """What a metric alert says of itself: named for its rule, since the title that is sent changes with the action."""
    data = part(posted.payload, "data")
    told, rule = part(data, "metric_alert"), part(data, "metric_alert", "alert_rule")
    projects = at(told, "projects")
    action = line(posted.payload, "action")
    labels = {key: line(rule, key, limit=2000) for key in ("aggregate", "query", "environment", "dataset")}
    project = line(projects[0]) if isinstance(projects, list) and projects else ""
    return {
        "title": line(rule, "name", limit=500) or line(data, "description_title", limit=500) or line(told, "title", limit=500),
        "service": project or None,
        "severity_label": action if action != _END else None,
        "summary": line(data, "description_text", limit=2000),
        "begun": told.get("date_started") or told.get("date_detected"),
        "fingerprint": line(told, "id") or line(told, "identifier"),
        "group": line(rule, "id"),
        "labels": {key: value for key, value in labels.items() if value}
        | ({"projects": tidy(word(projects), 2000)} if projects else {}),
        "annotations": _link(data),
    }


def _link(told: object) -> dict[str, str]:
    link = line(told, "web_url", limit=2000) or line(told, "permalink", limit=2000)
    return {"link": link} if link else {}
