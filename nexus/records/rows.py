"""Rows: words as statements that a database takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nexus.incident import Event
from nexus.records.database import Statement
from nexus.records.packing import clean, pack

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ADD = "INSERT INTO nexus_events (incident, key, at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key"


def micros(moment: datetime) -> int:
    """A moment as a database orders it: microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def adding(event: Event) -> Statement:
    """The statement that records an event; it gives a row when the event was new."""
    return _ADD, (clean(event.incident), clean(event.key), micros(event.at), pack(event))
