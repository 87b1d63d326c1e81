"""A P0 that lasts three hours: every post, brief and escalation at its time, none twice, none after the end."""

import asyncio
from datetime import timedelta

import pytest

from nexus.evaluate import run_case
from nexus.incident import Incident, Severity, Status
from nexus.library import Library
from nexus.world.open import open_world


@pytest.fixture(scope="module")
def incident() -> Incident:
    return asyncio.run(run_case(open_world("sandbox:third-party-outage-long"), Library.default()))


def test_it_is_a_p0_of_about_three_hours(incident: Incident) -> None:
    assert incident.severity is Severity.P0
    resolved = incident.status_updates[-1].at - incident.opened_at
    assert timedelta(minutes=150) < resolved < timedelta(minutes=210)


def test_the_first_post_goes_out_at_once_and_the_last_says_resolved(incident: Incident) -> None:
    assert incident.status_updates[0].at == incident.opened_at
    assert incident.status_updates[0].status is Status.INVESTIGATING
    assert incident.status_updates[-1].status is Status.RESOLVED


def test_there_is_a_post_at_every_quarter_of_an_hour_until_it_is_resolved(incident: Incident) -> None:
    posted = {u.at for u in incident.status_updates}
    beat = incident.opened_at
    while beat < incident.status_updates[-1].at:
        assert beat in posted
        beat += timedelta(minutes=15)


def test_every_change_of_status_is_posted_at_its_moment(incident: Incident) -> None:
    changes = [(e.at, e.text.removeprefix("status: ")) for e in incident.timeline if e.kind == "status"]
    posted = {(u.at, u.status.value) for u in incident.status_updates}
    assert set(changes) <= posted


def test_nothing_is_posted_twice_and_every_post_is_complete(incident: Incident) -> None:
    keys = [(u.at, u.status) for u in incident.status_updates]
    assert len(keys) == len(set(keys))
    for update in incident.status_updates:
        assert all((update.service, update.impact, update.current_action))
        if update.status is Status.RESOLVED:
            assert update.next_update is None
        else:
            assert update.next_update is not None
            assert timedelta() < update.next_update - update.at <= timedelta(minutes=15)


def test_each_promised_update_came(incident: Incident) -> None:
    moments = [u.at for u in incident.status_updates]
    for update, following in zip(incident.status_updates, moments[1:], strict=False):
        assert update.next_update is not None
        assert following <= update.next_update


def test_briefs_follow_the_same_cadence(incident: Incident) -> None:
    assert [b.at for b in incident.briefs] == [u.at for u in incident.status_updates]
    assert incident.briefs[-1].next_update is None


def test_it_is_escalated_once_at_minute_thirty_and_never_after_its_resolution(incident: Incident) -> None:
    half_hour = [e for e in incident.escalations if e.rule == "p0-30m"]
    assert [e.at - incident.opened_at for e in half_hour] == [timedelta(minutes=30)]
    assert [e.to for e in half_hour] == ["Studio Producer"]
    rows = [(e.rule, e.to) for e in incident.escalations]
    assert len(rows) == len(set(rows))
    assert all(e.at < incident.status_updates[-1].at for e in incident.escalations)
