"""What a worker holds of each incident."""

import pytest
from temporal_in_hand import LIBRARY, an_opening

from nexus.errors import RecordsError
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.temporal import contexts
from nexus.temporal.contexts import Contexts


async def test_an_incidents_world_is_opened_once_and_let_go_at_its_end() -> None:
    records = MemoryStore()
    await records.begin(an_opening("typo", "INC-1"))
    held = Contexts(LIBRARY, RulesResponder(), records)
    first = await held.of("INC-1")
    assert await held.of("INC-1") is first
    await held.let_go("INC-1")
    assert await held.of("INC-1") is not first


async def test_the_world_that_was_used_longest_ago_is_let_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "MOST", 2)
    records = MemoryStore()
    held = Contexts(LIBRARY, RulesResponder(), records)
    for name in ("INC-1", "INC-2", "INC-1", "INC-3"):
        await records.begin(an_opening("typo", name))
        await held.of(name)
    assert list(held.held) == ["INC-1", "INC-3"]


async def test_an_incident_of_other_records_is_named() -> None:
    with pytest.raises(RecordsError, match="this worker's records do not hold INC-9"):
        await Contexts(LIBRARY, RulesResponder(), MemoryStore()).of("INC-9")
