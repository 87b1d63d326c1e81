"""Incidents on Temporal, on real servers with a worker process: they go as they do in one process."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporal_in_hand import LIBRARY, PATIENCE, Fleet, a_fleet, a_server, an_opening, in_one_process, program
from temporalio.testing import WorkflowEnvironment

from nexus.errors import NexusError, UsageError
from nexus.incident import Alert, Event, EventKind, Outcome
from nexus.reception import joining
from nexus.settings import TemporalSettings
from nexus.temporal import connect, follow, known, standing, submit
from nexus.temporal.client import tell_of_alert

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("temporal")]

BRANCHES = {"deployment": "bad-deploy", "infrastructure": "disk-full", "code_bug": "search-null", "none": "typo"}
"""Cause to scenario; an external cause is the long one below."""
IN_ANY_ORDER = {"evidence", "timeline", "post_mortem"}
"""What of an incident lists things of one moment in the order in which they came."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One server with one worker."""
    folder = tmp_path_factory.mktemp("incidents")
    async with a_server(folder) as server, a_fleet(folder, await server.client(), "a") as found:
        yield found


def told(events: Sequence[Event]) -> list[tuple[str, str, str]]:
    """What was recorded, when, in which words; what happened at one moment has an order of its own in each run."""
    return sorted((event.at.isoformat(), event.key, event.text) for event in events)


@pytest.mark.parametrize("cause", BRANCHES)
async def test_an_incident_of_each_branch_is_the_same_as_in_one_process_to_the_letter(fleet: Fleet, cause: str) -> None:
    opening = an_opening(BRANCHES[cause], f"INC-{cause}")
    incident = await fleet.ended(await fleet.begin(opening))
    embedded, events = await in_one_process(opening)
    assert told(await fleet.records.events(opening.incident)) == told(events)
    assert incident.model_dump(exclude=IN_ANY_ORDER) == embedded.model_dump(exclude=IN_ANY_ORDER)
    assert incident.outcome is (Outcome.BACKLOGGED if cause == "none" else Outcome.RESOLVED)


async def test_three_hours_in_skipped_time_have_the_same_posts_at_the_same_moments(tmp_path: Path) -> None:
    opening = an_opening("third-party-outage-long", "INC-long", pace=1.0)
    embedded, events = await in_one_process(opening)
    binary = program("temporal-test-server")
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=binary) as skipping,
        a_fleet(tmp_path, skipping.client, "a") as fleet,
    ):
        await fleet.begin(opening)
        passing = asyncio.create_task(skipping.sleep(timedelta(hours=6)))
        incident = await fleet.ended(opening.incident)
        about = await skipping.client.get_workflow_handle(opening.incident).describe()
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
        assert told(await fleet.records.events(opening.incident)) == told(events)
    assert [u.model_dump() for u in incident.status_updates] == [u.model_dump() for u in embedded.status_updates]
    assert incident.ended_at is not None
    assert about.close_time is not None
    lasted = incident.ended_at - incident.opened_at
    assert lasted > timedelta(hours=3)
    assert lasted <= about.close_time - about.start_time < lasted + timedelta(seconds=PATIENCE)


async def test_where_time_is_not_simulated_it_goes_on_while_agents_work_and_each_post_goes_out_once(fleet: Fleet) -> None:
    pace = 600.0
    opening = an_opening("bad-deploy", "INC-real", simulated=False, pace=pace)
    began = time.monotonic()
    incident = await fleet.ended(await fleet.begin(opening))
    passed = timedelta(seconds=(time.monotonic() - began) * pace)
    _, events = await in_one_process(an_opening("bad-deploy", "INC-real"))
    published = [e for e in await fleet.records.events(opening.incident) if e.kind is EventKind.PUBLISHED]
    assert incident.outcome is Outcome.RESOLVED
    assert [post.number for post in incident.status_updates] == list(range(1, len(incident.status_updates) + 1))
    assert len({(e.at, e.text) for e in published}) == len(published)
    assert max(e.at for e in published) - opening.opened_at <= passed
    assert max(e.at for e in published) > max(e.at for e in events if e.kind is EventKind.PUBLISHED)


async def test_the_same_id_twice_is_refused_while_it_is_open_and_when_it_is_over(fleet: Fleet) -> None:
    opening = an_opening("typo", "INC-twice")
    await fleet.begin(opening)
    settings = TemporalSettings(address=fleet.address)
    for _ in range(2):
        assert await known(fleet.client, opening.incident)
        with pytest.raises(UsageError, match="INC-twice is on Temporal already"):
            await submit(fleet.client, settings, opening, LIBRARY)
        await fleet.ended(opening.incident)


async def test_who_follows_hears_each_event_once_and_the_outcome(fleet: Fleet) -> None:
    opening = an_opening("typo", "INC-followed")
    await fleet.begin(opening)
    heard: list[Event] = []
    outcome = await follow(fleet.client, opening.incident, fleet.records, heard.append, asyncio.Event())
    assert outcome is Outcome.BACKLOGGED
    assert told(heard) == told(await fleet.records.events(opening.incident))
    assert heard[-1].kind is EventKind.CLOSED


async def test_who_stops_following_leaves_the_incident_open(fleet: Fleet) -> None:
    opening = an_opening("bad-deploy", "INC-left", approve="ask", pace=1.0)
    await fleet.begin(opening)
    stop = asyncio.Event()
    stop.set()
    assert await follow(fleet.client, opening.incident, fleet.records, lambda _: None, stop) is None
    assert (await standing(fleet.client, opening.incident))["outcome"] is None
    await fleet.client.get_workflow_handle(opening.incident).terminate()


async def test_an_incident_ended_by_force_says_so_to_who_follows(fleet: Fleet) -> None:
    opening = an_opening("bad-deploy", "INC-forced", approve="ask", pace=1.0)
    await fleet.begin(opening)
    await fleet.client.get_workflow_handle(opening.incident).terminate("enough")
    with pytest.raises(NexusError, match="INC-forced was ended on Temporal"):
        await follow(fleet.client, opening.incident, fleet.records, lambda _: None, asyncio.Event())


async def test_a_stage_can_be_the_last(fleet: Fleet) -> None:
    opening = an_opening("bad-deploy", "INC-triaged", until="triage")
    incident = await fleet.ended(await fleet.begin(opening))
    assert incident.outcome is Outcome.WAITING
    assert incident.severity is not None
    assert incident.findings == ()


async def test_an_unknown_incident_and_a_silent_server_are_named(fleet: Fleet) -> None:
    assert not await known(fleet.client, "INC-nobody")
    with pytest.raises(UsageError, match="there is no incident INC-nobody on Temporal"):
        await standing(fleet.client, "INC-nobody")
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:1 does not answer"):
        await connect(TemporalSettings(address="127.0.0.1:1"))


async def test_a_worse_alert_raises_an_incident_that_waits_for_people(fleet: Fleet) -> None:
    incident = await fleet.begin(an_opening("queue-stuck", "INC-worse", approve="never", pace=200.0))
    async with asyncio.timeout(PATIENCE):
        while not (found := await standing(fleet.client, incident))["questions"]:  # noqa: ASYNC110 - asked of the server
            await asyncio.sleep(0.1)
    assert found["severity"] == "P2"
    worse = Alert(title="Checkout fails", service="edge-gateway", severity_label="critical", starts_at=datetime.now(UTC))
    _, evidence, event = joining(incident, worse, "its neighbour", datetime.now(UTC))
    await fleet.records.keep(incident, evidence, {})
    await fleet.records.append(event)
    await tell_of_alert(fleet.client, incident)
    async with asyncio.timeout(PATIENCE):
        while (await standing(fleet.client, incident))["severity"] != "P1":  # noqa: ASYNC110 - asked of the server
            await asyncio.sleep(0.1)
    raised = (await fleet.said(incident, EventKind.CLASSIFIED))[-1]
    await fleet.client.get_workflow_handle(incident).terminate()
    assert raised.text.startswith("P1, raised from P2")
