"""The document holds all that the record knows under its published names."""

from __future__ import annotations

import json

import pytest
from incident_in_hand import ID, OPENED, PICTURE, alert, at, event, events, evidence, state

from nexus.errors import RecordsError
from nexus.incident import EventKind, Incident, Outcome, Status
from nexus.records.document import assemble, from_json, schema, timeline, to_json

PROMISED = (
    "id",
    "severity",
    "classification",
    "team",
    "cause",
    "suspects",
    "findings",
    "plan",
    "actions",
    "verification",
    "status_updates",
    "briefs",
    "escalations",
    "evidence",
    "timeline",
    "post_mortem",
    "backlog",
    "usage",
    "outcome",
)


def whole() -> Incident:
    return assemble(state(), events(), evidence())


def test_every_promised_name_is_in_the_json() -> None:
    document = json.loads(to_json(whole()))
    assert set(PROMISED) <= document.keys()
    assert {"cause", "component", "status", "confidence", "introduced_at"} <= document["cause"].keys()
    assert {"component", "score", "evidence"} <= document["suspects"][0].keys()
    assert {"at", "status", "impact", "current_action", "next_update"} <= document["status_updates"][0].keys()
    assert document["usage"] == {
        "calls": 3,
        "prompt_tokens": 1200,
        "cached_tokens": 800,
        "completion_tokens": 300,
        "cost_usd": 0.02,
    }
    assert document["outcome"] == "resolved"


def test_the_json_reads_back_to_the_same_incident() -> None:
    assert from_json(to_json(whole())) == whole()


def test_updates_briefs_and_escalations_come_from_the_log_in_order() -> None:
    incident = assemble(state(), list(reversed(events())), evidence())
    assert [u.number for u in incident.status_updates] == [1, 2, 3, 4]
    assert [u.next_update is None for u in incident.status_updates] == [False, False, False, True]
    assert [b.number for b in incident.briefs] == [1]
    assert [e.to for e in incident.escalations] == ["Studio Producer"]


def test_the_timeline_leaves_looks_out_unless_they_gave_a_picture() -> None:
    shown = [entry for entry in timeline(events()) if entry.kind == "evidence"]
    assert [entry.text for entry in shown] == ["Before and after"]
    assert len(timeline(events())) == len(events()) - 2


def test_the_timeline_says_who_answered_only_where_the_rules_took_a_models_task_over() -> None:
    assert [entry.text for entry in timeline(events()) if entry.kind == "authored"] == ["status_update answered by rules"]


def test_an_incident_that_only_began_is_waiting_and_investigating() -> None:
    begun = {"incident": ID, "opened_at": OPENED.isoformat(), "alert": alert().model_dump(mode="json")}
    incident = assemble(begun, [], [])
    assert incident.outcome is Outcome.WAITING
    assert incident.status is Status.INVESTIGATING
    assert incident.severity is None
    assert incident.cause.component is None


def test_open_questions_are_part_of_the_document() -> None:
    question = {
        "id": "q1",
        "kind": "approval",
        "text": "roll back?",
        "deadline": at(30).isoformat(),
        "detail": {"x": float("nan")},
    }
    incident = assemble(state(questions=[question], outcome=None), events(), evidence())
    assert incident.open_questions[0].text == "roll back?"
    assert incident.outcome is Outcome.WAITING
    assert "NaN" not in to_json(incident)


def test_a_state_that_lacks_its_alert_is_named() -> None:
    with pytest.raises(RecordsError, match="'alert'"):
        assemble({"incident": ID, "opened_at": OPENED.isoformat()}, [], [])


def test_a_state_that_does_not_fit_says_where() -> None:
    with pytest.raises(RecordsError, match="outcome"):
        assemble(state(outcome="lost"), events(), evidence())


def test_a_document_of_something_else_is_refused() -> None:
    with pytest.raises(RecordsError, match="no incident document"):
        from_json('{"id": 1}')
    with pytest.raises(RecordsError, match="no incident document"):
        from_json("not json")


def test_the_schema_describes_the_document() -> None:
    described = schema()
    assert set(PROMISED) <= described["properties"].keys()
    assert described["$schema"].startswith("https://json-schema.org/")


def test_a_log_line_of_a_picture_names_its_evidence() -> None:
    line = event(EventKind.EVIDENCE, 1, "a", "drawn", evidence="X-1", pictures=[PICTURE])
    assert timeline([line])[0].text == "drawn"
