"""Pages in a real Chromium on loopback, and what the tools that judge them make of it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from debian_in_hand import program
from http_in_hand import HttpInHand, Reply, http_in_hand
from playwright.async_api import Error
from pydantic import ValidationError
from world_in_hand import look

from nexus.errors import Unavailable, WorldError
from nexus.tools.client import ASSET_DELIVERY, CLIENT_ERRORS, PAGE_LOAD
from nexus.tools.readings import PagesReading
from nexus.tools.tool import OfComponent
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors import pages, pages_browser
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.pages import PageSpec, Settings, connect
from nexus.world.connectors.pages_browser import said
from nexus.world.journal import MemoryJournal

NOW = datetime.now(UTC)
WELL = """<!doctype html><title>Shop</title><meta name=release content=web-313><link rel=stylesheet href=/style.css>
<h1>Your basket</h1><p hidden>secret word</p>"""
BROKEN = """<!doctype html><h1>Your basket</h1><img src=/gone.png><img src=/there.png><script src=/cart.js></script>
<script>console.error("no price for 3 items")</script><p id=version> 1.2 </p>"""
CART = "\nfunction total() { return undefined.price; }\ntotal();"
STUCK = "<!doctype html><h1>Wait</h1><script>while (true) {}</script>"


def html(text: str, status: int = 200) -> Reply:
    return Reply(status, text, {"Content-Type": "text/html"})


@pytest.fixture
def shop() -> Iterator[HttpInHand]:
    answers = {
        ("GET", "/"): html(WELL),
        ("GET", "/broken"): html(BROKEN),
        ("GET", "/cart.js"): Reply(200, CART, {"Content-Type": "text/javascript"}),
        ("GET", "/style.css"): Reply(200, "h1 { color: green }", {"Content-Type": "text/css"}),
        ("GET", "/there.png"): Reply(200, b"", {"Content-Type": "image/png"}),
        ("GET", "/gone.png"): Reply(404),
        ("GET", "/down"): html("<h1>Sorry</h1>", 503),
        ("GET", "/stuck"): html(STUCK),
        ("GET", "/silent"): Reply(hangs=True),
    }
    with http_in_hand(answers) as service:
        yield service


@asynccontextmanager
async def connected(*specs: PageSpec, timeout_s: float = 60) -> AsyncIterator[Connector]:
    settings = Settings(pages=specs, executable_path=program("chromium", "chromium"), timeout_s=timeout_s, settle_s=0.2)
    connector = connect(settings, Site(Path(), ServiceCatalog(), MemoryJournal(), NOW))
    try:
        yield connector
    finally:
        await connector.close()


def page(name: str, url: str, **more: object) -> PageSpec:
    return PageSpec.model_validate({"name": name, "component": "web", "url": url, "normal_load_ms": 60000, **more})


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def browsers_of_ours() -> list[str]:
    """Command names of every process below this one that is a browser or its driver."""
    parents: dict[int, tuple[int, str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = rest.split()[:2]
        if state != "Z":
            parents[int(stat.parts[2])] = (int(parent), name)

    def ours(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid][0]
            if pid == os.getpid():
                return True
        return False

    return [name for pid, (_, name) in parents.items() if ours(pid) and ("chrom" in name or name == "node")]


@pytest.mark.xdist_group("chromium")
async def test_a_page_that_is_well_is_told_from_pages_that_are_not(shop: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "FRESH", timedelta(hours=1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        refused_at = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        specs = (
            page("well", shop.url + "/", text="your basket", release="meta[name=release]"),
            page("broken", shop.url + "/broken", release="#version"),
            page("blank", shop.url + "/", text="secret word"),
            page("down", shop.url + "/down", text="Sorry"),
            page("refused", refused_at),
        )
        async with connected(*specs) as connector:
            assert connector.browser is not None
            well, broken, blank, down, refused = await connector.browser.pages(NOW)
            picture, error_page = [await connector.browser.screenshot(name, NOW) for name in ("well", "refused")]
            proofs = await connector.prove(NOW)
            seen = {
                t.name: await t.run(look(browser=connector.browser), OfComponent())
                for t in (CLIENT_ERRORS, PAGE_LOAD, ASSET_DELIVERY)
            }
    assert not browsers_of_ours()
    assert (well.script_errors_per_min, well.top_error, well.release, well.assets_failing_share) == (0.0, "", "web-313", 0.0)
    assert broken.script_errors_per_min > 0
    assert broken.top_error.startswith("TypeError: Cannot read properties of undefined (reading 'price') at cart.js:2")
    assert (broken.release, broken.assets_failing_share) == ("1.2", 0.3333)
    assert blank.top_error == "the page does not show 'secret word'"
    assert down.top_error == "the page answers 503"
    assert refused.top_error == "the page does not load: net::ERR_CONNECTION_REFUSED"
    assert size_of(picture) == size_of(error_page) == (1280, 800)
    assert picture != error_page
    assert [p.ok for p in proofs] == [True, False, False, False, False, True]
    abnormal = {}
    for name, found in seen.items():
        assert isinstance(found.reading, PagesReading)
        abnormal[name] = {e.page for e in found.reading.pages if e.abnormal}
    assert abnormal == {"client_errors": {"broken", "blank", "down", "refused"}, "page_load": set(), "asset_delivery": {"broken"}}
    assert len(shop.asked_of("GET", "/broken")) == 1, "five looks, one visit"


@pytest.mark.xdist_group("chromium")
async def test_a_page_that_hangs_has_a_limit_and_harms_no_other(shop: HttpInHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_browser, "DRAWN_IN", 1.0)
    specs = (page("stuck", shop.url + "/stuck"), page("silent", shop.url + "/silent"))
    async with connected(*specs, timeout_s=1) as connector:
        assert connector.browser is not None
        stuck, silent = await connector.browser.pages(NOW)
        with pytest.raises(Unavailable, match="scripts do not come to rest"):
            await connector.browser.screenshot("stuck", NOW)
        monkeypatch.setattr(pages_browser, "DRAWN_IN", 60.0)
        assert browsers_of_ours()
        await connector.close()
        assert not browsers_of_ours()
        assert size_of(await connector.browser.screenshot("silent", NOW)) == (1280, 800), "used again, it starts anew"
    assert stuck.top_error == silent.top_error == "the page has not loaded in 1 s"
    assert (stuck.load_ms, silent.load_ms) == (1000, 1000)


async def test_without_a_browser_it_cannot_look_and_says_what_to_install(shop: HttpInHand) -> None:
    settings = Settings(pages=(page("well", shop.url),), executable_path="no-such-chromium")
    connector = connect(settings, Site(Path(), ServiceCatalog(), MemoryJournal(), NOW))
    assert connector.browser is not None
    with pytest.raises(Unavailable, match="there is no no-such-chromium here: install it"):
        await connector.browser.pages(NOW)
    with pytest.raises(Unavailable, match="page home is not watched"):
        await connector.browser.screenshot("home", NOW)
    (proof,) = await connector.prove(NOW)
    assert (proof.ok, "executable_path" in proof.remedy) == (False, True)
    await connector.close()


def test_a_page_has_a_name_of_its_own_and_an_address(shop: HttpInHand) -> None:
    with pytest.raises(WorldError, match="two are named a"):
        connect(Settings(pages=(page("a", shop.url), page("a", shop.url))), Site(Path(), ServiceCatalog(), MemoryJournal(), NOW))
    for url in ("file:///etc/passwd", "shop", "https://me:word@shop.example"):
        with pytest.raises(ValidationError, match="no http or https address without a password"):
            page("a", url)


def test_a_script_error_is_told_in_one_line_with_its_place() -> None:
    class Thrown(Error):
        @property
        def name(self) -> str:
            return "RangeError"

        @property
        def message(self) -> str:
            return "too deep\nand more"

        @property
        def stack(self) -> str:
            return "RangeError: too deep\n    at f (https://x.example/js/app.3f.js?v=1:12:7)\n    at https://x.example/:3:1"

    assert said(Thrown("")) == "RangeError: too deep at app.3f.js:12"
