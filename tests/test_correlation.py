"""Which incident an alert belongs to: by its identity, its group, its service, the call graph, each within its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.correlation import AGAIN, CLOSE, WINDOW, Belongs, Known, Opens, Place, Stray, place_of
from nexus.incident import Alert, AlertState, Event, EventKind, JoinedAlert, Opening

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EDGES = (("web", "basket"), ("basket", "basket-db"), ("web", "search"))


def alert(**given: Any) -> Alert:
    fields = {"title": "basket fails", "service": "basket", "starts_at": NOW, "severity_label": "high", "fingerprint": "f1"}
    return Alert(**{**fields, **given})


def incident(first: Alert | None = None, name: str = "INC-1", **given: Any) -> Known:
    known = Known.of(Opening(incident=name, alert=first or alert(), opened_at=NOW, graph=2))
    for field, value in given.items():
        setattr(known, field, value)
    return known


def placed(one: Alert, *known: Known, later: timedelta = timedelta(minutes=1)) -> Place:
    return place_of(one, known, EDGES, NOW + later)


OTHER = {"title": "another", "fingerprint": "f2"}


@pytest.mark.parametrize(
    ("one", "how"),
    [
        (alert(), "repeat"),
        (alert(state=AlertState.RESOLVED), "join"),
        (alert(severity_label="critical"), "join"),
        (alert(starts_at=NOW + timedelta(seconds=30)), "join"),
        (alert(**OTHER), "join"),
        (alert(**OTHER, service="basket-db"), "join"),
        (alert(**OTHER, service="web", severity_label="critical"), "join"),
    ],
    ids=["same", "resolved", "worse", "begins anew", "same service", "neighbour", "critical neighbour"],
)
def test_an_alert_of_an_open_outage_joins_it_or_repeats_what_is_known(one: Alert, how: str) -> None:
    found = placed(one, incident())
    assert isinstance(found, Belongs)
    assert found[:2] == (how, "INC-1")
    assert found.because


@pytest.mark.parametrize(
    "one",
    [
        alert(**OTHER, service="search"),
        alert(**OTHER, service="nowhere", severity_label="critical"),
        alert(**OTHER, service=None, severity_label="critical"),
    ],
    ids=["not beside it", "critical and unknown", "critical without a service"],
)
def test_an_alert_of_something_else_opens_its_own_incident(one: Alert) -> None:
    assert isinstance(placed(one, incident()), Opens)


def test_the_group_of_a_source_holds_alerts_together_whatever_their_service() -> None:
    known = incident(alert(group="g", source="alertmanager"))
    found = placed(alert(**OTHER, service="search", group="g", source="alertmanager"), known)
    assert isinstance(found, Belongs)
    assert found.because == "the same group of its source"
    assert isinstance(placed(alert(**OTHER, service="search", group="g", source="grafana"), known), Opens)


def test_a_neighbour_is_another_outage_once_the_window_has_passed() -> None:
    one = alert(**OTHER, service="web")
    assert isinstance(placed(one, incident(), later=WINDOW), Belongs)
    assert isinstance(placed(one, incident(), later=WINDOW + timedelta(seconds=1)), Opens)


def test_where_the_call_graph_tells_nothing_nearness_in_time_counts() -> None:
    one = alert(**OTHER, service=None)
    assert isinstance(placed(one, incident(), later=CLOSE), Belongs)
    assert isinstance(placed(one, incident(), later=CLOSE + timedelta(seconds=1)), Opens)


def test_an_alert_that_is_over_opens_nothing() -> None:
    assert isinstance(placed(alert(**OTHER, service="search", state=AlertState.RESOLVED), incident()), Stray)


@pytest.mark.parametrize(
    ("outcome", "one", "expected"),
    [
        ("handed_over", alert(), Belongs),
        ("backlogged", alert(), Belongs),
        ("resolved", alert(), Opens),
        ("resolved", alert(state=AlertState.RESOLVED), Belongs),
        ("handed_over", alert(starts_at=NOW + timedelta(minutes=5)), Opens),
        ("handed_over", alert(severity_label="critical"), Opens),
    ],
)
def test_what_an_ended_incident_was_about_is_not_opened_again_unless_it_is_news(outcome: str, one: Alert, expected: type) -> None:
    assert isinstance(placed(one, incident(outcome=outcome, ended_at=NOW)), expected)


def test_an_ended_incident_is_forgotten_after_a_day() -> None:
    known = incident(outcome="handed_over", ended_at=NOW)
    assert isinstance(placed(alert(), known, later=AGAIN), Belongs)
    assert isinstance(placed(alert(), known, later=AGAIN + timedelta(seconds=1)), Opens)


def test_an_ended_incident_takes_no_neighbours() -> None:
    assert isinstance(placed(alert(**OTHER), incident(outcome="resolved", ended_at=NOW)), Opens)


def test_what_triage_and_diagnosis_found_is_part_of_the_outage() -> None:
    known = incident()

    def told(kind: EventKind, **data: Any) -> Event:
        return Event(incident="INC-1", key=kind.value, at=NOW, kind=kind, actor="x", text="x", data=data)

    known.hear(told(EventKind.CLASSIFIED, classification={"impact": {"services": ["search"]}}))
    known.hear(told(EventKind.DIAGNOSED, diagnosis={"cause": {"component": "node-7"}}))
    joined = JoinedAlert(at=NOW + timedelta(minutes=20), alert=alert(**OTHER, service="cache"), because="x")
    known.hear(told(EventKind.ALERTED, joined=joined.model_dump(mode="json")))
    assert known.components == {"basket", "search", "node-7", "cache"}
    assert known.last_at == joined.at
    known.hear(told(EventKind.CLOSED, outcome="resolved"))
    assert (known.open, known.outcome, known.ended_at) == (False, "resolved", NOW)
