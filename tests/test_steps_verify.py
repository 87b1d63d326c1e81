"""Step 4: verified only when every check passed on evidence, watched for thirty minutes, and reopened when it comes back."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LIBRARY, LOOKS, Releases, a_cause, judged, minute, rollback, run, with_clocks
from world_in_hand import CATALOG

from nexus.incident import Action, ActionKind, Cause, CheckResult, Diagnosis, EventKind, Outcome, Risk, Status, Verification
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.steps.verify import SETTLE, judgement
from nexus.world import ServiceCatalog
from nexus.world.catalog import EndpointSpec

COMMANDER = "infrastructure-maintainer"


def verdict(passed: bool, *, worse: bool = False) -> Verification:
    return Verification.model_validate(
        {"agent": "EC", "attempt": 1, "passed": passed, "worse": worse, "checks": (), "at": "2026-03-02"}
    )


@pytest.mark.parametrize(
    ("passed", "worse", "acted", "improved", "expected"),
    [
        ([True, True], False, True, False, "passed"),
        ([True, True], False, False, True, "failed"),
        ([], False, True, True, "failed"),
        ([True, False], False, True, False, "failed"),
        ([True, False], False, True, True, "partly"),
        ([False, False], False, True, True, "partly"),
        ([True, False], True, True, True, "failed"),
    ],
)
def test_judgement(passed: list[bool], worse: bool, acted: bool, improved: bool, expected: str) -> None:
    assert judgement([verdict(p, worse=worse and not p) for p in passed], acted, improved) == expected


async def failing(task: Task, desk: Desk) -> Verification:
    raise ValueError("no camera")


async def blind(task: Task, desk: Desk) -> Verification:
    return judged(task, desk, await desk.use(LOOKS[task.agent.name]), passed=None)


async def uncited(task: Task, desk: Desk) -> Verification:
    check = CheckResult(check="all well", passed=True, detail="trust me")
    return Verification(agent=task.agent.title, attempt=1, passed=True, checks=(check,), at=desk.lap.now())


async def inventing(task: Task, desk: Desk) -> Verification:
    check = CheckResult(check="all well", passed=True, detail="see EC9", evidence=("EC9-9",))
    return Verification(agent=task.agent.title, attempt=1, passed=True, checks=(check,), at=desk.lap.now())


async def checkless(task: Task, desk: Desk) -> Verification:
    return Verification(agent=task.agent.title, attempt=1, passed=True, checks=(), at=desk.lap.now())


@pytest.mark.parametrize("rule", [failing, blind, uncited, inventing, checkless])
async def test_a_verifier_that_did_not_see_it_has_not_passed_it_and_the_change_is_taken_back(rule: Any) -> None:
    told = await run(answers={"verify:evidence-collector": rule})
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.shop.running == {"checkout": "1.1"}
    assert not [v for v in told.incident.verification if v.agent == "Evidence Collector" and v.passed]


async def test_verifiers_work_at_the_same_time_after_the_change_has_settled() -> None:
    told = await run(until="verification")
    begun = {e.actor: minute(e.at) for e in told.of(EventKind.STARTED) if e.data.get("task") == "verify"}
    done = minute(told.of(EventKind.ACTED)[0].at)
    assert set(begun) == {"Evidence Collector", "Infrastructure Maintainer"}
    assert list(begun.values()) == [pytest.approx(done + SETTLE.total_seconds() / 60)] * 2


@pytest.mark.parametrize(("endpoints", "joins"), [((), False), ((EndpointSpec(path="/pay"),), True)])
async def test_api_tester_joins_when_a_component_with_endpoints_was_hit(endpoints: tuple[EndpointSpec, ...], joins: bool) -> None:
    services = [s.model_copy(update={"endpoints": endpoints}) if s.name == "checkout" else s for s in CATALOG]
    told = await run(catalog=ServiceCatalog(services=tuple(services)))
    assert ("verify", "api-tester") in told.script.asked if joins else ("verify", "api-tester") not in told.script.asked
    assert told.incident.outcome is Outcome.RESOLVED


async def test_the_watch_lasts_thirty_minutes_with_a_look_every_five() -> None:
    told = await run()
    monitoring, resolved = (
        next(minute(e.at) for e in told.of(EventKind.STATUS) if e.data["status"] == s.value)
        for s in (Status.MONITORING, Status.RESOLVED)
    )
    looks = [minute(e.at) for e in told.of(EventKind.WATCHED)]
    assert 30 <= resolved - monitoring < 31
    assert len(looks) == 6
    assert all(b - a <= 5.5 for a, b in zip([monitoring, *looks], looks, strict=False))


def relapsing(shop: Releases, begin: float, end: float) -> Any:
    """The commander sees trouble between these minutes after the alert."""

    async def rule(task: Task, desk: Desk) -> Verification:
        seen = await desk.use("list_changes")
        return judged(task, desk, seen, passed=shop.well and not begin <= minute(seen.at) < end)

    return rule


async def test_a_relapse_in_the_watch_reopens_the_incident() -> None:
    shop = Releases(good=frozenset({"1.0", "0.9"}))
    told = await run(shop, plans=(rollback("1.0"), rollback("0.9")), answers={f"verify:{COMMANDER}": relapsing(shop, 20, 25.5)})
    assert told.incident.outcome is Outcome.RESOLVED
    assert len(told.of(EventKind.RELAPSED)) == 1
    assert [a.attempt for a in told.incident.actions] == [1, 2]
    spoken = [u.status for u in told.incident.status_updates]
    changes = [s for i, s in enumerate(spoken) if i == 0 or spoken[i - 1] is not s]
    assert changes == [
        Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING,
        Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING, Status.RESOLVED,
    ]  # fmt: skip


async def test_one_look_that_is_well_again_at_once_is_no_relapse() -> None:
    shop, looks = Releases(), list[float]()

    async def blip(task: Task, desk: Desk) -> Verification:
        seen = await desk.use("list_changes")
        looks.append(minute(seen.at))
        return judged(task, desk, seen, passed=len(looks) != 3)

    told = await run(shop, answers={f"verify:{COMMANDER}": blip})
    assert told.of(EventKind.RELAPSED) == []
    assert told.incident.outcome is Outcome.RESOLVED


async def test_a_relapse_after_the_last_attempt_hands_over() -> None:
    shop = Releases(good=frozenset({"1.0"}))
    library = LIBRARY.runbook.model_copy(update={"limits": LIBRARY.runbook.limits.model_copy(update={"attempts": 1})})
    told = await run(shop, library=with_runbook(library), answers={f"verify:{COMMANDER}": relapsing(shop, 25, 99)})
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.incident.status is not Status.RESOLVED


def with_runbook(runbook: Any) -> Any:
    from dataclasses import replace  # noqa: PLC0415 - only here

    return replace(LIBRARY, runbook=runbook)


FALLBACK = Action(kind=ActionKind.FALLBACK, target="checkout", arguments={"to": "cached"}, risk=Risk.LOW)


async def outside(task: Task, desk: Desk) -> Diagnosis:
    ids = tuple(e["id"] for e in task.facts["evidence"])
    return Diagnosis(cause=a_cause(Cause.EXTERNAL_DEPENDENCY, evidence=ids, statement="their side is down"))


def other_side(shop: Releases, back_at: float, *, wavers: tuple[float, float] = (0, 0)) -> Any:
    """Well with the fallback on; without it only from `back_at` on, except while it wavers."""

    async def rule(task: Task, desk: Desk) -> Verification:
        seen = await desk.use(LOOKS[task.agent.name])
        now = minute(seen.at)
        recovered = now >= back_at
        probing = any(c["tool"] == "check_dependencies" for c in task.facts["checks"])
        held = shop.running["checkout"] == "cached"
        wavering = wavers[0] <= now < wavers[1]
        return judged(task, desk, seen, passed=recovered if probing else held or (recovered and not wavering))

    return rule


async def test_an_outside_cause_is_held_by_the_fallback_until_the_other_side_is_well_and_then_watched() -> None:
    shop = Releases()
    told = await run(shop, plans=(FALLBACK,), answers={"correlate": outside, "verify": other_side(shop, 60)})
    assert told.incident.outcome is Outcome.RESOLVED
    assert shop.running == {"checkout": "1.1"}
    assert [a.result.value for a in told.incident.actions] == ["undone"]
    (undone,) = told.of(EventKind.UNDONE)
    assert 60 <= minute(undone.at) <= 70
    resolved = next(minute(e.at) for e in told.of(EventKind.STATUS) if e.data["status"] == "Resolved")
    assert resolved - minute(undone.at) >= 30
    statuses = {u.status for u in told.incident.status_updates if 10 < minute(u.at) < 60}
    assert statuses == {Status.MONITORING}


async def test_a_fallback_taken_back_too_early_is_put_on_again() -> None:
    shop = Releases()
    told = await run(shop, plans=(FALLBACK,), answers={"correlate": outside, "verify": other_side(shop, 60, wavers=(60, 75))})
    assert told.incident.outcome is Outcome.RESOLVED
    assert shop.running == {"checkout": "1.1"}
    assert shop.log.count("fallback checkout (to=cached)") >= 2


async def test_a_fallback_that_wavers_long_ends_as_the_world_was_before() -> None:
    shop = Releases()
    told = await run(shop, plans=(FALLBACK,), answers={"correlate": outside, "verify": other_side(shop, 60, wavers=(60, 120))})
    assert told.incident.outcome is Outcome.RESOLVED
    assert shop.running == {"checkout": "1.1"}
    assert {a.result.value for a in told.incident.actions} == {"undone"}


async def test_a_wait_for_the_other_side_that_is_too_long_hands_over_with_the_fallback_on() -> None:
    shop = Releases()
    told = await run(
        shop, plans=(FALLBACK,), answers={"correlate": outside, "verify": other_side(shop, 9999)},
        library=with_clocks(external_limit=timedelta(minutes=60)),
    )  # fmt: skip
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert shop.running == {"checkout": "cached"}
    assert 60 <= minute(told.of(EventKind.CLOSED)[0].at) <= 80
