"""Loki: lines of streams, by a label that holds the component."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator

from nexus.errors import Unavailable
from nexus.world.connectors.contract import Connector, Proof, Site
from nexus.world.connectors.http import HttpService
from nexus.world.connectors.log_levels import level_of
from nexus.world.connectors.log_lines import LineReader, matching
from nexus.world.connectors.monitoring_server import MonitoringServer
from nexus.world.gaps import collecting, note_gap
from nexus.world.logs import LogLine

LABELS = ("service_name", "service", "app", "component", "job", "container")
"""Where a component's name stands, most likely first."""
_LEVELS = ("level", "severity", "detected_level")
_API = "/loki/api/v1"
_SECOND = 1_000_000_000


class Settings(MonitoringServer):
    """How a Loki is asked."""

    use: Literal["loki"]
    tenant: str = Field(default="", description="sent as X-Scope-OrgID")
    component_label: str = Field(default="", description="the label that holds the component; else the usual one that names most")
    selector: str = Field(default="", description='matchers that every query adds, such as env="prod", cluster="eu"')
    page: int = Field(default=5000, ge=1, description="lines of one answer; at most the server's max_entries_limit_per_query")

    @field_validator("selector")
    @classmethod
    def _bare(cls, held: str) -> str:
        if held.strip().startswith("{"):
            raise ValueError("leave the braces out")
        return held.strip().strip(",")


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError for a `ca_file` that is not there."""
    service = settings.service(site, {"X-Scope-OrgID": settings.tenant} if settings.tenant else None)
    logs = LokiLogs(service, settings, frozenset(one.name for one in site.catalog))
    return Connector(name=settings.title, prove=logs.prove, close=service.close, secrets=settings.secret_values(), logs=logs)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a stream; `at` in nanoseconds since 1970."""

    at: int
    stream: Mapping[str, str]
    line: str

    @property
    def key(self) -> tuple[int, str, str]:
        """What tells it from every other: Loki keeps no two the same."""
        return self.at, json.dumps(self.stream, sort_keys=True), self.line


class LokiLogs:
    """Logs of one Loki."""

    def __init__(self, service: HttpService, settings: Settings, catalog: frozenset[str]) -> None:
        self._service, self._settings, self._catalog = service, settings, catalog
        self._label = settings.component_label

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        label = self._label or await self._learn(start, end)
        if label is None or limit <= 0:
            return []
        query = query_of(label, self._settings.names_of(component) if component else (), self._settings.selector, pattern)
        entries = await self._newest(query, nanoseconds(start), nanoseconds(end), limit)
        lines = (self._line(entry, label, pattern) for entry in entries)
        return sorted((line for line in lines if component in {None, line.component}), key=lambda line: line.at)

    async def prove(self, at: datetime) -> Sequence[Proof]:
        """Whether the last hour has lines, and of which of the catalog's components."""
        what = "lines of the last hour"
        with collecting() as gaps:
            try:
                lines = await self.search(at - timedelta(hours=1), at)
            except Unavailable as error:
                return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        if not lines:
            return [Proof(what, ok=False, detail="empty: no line", remedy="check `url`, `tenant` and `selector`")]
        found = {line.component for line in lines}
        named = bool(found & self._catalog) or not self._catalog
        said = [f"{len(lines)} lines of {', '.join(sorted(found)[:12])} (label {self._label})", *gaps]
        remedy = "" if named else "map its names to the catalog's with `components`, or name the label with `component_label`"
        return [Proof(what, ok=named and not gaps, detail="; ".join(said), remedy=remedy)]

    async def _newest(self, query: str, start: int, end: int, limit: int) -> list[Entry]:
        """The newest entries of [start, end], page by page; where pages meet, what both hold counts once."""
        found: dict[tuple[int, str, str], Entry] = {}
        until, page = end + 1, min(limit, self._settings.page)
        while len(found) < limit and until > start:
            entries = await self._page(query, start, until, page)
            fresh = {entry.key: entry for entry in entries if entry.key not in found}
            found |= fresh
            if len(entries) < page:
                break
            oldest = min(entry.at for entry in entries)
            if not fresh:
                note_gap(f"{self._service.name} holds more lines of one moment than it gives at once")
            until = oldest + 1 if fresh and oldest + 1 < until else oldest
        return sorted(found.values(), key=lambda entry: entry.at)[-limit:]

    async def _page(self, query: str, start: int, until: int, page: int) -> list[Entry]:
        asked = {"query": query, "start": str(start), "end": str(until), "limit": str(page), "direction": "backward"}
        data = _data(await self._service.json("GET", f"{_API}/query_range", params=asked), self._service.name)
        if not isinstance(data, dict) or data.get("resultType") != "streams":
            raise _strange(self._service.name)
        try:
            return [
                Entry(int(value[0]), one["stream"], str(value[1])) for one in data.get("result") or () for value in one["values"]
            ]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _strange(self._service.name) from error

    async def _learn(self, start: datetime, end: datetime) -> str | None:
        """The usual label that names most of the catalog's components, kept; None where the server holds nothing then."""
        span = {"start": str(nanoseconds(start)), "end": str(nanoseconds(end))}
        labels = _data(await self._service.json("GET", f"{_API}/labels", params=span), self._service.name) or []
        if not labels:
            return None
        usual = [name for name in LABELS if name in labels]
        if not usual:
            raise Unavailable(
                f"{self._service.name} has none of the labels {', '.join(LABELS)}", "name the component's with `component_label`"
            )
        hits = {}
        for name in usual:
            path = f"{_API}/label/{name}/values"
            values = _data(await self._service.json("GET", path, params=span), self._service.name) or []
            hits[name] = len({self._settings.component(str(value)) for value in values} & self._catalog)
        self._label = max(usual, key=lambda name: hits[name])
        return self._label

    def _line(self, entry: Entry, label: str, pattern: str | None) -> LogLine:
        parsed = LineReader().read(entry.line)
        level = next((told for name in _LEVELS if (told := level_of(entry.stream.get(name)))), parsed.level)
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=entry.at // 1000)
        component = self._settings.component(str(entry.stream.get(label, "")))
        return LogLine(at, component, level, matching(parsed.message, entry.line, pattern) or parsed.message)


def query_of(label: str, names: Sequence[str], selector: str, pattern: str | None) -> str:
    """LogQL for lines of those names (all where there are none) that hold the pattern."""
    either = "|".join(map(re.escape, names)) or ".+"
    mine = f"{label}={_quoted(names[0])}" if len(names) == 1 else f"{label}=~{_quoted(either)}"
    held = f" |= {_quoted(pattern)}" if pattern else ""
    return f"{{{', '.join(filter(None, (mine, selector)))}}}{held}"


def nanoseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    since = moment - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds * 1000


def _quoted(text: str) -> str:
    """A string as LogQL, which reads them as Go does; JSON's escapes but for the halves of characters are Go's too."""
    return json.dumps(text, ensure_ascii=False)


def _data(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise _strange(name)
    return answer.get("data")


def _strange(name: str) -> Unavailable:
    return Unavailable(f"{name} answers with something else than Loki does", "check its url, without /loki/api at its end")
