"""Endpoints tried over real HTTP on loopback, and what the tools that judge them make of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from debian_in_hand import program
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand, replies
from pydantic import ValidationError
from world_in_hand import look

from nexus.errors import WorldError
from nexus.tools.readings import RegressionReading
from nexus.tools.regression import REGRESS_ENDPOINTS, Endpoints
from nexus.world.catalog import EndpointSpec, Service, ServiceCatalog
from nexus.world.connectors import endpoints as module
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.endpoints import Settings, connect
from nexus.world.endpoints import ProbeResult
from nexus.world.journal import MemoryJournal


@pytest.fixture
def shop() -> Iterator[HttpInHand]:
    with http_in_hand({}) as service:
        yield service


def connected(
    shop: HttpInHand,
    *specs: EndpointSpec,
    url: str | None = None,
    settings: Settings | None = None,
    more: tuple[Service, ...] = (),
) -> Connector:
    catalog = ServiceCatalog(services=(Service(name="shop", url=shop.url if url is None else url, endpoints=specs), *more))
    site = Site(Path(), catalog, MemoryJournal(), datetime.now(UTC))
    return connect(settings or Settings(timeout_s=60), site)


async def probed(connector: Connector, at: datetime | None = None, components: tuple[str, ...] = ()) -> list[ProbeResult]:
    assert connector.endpoints is not None
    try:
        return await connector.endpoints.probe(at or datetime.now(UTC), components)
    finally:
        await connector.close()


@pytest.mark.parametrize(
    ("status", "expect", "right"),
    [
        (200, (), True),
        (302, (), True),
        (401, (), True),
        (404, (), False),
        (500, (), False),
        (503, (), False),
        (404, (404,), True),
        (200, (401,), False),
    ],
)
async def test_a_status_is_right_or_wrong(shop: HttpInHand, status: int, expect: tuple[int, ...], right: bool) -> None:
    shop.answers["GET", "/x"] = Reply(status, headers={"Location": "/elsewhere"})
    (result,) = await probed(connected(shop, EndpointSpec(path="/x", expect=expect)))
    assert result.error_rate == (0.0 if right else 1.0)
    assert [asked.path for asked in shop.asked] == ["/x"] * 3
    assert right or f"of 3 tries 3 × {status}" in result.detail


async def test_what_fails_some_of_the_time_fails_in_that_share(shop: HttpInHand) -> None:
    shop.answers["GET", "/x"] = replies(Reply(503), "fine", "fine", "fine")
    (result,) = await probed(connected(shop, EndpointSpec(path="/x"), settings=Settings(times=4, timeout_s=60)))
    assert (result.error_rate, result.detail) == (0.25, "of 4 tries 1 × 503")


async def test_an_endpoint_that_hangs_fails_within_its_time(shop: HttpInHand) -> None:
    shop.answers["GET", "/slow"] = Reply(hangs=True)
    settings = Settings(times=1, timeout_s=0.2)
    (result,) = await probed(connected(shop, EndpointSpec(path="/slow"), settings=settings))
    assert (result.error_rate, result.latency_ms, result.detail) == (1.0, 200.0, "of 1 tries 1 × no answer in 0.2 s")


async def test_a_refused_connection_is_an_error_of_the_endpoint(shop: HttpInHand) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (result,) = await probed(connected(shop, EndpointSpec(path="/x"), url=url))
    assert result.error_rate == 1.0
    assert "3 × All connection attempts failed" in result.detail


@pytest.fixture
def own_certificate(tmp_path: Path) -> ssl.SSLContext:
    """A certificate of localhost that it signed itself."""
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    made = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [program("openssl", "openssl"), *made, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_an_error(shop: HttpInHand, own_certificate: ssl.SSLContext) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=own_certificate) as server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        (result,) = await probed(connected(shop, EndpointSpec(path="/x"), url=url))
    assert result.error_rate == 1.0
    assert "CERTIFICATE_VERIFY_FAILED" in result.detail


async def test_only_what_changes_nothing_is_asked(shop: HttpInHand) -> None:
    shop.answers["GET", "/x"] = shop.answers["HEAD", "/x"] = "fine"
    specs = [EndpointSpec(method=method, path="/x") for method in ("POST", "GET", "DELETE", "HEAD")]
    connector = connected(shop, *specs, settings=Settings(times=1, timeout_s=60))
    proofs = await connector.prove(datetime.now(UTC))
    await connector.close()
    assert sorted(asked.method for asked in shop.asked) == ["GET", "HEAD"]
    assert proofs[-1].detail == "shop POST /x may change something; shop DELETE /x may change something"


async def test_headers_are_sent_cookies_are_not_kept_and_secrets_are_known(shop: HttpInHand) -> None:
    shop.answers["GET", "/x"] = Reply(headers={"Set-Cookie": "session=1; Path=/"})
    connector = connected(
        shop, EndpointSpec(path="/x"), settings=Settings.model_validate({"headers": {"X-Key": "hush-hush"}, "timeout_s": 60})
    )
    await probed(connector)
    assert [asked.headers["x-key"] for asked in shop.asked] == ["hush-hush"] * 3
    assert not [asked for asked in shop.asked if "cookie" in asked.headers]
    assert connector.secrets == ("hush-hush",)


async def test_an_endless_answer_is_not_read_to_its_end(shop: HttpInHand) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = Settings(times=1, timeout_s=60)
        (result,) = await probed(connected(shop, EndpointSpec(path="/big"), url=url, settings=settings))
    assert result.error_rate == 0.0


async def test_no_more_endpoints_are_tried_at_once_than_allowed(shop: HttpInHand) -> None:
    running, most = 0, 0

    def counted(asked: Asked) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return asked.path

    specs = [EndpointSpec(path=f"/{n}") for n in range(6)]
    shop.answers |= {("GET", spec.path): counted for spec in specs}
    results = await probed(connected(shop, *specs, settings=Settings(times=1, at_once=2, timeout_s=60)))
    assert [r.path for r in results] == [spec.path for spec in specs]
    assert most == 2


async def test_several_who_look_at_once_cost_one_look(shop: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", timedelta(hours=1))
    shop.answers["GET", "/x"] = "fine"
    connector = connected(shop, EndpointSpec(path="/x"))
    assert connector.endpoints is not None
    now = datetime.now(UTC)
    first, second = await asyncio.gather(connector.endpoints.probe(now), connector.endpoints.probe(now))
    await connector.close()
    assert first == second
    assert len(shop.asked) == 3


async def test_a_look_into_the_past_gives_what_was_seen_then(shop: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", timedelta(0))
    monkeypatch.setattr(module, "PAST", timedelta(0))
    shop.answers["GET", "/x"] = Reply(503)
    connector = connected(shop, EndpointSpec(path="/x"))
    earlier = datetime.now(UTC)
    (before,) = await probed(connector, datetime.now(UTC) + timedelta(minutes=1))
    between = datetime.now(UTC)
    shop.answers["GET", "/x"] = "fine"
    (now,) = await probed(connector, datetime.now(UTC) + timedelta(minutes=1))
    assert (before.error_rate, now.error_rate) == (1.0, 0.0)
    assert await probed(connector, between) == [before]
    (unknown,) = await probed(connector, earlier)
    assert unknown.error_rate == 0.0, "what was never seen is looked at now"


async def test_the_tool_judges_by_the_catalogs_bound(shop: HttpInHand) -> None:
    def late(_: Asked) -> str:
        time.sleep(0.05)
        return "fine"

    shop.answers |= {("GET", "/quick"): "fine", ("GET", "/late"): late}
    specs = (EndpointSpec(path="/quick", latency_ms=30000), EndpointSpec(path="/late", latency_ms=40))
    connector = connected(shop, *specs)
    seen = await REGRESS_ENDPOINTS.run(look(endpoints=connector.endpoints), Endpoints(component="shop"))
    await connector.close()
    assert isinstance(seen.reading, RegressionReading)
    assert {e.path: e.passed for e in seen.reading.endpoints} == {"/quick": True, "/late": False}


async def test_components_are_chosen_and_an_address_may_stand_in_the_settings(shop: HttpInHand) -> None:
    shop.answers["GET", "/x"] = shop.answers["GET", "/base/y"] = "fine"
    other = Service(name="other", endpoints=(EndpointSpec(path="/y"),))
    settings = Settings(urls={"other": shop.url + "/base/"}, timeout_s=60)
    connector = connected(shop, EndpointSpec(path="/x"), settings=settings, more=(other,))
    (result,) = await probed(connector, components=("other",))
    assert (result.component, result.error_rate) == ("other", 0.0)
    assert {asked.path for asked in shop.asked} == {"/base/y"}


async def test_doctor_is_told_of_each_endpoint_and_of_those_without_an_address(shop: HttpInHand) -> None:
    shop.answers["GET", "/x"] = "fine"
    other = Service(name="other", endpoints=(EndpointSpec(path="/y"),))
    connector = connected(shop, EndpointSpec(path="/x", latency_ms=30000), EndpointSpec(path="/gone"), more=(other,))
    fine, gone, without = await connector.prove(datetime.now(UTC))
    await connector.close()
    assert fine.ok
    assert not gone.ok
    assert "3 × 404" in gone.detail
    assert without.detail == "other GET /y has no address: give other a `url`"


async def test_doctor_is_told_where_there_is_nothing_to_try(shop: HttpInHand) -> None:
    connector = connected(shop)
    (proof,) = await connector.prove(datetime.now(UTC))
    assert not proof.ok
    assert await probed(connector) == []


def test_an_address_of_nobody_or_that_is_none_is_refused(shop: HttpInHand) -> None:
    with pytest.raises(WorldError, match="the catalog has no cart"):
        connected(shop, settings=Settings(urls={"cart": "http://x"}))
    with pytest.raises(ValidationError, match="no http or https address"):
        Settings(urls={"shop": "x"})
