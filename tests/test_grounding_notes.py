"""A record read in parts grounds what the same record does, read at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nexus.grounding import Notes, checked, ground_of

LOOKS: list[dict[str, Any]] = [
    {"summary": "checkout fails 62% of requests since 11:52", "values": {"p95_ms": 840.0, "users_affected": 4200}},
    {"summary": "billing-gateway is well", "values": {"error_rate": 0.0021, "at": datetime(2026, 3, 2, 11, 58, tzinfo=UTC)}},
    {"summary": "the flag new-tax is on", "values": {"security": "breach", "users_exposed": True, "rows": [1, 2, 3]}},
]
FACTS = {"attempt": 2, "opened_at": "2026-03-02T12:00:00+00:00"}


def test_a_record_read_in_parts_is_the_ground_that_it_is_at_once() -> None:
    notes = Notes()
    for look in LOOKS:
        notes.take([look])
    at_once = ground_of([*LOOKS, FACTS], names=["checkout"])
    assert ground_of([FACTS], names=["checkout"], notes=notes) == at_once
    assert ground_of([*LOOKS, FACTS], names=["checkout"], notes=notes) == at_once


def test_a_ground_leaves_the_notes_that_it_rests_on_as_they_were() -> None:
    notes = Notes()
    notes.take(LOOKS[:1])
    ground_of(LOOKS[1:], names=(), notes=notes)
    alone = Notes()
    alone.take(LOOKS[:1])
    assert (notes.figures, notes.words) == (alone.figures, alone.words)


def test_what_no_part_said_is_struck() -> None:
    notes = Notes()
    notes.take(LOOKS)
    ground = ground_of([FACTS], names=["checkout"], notes=notes)
    said = "Checkout fails 62% of requests. Checkout fails 71% of requests."
    assert checked(said, ground, public=False)[0].strip() == "Checkout fails 62% of requests."
