"""Dependencies: third parties tried from here, with what their own status pages say."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from nexus.errors import Unavailable, WorldError
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.probing import Prober, Try, together
from nexus.world.dependencies import DependencyHealth
from nexus.world.gaps import note_gap

FAILING = 0.05
"""Share of failed tries from which it counts as failing; `down` begins where nearly all fail."""
DOWN = 0.9
ON = frozenset({"on", "true", "yes", "1", "active", "enabled"})
UNKNOWN_PAGE = "no status page is known"
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(?:[/?#]\S*)?", text):
        raise ValueError("is no http or https address without a password, like https://api.example.com/health")
    return text


Address = Annotated[str, AfterValidator(_address)]


class DependencySpec(BaseModel):
    """One third party."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="as the catalog calls it")
    url: Address = Field(description="tried by GET: an address that costs nothing and changes nothing")
    headers: dict[str, SecretStr] = Field(default={}, description="sent to that address alone, such as an API key")
    expect: tuple[int, ...] = Field(default=(), description="statuses that are right; not given: any below 500, but not 404")
    normal_latency_ms: float = Field(default=500, gt=0, description="three times as long counts as failing")
    used_by: tuple[str, ...] = Field(default=(), description="who needs it; the catalog's callers when not given")
    status_page: Address | None = Field(default=None, description="Statuspage's api/v2/summary.json or status.json, or any page")
    fallback: Literal["none", "available"] = Field(default="none", description="whether something can stand in for it")
    fallback_state: str = Field(default="", description="a file or address whose text is `on` while it does")


class Settings(ConnectorSettings):
    """Third parties, tried several times each."""

    use: Literal["dependencies"] = "dependencies"
    dependencies: tuple[DependencySpec, ...] = Field(min_length=1, description="the third parties")
    times: int = Field(default=3, ge=1, le=20, description="tries of each, one after another")
    timeout_s: float = Field(default=5, gt=0, le=60, description="seconds that one try may take")
    at_once: int = Field(default=4, ge=1, le=32, description="third parties tried at the same time")


@dataclass(frozen=True, slots=True)
class StatusWord:
    """A status page's own word, and since when it says so."""

    text: str
    since: datetime | None = None


def word_of(page: Try) -> StatusWord:
    """What an answer of a status page says."""
    if not page.right:
        return StatusWord(f"its status page does not answer ({page.said})")
    text = page.body.decode("utf-8", "replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, Mapping) and isinstance(told.get("status"), Mapping):
        return _of_statuspage(told)
    title = _TITLE.search(text)
    return StatusWord(_plain(html.unescape(title[1]) if title else text) or "its status page says nothing")


def _of_statuspage(told: Mapping[str, Any]) -> StatusWord:
    """Statuspage's summary or status: indicator, description, and the incidents that are not resolved."""
    status, given = told["status"], told.get("incidents")
    incidents = [i for i in given if isinstance(i, Mapping)] if isinstance(given, list) else []
    going_on = [i for i in incidents if i.get("status") not in ("resolved", "postmortem", "completed")]
    text = _plain(str(status.get("description") or status.get("indicator") or "its status page says nothing"))
    names = "; ".join(_plain(str(i.get("name", ""))) for i in going_on[:3])
    since = [moment for i in going_on if (moment := _moment(i.get("started_at") or i.get("created_at"))) is not None]
    return StatusWord(f"{text} ({names})" if names else text, min(since, default=None))


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]


class ThirdParties:
    """The third parties, tried now, whatever `at` is. When each began to fail is remembered while the connector lives."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self._settings = settings
        self._site = site
        self._prober = Prober(settings.timeout_s)
        self._well: set[str] = set()
        self._since: dict[str, datetime] = {}

    async def close(self) -> None:
        """Let go of connections; what was seen is still known."""
        await self._prober.close()

    async def health(self, at: datetime) -> list[DependencyHealth]:  # noqa: ARG002 - now, whenever that is
        """Every third party. Raises Unavailable where not one of several can be reached: our own way out may be shut."""
        room = asyncio.Semaphore(self._settings.at_once)
        answers = await asyncio.gather(*(self._one(spec, room) for spec in self._settings.dependencies))
        if len(answers) > 1 and not any(answered for _, answered in answers):
            raise Unavailable(
                f"{self._settings.title}: not one of {len(answers)} third parties can be reached from here",
                "check this machine's own way to the network",
            )
        return [health for health, _ in answers]

    async def _one(self, spec: DependencySpec, room: asyncio.Semaphore) -> tuple[DependencyHealth, bool]:
        settings = self._settings
        async with room:
            tries = together([await self._prober.one("GET", spec.url, spec.headers, spec.expect) for _ in range(settings.times)])
            page = await self._prober.one("GET", spec.status_page, expect=range(200, 300)) if spec.status_page else None
            fallback = await self._fallback(spec)
        word = word_of(page) if page else StatusWord(UNKNOWN_PAGE)
        health = DependencyHealth(
            name=spec.name,
            up=tries.error_rate < DOWN,
            error_rate=tries.error_rate,
            latency_ms=tries.latency_ms,
            normal_latency_ms=spec.normal_latency_ms,
            status_page=word.text,
            used_by=spec.used_by or self._site.catalog.callers_of(spec.name),
            fallback=fallback,
            failing_since=self._failing_since(spec.name, tries.error_rate >= FAILING, word),
        )
        return health, tries.answered or bool(page and page.status)

    def _failing_since(self, name: str, failing: bool, word: StatusWord) -> datetime | None:
        """Since when it fails: by its own word, or since we first saw it fail after it was well; else that is not known."""
        if not failing:
            self._well.add(name)
            self._since.pop(name, None)
            return None
        if name in self._well:
            self._well.remove(name)
            self._since[name] = datetime.now(UTC)
        return min(filter(None, (self._since.get(name), word.since)), default=None)

    async def _fallback(self, spec: DependencySpec) -> Literal["none", "available", "on"]:
        if not spec.fallback_state:
            return spec.fallback
        if "://" in spec.fallback_state:
            answer = await self._prober.one("GET", spec.fallback_state, expect=range(200, 300))
            text = answer.body.decode("utf-8", "replace") if answer.right else None
        else:
            text = await asyncio.to_thread(_text, self._site.folder / spec.fallback_state)
        if text is None:
            note_gap(f"{self._settings.title}: whether the fallback of {spec.name} is on cannot be read")
            return "available"
        return "on" if text.strip().strip("\"'").lower() in ON else "available"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:100]
    except OSError:
        return None


def connect(settings: Settings, site: Site) -> Connector:
    """Third parties. Raises WorldError for two of one name."""
    names = [spec.name for spec in settings.dependencies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WorldError(f"{settings.title}: dependencies: two are named {twice}", "give each its own name")
    parties = ThirdParties(settings, site)

    async def prove(at: datetime) -> Sequence[Proof]:
        try:
            return [_proof(health) for health in await parties.health(at)]
        except Unavailable as error:
            return [Proof("third parties", ok=False, detail=error.what, remedy=error.remedy)]

    secrets = tuple(value.get_secret_value() for spec in settings.dependencies for value in spec.headers.values())
    return Connector(name=settings.title, prove=prove, close=parties.close, secrets=secrets, dependencies=parties)


def _proof(health: DependencyHealth) -> Proof:
    slow = health.latency_ms >= 3 * health.normal_latency_ms
    silent = "does not answer" in health.status_page
    told = f"fails {health.error_rate:.0%} of tries, {health.latency_ms:.0f} ms (normally {health.normal_latency_ms:.0f})"
    ok = health.error_rate < FAILING and not slow and not silent
    used = f"used by {', '.join(health.used_by)}" if health.used_by else "used by nobody"
    return Proof(
        what=f"third party {health.name}",
        ok=ok,
        detail=f"{told}; {health.status_page}; {used}; fallback {health.fallback}",
        remedy="" if ok else "see to it, or mend its `url`, `expect`, `normal_latency_ms` or `status_page`",
    )
