"""Browser of the connector `pages`: one Chromium, and what a visit to a page in it comes to."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, ConsoleMessage, Error, Page, Playwright, Request, Response, async_playwright

from nexus.errors import Unavailable

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ASSETS = frozenset({"stylesheet", "script", "image", "font", "media"})
MOST_ERRORS = 200
LONGEST = 300
"""Characters of an error that are kept."""
STARTS_IN = 60.0
"""Seconds that Chromium may take to start, and to let go of a page."""
DRAWN_IN = 15.0
"""Seconds that it may take to draw a page that has loaded, or has not."""
_FRAME = re.compile(r"(?:https?|file)://[^/\s]*/?([^\s()?#]*)[^\s():]*:(\d+):\d+")
_OF_ASSETS = "Failed to load resource"
"""Begins what the console says of an asset, which is counted as an asset already."""


@dataclass
class Visit:
    """What loading a page once came to. `failed`: why users do not see the page that they should."""

    errors: list[str] = field(default_factory=list)
    failed: str = ""
    load_ms: float = 0.0
    watched_s: float = 0.0
    assets: int = 0
    assets_failing: int = 0
    release: str = ""

    def heard(self, text: str) -> None:
        """One script error; the first of very many are kept."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(" ".join(text.split())[:LONGEST])


def said(error: Error) -> str:
    """A script error's first line, and where it was thrown."""
    name = error.name or "Error"
    first = error.message.splitlines()[0] if error.message else ""
    frame = _FRAME.search(error.stack or "")
    told = first if first.startswith(name) else f"{name}: {first}"
    return f"{told[:200]} at {frame[1].rpartition('/')[2] or '/'}:{frame[2]}" if frame else told


def listen(page: Page, visit: Visit) -> None:
    """From now on the visit hears what the page throws, logs as an error and fails to load."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_OF_ASSETS):
            visit.heard(message.text)

    def on_request(request: Request) -> None:
        visit.assets += request.resource_type in ASSETS

    def on_failed(request: Request) -> None:
        visit.assets_failing += request.resource_type in ASSETS

    def on_response(response: Response) -> None:
        visit.assets_failing += response.request.resource_type in ASSETS and response.status >= 400

    page.on("pageerror", lambda error: visit.heard(said(error)))
    page.on("console", on_console)
    page.on("request", on_request)
    page.on("requestfailed", on_failed)
    page.on("response", on_response)


def why(error: Error) -> str:
    """The network's own word for a page that did not come, such as net::ERR_CONNECTION_REFUSED."""
    found = re.search(r"net::\w+", error.message)
    return found[0] if found else " ".join(error.message.split())[:120]


class Chromium:
    """One browser process, started at its first use; every visit has a context of its own, so that nothing is kept."""

    def __init__(self, executable: str, width: int, height: int) -> None:
        self._executable = executable
        self._size = (width, height)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._starting = asyncio.Lock()

    async def close(self) -> None:
        """End the browser; used again, a new one starts."""
        browser, driver = self._browser, self._playwright
        self._browser = self._playwright = None
        self._starting = asyncio.Lock()
        if browser is not None:
            await browser.close()
        if driver is not None:
            await driver.stop()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A new, empty page. Raises Unavailable where no browser can be started."""
        try:
            browser = await self._running()
            context = await browser.new_context(
                viewport={"width": self._size[0], "height": self._size[1]}, accept_downloads=False, service_workers="block"
            )
        except Error as error:
            raise Unavailable(f"Chromium does not work ({why(error)})", "start it by hand to see why") from error
        try:
            yield await context.new_page()
        finally:
            await self._let_go(context.close())

    async def _let_go(self, closing: Awaitable[None]) -> None:
        """Close a page; a browser that cannot even do that is ended."""
        try:
            async with asyncio.timeout(STARTS_IN):
                await closing
        except (TimeoutError, Error):
            await self.close()

    async def _running(self) -> Browser:
        async with self._starting:
            if self._browser is not None and self._browser.is_connected():
                return self._browser
            path = self._executable or next(filter(None, map(shutil.which, PROGRAMS)), None)
            if path is None or shutil.which(path) is None:
                raise Unavailable(
                    f"there is no {path or 'Chromium'} here",
                    "install it (apt-get install chromium), or set `executable_path`",
                )
            if self._playwright is None:
                self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=path, chromium_sandbox=os.geteuid() != 0, timeout=STARTS_IN * 1000
            )
            return self._browser


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a page is visited: `text` must be seen on it, `release` selects the element that says which release it is."""

    url: str
    text: str
    release: str
    timeout_s: float
    settle_s: float


async def visited(chromium: Chromium, wanted: Wanted) -> Visit:
    """Load the page once and watch it for a moment. Raises Unavailable where no browser can be started."""
    visit = Visit()
    async with chromium.page() as page:
        listen(page, visit)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(wanted.timeout_s):
                response = await page.goto(wanted.url, wait_until="load", timeout=0)
                visit.load_ms = (time.perf_counter() - began) * 1000
                await _read(page, wanted, visit, response)
        except TimeoutError:
            visit.load_ms = visit.load_ms or wanted.timeout_s * 1000
            visit.failed = visit.failed or f"the page has not loaded in {wanted.timeout_s:g} s"
        except Error as error:
            visit.load_ms = visit.load_ms or (time.perf_counter() - began) * 1000
            visit.failed = f"the page does not load: {why(error)}"
        visit.watched_s = max(1.0, time.perf_counter() - began)
    return visit


async def _read(page: Page, wanted: Wanted, visit: Visit, response: Response | None) -> None:
    if response is not None and response.status >= 400:
        visit.failed = f"the page answers {response.status}"
    await asyncio.sleep(wanted.settle_s)
    if wanted.release:
        element = page.locator(wanted.release).first
        if await element.count():
            visit.release = (await element.get_attribute("content") or await element.text_content() or "").strip()[:100]
    if wanted.text and not visit.failed and not await page.get_by_text(wanted.text).locator("visible=true").count():
        visit.failed = f"the page does not show {wanted.text!r}"


async def pictured(chromium: Chromium, wanted: Wanted) -> bytes:
    """A PNG of what a user sees, an error page included. Raises Unavailable where there is nothing to be seen."""
    async with chromium.page() as page:
        hung = False
        try:
            async with asyncio.timeout(wanted.timeout_s):
                await page.goto(wanted.url, wait_until="load", timeout=0)
                await asyncio.sleep(wanted.settle_s)
        except TimeoutError:
            hung = True
        except Error:
            pass  # Chromium's own error page is what the user sees
        try:
            async with asyncio.timeout(DRAWN_IN):
                if hung:  # what still loads would be waited for
                    session = await page.context.new_cdp_session(page)
                    await session.send("Page.stopLoading")
                return await _drawn(page)
        except TimeoutError as error:
            raise Unavailable(
                "the page cannot be pictured: its scripts do not come to rest", "open it in a browser to see it"
            ) from error
        except Error as error:
            raise Unavailable(f"the page cannot be pictured ({why(error)})", "open it in a browser to see it") from error


async def _drawn(page: Page) -> bytes:
    """The picture; Chromium says now and then that it cannot, while it is busy with the page."""
    while True:
        try:
            return await page.screenshot(type="png", animations="disabled", timeout=0)
        except Error as error:
            if "Unable to capture screenshot" not in error.message:
                raise
        await asyncio.sleep(0.2)
