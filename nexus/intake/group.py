"""Group: Alertmanager's way to post alerts together, firing and resolved mixed, each read apart; Grafana's way is the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus.errors import AlertError
from nexus.incident import Alert, AlertState
from nexus.intake.delivery import MOST, Delivery
from nexus.intake.fields import line
from nexus.intake.moment import read_moment
from nexus.intake.posted import Posted
from nexus.intake.service import service_in
from nexus.intake.text import tidy, word, words


def read_group(posted: Posted, source: str, *, once: tuple[str, ...] = ()) -> Delivery:
    """Every alert of the group, each with its own entry and the group's common part as its `raw`: a group of one.

    The fields `once`, and entries that are not read, are kept with the first alert only. Raises AlertError when none can be read.
    """
    listed = posted.payload["alerts"]
    if not isinstance(listed, list):
        raise AlertError("`alerts` is not a list", "send the webhook's payload as it is")
    if not listed:
        raise AlertError("the alert list is empty", "send a payload with at least one alert")
    if not any(isinstance(entry, Mapping) for entry in listed):
        raise AlertError("no entry of `alerts` is an object", "send the webhook's payload as it is")
    labels = words(posted.payload.get("groupLabels")) | words(posted.payload.get("commonLabels"))
    annotations = words(posted.payload.get("commonAnnotations"))
    common = {name: value for name, value in posted.kept.items() if name not in ("alerts", *once)}
    group = line(posted.payload, "groupKey", limit=500)
    read: list[Alert] = []
    unread: list[Any] = []
    for entry, kept in zip(listed, posted.kept["alerts"], strict=True):
        alert = _one(entry, labels, annotations, source, posted.now) if len(read) < MOST else None
        if alert is None:
            unread.append(kept)
        else:
            read.append(alert.model_copy(update={"group": group, "raw": {**common, "alerts": [kept]}}))
    if not read:
        raise AlertError("no alert of the group has the label `alertname` or a summary", "give the alert a name")
    whole = {name: posted.kept[name] for name in once if name in posted.kept}
    first = {**read[0].raw, **whole, "alerts": [*read[0].raw["alerts"], *unread]}
    return Delivery(
        source,
        (read[0].model_copy(update={"raw": first}), *read[1:]),
        _missing(len(unread), len(read) == MOST, posted.payload.get("truncatedAlerts")),
    )


def _missing(unread: int, full: bool, truncated: object) -> str:
    """What of the group is not among its alerts."""
    said = []
    if unread:
        why = f"are beyond the first {MOST}" if full else "have no name or are no objects"
        said.append(f"{unread} entries of the group {why} and were passed over")
    if isinstance(truncated, int) and not isinstance(truncated, bool) and truncated > 0:
        said.append(f"the sender left out {truncated} alerts of the group")
    return "; ".join(said)


def _is_resolved(entry: Mapping[str, Any], now: datetime) -> bool:
    """By its own status, else by its end: one that is zero, missing or unreadable means that it goes on."""
    status = entry.get("status")
    if isinstance(status, str) and status:
        return status.strip().lower() == "resolved"
    end, _ = read_moment(entry.get("endsAt"), now)
    return end < now


def _one(entry: object, labels: dict[str, str], annotations: dict[str, str], source: str, now: datetime) -> Alert | None:
    """The entry as an alert, None when nothing in it can serve as its name."""
    if not isinstance(entry, Mapping):
        return None
    labels = labels | words(entry.get("labels"))
    annotations = annotations | words(entry.get("annotations"))
    summary = annotations.get("summary") or annotations.get("message") or annotations.get("description") or ""
    title = labels.get("alertname") or annotations.get("title") or summary
    if not title:
        return None
    starts_at, note = read_moment(entry.get("startsAt"), now)
    return Alert(
        title=tidy(title, 500),
        service=service_in(labels),
        state=AlertState.RESOLVED if _is_resolved(entry, now) else AlertState.FIRING,
        severity_label=labels.get("severity") or labels.get("priority") or None,
        summary=tidy(summary, 2000),
        starts_at=starts_at,
        source=source,
        fingerprint=tidy(word(entry.get("fingerprint")), 200),
        labels=labels,
        annotations=annotations,
        notes=(note,) if note else (),
    )
