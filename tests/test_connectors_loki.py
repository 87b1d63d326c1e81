"""Loki: queries, pages and failures against an HTTP service that answers as Loki's HTTP API is documented.

https://grafana.com/docs/loki/latest/reference/loki-http-api/: query_range, labels, label values; start counts and end does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, Reply, http_in_hand
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nexus.errors import Unavailable
from nexus.world import Service, ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.loki import Settings, connect, nanoseconds, query_of
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal
from nexus.world.logs import LogLine

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(services=(Service(name="checkout"), Service(name="cart")))
RANGE, LABELS = "/loki/api/v1/query_range", "/loki/api/v1/labels"

Line = tuple[float, Mapping[str, str], str]
"""Seconds before noon, the stream's labels, the line."""

LINES: list[Line] = [
    (120, {"app": "checkout", "env": "prod"}, 'level=error msg="cannot reserve" cart=c-77'),
    (90, {"app": "checkout", "env": "test"}, "ERROR elsewhere"),
    (60, {"app": "cart", "env": "prod", "level": "warn"}, '{"msg": "slow", "cart": "c-77"}'),
    (30, {"app": "cart-v2", "env": "prod", "detected_level": "unknown"}, 'INFO say "a\\b" {x}'),
    (-1, {"app": "cart", "env": "prod"}, "later"),
]


class FakeLoki:
    """What the documentation says of query_range and labels, over a list of lines."""

    def __init__(self, lines: list[Line], most: int = 5000) -> None:
        self.lines, self.most = lines, most

    def answers(self) -> dict[tuple[str, str], Any]:
        named = sorted({name for _, labels, _ in self.lines for name in labels})
        values = {name: sorted({labels[name] for _, labels, _ in self.lines if name in labels}) for name in named}
        told = {
            ("GET", f"/loki/api/v1/label/{name}/values"): {"status": "success", "data": held} for name, held in values.items()
        }
        return {**told, ("GET", LABELS): {"status": "success", "data": named}, ("GET", RANGE): self.query_range}

    def query_range(self, asked: Asked) -> Any:
        query = {name: held[0] for name, held in asked.query.items()}
        limit = int(query["limit"])
        if limit > self.most:
            return Reply(400, f"max entries limit per query exceeded, limit > max_entries_limit ({limit} > {self.most})")
        start, end = int(query["start"]), int(query["end"])
        times = [(nanoseconds(NOON) - round(ago * 1e9), labels, line) for ago, labels, line in self.lines]
        held = [one for one in times if start <= one[0] < end and _matches(query["query"], one[1], one[2])]
        held = sorted(held, key=lambda one: -one[0])[:limit]
        assert query["direction"] == "backward"
        streams: dict[str, Any] = {}
        for at, labels, line in held:
            streams.setdefault(json.dumps(labels), {"stream": labels, "values": []})["values"].append([str(at), line])
        return {"status": "success", "data": {"resultType": "streams", "result": list(streams.values()), "stats": {}}}


def _matches(query: str, labels: Mapping[str, str], line: str) -> bool:
    selector, _, text = query.partition("} |= ")
    matchers = re.findall(r'(\w+)(=~|=)("(?:[^"\\]|\\.)*")', selector)
    assert matchers
    for name, how, quoted in matchers:
        wanted, held = json.loads(quoted), labels.get(name, "")
        if not (re.fullmatch(wanted, held) if how == "=~" else wanted == held):
            return False
    return not text or json.loads(text) in line


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[Connector]:
    connector = connect(
        Settings.model_validate({"use": "loki", "url": url, **more}), Site(Path(), CATALOG, MemoryJournal(), NOON)
    )
    try:
        yield connector
    finally:
        await connector.close()


async def searched(
    loki: FakeLoki | Mapping[tuple[str, str], Any], ask: Mapping[str, Any] | None = None, **more: Any
) -> list[LogLine]:
    with http_in_hand(loki.answers() if isinstance(loki, FakeLoki) else loki) as service:
        async with connected(service.url, **more) as connector:
            assert connector.logs is not None
            return await connector.logs.search(NOON - timedelta(minutes=10), NOON, **(ask or {}))


async def test_lines_come_oldest_first_with_their_component_and_level() -> None:
    found = await searched(FakeLoki(LINES))
    assert [(line.component, line.level, line.message) for line in found] == [
        ("checkout", "error", "cannot reserve"),
        ("checkout", "error", "elsewhere"),
        ("cart", "warning", "slow"),
        ("cart-v2", "info", 'say "a\\b" {x}'),
    ]
    assert found[0].at == NOON - timedelta(seconds=120)


async def test_a_component_is_asked_for_by_every_name_that_is_its() -> None:
    assert [line.message for line in await searched(FakeLoki(LINES), {"component": "cart"})] == ["slow"]
    both = await searched(FakeLoki(LINES), {"component": "cart"}, components={"cart-v2": "cart"})
    assert [(line.component, line.level) for line in both] == [("cart", "warning"), ("cart", "info")]
    assert await searched(FakeLoki(LINES), {"component": "cart-v2"}, components={"cart-v2": "cart"}) == []


@pytest.mark.parametrize("pattern", ['say "a\\b" {x}', "a\\b", "{x}", '"'])
async def test_a_pattern_is_found_whatever_its_characters(pattern: str) -> None:
    found = await searched(FakeLoki(LINES), {"pattern": pattern, "component": "cart-v2"})
    assert [line.component for line in found] == ["cart-v2"]


async def test_a_line_that_holds_the_pattern_beside_its_message_is_shown_whole() -> None:
    found = await searched(FakeLoki(LINES), {"pattern": "c-77"})
    assert [line.message for line in found] == [LINES[0][2], LINES[2][2]]


async def test_given_matchers_are_added_to_every_query() -> None:
    found = await searched(FakeLoki(LINES), {"component": "checkout"}, selector='env="prod",')
    assert [line.message for line in found] == ["cannot reserve"]


async def test_more_lines_than_one_answer_holds_come_page_by_page_and_none_twice() -> None:
    lines: list[Line] = [(100 - n // 3, {"app": "cart"}, f"INFO {n}") for n in range(100)]
    loki = FakeLoki(lines, most=10)
    found = await searched(loki, page=10)
    assert [line.message for line in found] == [str(n) for n in range(100)]
    newest = await searched(loki, {"limit": 25}, page=10)
    assert [int(line.message) for line in newest] == sorted(int(line.message) for line in newest)
    assert len(newest) == 25
    assert {line.message for line in newest} > {str(n) for n in range(78, 100)}


async def test_more_lines_of_one_moment_than_an_answer_holds_are_a_gap() -> None:
    lines: list[Line] = [*((50, {"app": "cart"}, f"INFO {n}") for n in range(30)), (60, {"app": "cart"}, "INFO older")]
    with collecting() as gaps:
        found = await searched(FakeLoki(lines), page=10)
    assert "older" in {line.message for line in found}
    assert len(found) == 11
    assert len(gaps) == 1


async def test_a_page_above_the_servers_limit_is_told_in_its_words() -> None:
    with pytest.raises(Unavailable, match="max entries limit per query exceeded"):
        await searched(FakeLoki(LINES, most=10))


async def test_the_label_that_names_the_catalogs_components_is_taken_and_learned_once() -> None:
    lines: list[Line] = [
        (n, {"job": "docker", "service": "eu", "container": name}, "x") for n, name in ((9, "cart"), (8, "checkout"))
    ]
    with http_in_hand(FakeLoki(lines).answers()) as service:
        async with connected(service.url) as connector:
            assert connector.logs is not None
            for _ in range(2):
                found = await connector.logs.search(NOON - timedelta(minutes=10), NOON)
                assert [line.component for line in found] == ["cart", "checkout"]
        assert len(service.asked_of("GET", LABELS)) == 1


async def test_a_server_that_held_nothing_then_is_empty_and_one_without_a_usual_label_is_asked_about() -> None:
    assert await searched({("GET", LABELS): {"status": "success"}}) == []
    with pytest.raises(Unavailable, match="none of the labels service_name") as said:
        await searched({("GET", LABELS): {"status": "success", "data": ["pod"]}})
    assert "component_label" in said.value.remedy


async def test_the_tenant_and_the_token_go_with_every_request_and_into_no_error() -> None:
    with http_in_hand(FakeLoki(LINES).answers()) as service:
        async with connected(service.url, tenant="shop", token="hush-hush") as connector:
            assert connector.secrets == ("hush-hush",)
            assert all(proof.ok for proof in await connector.prove(NOON))
        assert {(one.headers["x-scope-orgid"], one.headers["authorization"]) for one in service.asked} == {
            ("shop", "Bearer hush-hush")
        }
        service.answers[("GET", RANGE)] = Reply(401, "no org id, hush-hush")
        async with connected(service.url, token="hush-hush") as connector:
            (proof,) = await connector.prove(NOON)
    assert not proof.ok
    assert "hush-hush" not in proof.detail


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, "too many outstanding requests"),
        Reply(200, "<html>"),
        Reply(200, {"status": "error"}),
        Reply(200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
        Reply(
            200, {"status": "success", "data": {"resultType": "streams", "result": [{"stream": {}, "values": [["noon", "x"]]}]}}
        ),
        Reply(hangs=True),
    ],
)
async def test_an_answer_that_is_none_is_unavailable(reply: Reply) -> None:
    with pytest.raises(Unavailable, match=r"^loki"):
        await searched({("GET", RANGE): reply}, component_label="app", timeout=0.3)


async def test_doctor_tells_an_empty_server_and_unknown_names() -> None:
    with http_in_hand(FakeLoki([(9, {"app": "strange"}, "x")]).answers()) as service:
        async with connected(service.url) as connector:
            (unknown,) = await connector.prove(NOON)
            (empty,) = await connector.prove(NOON + timedelta(days=2))
    assert (unknown.ok, "`components`" in unknown.remedy) == (False, True)
    assert (empty.ok, empty.detail) == (False, "empty: no line")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_quoted_so_that_it_is_itself_again(pattern: str) -> None:
    query = query_of("app", ["cart"], "", pattern)
    if pattern:
        quoted = query.partition("} |= ")[2]
        assert json.loads(quoted) == pattern
        assert not re.search(r"\\u[dD][89a-fA-F]", quoted)
    else:
        assert query == '{app="cart"}'


def test_names_in_an_alternative_are_taken_literally() -> None:
    assert query_of("app", ["a.b", "c"], 'env="x"', None) == '{app=~"a\\\\.b|c", env="x"}'
    assert query_of("app", [], "", None) == '{app=~".+"}'


def test_a_selector_in_braces_is_refused() -> None:
    with pytest.raises(ValidationError, match="leave the braces out"):
        Settings.model_validate({"use": "loki", "url": "http://127.0.0.1:9", "selector": '{env="x"}'})
