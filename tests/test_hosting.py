"""Incidents side by side in one process: driven to their end, tried again after trouble, stopped saved, and gone on with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nexus import hosting
from nexus.asked import approve_all
from nexus.driving import Hands
from nexus.driving import go_on as go_on_with
from nexus.errors import RecordsError
from nexus.hosting import Host
from nexus.incident import Alert, Incident, Outcome, Surroundings
from nexus.records.document import from_json
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.settings import Settings
from nexus.view import QuietView


def host(tmp_path: Path, records: MemoryStore, scenario: str = "typo") -> Host:
    settings = Settings(world=f"sandbox:{scenario}", out=tmp_path)
    hands = Hands(settings, records, RulesResponder(), QuietView(), approve_all)
    return Host(hands, Surroundings(world=f"sandbox:{scenario}"))


def alert(title: str) -> Alert:
    return Alert(title=title, service="storefront", severity_label="low", starts_at=datetime.now(UTC))


async def test_several_incidents_go_to_their_ends_and_leave_their_folders(tmp_path: Path) -> None:
    records = MemoryStore()
    here = host(tmp_path, records)
    names = [await here.begin(alert(title)) for title in ("a", "b", "c")]
    assert len(set(names)) == 3
    await here.ended()
    for name in names:
        kept = await records.document(name)
        assert kept is not None
        assert from_json(kept).outcome is not Outcome.WAITING
        assert (tmp_path / name / "incident.json").is_file()
    assert here.driven == {}


async def test_an_incident_that_cannot_go_on_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, tries = MemoryStore(), []
    real = go_on_with

    async def go_on(*given: Any, **more: Any) -> Incident:
        tries.append(1)
        if len(tries) < 3:
            raise RecordsError("the records do not answer") if len(tries) == 1 else ValueError("something else")
        return await real(*given, **more)

    monkeypatch.setattr(hosting, "AGAIN_FIRST", 0.01)
    monkeypatch.setattr(hosting, "go_on", go_on)
    here = host(tmp_path, records)
    name = await here.begin(alert("a"))
    await here.ended()
    assert len(tries) == 3
    assert await records.unfinished() == []
    assert await records.document(name) is not None


async def test_what_was_stopped_goes_on_in_the_next_process(tmp_path: Path) -> None:
    records = MemoryStore()
    first = host(tmp_path, records, "disk-full")
    name = await first.begin(
        Alert(title="Orders fail", service="orders-db", severity_label="critical", starts_at=datetime.now(UTC))
    )
    while not await records.evidence(name):  # noqa: ASYNC110 - the incident's own task looks
        await asyncio.sleep(0.01)
    first.stop.set()
    await first.ended()
    assert [opening.incident for opening in await records.unfinished()] == [name]
    second = host(tmp_path, records, "disk-full")
    await second.resume_all()
    await second.resume_all()
    assert list(second.driven) == [name]
    await second.ended()
    assert await records.unfinished() == []
    kept = await records.document(name)
    assert kept is not None
    assert from_json(kept).outcome is Outcome.RESOLVED
