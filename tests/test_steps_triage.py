"""Step 1, and stopping where one was asked to: classification, team, channel, false alarms, low severities."""

# ruff: noqa: ARG001, ARG002 - answers are stated, whatever the question

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_in_hand import Releases, Script, a_classification, run

from nexus.embedded import handle
from nexus.errors import ToolError
from nexus.incident import AlertState, Classification, Diagnosis, EventKind, Incident, Outcome, Severity, Status
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules import RulesResponder
from nexus.world.open import Opened, open_world
from nexus.world.simulated_people import SimulatedPeople


async def failing(task: Task, desk: Desk) -> Classification:
    raise ValueError("no")


async def calm(until: str | None = None) -> tuple[Incident, Opened]:
    """An alert whose source has taken it back, in a shop where all is well."""
    opened = open_world("sandbox:flapping")
    alert = read_alert(json.dumps(opened.alert), now=opened.world.clock.now()).model_copy(update={"state": AlertState.RESOLVED})
    incident = await handle(
        alert, library=Library.default(), world=opened.world, responder=RulesResponder(), records=MemoryStore(),
        until=until,
    )  # fmt: skip
    return incident, opened


async def test_triage_is_recorded_in_the_runbooks_order() -> None:
    told = await run(until="triage")
    kinds = [e.kind for e in told.heard if e.kind not in (EventKind.STARTED, EventKind.EVIDENCE, EventKind.PUBLISHED)]
    assert kinds[:2] == [EventKind.OPENED, EventKind.CHANNEL]
    assert set(kinds[2:4]) == {EventKind.CLASSIFIED, EventKind.STATUS}
    assert told.people.sent("channel")[0].to.startswith("#incident-")


async def test_triage_that_fails_goes_by_the_alerts_word_and_the_incident_goes_on() -> None:
    told = await run(answers={"triage": failing})
    assert told.incident.severity is Severity.P1
    assert told.incident.outcome is Outcome.RESOLVED
    assert [(a.agent, a.task) for a in told.incident.absences] == [("Infrastructure Maintainer", "triage")]
    assert told.incident.classification is not None
    assert "triage was not possible" in told.incident.classification.rationale


async def test_a_severity_below_the_floor_is_lifted_before_anybody_is_called() -> None:
    async def hopeful(task: Task, desk: Desk) -> Classification:
        return a_classification(Severity.P0, severity=Severity.P3)

    told = await run(answers={"triage": hopeful})
    assert told.incident.severity is Severity.P1
    assert "DevOps Automator" in told.incident.team


async def test_a_false_alarm_ends_without_action_and_says_why() -> None:
    incident, opened = await calm()
    assert incident.outcome is Outcome.FALSE_ALARM
    assert (incident.actions, incident.findings, incident.status_updates) == ((), (), ())
    assert isinstance(opened.world.people, SimulatedPeople)
    assert opened.world.people.messages == []
    assert "all is normal" in incident.timeline[-1].text


async def test_an_alarm_that_investigation_finds_false_is_closed_publicly_without_action() -> None:
    async def fine(task: Task, desk: Desk) -> Diagnosis:
        return Diagnosis(nothing_wrong=True)

    told = await run(answers={"correlate": fine})
    assert told.incident.outcome is Outcome.FALSE_ALARM
    assert told.shop.log == []
    assert [u.status for u in told.incident.status_updates] == [Status.INVESTIGATING, Status.RESOLVED]
    assert told.incident.status_updates[-1].next_update is None


async def test_a_low_severity_goes_straight_to_the_backlog() -> None:
    told = await run(severity=Severity.P3)
    assert told.incident.outcome is Outcome.BACKLOGGED
    assert [task for task, _ in told.script.asked] == ["triage", "backlog"]
    assert told.incident.team == ("Sprint Prioritizer",)
    assert (told.incident.status_updates, told.incident.post_mortem, told.shop.log) == ((), None, [])
    assert len(told.people.backlog) == len(told.incident.backlog) == 1


async def test_a_channel_that_cannot_be_opened_is_recorded_and_stops_nothing() -> None:
    class Deaf(SimulatedPeople):
        async def open_channel(self, incident: str, title: str, at: Any) -> str:
            raise ToolError("chat is down", "open it by hand")

    told = await run(people=Deaf())
    assert told.incident.outcome is Outcome.RESOLVED
    assert "no channel could be opened" in told.of(EventKind.CHANNEL)[0].text


@pytest.mark.parametrize(
    ("stage", "last", "acted"),
    [
        ("triage", "triage", False),
        ("investigation", "correlate", False),
        ("mitigation", "plan", True),
        ("verification", "verify", True),
        ("post-mortem", "post_mortem", True),
    ],
)
async def test_a_run_stops_after_the_stage_it_was_asked_for(stage: str, last: str, acted: bool) -> None:
    told = await run(until=stage)
    tasks = [task for task, _ in told.script.asked if task not in ("status_update", "executive_brief", "escalate")]
    assert tasks[-1] == last
    assert bool(told.shop.log) is acted
    assert told.incident.outcome is Outcome.WAITING
    assert told.incident.open_questions == ()
    assert told.incident.backlog == ()


@pytest.mark.parametrize("stage", ["triage", "investigation", "mitigation", "verification", "post-mortem"])
async def test_a_false_alarm_ends_the_same_whatever_stage_was_asked_for(stage: str) -> None:
    incident, _ = await calm(stage)
    assert incident.actions == ()
    assert incident.outcome in (Outcome.FALSE_ALARM, Outcome.WAITING)


async def test_stopping_after_verification_waits_for_the_verifiers_judgement() -> None:
    told = await run(until="verification")
    assert [v.passed for v in told.incident.verification] == [True, True]
    assert told.incident.status is Status.MONITORING


async def test_two_incidents_of_one_alert_have_ids_of_their_own() -> None:
    shop = Releases()
    first, second = await run(shop, Script(shop)), await run(shop, Script(shop))
    assert first.incident.id == second.incident.id
    assert first.incident.id.startswith("INC-20260302-1200-")
