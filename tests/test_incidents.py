"""How an incident begins and what it comes to, in any engine, also while nobody drives it."""

from __future__ import annotations

from typing import Any

from engine_in_hand import run
from incident_in_hand import ID, alert, events
from world_in_hand import FIRED

from nexus.asked import approve_none
from nexus.drive import Pending
from nexus.incident import Opening, Outcome, Severity, Status
from nexus.incidents import name_of, opened, question_of, stored
from nexus.records.stores import MemoryStore


def opening(incident: str = ID) -> Opening:
    return Opening(incident=incident, alert=alert(), opened_at=FIRED, graph=2)


async def test_the_same_alert_has_the_same_id_and_a_second_incident_another() -> None:
    store, name = MemoryStore(), name_of(alert())
    assert name == name_of(alert())
    begun = [(await opened(store, opening(name))).incident for _ in range(3)]
    assert begun == [name, f"{name}-2", f"{name}-3"]
    assert [o.incident for o in await store.unfinished()] == sorted(begun)


async def test_an_incident_that_a_process_left_is_shown_as_its_events_tell() -> None:
    store = MemoryStore()
    await store.begin(opening())
    await store.append(*events()[:5])
    found = await stored(store, ID)
    assert found is not None
    assert (found.outcome, found.status, found.id) == (Outcome.WAITING, Status.INVESTIGATING, ID)
    assert found.timeline[0].text == "alert acknowledged"


async def test_there_is_nothing_of_an_id_that_nobody_has() -> None:
    assert await stored(MemoryStore(), "INC-0") is None


async def test_an_incident_that_waits_is_shown_with_what_it_asks_and_what_was_done() -> None:
    told = await run(answer=approve_none)
    found = await stored(told.records, told.incident.id)
    assert found is not None
    assert found.severity is Severity.P1
    assert found.cause == told.incident.cause
    assert [q.kind for q in found.open_questions] == ["approval"]
    assert found.plan == told.incident.plan


async def test_an_incident_that_is_over_is_its_document() -> None:
    told = await run()
    assert await stored(told.records, told.incident.id) == told.incident
    assert await told.records.unfinished() == []


def test_a_question_is_what_a_person_is_asked() -> None:
    value: dict[str, Any] = {"kind": "question", "text": "Was it done?", "choices": ["a"], "deadline": FIRED.isoformat()}
    question = question_of(Pending("q", value))
    assert (question.id, question.text, question.deadline, question.detail["choices"]) == ("q", "Was it done?", FIRED, ["a"])
