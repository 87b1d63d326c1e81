"""Health, readiness and the figures for Prometheus; every error has one form, and shows nothing of the inside."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from incident_in_hand import ID, OPENED, alert, events, evidence, state
from prometheus_client.parser import text_string_to_metric_families
from service_in_hand import PROTECTED, TOKENS, LookingReception, asked, site_of

from nexus.errors import RecordsError
from nexus.incident import Action, ActionKind, Opening, Question
from nexus.records.document import assemble, to_json
from nexus.records.stores import MemoryStore
from nexus.service import create_app
from nexus.service.summaries import Summaries


@pytest.fixture
def records() -> MemoryStore:
    return MemoryStore()


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels, by the labels' names."""
    families = text_string_to_metric_families(text)
    return {(s.name, *(value for _, value in sorted(s.labels.items()))): s.value for family in families for s in family.samples}


async def test_a_service_that_runs_is_alive_and_ready(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records, **PROTECTED))) as client:
        assert (await client.get("/health")).json() == {"status": "alive"}
        assert (await client.get("/ready")).json() == {"status": "ready"}


async def test_a_service_whose_records_cannot_be_written_is_alive_and_not_ready(
    records: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def readonly() -> None:
        raise RecordsError("the records may only be read", "make them writable")

    monkeypatch.setattr(records.inbox, "prove", readonly)
    async with asked(create_app(site_of(records))) as client:
        assert (await client.get("/health")).status_code == 200
        done = await client.get("/ready")
    assert (done.status_code, done.json()["error"]) == (503, "the records may only be read")


async def test_a_service_whose_reception_has_failed_is_not_ready_keeps_what_comes_and_is_to_stop(records: MemoryStore) -> None:
    site = site_of(records)
    reception = site.reception
    assert isinstance(reception, LookingReception)
    reception.fails = RuntimeError("a fault")
    app = create_app(site)
    async with asked(app) as client:
        reception.ends.set()
        await site.stopping.wait()
        done = await client.get("/ready")
        assert (done.status_code, done.json()["error"]) == (503, "nobody sorts the inbox")
        assert (await client.post("/hooks/generic", json={"title": "x"})).status_code == 202
    assert str(app.state.parts.failure()) == "a fault"


async def test_a_service_that_is_told_to_stop_has_not_failed(records: MemoryStore) -> None:
    app = create_app(site_of(records))
    async with asked(app):
        pass
    assert app.state.parts.failure() is None


async def test_the_figures_tell_of_the_inbox_incidents_approvals_and_requests(records: MemoryStore) -> None:
    action = Action(kind=ActionKind.RESTART, target="basket")
    detail = {"action": action.model_dump(mode="json"), "digest": action.digest}
    for name in (ID, "INC-2", "INC-3"):
        await records.begin(Opening(incident=name, alert=alert(), opened_at=OPENED, graph=1))
    await records.save_document(ID, to_json(assemble(state(), events(), evidence())), ended=True)
    for number, kind in enumerate(("approval", "approval", "question")):
        await records.questions.ask("INC-2", Question(id=str(number), kind=kind, text="?", detail=detail))
    await records.inbox.put("generic", "{}", datetime.now(UTC) - timedelta(minutes=5), {})
    async with asked(create_app(site_of(records, **PROTECTED)), TOKENS["viewer"]) as client:
        await client.get("/incidents/INC-2?secret=1")
        told = figures((await client.get("/metrics")).text)
        await records.save_document("INC-2", to_json(assemble({**state(), "incident": "INC-2"}, [], [])), ended=True)
        later = figures((await client.get("/metrics")).text)
    assert told["nexus_inbox_waiting",] == 1
    assert 300 <= told["nexus_inbox_oldest_seconds",] < 900
    assert told["nexus_incidents", "resolved", "P0"] == 1
    assert told["nexus_incidents_open", "unknown"] == 2
    assert told["nexus_approvals_waiting",] == 2
    assert told["nexus_request_seconds_count", "GET", "/incidents/{incident}", "200"] == 1
    assert (later["nexus_incidents", "resolved", "P0"], later["nexus_incidents_open", "unknown"]) == (2, 1)
    assert later["nexus_approvals_waiting",] == 0


async def test_an_incident_that_has_ended_is_read_once(records: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await records.begin(Opening(incident=ID, alert=alert(), opened_at=OPENED, graph=1))
    await records.save_document(ID, to_json(assemble(state(), events(), evidence())), ended=True)
    looked: list[str] = []
    document = records.document

    async def counted(incident: str) -> str | None:
        looked.append(incident)
        return await document(incident)

    monkeypatch.setattr(records, "document", counted)
    async with asked(create_app(site_of(records))) as client:
        await asyncio.gather(*(client.get("/metrics") for _ in range(3)))
        await client.get("/incidents")
    assert looked == [ID]


async def test_only_so_many_incidents_are_remembered(records: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.service.summaries.MOST", 2)
    summaries = Summaries(records)
    for n in range(4):
        await records.save_document(f"INC-{n}", to_json(assemble({**state(), "incident": f"INC-{n}"}, [], [])), ended=True)
        assert (await summaries.of(f"INC-{n}", ended=True)) is not None
    assert list(summaries._ended) == ["INC-2", "INC-3"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/docs", 404), ("DELETE", "/incidents", 405), ("GET", "/incidents?limit=0", 422)],
)
async def test_every_error_says_what_is_wrong_and_what_to_do(records: MemoryStore, method: str, path: str, status: int) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.request(method, path)
    told = done.json()
    assert (done.status_code, set(told), all(told.values())) == (status, {"error", "remedy"}, True)


async def test_a_fault_of_ours_is_a_500_that_shows_nothing_of_the_inside(
    records: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_given: Any, **_more: Any) -> Any:
        raise ZeroDivisionError("password-in-a-message")

    monkeypatch.setattr(records, "page", broken)
    async with asked(create_app(site_of(records))) as client:
        done = await client.get("/incidents")
    assert done.status_code == 500
    assert done.json()["error"] == "the service failed on this request"
    assert "password" not in done.text


async def test_figures_name_no_label_after_what_a_caller_makes_up(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        await client.request("BREW", "/coffee-pot?token=secret")
        text = (await client.get("/metrics")).text
    assert "coffee-pot" not in text
    assert "BREW" not in text
    assert figures(text)["nexus_request_seconds_count", "other", "none", "404"] == 1
