"""Step 5: the post-mortem and the ranked backlog, and an incident that ends even when their agents do not answer."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

from typing import Any

from engine_in_hand import run

from nexus.incident import EventKind, Outcome
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.world.simulated_people import SimulatedPeople


async def failing(task: Task, desk: Desk) -> Any:
    raise ValueError("no words")


async def test_the_incident_ends_with_a_post_mortem_and_its_items_ranked() -> None:
    told = await run()
    report = told.incident.post_mortem
    assert report is not None
    assert len(report.five_whys) == 5
    assert len(report.action_items) >= 3
    assert [i.rank for i in told.incident.backlog] == list(range(1, len(report.action_items) + 1))
    assert {i.title for i in told.incident.backlog} == {a.action for a in report.action_items}
    ends = [e.kind for e in told.heard if e.kind in (EventKind.POST_MORTEM, EventKind.BACKLOG, EventKind.CLOSED)]
    assert ends == [EventKind.POST_MORTEM, EventKind.BACKLOG, EventKind.CLOSED]


async def test_the_backlog_takes_each_item_once_however_often_it_comes() -> None:
    people = SimulatedPeople()
    await run(people=people)
    kept = dict(people.backlog)
    again = await run(people=people)
    assert people.backlog == kept
    assert "0 of them new" in again.of(EventKind.BACKLOG)[0].text


async def test_a_post_mortem_that_nobody_writes_is_an_absence_and_the_incident_stays_resolved() -> None:
    told = await run(answers={"post_mortem": failing})
    assert told.incident.outcome is Outcome.RESOLVED
    assert told.incident.post_mortem is None
    assert [a.task for a in told.incident.absences] == ["post_mortem"]


async def test_a_ranking_that_nobody_makes_is_an_absence_and_the_incident_stays_resolved() -> None:
    told = await run(answers={"backlog": failing})
    assert told.incident.outcome is Outcome.RESOLVED
    assert told.incident.backlog == ()
    assert [a.task for a in told.incident.absences] == ["backlog"]


async def test_what_the_post_mortem_cites_exists() -> None:
    told = await run()
    report = told.incident.post_mortem
    assert report is not None
    ids = {e.id for e in told.incident.evidence}
    claims = [
        report.what_failed, report.why_it_failed, report.why_not_caught, *report.five_whys,
        report.users, report.revenue, report.reputation, report.data, *(c for kind in report.prevention.values() for c in kind),
    ]  # fmt: skip
    assert all(set(c.evidence) <= ids for c in claims)
