"""Further alerts of an open incident: a worse one raises its severity and its clocks at once, and nothing ever lowers it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.asked import approve_none
from nexus.embedded import handle
from nexus.incident import Alert, AlertState, Classification, Event, EventKind, Impact, Incident, JoinedAlert, Severity
from nexus.library import Library
from nexus.raising import Assessed, as_raised, assessed_in, news_for, raised, standing_as_raised
from nexus.reception import joining
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.state import State
from nexus.timeline import Standing
from nexus.world import World
from nexus.world.simulated_people import SimulatedPeople

NOW = datetime.now(UTC)


def alert(word: str = "warning", service: str | None = "basket", **more: Any) -> Alert:
    return Alert(title=f"{service} {word}", service=service, severity_label=word, starts_at=NOW, source="test", **more)


def joined(one: Alert) -> JoinedAlert:
    return JoinedAlert(at=NOW, alert=one, because="x")


def classification(severity: Severity, *services: str) -> Classification:
    return Classification(severity=severity, floor=severity, impact=Impact(services=services), rationale="as measured")


def classified(severity: Severity, **data: Any) -> Event:
    told = {"classification": classification(severity).model_dump(mode="json"), "team": [severity.value], **data}
    return Event(incident="I", key=severity.value, at=NOW, kind=EventKind.CLASSIFIED, actor="x", text="x", data=told)


@pytest.mark.parametrize(
    ("came", "news"),
    [
        ([alert("warning")], None),
        ([alert("info")], None),
        ([alert("critical")], "basket critical"),
        ([alert("warning", "search")], "search warning"),
        ([alert("warning", "web")], None),
        ([alert("warning", None)], None),
        ([alert("critical", state=AlertState.RESOLVED)], None),
        ([alert("error", "search"), alert("critical", "web"), alert("warning", "mail")], "web critical"),
    ],
    ids=["alike", "lower", "worse", "elsewhere", "already known to be hit", "says no service", "over", "the worst of several"],
)
def test_what_is_news_to_triage(came: list[Alert], news: str | None) -> None:
    seen = Assessed(classification(Severity.P2, "web"), (), 0)
    found = news_for(alert("warning"), [joined(one) for one in came], seen)
    assert (found.title if found else None) == news


def test_what_was_taken_into_account_is_no_news_again() -> None:
    seen = Assessed(classification(Severity.P1), (), 1)
    assert news_for(alert(), [joined(alert("critical"))], seen) is None
    assert news_for(alert(), [joined(alert("critical")), joined(alert("critical", "web"))], seen) is not None


def test_the_worst_classification_counts_whenever_it_was_made() -> None:
    found = assessed_in([classified(Severity.P2), classified(Severity.P0, assessed=3), classified(Severity.P1, assessed=5)])
    assert found is not None
    assert (found.classification.severity, found.team, found.alerts) == (Severity.P0, ("P0",), 5)
    assert assessed_in([]) is None


def test_a_second_triage_may_raise_and_never_lowers() -> None:
    one, two = classification(Severity.P2, "basket"), classification(Severity.P1, "web")
    assert raised(one, two).severity is Severity.P1
    assert raised(one, two).impact.services == ("basket", "web")
    assert raised(two, one) is two
    assert raised(one, one) is one


def test_state_and_standing_are_shown_as_raised_and_only_then() -> None:
    state = State(classification=classification(Severity.P2).model_dump(mode="json"), team=["a"])
    standing = Standing(NOW, Severity.P2)
    worse = Assessed(classification(Severity.P0), ("a", "b"), 1)
    assert as_raised(state, worse)["classification"]["severity"] == "P0"
    assert as_raised(state, worse)["team"] == ["a", "b"]
    assert standing_as_raised(standing, worse).severity is Severity.P0
    for same in (None, Assessed(classification(Severity.P2), (), 1), Assessed(classification(Severity.P3), (), 1)):
        assert as_raised(state, same) is state
        assert standing_as_raised(standing, same) is standing
    assert as_raised(State(), worse) == State()


async def test_a_worse_alert_raises_an_incident_that_waits_for_people_and_they_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real time: triage without telemetry goes by the alert's word, P2; the critical alert that joins makes it P1."""
    monkeypatch.setattr("nexus.embedded.NEWS_EVERY", 0.05)
    records, people, stop = MemoryStore(), SimulatedPeople(), asyncio.Event()
    raised_to: list[str] = []

    def hear(event: Event) -> None:
        if event.kind is EventKind.CLASSIFIED:
            raised_to.append(event.data["severity"])
            stop.set() if len(raised_to) > 1 else asyncio.ensure_future(worse(event.incident))

    async def worse(incident: str) -> None:
        _, evidence, event = joining(incident, alert("critical", "web"), "beside it", datetime.now(UTC))
        await records.keep(incident, evidence, {})
        await records.append(event)

    async def nobody(_pending: Any) -> None:
        await asyncio.Event().wait()

    told: Incident = await asyncio.wait_for(
        handle(
            alert("warning"), library=Library.default(), world=World("bare", people), responder=RulesResponder(),
            records=records, answer=nobody, listeners=[hear], stop=stop,
        ),
        60,
    )  # fmt: skip
    assert raised_to == ["P2", "P1"]
    assert told.severity is Severity.P1
    assert [j.alert.title for j in told.joined] == ["web critical"]
    assert "Relevant Developer" not in told.team
    (text,) = [line.text for line in told.timeline if "raised from" in line.text]
    assert text.startswith("P1, raised from P2")


async def test_a_resolved_alert_changes_nothing() -> None:
    records = MemoryStore()
    told = await handle(
        alert("warning"), library=Library.default(), world=World("bare", SimulatedPeople()), responder=RulesResponder(),
        records=records, answer=approve_none, until="triage",
    )  # fmt: skip
    _, _, event = joining(told.id, alert("critical", state=AlertState.RESOLVED), "x", NOW + timedelta(minutes=1))
    await records.append(event)
    events = await records.events(told.id)
    found = assessed_in(events)
    assert found is not None
    assert news_for(told.alert, [joined(alert("critical", state=AlertState.RESOLVED))], found) is None
    assert not any(e.kind is EventKind.CLOSED for e in events)
