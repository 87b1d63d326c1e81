"""Pages: our own pages loaded in Chromium, their script errors, load time and assets, and pictures of what users see."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nexus.errors import Unavailable, WorldError
from nexus.world.browser import PageHealth
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.pages_browser import Chromium, Visit, Wanted, pictured, visited

FRESH = timedelta(seconds=10)
"""Who asks again so soon is given what was just seen: errors, load time and assets are three questions about one visit."""


class PageSpec(BaseModel):
    """One page to watch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="what agents call it")
    component: str = Field(description="whose page it is, as the catalog names it")
    url: str = Field(description="its address")
    text: str = Field(default="", description="must be seen on it")
    release: str = Field(default="", description="CSS selector of the element that says its release: its `content`, or its text")
    normal_load_ms: float = Field(default=1500, gt=0, description="twice as long counts as slow")
    normal_script_errors: int = Field(default=0, ge=0, description="of one visit, when all is well")

    @field_validator("url")
    @classmethod
    def _on_the_web(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/@]+(?:[/?#]\S*)?", url):
            raise ValueError("is no http or https address without a password, like https://shop.example.com/cart")
        return url


class Settings(ConnectorSettings):
    """Pages in a browser of this machine. A page that fails, or misses its `text`, counts as a script error of each visit."""

    use: Literal["pages"] = "pages"
    pages: tuple[PageSpec, ...] = Field(min_length=1, description="the pages to watch")
    executable_path: str = Field(default="", description="Chromium; chromium, chromium-browser or google-chrome when not given")
    timeout_s: float = Field(default=20, gt=0, le=120, description="seconds that a visit may take")
    settle_s: float = Field(default=0.5, ge=0, le=30, description="seconds that a loaded page is watched for errors")
    at_once: int = Field(default=2, ge=1, le=8, description="pages loaded at the same time")


def health_of(spec: PageSpec, visit: Visit) -> PageHealth:
    """A visit as rates: as many a minute as somebody would meet who visits it again and again."""
    a_minute = 60 / visit.watched_s
    errors = [*([visit.failed] if visit.failed else []), *visit.errors]
    top = Counter(errors).most_common(1)[0][0] if errors else ""
    return PageHealth(
        page=spec.name,
        component=spec.component,
        script_errors_per_min=round(len(errors) * a_minute, 2),
        normal_script_errors_per_min=round(spec.normal_script_errors * a_minute, 2),
        top_error=visit.failed or top,
        load_ms=round(visit.load_ms, 1),
        normal_load_ms=spec.normal_load_ms,
        assets_failing_share=round(min(1.0, visit.assets_failing / visit.assets), 4) if visit.assets else 0.0,
        release=visit.release,
    )


class Pages:
    """The pages, visited now, whatever `at` is: nobody can visit a page in the past."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chromium = Chromium(settings.executable_path, 1280, 800)
        self._looking = asyncio.Lock()
        self._seen: tuple[datetime, list[PageHealth]] | None = None

    async def close(self) -> None:
        """End the browser."""
        self._seen, self._looking = None, asyncio.Lock()
        await self._chromium.close()

    async def pages(self, at: datetime) -> list[PageHealth]:  # noqa: ARG002 - now, whenever that is
        """Every watched page."""
        async with self._looking:
            if self._seen is None or datetime.now(UTC) - self._seen[0] >= FRESH:
                room = asyncio.Semaphore(self._settings.at_once)
                found = await asyncio.gather(*(self._one(spec, room) for spec in self._settings.pages))
                self._seen = (datetime.now(UTC), list(found))
            return self._seen[1]

    async def screenshot(self, page: str, at: datetime) -> bytes:  # noqa: ARG002 - same
        """A PNG of the page. Raises Unavailable for one that is not watched."""
        spec = next((spec for spec in self._settings.pages if spec.name == page), None)
        if spec is None:
            raise Unavailable(f"page {page} is not watched", "take one that client_errors lists")
        return await pictured(self._chromium, self._wanted(spec))

    async def _one(self, spec: PageSpec, room: asyncio.Semaphore) -> PageHealth:
        async with room:
            return health_of(spec, await visited(self._chromium, self._wanted(spec)))

    def _wanted(self, spec: PageSpec) -> Wanted:
        return Wanted(spec.url, spec.text, spec.release, self._settings.timeout_s, self._settings.settle_s)


def connect(settings: Settings, site: Site) -> Connector:
    """Pages in Chromium. Raises WorldError for two pages of one name."""
    del site
    names = [spec.name for spec in settings.pages]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WorldError(f"{settings.title}: pages: two are named {twice}", "give each its own name")
    pages = Pages(settings)

    async def prove(at: datetime) -> Sequence[Proof]:
        try:
            found = [_proof(health) for health in await pages.pages(at)]
            picture = await pages.screenshot(names[0], at)
        except Unavailable as error:
            return [Proof("pages in Chromium", ok=False, detail=error.what, remedy=error.remedy)]
        return [*found, Proof(f"a picture of {names[0]}", ok=True, detail=f"{len(picture) // 1024} KB")]

    return Connector(name=settings.title, prove=prove, close=pages.close, browser=pages)


def _proof(health: PageHealth) -> Proof:
    noisy = health.script_errors_per_min > health.normal_script_errors_per_min
    slow = health.load_ms >= 2 * health.normal_load_ms
    bare = health.assets_failing_share > 0
    told = [f"loads in {health.load_ms:.0f} ms (normally {health.normal_load_ms:.0f})"]
    told += [f"release {health.release}"] if health.release else []
    told += [health.top_error] if noisy else []
    told += [f"{health.assets_failing_share:.0%} of its assets do not arrive"] if bare else []
    ok = not (noisy or slow or bare)
    return Proof(f"page {health.page}", ok, "; ".join(told), "" if ok else "see to it, or say in the settings what is normal")
