"""Elasticsearch: queries, pages and failures against an HTTP service that answers as the search API is documented.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search and .../paginate-search-results; OpenSearch's
https://docs.opensearch.org/latest/api-reference/search-apis/search/ is the same in what is used here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, Reply, http_in_hand
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nexus.errors import Unavailable
from nexus.world import Service, ServiceCatalog
from nexus.world.connectors import elasticsearch
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.elasticsearch import ElasticsearchLogs, Settings, connect, query_of
from nexus.world.connectors.http import HttpService
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal
from nexus.world.logs import LogLine

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(services=(Service(name="checkout"), Service(name="cart")))
SEARCH = "/logs-*/_search"

Document = dict[str, Any]


def document(seconds_ago: float, component: str, message: str, **more: Any) -> Document:
    at = (NOON - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds")
    return {"@timestamp": at, "service": {"name": component}, "message": message, **more}


DOCUMENTS = [
    document(120, "checkout", "cannot reserve cart c-77", log={"level": "ERROR"}, error={"stack_trace": "KeyError\n  at x"}),
    {**document(60, "", "slow"), "service.name": ["cart"], "log.level": "warn", "service": {}},
    document(30, "cart-v2", "FATAL: say *a\\b* [x]?"),
    document(-1, "cart", "later"),
]


class FakeElasticsearch:
    """What the documentation says of a search: filters, sort, size and search_after, over a list of documents."""

    def __init__(self, documents: list[Document], shards: Mapping[str, int] | None = None) -> None:
        self.documents = documents
        self.shards = {"total": 2, "successful": 2, "failed": 0} if shards is None else shards
        self.bodies: list[dict[str, Any]] = []

    def search(self, asked: Asked) -> Any:
        body = asked.json
        self.bodies.append(body)
        ((field, how),) = body["sort"][0].items()
        assert how["order"] == "desc"
        hits = [(_epoch_ms(one[field]), number, one) for number, one in enumerate(self.documents) if _passes(one, body["query"])]
        hits.sort(key=lambda hit: (-hit[0], hit[1] * 7919 % 101))
        if "search_after" in body:
            hits = [hit for hit in hits if hit[0] < body["search_after"][0]]
        told = [
            {"_index": "logs-1", "_id": str(number), "_source": source, "sort": [at]}
            for at, number, source in hits[: body["size"]]
        ]
        return {"took": 3, "timed_out": False, "_shards": self.shards, "hits": {"max_score": None, "hits": told}}


def _epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _held(source: Document, name: str) -> Any:
    found: Any = source.get(name)
    if found is None and "." in name:
        first, rest = name.split(".", 1)
        inner = source.get(first)
        return _held(inner, rest) if isinstance(inner, dict) else None
    return found[0] if isinstance(found, list) else found


def _passes(source: Document, query: dict[str, Any]) -> bool:
    return all(_one_passes(source, one) for one in query["bool"]["filter"])


def _one_passes(source: Document, one: dict[str, Any]) -> bool:
    ((kind, told),) = one.items()
    if kind == "bool":
        return any(_one_passes(source, either) for either in told["should"])
    ((name, wanted),) = told.items()
    held = _held(source, name)
    if kind == "range":
        return _epoch_ms(wanted["gte"]) <= _epoch_ms(held) <= _epoch_ms(wanted["lte"])
    if kind == "terms":
        return held in wanted
    if kind == "wildcard":
        return fnmatchcase(held, re.sub(r"\\(.)|\[", lambda found: f"[{found[1]}]" if found[1] else "[[]", wanted["value"]))
    words, phrase = (re.findall(r"\w+", text.lower()) for text in (held, wanted["query"]))
    return not phrase or any(words[n : n + len(phrase)] == phrase for n in range(len(words)))


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[Connector]:
    settings = Settings.model_validate({"use": "elasticsearch", "url": url, **more})
    connector = connect(settings, Site(Path(), CATALOG, MemoryJournal(), NOON))
    try:
        yield connector
    finally:
        await connector.close()


async def searched(answer: Any, ask: Mapping[str, Any] | None = None, **more: Any) -> list[LogLine]:
    with http_in_hand({("POST", SEARCH): answer}) as service:
        async with connected(service.url, **more) as connector:
            assert connector.logs is not None
            return await connector.logs.search(NOON - timedelta(minutes=10), NOON, **(ask or {}))


async def test_lines_come_oldest_first_with_their_component_level_and_trace() -> None:
    found = await searched(FakeElasticsearch(DOCUMENTS).search)
    assert [(line.component, line.level, line.message) for line in found] == [
        ("checkout", "error", "cannot reserve cart c-77\nKeyError\n  at x"),
        ("cart", "warning", "slow"),
        ("cart-v2", "critical", "FATAL: say *a\\b* [x]?"),
    ]
    assert found[0].at == NOON - timedelta(seconds=120)


async def test_a_component_is_asked_for_by_every_name_that_is_its() -> None:
    answer = FakeElasticsearch(DOCUMENTS).search
    assert [line.message for line in await searched(answer, {"component": "cart"})] == ["slow"]
    both = await searched(answer, {"component": "cart"}, components={"cart-v2": "cart"})
    assert [line.component for line in both] == ["cart", "cart"]


async def test_a_phrase_counts_only_where_the_line_holds_it_as_it_stands() -> None:
    answer = FakeElasticsearch(DOCUMENTS).search
    assert len(await searched(answer, {"pattern": "cannot reserve"})) == 1
    assert await searched(answer, {"pattern": "Cannot-reserve"}) == []
    assert len(await searched(answer, {"pattern": "?"})) == 1


async def test_a_wildcard_finds_parts_of_words_and_takes_stars_literally() -> None:
    answer = FakeElasticsearch(DOCUMENTS).search
    for pattern in ("*a\\b*", "eserv", "[x]?"):
        assert len(await searched(answer, {"pattern": pattern}, match="wildcard")) == 1, pattern


async def test_more_lines_than_one_answer_holds_come_page_by_page_and_none_twice() -> None:
    documents = [document(500 - n // 7, "cart", f"line {n}") for n in range(200)]
    fake = FakeElasticsearch(documents)
    found = await searched(fake.search, page=20)
    assert sorted(line.message for line in found) == sorted(f"line {n}" for n in range(200))
    assert [line.at for line in found] == sorted(line.at for line in found)
    assert all("search_after" in body for body in fake.bodies[1:])
    newest = await searched(fake.search, {"limit": 50}, page=20)
    assert len(newest) == 50
    assert min(line.at for line in newest) >= NOON - timedelta(seconds=500 - 150 // 7)


async def test_pages_go_on_where_more_lines_share_a_moment_than_one_holds() -> None:
    documents = [document(50, "cart", f"line {n}") for n in range(30)] + [document(60, "cart", "older")]
    found = await searched(FakeElasticsearch(documents).search, page=10)
    assert "older" in {line.message for line in found}


async def test_a_phrase_that_hardly_any_line_holds_exactly_is_given_up_and_that_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch, "MOST_EMPTY_PAGES", 3)
    fake = FakeElasticsearch([document(n / 2, "cart", "Slow Query") for n in range(1, 1000)])
    with collecting() as gaps:
        assert await searched(fake.search, {"pattern": "slow query"}, page=10) == []
    assert len(fake.bodies) == 4
    assert len(gaps) == 1


async def test_other_fields_are_read_where_the_settings_name_them() -> None:
    held = {"time": "2026-03-02T11:59:00Z", "msg": "here", "sev": 3, "kubernetes": {"labels": {"app": "cart"}}}
    fields = {"time": "time", "message": "msg", "level": "sev", "component": "kubernetes.labels.app"}
    (line,) = await searched(FakeElasticsearch([held]).search, {"component": "cart"}, fields=fields)
    assert (line.component, line.level, line.message) == ("cart", "error", "here")


async def test_a_component_field_that_is_text_is_asked_by_its_keyword_too() -> None:
    settings = Settings.model_validate({"use": "elasticsearch", "url": "http://127.0.0.1:9"})
    query = query_of(settings, NOON, NOON, "cart", None)
    assert [list(one["terms"]) for one in query["bool"]["filter"][1]["bool"]["should"]] == [
        ["service.name"],
        ["service.name.keyword"],
    ]


async def test_every_way_to_sign_in_is_sent_and_is_in_no_error() -> None:
    ways: list[tuple[dict[str, str], str]] = [
        ({"api_key": "hush-hush"}, "ApiKey hush-hush"),
        ({"token": "hush-hush"}, "Bearer hush-hush"),
        ({"username": "me", "password": "hush-hush"}, "Basic bWU6aHVzaC1odXNo"),
    ]
    for way, header in ways:
        with http_in_hand({("POST", SEARCH): Reply(401, {"error": "hush-hush is wrong"})}) as service:
            async with connected(service.url, **way) as connector:
                assert connector.secrets == ("hush-hush",)
                (proof,) = await connector.prove(NOON)
        assert service.asked[0].headers["authorization"] == header
        assert not proof.ok
        assert "hush-hush" not in proof.detail
    with pytest.raises(ValidationError, match="give one of"):
        Settings.model_validate({"use": "elasticsearch", "url": "http://127.0.0.1:9", "api_key": "a", "token": "b"})


async def test_no_index_is_no_empty_answer_and_a_silent_shard_is_a_gap() -> None:
    with pytest.raises(Unavailable, match=r"has no index logs-\*"):
        await searched(FakeElasticsearch([], {"total": 0, "successful": 0, "failed": 0}).search)
    with collecting() as gaps:
        assert len(await searched(FakeElasticsearch(DOCUMENTS, {"total": 3, "successful": 2, "failed": 1}).search)) == 3
    assert gaps == ["elasticsearch: 1 of 3 shards did not answer"]
    assert await searched(FakeElasticsearch([]).search) == []
    assert await searched(FakeElasticsearch(DOCUMENTS).search, {"limit": 0}) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"error": {"type": "index_not_found_exception", "reason": "no such index [logs]"}, "status": 404}),
        Reply(429, {"error": {"type": "circuit_breaking_exception"}, "status": 429}),
        Reply(200, "<html>"),
        Reply(200, {"hits": []}),
        Reply(200, {"hits": {"hits": [3]}}),
        Reply(hangs=True),
    ],
)
async def test_an_answer_that_is_none_is_unavailable(reply: Reply) -> None:
    with pytest.raises(Unavailable, match=r"^elasticsearch"):
        await searched(reply, timeout=0.3)


async def test_doctor_tells_what_is_empty_and_whose_lines_cannot_be_told() -> None:
    strange = [document(9, "strange", "x"), *DOCUMENTS[:1]]
    cases: list[tuple[list[Document], bool, str]] = [
        (DOCUMENTS, True, "3 lines of cart, cart-v2, checkout"),
        (strange[:1], False, "1 lines of strange"),
        ([{"@timestamp": "2026-03-02T11:59:00Z", "message": "x"}], False, "service.name is in none"),
        ([], False, "empty: no line"),
    ]
    for documents, ok, detail in cases:
        with http_in_hand({("POST", SEARCH): FakeElasticsearch(documents).search}) as service:
            async with connected(service.url) as connector:
                (proof,) = await connector.prove(NOON)
        assert proof.ok is ok
        assert detail in proof.detail
        assert bool(proof.remedy) is not ok


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["@timestamp", "message", "log", "level", "service", "name"]), inner)
    ),
    max_leaves=10,
)


@given(source=JSON, sort=JSON)
def test_a_document_of_any_form_is_read_without_an_error(source: Any, sort: Any) -> None:
    settings = Settings.model_validate({"use": "elasticsearch", "url": "http://127.0.0.1:9"})
    logs = ElasticsearchLogs(HttpService("elasticsearch", settings.url), settings, frozenset())
    line = logs._line({"_source": source, "sort": sort}, None)
    assert line is None or line.message is not None


def test_an_index_that_would_lead_elsewhere_is_refused() -> None:
    for index in ("logs/../_cluster", "logs?x", ""):
        with pytest.raises(ValidationError):
            Settings.model_validate({"use": "elasticsearch", "url": "http://127.0.0.1:9", "index": index})
