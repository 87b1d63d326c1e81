"""What the service answered for is kept, though its process is killed in the middle of many webhooks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from service_in_hand import process

from nexus.records.stores import open_store


async def post_until_it_dies(url: str, sender: int, answered: set[str]) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for number in range(10**9):
            try:
                done = await client.post("/hooks/generic", json={"title": "down", "sender": sender, "number": number})
            except httpx.TransportError:
                return
            assert done.status_code == 202
            answered.add(done.json()["delivery"])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_was_answered_is_in_the_inbox_though_the_process_is_killed(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    answered: set[str] = set()
    async with process(tmp_path, url) as (service, address):
        senders = [asyncio.create_task(post_until_it_dies(address, n, answered)) for n in range(8)]
        while len(answered) < 400:
            await asyncio.sleep(0.001)
            assert not any(sender.done() for sender in senders)
        service.kill()
        await asyncio.gather(*senders)
    async with await open_store(tmp_path, url or None) as records:
        kept = {one.id for one in await records.inbox.waiting(10**6)}
    assert len(answered) >= 400
    assert answered <= kept
