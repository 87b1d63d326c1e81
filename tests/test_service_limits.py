"""Limits: large bodies are refused and not held, slow senders are let go and hold nobody up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from service_in_hand import Connection, connected, listening, process, site_of

from nexus.intake.read import LIMIT
from nexus.records.stores import MemoryStore
from nexus.service import limits

MB = 1024 * 1024
ALERT = b'{"title": "x"}'


def head(length: int, *more: str) -> bytes:
    lines = ["POST /hooks/generic HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def peak(pid: int) -> int:
    """The most memory that process ever had, in bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def zeros(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield bytes(MB)


async def test_a_body_of_50_mb_is_refused_and_never_held_in_memory(tmp_path: Path) -> None:
    async with process(tmp_path) as (service, url), httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.post("/hooks/generic", content=ALERT)).status_code == 202
        before = peak(service.pid)
        for path in ("/hooks/generic", "/hooks/changes", "/reports"):
            said = await client.post(path, content=bytes(50 * MB))
            assert (said.status_code, said.json()["error"]) == (413, "the body holds more than 10 MB")
        assert peak(service.pid) - before < 5 * MB
        for _ in range(3):
            assert (await client.post("/hooks/generic", content=zeros(50))).status_code == 413
        assert peak(service.pid) - before < 30 * MB
        assert (await client.post("/hooks/generic", content=ALERT)).status_code == 202


async def test_who_asks_before_sending_50_mb_is_refused_before_sending_them() -> None:
    async with listening(site_of(MemoryStore(), port=0)) as url, connected(url) as sender:
        sender.send(head(50 * MB, "Expect: 100-continue"))
        assert await sender.status() == 413


async def test_a_body_just_within_the_limit_is_read_and_one_byte_more_is_not() -> None:
    async with listening(site_of(MemoryStore(), port=0)) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        frame = len(json.dumps({"title": "x", "log": ""}))
        for size, status in ((LIMIT, 202), (LIMIT + 1, 413)):
            body = json.dumps({"title": "x", "log": "y" * (size - frame)}).encode()
            assert len(body) == size
            assert (await client.post("/hooks/generic", content=body)).status_code == status


async def test_more_large_bodies_than_memory_is_set_aside_for_are_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELD", 1000)
    async with listening(site_of(MemoryStore(), port=0)) as url, connected(url) as first, connected(url) as second:
        first.send(head(900) + b"{" + b" " * 800)
        await first.read_by_service(url)
        second.send(head(900) + b"{" + b" " * 899)
        assert await second.status() == 503
        first.send(b'"title": "x"' + b" " * 86 + b"}")
        assert await first.status() == 202
        second.send(head(len(ALERT)) + ALERT)
        assert await second.status() == 202


async def test_a_head_or_body_that_does_not_come_in_time_is_not_waited_for() -> None:
    async with (
        listening(site_of(MemoryStore(), port=0, read_timeout=0.2)) as url,
        connected(url) as silent,
        connected(url) as half_a_head,
        connected(url) as half_a_body,
    ):
        half_a_head.send(b"POST /hooks/generic HTTP/1.1\r\nHost: ")
        half_a_body.send(head(100) + b"{")
        assert await half_a_body.status() == 408
        assert await silent.rest() + await half_a_head.rest() == b""


async def test_a_connection_that_was_used_before_has_no_more_time_for_its_next_head() -> None:
    async with listening(site_of(MemoryStore(), port=0, read_timeout=0.2)) as url, connected(url) as sender:
        sender.send(head(len(ALERT)) + ALERT)
        assert await sender.status() == 202
        sender.send(head(len(ALERT))[:30])
        assert await sender.rest() == b""


async def test_what_is_left_of_a_refused_body_is_not_waited_for() -> None:
    async with listening(site_of(MemoryStore(), port=0, read_timeout=0.2)) as url, connected(url) as sender:
        sender.send(head(50 * MB) + bytes(1000))
        assert await sender.status() == 413
        assert await sender.rest() == b""


async def test_slow_senders_hold_nobody_up() -> None:
    async with listening(site_of(MemoryStore(), port=0, read_timeout=600)) as url:
        slow = [await Connection.to(url) for _ in range(200)]
        for number, sender in enumerate(slow):
            sender.send(head(100) + b"{" if number % 2 else b"POST /hooks/gen")
        async with httpx.AsyncClient(base_url=url) as client:
            for n in range(20):
                assert (await client.post("/hooks/generic", json={"title": str(n)})).status_code == 202
        for sender in slow:
            await sender.close()


async def test_a_sender_that_goes_away_half_way_leaves_nothing_behind() -> None:
    records = MemoryStore()
    async with listening(site_of(records, port=0)) as url:
        async with connected(url) as sender:
            sender.send(head(100) + b"{")
            await sender.read_by_service(url)
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.post("/hooks/generic", content=ALERT)).status_code == 202
            assert 'outcome="refused"' not in (await client.get("/metrics")).text
    assert [one.body for one in await records.inbox.waiting()] == [ALERT.decode()]


async def test_a_head_without_an_end_is_not_read_to_its_end() -> None:
    async with listening(site_of(MemoryStore(), port=0)) as url, connected(url) as sender:
        sender.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000)
        assert (await sender.rest())[:12] in (b"HTTP/1.1 400", b"")
