"""Datadog: a webhook's payload is the user's own template, so its fields are found by the variables that they are named for.

Datadog's documentation, integrations/webhooks. Names count without case and underscores: `$ALERT_TRANSITION` is found as
`alert_transition` or `alertTransition`; Datadog's default template is read as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import Delivery
from nexus.intake.fields import line
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.service import service_in
from nexus.intake.text import MOST_LABELS, tidy, words

NAME = "datadog"
_TELLING = frozenset({"alerttransition", "alertcyclekey", "aggregkey"})
_DEFAULT = frozenset({"eventtype", "lastupdated", "date", "title"})
_BRACKET = re.compile(r"\s*\[((?:re-)?(?:triggered|warn|no data|recovered|renotify)\b[^\]]*|P[1-5])\]\s*", re.IGNORECASE)
_SCOPE = re.compile(r"\{([^}]*)\}")
_UNREPLACED = re.compile(r"\$[A-Z_]+(?:\[\w+\])?")
_PRIORITY = re.compile(r"P[1-5]", re.IGNORECASE)


def recognises(posted: Posted) -> bool:
    """A field named for a variable that only Datadog has, or its default template."""
    names = _folded(posted.payload).keys()
    return bool(_TELLING & names) or names >= _DEFAULT


def read(posted: Posted) -> Delivery:
    """The monitor's notification. Raises AlertError when it has no title."""
    told = _folded(posted.payload)
    title, before = _title(_first(told, "alerttitle", "eventtitle", "title", limit=500))
    transition = _first(told, "alerttransition") or before
    if not title:
        raise AlertError("Datadog's notification has no title", "put $ALERT_TITLE or $EVENT_TITLE into the webhook's payload")
    kind = _first(told, "alerttype")
    starts_at, note = read_moment(_value(told, "date", "dateposix", "lastupdated", "lastupdatedposix"), posted.now)
    scope = _first(told, "alertscope", limit=500) or "".join(_SCOPE.findall(before)[:1])
    labels = _tags(told.get("tags")) | _tags(scope)
    monitor = _first(told, "alertid", "monitorid")
    over = "recovered" in transition.lower() if transition else kind.lower() == "success"
    alert = Alert(
        title=title,
        service=_first(told, "service") or service_in(labels, "kube_deployment", "host") or _first(told, "hostname") or None,
        state=AlertState.RESOLVED if over else AlertState.FIRING,
        severity_label=_severity(told, kind, transition),
        summary=_first(told, "textonlymsg", "eventmsg", "body", "message", "text", "alertstatus", limit=2000),
        starts_at=starts_at,
        source=NAME,
        fingerprint=_first(told, "alertcyclekey", "aggregkey") or tidy(f"{monitor} {scope}" if monitor else "", 500),
        group=_first(told, "aggregkey", limit=500),
        labels=labels,
        annotations={"link": link} if (link := _first(told, "link", "eventurl", "url", limit=2000)) else {},
        notes=(note,) if note else (),
        raw=dict(posted.kept),
    )
    return Delivery(NAME, (alert,))


def _folded(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload by names without case and punctuation, less the variables that Datadog did not replace."""
    return {
        "".join(c for c in str(name).lower() if c.isalnum()): value
        for name, value in reversed(list(payload.items()))
        if not (isinstance(value, str) and _UNREPLACED.fullmatch(value))
    }


def _value(told: Mapping[str, Any], *names: str) -> Any:
    return next((told[name] for name in names if told.get(name) not in (None, "")), None)


def _first(told: Mapping[str, Any], *names: str, limit: int = 200) -> str:
    """The first of these fields that holds text or a number."""
    return next((found for name in names if (found := line(told, name, limit=limit))), "")


def _title(shown: str) -> tuple[str, str]:
    """The monitor's name, the same whether it fires or recovers, and the transition with its scope that stood before it."""
    transition = ""
    while found := _BRACKET.match(shown):
        shown = shown[found.end() :]
        transition = transition if _PRIORITY.fullmatch(found[1]) else found[1]
    return shown, transition


def _severity(told: Mapping[str, Any], kind: str, transition: str) -> str | None:
    """The monitor's priority, else the alert's type, else a warning by its transition; `$PRIORITY`, an event's, says nothing."""
    priority = _first(told, "alertpriority", "priority")
    if _PRIORITY.fullmatch(priority):
        return priority
    return kind or ("warning" if "warn" in transition.lower() else None)


def _tags(held: object) -> dict[str, str]:
    """Tags: `$TAGS` and `$ALERT_SCOPE` are text with commas; a list or an object is read too."""
    if not isinstance(held, str):
        return words(held)
    return words([tag.strip() for tag in held.split(",", MOST_LABELS)[:MOST_LABELS] if tag.strip()])
