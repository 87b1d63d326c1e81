"""Third parties over real HTTP on loopback; status pages as Statuspage's public API documents summary.json and status.json."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import HttpInHand, Reply, http_in_hand, replies
from pydantic import ValidationError
from world_in_hand import look

from nexus.errors import Unavailable, WorldError
from nexus.tools.health import CHECK_DEPENDENCIES
from nexus.tools.readings import DependenciesReading
from nexus.tools.tool import NoArguments
from nexus.world.catalog import Service, ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.dependencies import Settings, connect
from nexus.world.dependencies import DependencyHealth
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal

NOW = datetime.now(UTC)
SUMMARY = {
    "page": {"id": "1", "name": "Pay", "url": "https://status.pay.example"},
    "status": {"indicator": "major", "description": "Partial System Outage"},
    "incidents": [
        {
            "name": "Charges fail",
            "status": "investigating",
            "created_at": "2026-03-02T12:10:00Z",
            "started_at": "2026-03-02T11:55:00.000Z",
        },
        {"name": "Old trouble", "status": "resolved", "started_at": "2026-03-01T00:00:00Z"},
    ],
}
CATALOG = ServiceCatalog(services=(Service(name="checkout", calls=("pay",)), Service(name="pay", kind="external")))


@pytest.fixture
def world() -> Iterator[HttpInHand]:
    with http_in_hand({("GET", "/pay"): "fine", ("GET", "/mail"): "fine"}) as service:
        yield service


def connected(world: HttpInHand, folder: Path = Path(), /, *others: dict[str, Any], **pay: Any) -> Connector:
    mail = {"name": "mail", "url": world.url + "/mail"}
    settings = {"dependencies": [{"name": "pay", "url": world.url + "/pay", **pay}, mail, *others], "timeout_s": 60}
    return connect(Settings.model_validate(settings), Site(folder, CATALOG, MemoryJournal(), NOW))


async def first(connector: Connector) -> DependencyHealth:
    assert connector.dependencies is not None
    try:
        return (await connector.dependencies.health(NOW))[0]
    finally:
        await connector.close()


async def test_a_third_party_that_is_well_is_told_with_who_uses_it(world: HttpInHand) -> None:
    connector = connected(world, normal_latency_ms=30000, fallback="available")
    pay = await first(connector)
    seen = await CHECK_DEPENDENCIES.run(look(dependencies=connector.dependencies), NoArguments())
    await connector.close()
    assert (pay.up, pay.error_rate, pay.used_by, pay.fallback) == (True, 0.0, ("checkout",), "available")
    assert pay.status_page == "no status page is known"
    assert pay.failing_since is None
    assert isinstance(seen.reading, DependenciesReading)
    assert len(seen.reading.dependencies) == 2


async def test_one_that_fails_is_told_with_its_own_word_and_since_when(world: HttpInHand) -> None:
    world.answers |= {("GET", "/pay"): Reply(503), ("GET", "/summary.json"): SUMMARY}
    connector = connected(world, status_page=world.url + "/summary.json", used_by=["billing"])
    pay = await first(connector)
    seen = await CHECK_DEPENDENCIES.run(look(dependencies=connector.dependencies), NoArguments())
    await connector.close()
    assert (pay.up, pay.error_rate, pay.used_by) == (False, 1.0, ("billing",))
    assert pay.status_page == "Partial System Outage (Charges fail)"
    assert pay.failing_since == datetime(2026, 3, 2, 11, 55, tzinfo=UTC)
    assert isinstance(seen.reading, DependenciesReading)
    assert [d.name for d in seen.reading.dependencies if d.failing] == ["pay"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"page": {}, "status": {"indicator": "none", "description": "All Systems Operational"}}, "All Systems Operational"),
        ({"status": {"indicator": "critical"}}, "critical"),
        (
            {"status": {}, "incidents": [3, {"name": "Hm", "status": "identified", "started_at": "soon"}]},
            "its status page says nothing (Hm)",
        ),
        (Reply(200, "<html><title> Pay: all\n good &amp; well </title>", {"Content-Type": "text/html"}), "Pay: all good & well"),
        ("operational", "operational"),
        ("", "its status page says nothing"),
        (Reply(500), "its status page does not answer (500)"),
        (Reply(302, "", {"Location": "/pay"}), "its status page does not answer (302)"),
        ("[" * 100000, "[" * 200),
    ],
)
async def test_a_status_page_of_any_kind_is_told_in_one_line(world: HttpInHand, answer: Any, said: str) -> None:
    world.answers["GET", "/status"] = answer
    pay = await first(connected(world, status_page=world.url + "/status"))
    assert pay.status_page == said


async def test_since_when_it_fails_is_known_only_after_it_was_seen_well(world: HttpInHand) -> None:
    world.answers["GET", "/pay"] = replies(Reply(500), Reply(500), Reply(500), "ok", "ok", "ok", Reply(500))
    connector = connected(world)
    assert (await first(connector)).failing_since is None
    assert (await first(connector)).failing_since is None
    began = datetime.now(UTC)
    since = (await first(connector)).failing_since
    assert since is not None
    assert began <= since
    assert (await first(connector)).failing_since == since


@pytest.mark.parametrize(("text", "fallback"), [("on\n", "on"), ('"true"', "on"), ("off", "available"), ("", "available")])
async def test_whether_the_fallback_is_on_is_read_from_a_file_or_an_address(
    world: HttpInHand, tmp_path: Path, text: str, fallback: str
) -> None:
    (tmp_path / "state").write_text(text)
    world.answers["GET", "/flag"] = text
    assert (await first(connected(world, tmp_path, fallback_state="state"))).fallback == fallback
    assert (await first(connected(world, tmp_path, fallback_state=world.url + "/flag"))).fallback == fallback


async def test_a_fallback_of_which_nothing_can_be_read_is_a_gap(world: HttpInHand, tmp_path: Path) -> None:
    with collecting() as gaps:
        for state in ("gone", world.url + "/gone"):
            assert (await first(connected(world, tmp_path, fallback_state=state))).fallback == "available"
    assert gaps == ["dependencies: whether the fallback of pay is on cannot be read"]


async def test_where_nothing_can_be_reached_it_may_be_our_own_way_out(world: HttpInHand) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = Settings.model_validate(
            {"dependencies": [{"name": n, "url": nowhere} for n in ("pay", "mail")], "timeout_s": 60}
        )
        connector = connect(settings, Site(Path(), CATALOG, MemoryJournal(), NOW))
        with pytest.raises(Unavailable, match="not one of 2 third parties can be reached from here"):
            await first(connector)
        (proof,) = await connector.prove(NOW)
        alone = await first(connected(world, url=nowhere))
    await connector.close()
    assert not proof.ok
    assert (alone.up, alone.error_rate) == (False, 1.0)


async def test_a_key_goes_to_its_own_address_alone(world: HttpInHand) -> None:
    world.answers["GET", "/status"] = "fine"
    connector = connected(
        world, headers={"X-Key": "hush"}, status_page=world.url + "/status", fallback_state=world.url + "/status"
    )
    await first(connector)
    assert {asked.path for asked in world.asked if asked.headers.get("x-key") == "hush"} == {"/pay"}
    assert connector.secrets == ("hush",)


async def test_doctor_is_told_of_each(world: HttpInHand) -> None:
    gone = {"name": "maps", "url": world.url + "/gone"}
    connector = connected(world, Path(), gone, normal_latency_ms=30000, status_page=world.url + "/gone")
    pay, mail, maps = await connector.prove(NOW)
    await connector.close()
    assert (pay.ok, mail.what, maps.ok) == (False, "third party mail", False)
    assert "its status page does not answer (404); used by checkout; fallback none" in pay.detail


def test_settings_that_cannot_work_are_refused(world: HttpInHand) -> None:
    with pytest.raises(WorldError, match="two are named mail"):
        connected(world, Path(), {"name": "mail", "url": world.url})
    with pytest.raises(ValidationError, match="no http or https address without a password"):
        connected(world, status_page="https://me:word@x.example")
