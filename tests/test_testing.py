"""nexus.testing: what users' tests lean on holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nexus.errors import ResponderError, WorldError
from nexus.incident import Cause, CauseStatus, Diagnosis, Outcome, RootCause
from nexus.testing import BEGINS, ScriptedResponder, VirtualClock, run_scenario, world_in_memory
from nexus.world import Service


async def test_a_world_in_memory_has_what_it_was_given_and_nothing_else() -> None:
    world = world_in_memory(Service(name="cart"), Service(name="checkout", calls=("cart",)))
    assert world.catalog.callers_of("cart") == ("checkout",)
    assert world.metrics is None
    assert world.actions is None
    assert isinstance(world.clock, VirtualClock)
    assert world.clock.now() == BEGINS
    await world.clock.sleep_until(BEGINS + timedelta(hours=3))
    assert world.clock.now() == BEGINS + timedelta(hours=3)


async def test_a_scenario_runs_in_one_call() -> None:
    incident = await run_scenario("typo")
    assert incident.outcome is Outcome.BACKLOGGED


async def test_a_scenario_that_does_not_exist_is_named() -> None:
    with pytest.raises(WorldError, match="no-such-scenario"):
        await run_scenario("no-such-scenario")


async def test_the_script_answers_its_tasks_and_the_rules_the_others() -> None:
    nobody_knows = Diagnosis(cause=RootCause(cause=Cause.UNKNOWN, status=CauseStatus.INCONCLUSIVE))
    responder = ScriptedResponder({"correlate": nobody_knows})
    incident = await run_scenario("bad-deploy", responder=responder, until="investigation")
    assert incident.severity is not None
    assert incident.cause.status is CauseStatus.INCONCLUSIVE
    assert {task.name for task in responder.asked} >= {"triage", "investigate", "correlate"}


async def test_an_agent_that_fails_or_is_slow_is_absent_and_the_others_go_on() -> None:
    responder = ScriptedResponder(
        {"investigate/backend-architect": ResponderError("the script says no", "ask somebody else")},
        slow={"frontend-developer": timedelta(minutes=6)},
    )
    incident = await run_scenario("bad-deploy", responder=responder, until="investigation")
    reasons = {absence.agent: absence.reason for absence in incident.absences}
    assert reasons["Backend Architect"].startswith("the script says no")
    assert reasons["Frontend Developer"] == "took longer than 300 s"
    assert incident.cause.component == "edge-gateway"


async def test_an_answer_of_another_kind_than_asked_is_refused() -> None:
    responder = ScriptedResponder({"triage": RootCause()})
    incident = await run_scenario("bad-deploy", responder=responder, until="triage")
    assert "the script answers triage with RootCause" in incident.absences[0].reason
