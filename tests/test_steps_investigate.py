"""Step 2: parallel investigators whose failures stay their own, findings that cite what exists, and rounds that look further."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LOOKS, Releases, Script, a_cause, a_finding, minute, run, with_clocks

from nexus.errors import ResponderError, ToolError
from nexus.incident import CauseStatus, Diagnosis, EventKind, Outcome, Severity
from nexus.responder.answers import Findings
from nexus.responder.contract import Task
from nexus.responder.desk import Desk

BACKEND = "Backend Architect"


def raising(error: Exception) -> Any:
    async def rule(task: Task, desk: Desk) -> Findings:
        await desk.use(LOOKS[task.agent.name])
        raise error

    return rule


async def never(task: Task, desk: Desk) -> Findings:
    await asyncio.Event().wait()
    raise AssertionError


async def inconclusive(task: Task, desk: Desk) -> Diagnosis:
    return Diagnosis(ruled_out=("databases",))


@pytest.mark.parametrize(
    ("severity", "agents"),
    [
        (Severity.P0, {"infrastructure-maintainer", "devops-automator", "backend-architect", "frontend-developer"}),
        (Severity.P1, {"infrastructure-maintainer", "devops-automator", "backend-architect"}),
        (Severity.P2, {"infrastructure-maintainer", "devops-automator", "backend-architect"}),
        (Severity.P3, set()),
    ],
)
async def test_severity_decides_who_investigates(severity: Severity, agents: set[str]) -> None:
    told = await run(severity=severity)
    assert {agent for task, agent in told.script.asked if task == "investigate"} == agents


async def test_investigators_work_at_the_same_time() -> None:
    told = await run(until="investigation")
    found = told.of(EventKind.FINDING)
    assert {minute(e.at) for e in found} == {0.333333}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no such thing"), "ValueError: no such thing"),
        (ResponderError("the model is out of budget", "raise it"), "the model is out of budget: raise it"),
        (ToolError("the tool broke", "mend it"), "the tool broke"),
        (KeyError("x"), "KeyError"),
    ],
)
async def test_an_investigator_that_fails_is_absent_and_loses_neither_the_others_nor_the_incident(
    error: Exception, reason: str
) -> None:
    told = await run(answers={"investigate:backend-architect": raising(error)})
    assert told.incident.outcome is Outcome.RESOLVED
    absence = next(a for a in told.incident.absences if a.task == "investigate")
    assert absence.agent == BACKEND
    assert reason in absence.reason
    assert {f.agent for f in told.incident.findings} == {"Infrastructure Maintainer", "DevOps Automator"}
    assert [e.actor for e in told.of(EventKind.ABSENT)] == [BACKEND]


async def test_an_investigator_that_never_answers_is_absent_after_its_time() -> None:
    library = with_clocks(investigator_timeout=timedelta(seconds=0.2))
    told = await run(answers={"investigate:backend-architect": never}, library=library)
    absence = next(a for a in told.incident.absences if "took longer" in a.reason)
    assert (absence.agent, absence.task) == (BACKEND, "investigate")


async def test_an_investigator_whose_looks_take_longer_than_its_time_is_absent_at_the_limit() -> None:
    async def thorough(task: Task, desk: Desk) -> Findings:
        for _ in range(30):
            seen = await desk.use("search_logs")
        return Findings(findings=(a_finding(task, desk, seen.id),))

    told = await run(answers={"investigate:backend-architect": thorough})
    (absence,) = told.incident.absences
    assert (absence.agent, absence.reason, minute(absence.at)) == (BACKEND, "took longer than 300 s", 5)
    assert told.incident.outcome is Outcome.RESOLVED


async def test_when_all_investigators_fail_people_are_asked_and_then_have_it() -> None:
    told = await run(answers={"investigate": raising(ValueError("no"))})
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.shop.log == []
    assert len([a for a in told.incident.absences if a.task == "investigate"]) == 6
    assert told.incident.cause.status is CauseStatus.INCONCLUSIVE


async def test_evidence_that_an_agent_invents_is_struck_and_that_is_recorded() -> None:
    async def inventive(task: Task, desk: Desk) -> Findings:
        seen = await desk.use("search_logs")
        return Findings(
            findings=(
                a_finding(task, desk, seen.id, "BA9-9", claim="half true"),
                a_finding(task, desk, "BA7-7", claim="invented"),
                a_finding(task, desk, claim="uncited"),
            )
        )

    told = await run(answers={"investigate:backend-architect": inventive}, until="investigation")
    own = [f for f in told.incident.findings if f.agent == BACKEND]
    assert [f.claim for f in own] == ["half true"]
    ids = {e.id for e in told.incident.evidence}
    assert all(set(f.evidence) <= ids for f in told.incident.findings)
    (struck,) = told.of(EventKind.STRUCK)
    assert struck.actor == BACKEND
    assert struck.data["struck"] == ["BA9-9", "BA7-7", "uncited: uncited"]


async def test_an_agent_cannot_cite_what_another_saw() -> None:
    async def borrowing(task: Task, desk: Desk) -> Findings:
        return Findings(findings=(a_finding(task, desk, "IM1-1"),))

    told = await run(answers={"investigate:backend-architect": borrowing}, until="investigation")
    assert not [f for f in told.incident.findings if f.agent == BACKEND]


async def test_a_cause_on_invented_evidence_is_inconclusive_and_nothing_is_done_about_it() -> None:
    async def certain(task: Task, desk: Desk) -> Diagnosis:
        return Diagnosis(cause=a_cause(status=CauseStatus.CONFIRMED, evidence=("XX1-1", "XX1-2"), confidence=0.99))

    told = await run(answers={"correlate": certain})
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.incident.cause.status is CauseStatus.INCONCLUSIVE
    assert told.shop.log == []
    assert [e.data["struck"] for e in told.of(EventKind.STRUCK)] == [["XX1-1", "XX1-2"]] * 2


async def test_correlation_that_fails_is_an_absence_and_another_round_not_the_end() -> None:
    asked: list[int] = []

    async def fails_once(task: Task, desk: Desk) -> Diagnosis:
        asked.append(task.facts["round"])
        if len(asked) == 1:
            raise ValueError("no")
        return Diagnosis(cause=a_cause(evidence=tuple(e["id"] for e in task.facts["evidence"])))

    told = await run(answers={"correlate": fails_once})
    assert asked == [1, 2]
    assert told.incident.outcome is Outcome.RESOLVED
    assert [a.task for a in told.incident.absences] == ["correlate"]


async def test_a_second_round_looks_further_back_and_knows_what_was_ruled_out() -> None:
    async def excluding(task: Task, desk: Desk) -> Findings:
        seen = await desk.use(LOOKS[task.agent.name])
        return Findings(findings=(a_finding(task, desk, seen.id, ruled_out=("external dependency",)),))

    told = await run(answers={"investigate": excluding, "correlate": inconclusive})
    rounds = [f for name, f in told.script.facts if name == "investigate"]
    assert {(f["round"], f["window_minutes"], tuple(f["ruled_out"])) for f in rounds} == {
        (1, 60, ()),
        (2, 180, ("external dependency",)),
    }


async def test_without_a_cause_a_person_is_asked_with_the_suspects_and_may_name_it() -> None:
    questions: list[Any] = []

    async def ada(pending: Any) -> Any:
        if pending.value["kind"] == "approval":
            return {"verdict": "approved", "digest": pending.value["digest"], "by": "ada"}
        questions.append(pending.value)
        return {"choice": "deployment", "component": "checkout", "by": "ada"}

    shop = Releases()
    told = await run(shop, Script(shop, answers={"correlate": inconclusive}), answer=ada)
    assert told.incident.outcome is Outcome.RESOLVED
    assert (told.incident.cause.status, told.incident.cause.statement) == (
        CauseStatus.LIKELY,
        "named by ada: deployment in checkout",
    )
    (asked,) = questions
    assert {"deployment", "hand_over"} <= set(asked["choices"])
    assert asked["deadline"] > asked["asked_at"]


@pytest.mark.parametrize(
    "reply", [{"choice": "deployment"}, {"choice": "gremlins", "component": "x"}, {"choice": "hand_over"}, {}]
)
async def test_an_answer_that_names_no_cause_hands_over(reply: dict[str, str]) -> None:
    async def ada(pending: Any) -> Any:
        return reply

    told = await run(answers={"correlate": inconclusive}, answer=ada)
    assert told.incident.outcome is Outcome.HANDED_OVER
    assert told.shop.log == []


async def test_silence_hands_over_at_the_deadline_and_people_are_told_everything() -> None:
    told = await run(answers={"correlate": inconclusive})
    assert told.incident.outcome is Outcome.HANDED_OVER
    notices = [m for m in told.people.sent("notice") if "needs people" in m.text]
    assert [m.to for m in notices] == ["on-call engineer", "engineering manager"]
    assert all("Ruled out: databases" in m.text and "Tried: nothing" in m.text for m in notices)
    assert [minute(e.at) for e in told.of(EventKind.CLOSED)] == [pytest.approx(15 + 40 / 60)]
