"""Webhooks: who sends is checked, what is sent is read and kept as it came, and only then answered."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from service_in_hand import HOOK, PROTECTED, TOKENS, LookingReception, asked, site_of

from nexus.errors import RecordsError
from nexus.intake.read import FORMATS
from nexus.records.stores import MemoryStore
from nexus.service import create_app
from nexus.service.access import HOOKS
from nexus.service.webhooks import Source

ALERT = {"title": "database down", "service": "db", "password": "hunter2hunter2"}
PAGE = json.dumps(
    {"event": {"id": "01", "event_type": "incident.triggered", "resource_type": "incident", "occurred_at": "2026-03-02T10:15:00Z",
               "data": {"id": "P1", "type": "incident", "title": "db down", "urgency": "high", "status": "triggered",
                        "service": {"id": "S", "summary": "db", "type": "service_reference"}}}}
).encode()  # fmt: skip


@pytest.fixture
def records() -> MemoryStore:
    return MemoryStore()


def signed(body: bytes, secret: str = HOOK) -> dict[str, str]:
    return {"X-PagerDuty-Signature": "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"nexus:{password}".encode()).decode()}


async def outcomes(client: httpx.AsyncClient, headers: dict[str, str] | None = None) -> str:
    return (await client.get("/metrics", headers=headers)).text


def test_a_hook_stands_for_every_source_that_is_read_and_for_no_other() -> None:
    assert set(get_args(Source)) == {one.NAME for one in FORMATS} == {*HOOKS} - {"changes"}


async def test_an_alert_is_in_the_inbox_as_it_came_before_it_is_answered(records: MemoryStore) -> None:
    site = site_of(records)
    body = json.dumps(ALERT, indent=3).encode()
    async with asked(create_app(site)) as client:
        done = await client.post("/hooks/generic", content=body, headers={"User-Agent": "monitor/1", "Cookie": "secret"})
    (kept,) = await records.inbox.waiting()
    assert (done.status_code, done.json()) == (202, {"delivery": kept.id})
    assert (kept.source, kept.body.encode(), dict(kept.headers)) == ("generic", body, {"user-agent": "monitor/1"})
    assert isinstance(site.reception, LookingReception)
    assert site.reception.woken == 1


async def test_an_alert_that_its_sender_tries_again_is_accepted_again_and_kept_once(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        first, second = [await client.post("/hooks/generic", json=ALERT) for _ in range(2)]
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(await records.inbox.waiting()) == 1


async def test_a_body_in_another_encoding_is_kept_as_text(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/generic", content='{"title": "ü"}'.encode("utf-16"))
    assert done.status_code == 202
    assert [one.body for one in await records.inbox.waiting()] == ['{"title": "ü"}']


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {HOOK}x"}, {"Authorization": HOOK}, basic("wrong"),
     {"Authorization": "Basic !!!"}, {"Authorization": f"Bearer {TOKENS['approver']}"}, signed(b"{}")],
)  # fmt: skip
async def test_a_wrong_token_is_refused_and_nothing_is_kept(records: MemoryStore, headers: dict[str, str]) -> None:
    async with asked(create_app(site_of(records, **PROTECTED))) as client:
        done = await client.post("/hooks/generic", json=ALERT, headers=headers)
        told = await outcomes(client, {"Authorization": f"Bearer {TOKENS['viewer']}"})
    assert (done.status_code, done.headers["www-authenticate"]) == (401, "Bearer")
    assert done.json()["error"] == "the token of generic is missing or wrong"
    assert 'nexus_deliveries_total{outcome="unauthorised",source="generic"} 1.0' in told
    assert await records.inbox.waiting() == []


@pytest.mark.parametrize(
    ("headers", "query"), [({"Authorization": f"Bearer {HOOK}"}, ""), (basic(HOOK), ""), ({}, f"?token={HOOK}")]
)
async def test_a_token_may_come_in_any_way_that_a_sender_knows(records: MemoryStore, headers: dict[str, str], query: str) -> None:
    async with asked(create_app(site_of(records, **PROTECTED))) as client:
        assert (await client.post(f"/hooks/generic{query}", json=ALERT, headers=headers)).status_code == 202


async def test_a_signed_body_is_taken_and_any_other_refused(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records, **PROTECTED))) as client:

        async def sent(body: bytes, headers: Mapping[str, str | bytes]) -> int:
            raw = [(name.encode(), v.encode() if isinstance(v, str) else v) for name, v in headers.items()]
            return (await client.post("/hooks/pagerduty", content=body, headers=raw)).status_code

        assert await sent(PAGE, signed(PAGE)) == 202
        assert await sent(PAGE + b" ", signed(PAGE)) == 401
        assert await sent(PAGE, signed(PAGE, "another-secret-01")) == 401
        assert await sent(PAGE, {}) == 401
        assert await sent(PAGE, {"Authorization": f"Bearer {HOOK}"}) == 401
        assert await sent(PAGE, {"X-PagerDuty-Signature": b"v1=\xff"}) == 401
    assert len(await records.inbox.waiting()) == 1


async def test_a_sender_that_is_not_set_up_is_refused_with_how_to_set_it_up(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records, **PROTECTED))) as client:
        done = await client.post("/hooks/grafana", json=ALERT)
    assert done.status_code == 403
    assert done.json()["remedy"] == "set service.hooks.grafana with a token or a secret"


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "empty"), (b"{", "not JSON"), (b"[]", "a list"), (b'{"a": 1}', "no title"), (b"\xff", "UTF-8"), (b"[" * 9999, "deep")],
)  # fmt: skip
async def test_what_is_no_alert_is_refused_with_what_to_do(records: MemoryStore, body: bytes, says: str) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/generic", content=body)
        assert 'nexus_deliveries_total{outcome="unreadable",source="generic"} 1.0' in await outcomes(client)
    assert done.status_code == 400
    assert says in done.json()["error"]
    assert done.json()["remedy"]
    assert await records.inbox.waiting() == []


async def test_a_source_that_nobody_knows_is_refused(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/nagios", json=ALERT)
        assert "nagios" not in await outcomes(client)
    assert done.status_code == 422
    assert "'alertmanager'" in done.json()["error"]


async def test_a_compressed_body_is_refused(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        assert (await client.post("/hooks/generic", content=b"x", headers={"Content-Encoding": "gzip"})).status_code == 415


async def test_records_that_do_not_answer_are_a_503_and_the_sender_may_try_again(
    records: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_arguments: Any) -> str:
        raise RecordsError("the disk is full", "free some space")

    monkeypatch.setattr(records.inbox, "put", full)
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/generic", json=ALERT)
        assert 'nexus_deliveries_total{outcome="unrecorded",source="generic"} 1.0' in await outcomes(client)
    assert (done.status_code, done.headers["retry-after"]) == (503, "5")
    assert done.json() == {"error": "the disk is full", "remedy": "free some space"}


async def test_a_large_alert_is_taken_whole(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/generic", json={**ALERT, "log": "x" * 1_000_000})
    assert done.status_code == 202
    assert len((await records.inbox.waiting())[0].body) > 1_000_000


async def test_a_change_is_added_to_the_file_of_changes(records: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    made = {"component": "db", "kind": "deployment", "version": "4.2", "at": "2026-03-02T10:00:00Z"}
    async with asked(create_app(site_of(records, changes=str(file)))) as client:
        several = [client.post("/hooks/changes", json={**made, "id": str(n)}) for n in range(5)]
        done = await asyncio.gather(*several)
        wrong = [await client.post("/hooks/changes", content=body) for body in (b"{", b"[]", b'{"kind": "x"}', b"[" * 9999)]
    assert {(one.status_code, one.text) for one in done} == {(202, '{"change":"noted"}')}
    assert {one.status_code for one in wrong} == {400}
    assert len(file.read_text().splitlines()) == 5
    assert await records.inbox.waiting() == []


async def test_changes_are_refused_where_no_file_is_set_and_from_whom_is_not_known(records: MemoryStore, tmp_path: Path) -> None:
    async with asked(create_app(site_of(records))) as client:
        done = await client.post("/hooks/changes", json={})
        assert (done.status_code, done.json()["remedy"].startswith("set service.changes")) == (404, True)
    protected = site_of(records, hooks={"changes": {"secret": HOOK}}, changes=str(tmp_path / "c"))
    body = json.dumps({"component": "db", "version": "4.2"}).encode()
    mark = "sha256=" + hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
    async with asked(create_app(protected)) as client:
        assert (await client.post("/hooks/changes", content=body)).status_code == 401
        assert (await client.post("/hooks/changes", content=body, headers={"X-Hub-Signature-256": mark})).status_code == 202


async def test_another_sites_page_cannot_post_an_alert(records: MemoryStore) -> None:
    async with asked(create_app(site_of(records))) as client:
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            done = await client.post("/hooks/generic", json=ALERT, headers=headers)
            assert (done.status_code, set(done.json())) == (403, {"error", "remedy"})
    assert await records.inbox.waiting() == []
