"""Failures on Temporal: workers and servers are killed, and the incident ends as if nobody had been."""

import asyncio
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from temporal_in_hand import HEARTBEAT, PATIENCE, Fleet, a_fleet, a_server, an_opening, in_one_process
from test_temporal_incidents import told

from nexus.incident import EventKind, Outcome, Question
from nexus.temporal import answer, follow, open_questions
from nexus.temporal.clock import PUNCTUAL

pytestmark = pytest.mark.xdist_group("temporal")

POINTS = ("investigate", "plan")
"""Nodes in which the working one of the workers is killed."""


async def test_an_incident_whose_working_worker_is_killed_at_several_points_ends_as_if_none_had_been(tmp_path: Path) -> None:
    opening = an_opening("search-null", "INC-killed")
    recovered: dict[str, float] = {}
    async with a_server(tmp_path) as server, a_fleet(tmp_path, await server.client(), "a", "b", "c", responder="slow") as fleet:
        incident = await fleet.begin(opening)
        for node in POINTS:
            working = await fleet.working(incident, node)
            working.kill()
            killed = time.monotonic()
            await fleet.working(incident, node, besides=working.process.pid)
            recovered[node] = round(time.monotonic() - killed, 1)
        ended = await fleet.ended(incident)
        events = await fleet.records.events(incident)
        log = await fleet.records.journal(incident).since()
    _, undisturbed = await in_one_process(opening)
    assert ended.outcome is Outcome.RESOLVED
    assert told(events) == told(undisturbed)
    assert len([key for _, key, _ in log if key.startswith("action")]) == len(ended.actions) == 1
    assert max(recovered.values()) < HEARTBEAT + 10, recovered
    print(f"\ntaken over after {recovered} s, with a heartbeat of {HEARTBEAT} s")  # noqa: T201 - pytest -s shows it


async def pending(fleet: Fleet, incident: str) -> list[Question]:
    """What is asked, when something is."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await open_questions(fleet.client, incident)):  # noqa: ASYNC110 - asked of the server
            await asyncio.sleep(0.1)
    return found


async def test_a_question_that_was_asked_before_all_workers_died_is_answered_after(tmp_path: Path) -> None:
    opening = an_opening("metrics-down", "INC-asked", approve="ask", pace=60.0)
    async with a_server(tmp_path) as server, a_fleet(tmp_path, await server.client(), "a") as fleet:
        incident = await fleet.begin(opening)
        before = await pending(fleet, incident)
        fleet.hands["a"].kill()
        await fleet.hire("b")
        assert await pending(fleet, incident) == before
        given = {"verdict": "approved", "digest": before[0].detail["digest"], "by": "ada"}
        await answer(fleet.client, incident, before[0].id, given)
        async with asyncio.timeout(PATIENCE):
            while not await fleet.said(incident, EventKind.ACTED):  # noqa: ASYNC110 - asked of the records
                await asyncio.sleep(0.1)
        said = await fleet.said(incident, EventKind.ANSWERED)
        await fleet.client.get_workflow_handle(incident).terminate()
    assert [(e.actor, e.data["approval"]["verdict"]) for e in said] == [("ada", "approved")]


async def at_rest(fleet: Fleet, incident: str) -> bool:
    """Whether all is mended, and nothing but time is waited for."""
    told = await fleet.said(incident, EventKind.PUBLISHED)
    about = await fleet.client.get_workflow_handle(incident).describe()
    return any("Monitoring" in event.text for event in told) and not about.raw_description.pending_activities


async def test_of_the_beats_that_fell_due_while_server_and_worker_were_dead_the_latest_comes_once(tmp_path: Path) -> None:
    opening = an_opening("third-party-outage-long", "INC-dark", pace=900.0)
    every = timedelta(minutes=15)
    async with a_server(tmp_path) as server, a_fleet(tmp_path, await server.client(), "a") as fleet:
        incident = await fleet.begin(opening)
        following = asyncio.create_task(follow(fleet.client, incident, fleet.records, lambda _: None, asyncio.Event()))
        async with asyncio.timeout(PATIENCE):
            while not await at_rest(fleet, incident):  # noqa: ASYNC110 - asked of the server
                await asyncio.sleep(0.05)
        fleet.hands["a"].kill()
        server.kill()
        await asyncio.sleep(PUNCTUAL.total_seconds() + 1)
        server.start()
        await server.client()
        await fleet.hire("b")
        ended = await fleet.ended(incident)
        assert await following is Outcome.RESOLVED
    posts = ended.status_updates
    assert [post.number for post in posts] == list(range(1, len(posts) + 1))
    gaps = [later.at - earlier.at for earlier, later in pairwise(posts)]
    dark = gaps.index(max(gaps))
    assert gaps[dark] > 3 * every
    assert len({(post.at, post.status) for post in posts}) == len(posts)
    assert all(gap <= every for number, gap in enumerate(gaps) if number != dark)
    assert len(ended.escalations) == len({(e.rule, e.to) for e in ended.escalations})
    assert ended.outcome is Outcome.RESOLVED


async def test_a_worker_that_is_told_to_end_ends_what_it_is_doing_and_the_other_goes_on(tmp_path: Path) -> None:
    opening = an_opening("search-null", "INC-drained", until="investigation")
    async with a_server(tmp_path) as server, a_fleet(tmp_path, await server.client(), "a", "b", responder="slow") as fleet:
        incident = await fleet.begin(opening)
        working = await fleet.working(incident, "investigate")
        began = time.monotonic()
        assert await working.stopped() == 0
        assert time.monotonic() - began < HEARTBEAT + 5
        assert "drained" in working.log.read_text()
        ended = await fleet.ended(incident)
        attempts = {
            e.activity_task_started_event_attributes.attempt
            for e in (await fleet.client.get_workflow_handle(incident).fetch_history()).events
            if e.HasField("activity_task_started_event_attributes")
        }
    assert ended.findings
    assert attempts == {1}


async def test_incidents_of_two_workers_are_neither_lost_nor_doubled(tmp_path: Path) -> None:
    scenarios = ["typo"] * 7 + ["search-null"]
    async with a_server(tmp_path) as server, a_fleet(tmp_path, await server.client(), "a", "b") as fleet:
        begun = [await fleet.begin(an_opening(scenario, f"INC-{n}")) for n, scenario in enumerate(scenarios)]
        await asyncio.gather(*(fleet.ended(incident) for incident in begun))
        wrong = [fault for incident in begun for fault in await fleet.faults(incident)]
    assert wrong == []
