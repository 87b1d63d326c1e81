"""Elasticsearch, and OpenSearch: lines of an index, by fields that the settings name; the Elastic Common Schema's by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from nexus.errors import Unavailable
from nexus.world.connectors.contract import Connector, Proof, Site
from nexus.world.connectors.http import HttpService
from nexus.world.connectors.log_levels import level_in, level_of
from nexus.world.connectors.log_lines import LineReader, clean
from nexus.world.connectors.monitoring_server import MonitoringServer
from nexus.world.gaps import collecting, note_gap
from nexus.world.logs import LogLine

MOST_EMPTY_PAGES = 40
"""Pages that may follow each other without one line that holds the pattern exactly."""
_STACK = "error.stack_trace"


class Fields(BaseModel):
    """The fields of a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str = "@timestamp"
    message: str = "message"
    level: str = "log.level"
    component: str = Field(default="service.name", description="a keyword field; its .keyword is asked too where it is text")


class Settings(MonitoringServer):
    """How a cluster is asked."""

    use: Literal["elasticsearch"]
    index: str = Field(default="logs-*", description="index, data stream or pattern; several with commas", pattern=r"^[^/?#\s]+$")
    api_key: SecretStr | None = Field(default=None, description="an API key as Elasticsearch encodes it; OpenSearch has none")
    fields: Fields = Field(default=Fields(), description="where an entry holds what; ECS by default")
    match: Literal["phrase", "wildcard"] = Field(
        default="phrase", description="how a text is found: phrase of whole words, fast; wildcard where the message is a keyword"
    )
    page: int = Field(default=2000, ge=1, le=10_000, description="lines of one answer; at most max_result_window of the index")

    @model_validator(mode="after")
    def _one_key(self) -> Settings:
        if self.api_key is not None and (self.token is not None or self.password is not None):
            raise ValueError("give one of api_key, token, or username and password")
        return self

    def secret_values(self) -> tuple[str, ...]:
        """What must never be shown."""
        key = (self.api_key.get_secret_value(),) if self.api_key is not None else ()
        return (*super().secret_values(), *key)


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError for a `ca_file` that is not there."""
    headers = {"Authorization": f"ApiKey {settings.api_key.get_secret_value()}"} if settings.api_key is not None else None
    service = settings.service(site, headers)
    logs = ElasticsearchLogs(service, settings, frozenset(one.name for one in site.catalog))
    return Connector(name=settings.title, prove=logs.prove, close=service.close, secrets=settings.secret_values(), logs=logs)


class ElasticsearchLogs:
    """Logs of one cluster."""

    def __init__(self, service: HttpService, settings: Settings, catalog: frozenset[str]) -> None:
        self._service, self._settings, self._catalog = service, settings, catalog

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        query = query_of(self._settings, start, end, component, pattern)
        found: dict[str, LogLine] = {}
        after: Any = None
        seen: set[str] = set()
        idle = 0
        while len(found) < limit:
            hits = await self._page(query, min(limit, self._settings.page), after)
            fresh = {str(hit.get("_index")) + "/" + str(hit.get("_id")): hit for hit in hits}
            fresh = {key: hit for key, hit in fresh.items() if key not in seen}
            seen |= fresh.keys()
            lines = {key: line for key, hit in fresh.items() if (line := self._line(hit, pattern)) is not None}
            found |= lines
            idle = 0 if lines else idle + 1
            if len(hits) < min(limit, self._settings.page):
                break
            if idle > MOST_EMPTY_PAGES:
                note_gap(f"{self._service.name}: too few lines hold that text exactly, so only the newest were read")
                break
            after = _next(hits[-1], again=bool(fresh), name=self._service.name)
        inside = (line for line in found.values() if start <= line.at <= end and component in {None, line.component})
        return sorted(inside, key=lambda line: line.at)[-limit:] if limit > 0 else []

    async def prove(self, at: datetime) -> Sequence[Proof]:
        """Whether the last hour has lines, and whether the fields hold what they should."""
        what = f"lines of the last hour in {self._settings.index}"
        with collecting() as gaps:
            try:
                lines = await self.search(at - timedelta(hours=1), at, limit=500)
            except Unavailable as error:
                return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        if not lines:
            time = self._settings.fields.time
            return [Proof(what, ok=False, detail="empty: no line", remedy=f"check `index`, and that its time is in {time}")]
        found = {line.component for line in lines} - {""}
        named = bool(found & self._catalog) or (bool(found) and not self._catalog)
        whose = ", ".join(sorted(found)[:12]) or f"nobody: {self._settings.fields.component} is in none"
        said = [f"{len(lines)} lines of {whose}", *gaps]
        said += [] if any(line.level for line in lines) else [f"no level in {self._settings.fields.level}"]
        remedy = "" if named else "name the component's field under `fields`, or map its names with `components`"
        return [Proof(what, ok=named and not gaps, detail="; ".join(said), remedy=remedy)]

    async def _page(self, query: Mapping[str, Any], size: int, after: Any) -> list[dict[str, Any]]:
        fields = self._settings.fields
        body = {
            "query": query,
            "size": size,
            "sort": [{fields.time: {"order": "desc", "unmapped_type": "date"}}],
            "_source": [fields.time, fields.message, fields.level, fields.component, _STACK],
            "track_total_hits": False,
            **({} if after is None else {"search_after": [after]}),
        }
        answer = await self._service.json("POST", f"/{self._settings.index}/_search", json=body)
        hits = answer.get("hits", {}).get("hits") if isinstance(answer, dict) and isinstance(answer.get("hits"), dict) else None
        if not isinstance(hits, list) or not all(isinstance(hit, dict) for hit in hits):
            raise Unavailable(
                f"{self._service.name} answers with something else than Elasticsearch does", "check its url, without an index"
            )
        shards = answer.get("_shards") or {}
        if shards.get("total") == 0:
            raise Unavailable(f"{self._service.name} has no index {self._settings.index}", "mend its `index` in the world file")
        if answer.get("timed_out") or shards.get("failed"):
            note_gap(f"{self._service.name}: {shards.get('failed', 0)} of {shards.get('total')} shards did not answer")
        return hits

    def _line(self, hit: Mapping[str, Any], pattern: str | None) -> LogLine | None:
        """The hit as a line; None where it has no time, or does not hold the pattern as it stands."""
        fields, source = self._settings.fields, hit.get("_source")
        held = source if isinstance(source, dict) else {}
        message = _text(held, fields.message)
        stack = _text(held, _STACK)
        whole = "\n".join(part for part in (message, stack if stack not in message else "") if part)
        at = LineReader().time(_value(held, fields.time)) or LineReader().time(_sorted_by(hit))
        if at is None or (pattern is not None and pattern not in whole):
            return None
        level = level_of(_value(held, fields.level)) or level_in(message)
        return LogLine(at, self._settings.component(_text(held, fields.component)), level, clean(whole))


def query_of(settings: Settings, start: datetime, end: datetime, component: str | None, pattern: str | None) -> dict[str, Any]:
    """What is asked, in the query language of both."""
    fields = settings.fields
    span = {"gte": _iso(start), "lte": _iso(end), "format": "strict_date_optional_time"}
    filters: list[dict[str, Any]] = [{"range": {fields.time: span}}]
    if component is not None:
        names = list(settings.names_of(component))
        either = [{"terms": {name: names}} for name in (fields.component, f"{fields.component}.keyword")]
        filters.append({"bool": {"should": either, "minimum_should_match": 1}})
    if pattern and settings.match == "phrase":
        filters.append({"match_phrase": {fields.message: {"query": pattern, "zero_terms_query": "all"}}})
    elif pattern:
        filters.append({"wildcard": {fields.message: {"value": f"*{_literal(pattern)}*"}}})
    return {"bool": {"filter": filters}}


def _next(last: Mapping[str, Any], *, again: bool, name: str) -> Any:
    """What the next page comes after. Several lines may share the last one's time: it is read again, and known lines left out."""
    moment = _sorted_by(last)
    if not isinstance(moment, int):
        raise Unavailable(f"{name} sorts by no time", "name a date field as `time` under `fields`")
    return moment + 1 if again else moment


def _sorted_by(hit: Mapping[str, Any]) -> Any:
    """The time of a hit as it was sorted: milliseconds since 1970, nanoseconds where the field holds these."""
    sort = hit.get("sort")
    return sort[0] if isinstance(sort, list) and sort else None


def _literal(pattern: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\*?" else letter for letter in pattern)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _values(held: Mapping[str, Any], name: str) -> Iterator[Any]:
    """What a document holds under a dotted name, however it is nested."""
    if name in held:
        yield held[name]
    for place, letter in enumerate(name):
        inner = held.get(name[:place]) if letter == "." else None
        if isinstance(inner, dict):
            yield from _values(inner, name[place + 1 :])


def _value(held: Mapping[str, Any], name: str) -> Any:
    found = next(_values(held, name), None)
    return found[0] if isinstance(found, list) and found else found


def _text(held: Mapping[str, Any], name: str) -> str:
    found = _value(held, name)
    return "" if found is None or isinstance(found, dict | list) else str(found)
