"""Report: what a person says is wrong, in the generic form; where and since when are read from the words where they say so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from nexus.errors import AlertError

_CLOCK = re.compile(r"\b(?:since|from|at) (?:about |around )?(\d{1,2})[:.](\d{2})\b", re.IGNORECASE)
_WORD = re.compile(r"\b(?:since|from|at) (noon|midnight|midday)\b", re.IGNORECASE)
_AGO = re.compile(r"\b(?:for|since) (?:about |around )?(\d{1,3}) ?(minutes?|mins?|hours?|h)\b", re.IGNORECASE)
_NAMED = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}
_TITLE = 200


def report_body(
    text: str, service: str | None, severity: str | None, by: str, now: datetime, *, names: Iterable[str] = ()
) -> str:
    """The report as it goes into the inbox; `names` are the catalog's services. Raises AlertError for one without words."""
    said = text.strip()
    if not said:
        raise AlertError("the report is empty", "say what is wrong")
    told = {
        "title": said.splitlines()[0][:_TITLE],
        "summary": text,
        "service": service or service_in(text, names),
        "severity": severity,
        "source": "report",
        "starts_at": (begun_in(text, now) or now).isoformat(),
    }
    given = {name: value for name, value in told.items() if value}
    return json.dumps({**given, "labels": {"reported_by": by}})


def begun_in(text: str, now: datetime) -> datetime | None:
    """When the trouble began, where the text says so; a time of day is `now`'s zone's, the last one that has passed."""
    if (ago := _AGO.search(text)) is not None:
        unit = "hours" if ago[2].lower().startswith("h") else "minutes"
        return now - timedelta(**{unit: int(ago[1])})
    clock, word = _CLOCK.search(text), _WORD.search(text)
    hour, minute = (int(clock[1]), int(clock[2])) if clock else _NAMED[word[1].lower()] if word else (99, 99)
    if hour > 23 or minute > 59:
        return None
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def service_in(text: str, names: Iterable[str]) -> str | None:
    """The service that the text names, the longest of several that fit."""
    found = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)]
    return max(found, key=len, default=None)
