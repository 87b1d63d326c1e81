"""Read: from bytes to a Delivery: size, encoding, JSON, then the format that is named or the first that recognises it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from nexus.errors import AlertError
from nexus.incident import Alert
from nexus.intake import alertmanager, cloudwatch, datadog, generic, grafana, opsgenie, pagerduty, sentry
from nexus.intake.content import decoded, parsed
from nexus.intake.delivery import Delivery
from nexus.intake.posted import Posted
from nexus.intake.text import storable

LIMIT = 10 * 1024 * 1024
"""Bytes; a larger alert is refused unread."""


class Format(Protocol):
    """One source's way to write alerts: a module of this package."""

    NAME: str

    def recognises(self, posted: Posted, /) -> bool:
        """Whether the payload is written this way."""
        ...

    def read(self, posted: Posted, /) -> Delivery:
        """The alerts of the payload. Raises AlertError when it cannot hold any."""
        ...


FORMATS: tuple[Format, ...] = (pagerduty, sentry, opsgenie, cloudwatch, grafana, alertmanager, datadog, generic)
"""Tried in this order; the last one recognises everything."""
_TOO_LARGE = f"send only the alert itself, {LIMIT // 1024 // 1024} MB at most"


def load_alert(path: str | Path, *, now: datetime | None = None) -> Alert:
    """The alert in that file, or on standard input for `-`. Raises AlertError with what to do."""
    moment = now or datetime.now(UTC)
    if str(path) == "-":
        return read_alert(_bounded(sys.stdin.buffer, "standard input"), now=moment)
    file = Path(path)
    try:
        if file.is_dir():
            raise AlertError(f"{file} is a folder", "name the alert's JSON file")
        if file.stat().st_size > LIMIT:
            raise AlertError(f"{file} is {file.stat().st_size / 1024 / 1024:.0f} MB", _TOO_LARGE)
        with file.open("rb") as stream:
            content = _bounded(stream, str(file))
    except FileNotFoundError as error:
        raise AlertError(f"there is no file {file}", "check the path, or use - for standard input") from error
    except (OSError, ValueError) as error:
        raise AlertError(f"{file} cannot be read ({error})", "check the path and its permissions") from error
    return read_alert(content, now=moment)


def _bounded(stream: BinaryIO, name: str) -> bytes:
    content = stream.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise AlertError(f"{name} holds more than {LIMIT // 1024 // 1024} MB", _TOO_LARGE)
    return content


def read_alert(source: bytes | str, *, now: datetime) -> Alert:
    """The alert in that content, of several the one that leads, with the whole payload as its `raw`.

    `notes` say what had to be assumed, and what of a group is not told by its lead. Raises AlertError with what to do.
    """
    posted, notes = _posted(source, now, {})
    delivery = _delivered(posted, None)
    lead = delivery.lead
    return lead.model_copy(update={"raw": dict(posted.kept), "notes": (*lead.notes, *delivery.remarks, *notes)})


def read_delivery(
    body: bytes | str, *, now: datetime, headers: Mapping[str, str] | None = None, source: str | None = None
) -> Delivery:
    """Every alert in a posted body. `source`: only that format reads it; None: the first that recognises it.

    `headers` came with it, in any case. A body that is no alert by design gives a Delivery without alerts, whose `note` says
    what it was. Raises AlertError with what to do.
    """
    posted, notes = _posted(body, now, headers or {})
    delivery = _delivered(posted, source)
    if not notes:
        return delivery
    return replace(delivery, alerts=tuple(a.model_copy(update={"notes": (*a.notes, *notes)}) for a in delivery.alerts))


def _posted(body: bytes | str, now: datetime, headers: Mapping[str, str]) -> tuple[Posted, tuple[str, ...]]:
    if len(body) > LIMIT:
        raise AlertError(f"the alert holds more than {LIMIT // 1024 // 1024} MB", _TOO_LARGE)
    payload, notes = parsed(decoded(body))
    return Posted(
        payload, storable(payload), {name.lower(): value for name, value in headers.items()}, now.astimezone(UTC)
    ), notes


def _delivered(posted: Posted, source: str | None) -> Delivery:
    if source is None:
        return next(f for f in FORMATS if f.recognises(posted)).read(posted)
    chosen = next((f for f in FORMATS if source == f.NAME), None)
    if chosen is None:
        raise AlertError(f"there is no source {source!r}", f"use one of {', '.join(f.NAME for f in FORMATS)}")
    if not chosen.recognises(posted):
        raise AlertError(
            f"this is no payload of {source}", "docs/alerts.md says what each source sends; `generic` reads any object"
        )
    return chosen.read(posted)
