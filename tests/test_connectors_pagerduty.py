"""PagerDuty: one alert an incident, resolved with it; what was not taken paged nobody, and that is said.

Tested with the official client against answers as the Events API v2 is documented to give them
(developer.pagerduty.com, "Send an Alert Event": 202, 400, 429 and 5xx).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import HttpInHand, Reply, http_in_hand, replies
from messages_in_hand import AT, message, outlet, site, status
from pagerduty import EventsApiV2Client

from nexus.errors import ToolError, Unavailable
from nexus.world.connectors import pagerduty
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.pagerduty import Settings, connect

KEY = "0123456789abcdef0123456789abcdef"
PATH = ("POST", "/v2/enqueue")
TAKEN = Reply(202, {"status": "success", "message": "Event processed", "dedup_key": "INC-1"})
BUSY = Reply(429, "rate limit exceeded")


def pager(**more: Any) -> Connector:
    told = {"use": "pagerduty", "routing_key": KEY}
    return connect(Settings.model_validate({**told, **more}), site(Path()))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpInHand]:
    """Where the client's requests go, which would speak to https alone; it waits for nothing."""
    monkeypatch.setattr(pagerduty, "WAIT", 0.0)
    with http_in_hand({PATH: TAKEN}) as server:
        monkeypatch.setattr(EventsApiV2Client, "normalize_url", lambda _, path: f"{server.url}{path}")
        yield server


async def test_notices_of_an_incident_are_one_alert_which_its_resolution_resolves(events: HttpInHand) -> None:
    held = outlet(pager())
    assert await held.send(message("notice", "INC-1 needs people.\nCause: unknown", to="on-call engineer")) == "INC-1"
    await held.send(message("notice", "It still does.", to="on-call engineer", key="2"))
    await held.send(status(3, "Resolved"))
    told = [asked.json for asked in events.asked]
    assert [(one["event_action"], one["dedup_key"]) for one in told] == [("trigger", "INC-1")] * 2 + [("resolve", "INC-1")]
    assert {one["routing_key"] for one in told} == {KEY}
    assert told[0]["payload"]["summary"] == "INC-1 for on-call engineer: INC-1 needs people."
    assert told[0]["payload"]["custom_details"]["text"].endswith("Cause: unknown")
    assert told[0]["payload"]["severity"] == "critical"


def test_it_pages_for_its_roles_alone_and_of_status_updates_takes_the_last() -> None:
    held = outlet(pager())
    assert held.takes(message("notice", to="On-call Engineer"))
    assert held.takes(status(1, "Resolved"))
    assert not held.takes(message("notice", to="finance-tracker"))
    assert not held.takes(status(1, "Monitoring"))
    assert not held.takes(message("brief"))
    assert not outlet(pager(kinds=["notice"])).takes(status(1, "Resolved"))
    assert outlet(pager(roles=[])).takes(message("notice", to="finance-tracker"))


async def test_a_summary_is_never_longer_than_pagerduty_takes(events: HttpInHand) -> None:
    await outlet(pager()).send(message("notice", "x" * 3000, to="on-call engineer"))
    assert len(events.asked[0].json["payload"]["summary"]) == 1024


async def test_a_busy_pagerduty_is_asked_again(events: HttpInHand) -> None:
    events.answers[PATH] = replies(BUSY, Reply(503), TAKEN)
    await outlet(pager()).send(message("notice", to="on-call engineer"))
    assert len(events.asked) == 3


@pytest.mark.parametrize("reply", [BUSY, Reply(500), Reply(503)])
async def test_one_that_stays_busy_is_given_up_and_nobody_was_paged(events: HttpInHand, reply: Reply) -> None:
    events.answers[PATH] = reply
    with pytest.raises(Unavailable, match=f"{reply.status}: the event was not taken"):
        await outlet(pager()).send(message("notice", to="on-call engineer"))
    assert len(events.asked) == 3


@pytest.mark.parametrize("code", [400, 401])
async def test_what_is_refused_says_why_and_shows_no_part_of_the_key(events: HttpInHand, code: int) -> None:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": [f"'routing_key' {KEY} is invalid"]}
    events.answers[PATH] = Reply(code, said)
    with pytest.raises(ToolError, match="refuses the event") as raised:
        await outlet(pager()).send(message("notice", to="on-call engineer"))
    assert "Event object is invalid" in str(raised.value)
    assert KEY[-4:] not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_one_that_is_not_there_paged_nobody(events: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventsApiV2Client, "normalize_url", lambda _, path: f"http://127.0.0.1:1{path}")
    with pytest.raises(Unavailable, match="does not answer: the event was not taken"):
        await outlet(pager()).send(message("notice", to="on-call engineer"))
    assert not events.asked


async def test_one_that_hangs_is_not_waited_for_without_end(events: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerduty, "PATIENCE", 0.3)
    monkeypatch.setattr(pagerduty, "REPEATS", 0)
    monkeypatch.setattr(EventsApiV2Client, "timeout", 0.6)
    events.answers[PATH] = Reply(hangs=True)
    with pytest.raises(Unavailable, match="whether it paged is not known"):
        await outlet(pager()).send(message("notice", to="on-call engineer"))


async def test_the_proof_is_of_the_keys_form_and_pages_nobody(events: HttpInHand) -> None:
    (right,) = await pager().prove(AT)
    (wrong,) = await pager(routing_key="u+token").prove(AT)
    assert not events.asked
    assert right.ok
    assert "cannot be proven without paging" in right.detail
    assert not wrong.ok
    assert "token" not in wrong.detail


async def test_whether_an_event_was_sent_cannot_be_told() -> None:
    assert await outlet(pager()).was_sent(message("notice")) is None
    assert pager().secrets == (KEY,)
