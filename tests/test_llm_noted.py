"""An incident's evidence is read once; a look that a step took anew takes the place of the one before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.incident import Evidence
from nexus.responder.llm.noted import up_to_date

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def look(name: str, share: float, component: str, at: datetime = AT) -> Evidence:
    values: dict[str, Any] = {"error_rate": share, "component": component}
    return Evidence(id=name, tool="search_logs", agent="x", arguments={}, at=at, summary=f"{component} fails", values=values)


def test_looks_are_added_to_those_that_were_read() -> None:
    first, second = look("A-1", 0.62, "checkout"), look("A-2", 0.31, "search")
    noted = up_to_date(None, [first])
    assert up_to_date(noted, [first, second]) is noted
    assert noted.notes.figures == up_to_date(None, [first, second]).notes.figures
    assert noted.components == {"checkout", "search"}


def test_a_look_taken_anew_leaves_nothing_of_the_one_before() -> None:
    noted = up_to_date(None, [look("A-1", 0.62, "checkout"), look("A-2", 0.31, "search")])
    again = [look("A-1", 0.11, "orders", AT + timedelta(minutes=1)), look("A-2", 0.31, "search")]
    anew = up_to_date(noted, again)
    assert 0.62 not in anew.notes.figures.shares
    assert {0.11, 0.31} <= set(anew.notes.figures.shares)
    assert anew.components == {"orders", "search"}
