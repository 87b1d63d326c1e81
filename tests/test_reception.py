"""The inbox sorted into incidents: a storm is one incident that keeps every alert, and the same delivery twice is harmless."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.correlation import AGAIN
from nexus.driving import Hands
from nexus.errors import RecordsError, UsageError
from nexus.hosting import Host
from nexus.incident import Event, EventKind, Evidence, Opening, Surroundings
from nexus.masking import Vault
from nexus.reception import HELD, Reception, joining, wait_for_others
from nexus.records.document import assemble, state_in
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.settings import Settings
from nexus.view import QuietView
from nexus.world.catalog import Service, ServiceCatalog

NOW = datetime.now(UTC).replace(microsecond=0)
CATALOG = ServiceCatalog(
    services=(
        Service(name="web", calls=("basket", "search")),
        Service(name="basket", calls=("basket-db",)),
        Service(name="basket-db"),
    )
)


@dataclass(slots=True)
class Still(Host):
    """Incidents are begun, and nobody drives them."""

    def _drive(self, opening: Opening, vault: Vault | None) -> None:
        """Not here."""


def reception(records: MemoryStore) -> Reception:
    hands = Hands(Settings(world="sandbox:bad-deploy"), records, RulesResponder(), QuietView(), wait_for_others)
    return Reception(records, Still(hands, Surroundings(world="sandbox:bad-deploy")), CATALOG, Vault())


def posted(*alerts: dict[str, Any], group: str = "{}:{}") -> str:
    return json.dumps({"version": "4", "groupKey": group, "status": "firing", "receiver": "nexus", "alerts": list(alerts)})


def firing(number: int, service: str = "basket", severity: str = "warning", **more: Any) -> dict[str, Any]:
    labels = {"alertname": f"Alert{number}", "service": service, "severity": severity}
    began = (NOW - timedelta(minutes=1)).isoformat()
    return {"status": "firing", "labels": labels, "annotations": {}, "startsAt": began, "fingerprint": f"fp{number}", **more}


async def sort(records: MemoryStore, *bodies: str, source: str = "alertmanager", again: bool = False) -> Reception:
    for number, body in enumerate(bodies):
        await records.inbox.put(source, body, NOW + timedelta(seconds=number, hours=int(again)), {})
    here = reception(records)
    await here.remember()
    await here.sort()
    return here


async def alerted(records: MemoryStore, incident: str) -> list[Event]:
    return [event for event in await records.events(incident) if event.kind is EventKind.ALERTED]


async def test_a_storm_of_forty_alerts_is_one_incident_that_keeps_all_forty() -> None:
    records = MemoryStore()
    services = ("basket", "web", "basket-db", "search")
    await sort(records, *(posted(firing(n, services[n % 4]), group=f"g{n}") for n in range(40)))
    (opening,) = await records.unfinished()
    events = await records.events(opening.incident)
    whole = assemble(state_in(opening, events), events, await records.evidence(opening.incident))
    titles = {whole.alert.title, *(joined.alert.title for joined in whole.joined)}
    assert titles == {f"Alert{n}" for n in range(40)}
    assert {joined.evidence for joined in whole.joined} == {evidence.id for evidence in whole.evidence}
    assert all(joined.alert.raw and joined.because for joined in whole.joined)
    assert all(joined.at >= opening.opened_at for joined in whole.joined)


async def test_of_a_group_the_worst_firing_alert_opens_and_the_others_join() -> None:
    records = MemoryStore()
    over = firing(3, "basket") | {"status": "resolved", "endsAt": NOW.isoformat()}
    await sort(records, posted(firing(1), firing(2, "elsewhere", "critical"), over))
    (opening,) = await records.unfinished()
    assert opening.alert.title == "Alert2"
    joined = [event.data["joined"]["alert"] for event in await alerted(records, opening.incident)]
    assert {(alert["title"], alert["state"]) for alert in joined} == {("Alert1", "firing"), ("Alert3", "resolved")}


async def test_the_same_delivery_twice_changes_nothing() -> None:
    records = MemoryStore()
    body = posted(firing(1), firing(2))
    await sort(records, body)
    (opening,) = await records.unfinished()
    before = await records.events(opening.incident)
    await sort(records, body, again=True)
    assert await records.unfinished() == [opening]
    assert await records.events(opening.incident) == before


async def test_an_interruption_between_opening_and_ticking_off_opens_nothing_twice() -> None:
    records = MemoryStore()
    await records.inbox.put("alertmanager", posted(firing(1)), NOW, {})
    first = reception(records)
    await first.remember()
    (waiting,) = await records.inbox.waiting()
    assert (await first._sorted(waiting)).startswith("opened INC-")
    await sort(records)
    assert len(await records.unfinished()) == 1
    assert await records.inbox.waiting() == []


async def test_a_resolved_alert_is_evidence_and_ends_nothing() -> None:
    records = MemoryStore()
    await sort(records, posted(firing(1)))
    over = firing(1) | {"status": "resolved", "endsAt": NOW.isoformat()}
    await sort(records, posted(over))
    (opening,) = await records.unfinished()
    (event,) = await alerted(records, opening.incident)
    assert event.text.startswith("alertmanager says that it is over: Alert1")
    (evidence,) = await records.evidence(opening.incident)
    assert evidence.values["state"] == "resolved"


async def test_two_outages_at_once_are_two_incidents() -> None:
    records = MemoryStore()
    await sort(records, posted(firing(1, "basket"), group="a"), posted(firing(2, "mail", "critical"), group="b"))
    assert len(await records.unfinished()) == 2


async def test_what_cannot_be_read_is_ticked_off_and_holds_nothing_up() -> None:
    records = MemoryStore()
    await sort(records, "{", posted(firing(1)))
    assert len(await records.unfinished()) == 1
    assert await records.inbox.waiting() == []


async def test_a_secret_in_an_alert_that_joins_is_not_recorded() -> None:
    records = MemoryStore()
    told = firing(2) | {"annotations": {"summary": "cannot log in with password=hunter2hunter2x"}}
    await sort(records, posted(firing(1)), posted(told))
    (opening,) = await records.unfinished()
    kept = [*await records.events(opening.incident), *await records.evidence(opening.incident)]
    assert kept
    assert "hunter2" not in "".join(one.model_dump_json() for one in kept)


async def test_a_persons_report_opens_an_incident_under_their_words() -> None:
    records = MemoryStore()
    here = reception(records)
    await here.report("checkout is slow since noon\nand the page hangs", "basket", "P1", "ada")
    await here.remember()
    await here.sort()
    (opening,) = await records.unfinished()
    alert = opening.alert
    assert (alert.title, alert.service, alert.severity_label) == ("checkout is slow since noon", "basket", "P1")
    assert (alert.source, alert.labels["reported_by"]) == ("report", "ada")
    assert "the page hangs" in alert.summary


async def test_only_one_process_sorts_and_the_next_takes_over() -> None:
    records = MemoryStore()
    await records.inbox.put("alertmanager", posted(firing(1)), NOW, {})
    here, stop = reception(records), asyncio.Event()
    async with records.hold(HELD):
        running = asyncio.create_task(here.run(stop))
        await asyncio.sleep(0.05)
        assert await records.inbox.waiting()
    here.wake()
    while await records.inbox.waiting():  # noqa: ASYNC110 - another task ticks it off
        await asyncio.sleep(0.01)
    stop.set()
    here.wake()
    await running
    assert len(await records.unfinished()) == 1


def test_a_joining_alert_becomes_exactly_the_same_each_time() -> None:
    from nexus.intake.read import read_delivery  # noqa: PLC0415 - only here

    alert = read_delivery(posted(firing(1)), now=NOW).alerts[0]
    assert joining("INC-1", alert, "x", NOW) == joining("INC-1", alert, "x", NOW)


async def test_records_that_fail_while_alerts_are_written_lose_none_and_sorting_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.reception.TURN", 0.01)
    records, failures = MemoryStore(), [1]
    keep = records.keep

    async def failing(incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        if failures:
            failures.pop()
            raise RecordsError("the records do not answer")
        await keep(incident, evidence, pictures)

    monkeypatch.setattr(records, "keep", failing)
    await records.inbox.put("alertmanager", posted(firing(1), firing(2), firing(3)), NOW, {})
    here, stop = reception(records), asyncio.Event()
    running = asyncio.create_task(here.run(stop))
    while await records.inbox.waiting():  # noqa: ASYNC110 - another task ticks it off
        await asyncio.sleep(0.01)
    stop.set()
    here.wake()
    await running
    assert not failures
    (opening,) = await records.unfinished()
    joined = [event.data["joined"]["alert"]["title"] for event in await alerted(records, opening.incident)]
    assert {opening.alert.title, *joined} == {"Alert1", "Alert2", "Alert3"}


async def test_an_incident_that_cannot_be_told_now_is_told_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    records, told = MemoryStore(), list[str]()

    async def alerted_on_fleet(_host: Host, incident: str) -> None:
        told.append(incident)
        if len(told) == 1:
            raise UsageError("the server did not answer", "see that it runs")

    monkeypatch.setattr(Still, "alerted", alerted_on_fleet)
    here = await sort(records, posted(firing(1), firing(2)))
    assert len(await records.inbox.waiting()) == 0
    await here.sort()
    await here.sort()
    (opening,) = await records.unfinished()
    assert told == [opening.incident] * 2


async def test_an_incident_that_ended_long_ago_is_forgotten_and_an_open_one_never() -> None:
    records = MemoryStore()
    here = await sort(records, posted(firing(1)))
    (known,) = here._known.values()
    known.outcome, known.ended_at = "handed_over", NOW - AGAIN - timedelta(minutes=1)
    await records.inbox.put("alertmanager", posted(firing(1, severity="critical")), NOW, {})
    await here.sort()
    assert [one.open for one in here._known.values()] == [True]
    assert len(await records.unfinished()) == 2
