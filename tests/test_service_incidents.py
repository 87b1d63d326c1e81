"""Incidents over HTTP: listed, shown, followed and answered, each by who may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from incident_in_hand import ID, OPENED, alert, at, event, events, evidence, state
from service_in_hand import PROTECTED, TOKENS, asked, listening, site_of

from nexus.errors import UsageError
from nexus.incident import Action, ActionKind, EventKind, Opening, Outcome, Question
from nexus.records.document import assemble, from_json, to_json
from nexus.records.following import Following
from nexus.records.store import Store
from nexus.records.stores import MemoryStore, open_store
from nexus.service import create_app, stream

OTHER = "INC-20260302-1100-cd34"
HASH = "e09785e5a33797f7e072e4154bb5b9c8"
ROLLBACK = Action(kind=ActionKind.ROLLBACK, target="basket", arguments={"to": "4.1.9"})
LATER = datetime.now(UTC) + timedelta(hours=1)


def opening(incident: str) -> Opening:
    return Opening(incident=incident, alert=alert(), opened_at=OPENED, graph=1)


def approval(number: int = 1, deadline: datetime = LATER) -> Question:
    detail = {"action": ROLLBACK.model_dump(mode="json"), "digest": ROLLBACK.digest}
    return Question(id=f"{HASH}-{number}", kind="approval", text="?", deadline=deadline, detail=detail)


CAUSE = Question(
    id="cause-0123", kind="question", text="Which cause?", deadline=LATER,
    detail={"choices": ["infrastructure", "hand_over"], "suspects": ["cart"]},
)  # fmt: skip


async def filled(records: Store) -> Store:
    """One incident that has ended, and one that waits for an approval and an answer."""
    await records.begin(opening(ID))
    await records.append(*events())
    for piece in evidence():
        await records.keep(ID, piece, dict.fromkeys(piece.pictures, b"png"))
    await records.save_document(ID, to_json(assemble(state(), events(), evidence())), ended=True)
    await records.begin(opening(OTHER))
    await records.append(event(EventKind.OPENED, 45, "a", "alert acknowledged").model_copy(update={"incident": OTHER}))
    for question in (approval(), CAUSE):
        await records.questions.ask(OTHER, question)
    return records


@pytest.fixture
async def records() -> Store:
    return await filled(MemoryStore())


@pytest.fixture
async def client(records: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(create_app(site_of(records))) as opened:
        yield opened


async def test_incidents_are_listed_the_last_one_first(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/incidents")).json()
    assert [(one["id"], one["outcome"], one["severity"], one["questions"]) for one in listed["incidents"]] == [
        (OTHER, "waiting", None, 2),
        (ID, "resolved", "P0", 0),
    ]
    assert listed["next"] is None
    assert [one["id"] for one in (await client.get("/incidents?open=true")).json()["incidents"]] == [OTHER]


async def test_a_long_list_is_given_page_by_page(client: httpx.AsyncClient) -> None:
    first = (await client.get("/incidents?limit=1")).json()
    second = (await client.get("/incidents", params={"limit": 1, "before": first["next"]})).json()
    third = (await client.get("/incidents", params={"limit": 1, "before": second["next"]})).json()
    assert [[one["id"] for one in page["incidents"]] for page in (first, second, third)] == [[OTHER], [ID], []]
    assert third["next"] is None


async def test_an_incident_is_shown_whole_also_while_it_is_under_way(client: httpx.AsyncClient, records: Store) -> None:
    assert (await client.get(f"/incidents/{ID}")).text == await records.document(ID)
    other = from_json((await client.get(f"/incidents/{OTHER}")).text)
    assert (other.outcome, [q.id for q in other.open_questions]) == (Outcome.WAITING, [f"{HASH}-1", CAUSE.id])


async def test_what_an_incident_asks_is_told(client: httpx.AsyncClient) -> None:
    told = (await client.get(f"/incidents/{OTHER}/questions")).json()["questions"]
    assert [Question.model_validate(one) for one in told] == [approval(), CAUSE]
    assert (await client.get(f"/incidents/{ID}/questions")).json() == {"questions": []}


async def test_the_post_mortem_is_given_as_markdown_or_as_a_page(client: httpx.AsyncClient) -> None:
    text = await client.get(f"/incidents/{ID}/post-mortem")
    assert (text.headers["content-type"], text.text[:13]) == ("text/markdown; charset=utf-8", "# Post-mortem")
    page = await client.get(f"/incidents/{ID}/post-mortem", headers={"Accept": "text/html,*/*"})
    assert (page.headers["content-type"], "data:image/png;base64,cG5n" in page.text) == ("text/html; charset=utf-8", True)
    assert (await client.get(f"/incidents/{OTHER}/post-mortem")).status_code == 404


@pytest.mark.parametrize("path", ["", "/events", "/questions", "/post-mortem"])
async def test_an_incident_that_is_not_there_is_a_404(client: httpx.AsyncClient, path: str) -> None:
    done = await client.get(f"/incidents/INC-nobody{path}")
    assert (done.status_code, done.json()["error"]) == (404, "there is no incident INC-nobody")


async def test_events_are_listed_from_a_number_on(client: httpx.AsyncClient) -> None:
    told = (await client.get(f"/incidents/{ID}/events")).json()["events"]
    assert [one["text"] for one in told] == [one.text for one in events()]
    after = (await client.get(f"/incidents/{ID}/events", params={"after": told[3]["number"]})).json()["events"]
    assert after == told[4:]


def parsed(lines: str) -> list[dict[str, str]]:
    """The events of a stream, as a reader takes them in."""
    blocks = [block for block in lines.split("\n\n") if block and not block.startswith((":", "retry:"))]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


async def test_the_stream_of_an_incident_that_has_ended_tells_all_and_ends(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.02)
    done = await client.get(f"/incidents/{ID}/events", headers={"Accept": "text/event-stream"})
    assert done.headers["content-type"].startswith("text/event-stream")
    told = parsed(done.text)
    assert [json.loads(one["data"])["text"] for one in told[:-1]] == [one.text for one in events()]
    assert told[-1] == {"event": "end", "data": "{}"}
    last_seen = told[20]["id"]
    again = await client.get(f"/incidents/{ID}/events", headers={"Accept": "text/event-stream", "Last-Event-ID": last_seen})
    assert parsed(again.text) == told[21:]


async def test_a_stream_goes_on_with_what_happens_and_ends_with_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL", 0.02)
    async with await open_store(tmp_path) as records:
        await filled(records)
        site = site_of(records, port=0)
        async with (
            listening(site) as url,
            httpx.AsyncClient(base_url=url, headers={"Accept": "text/event-stream"}) as client,
            client.stream("GET", f"/incidents/{OTHER}/events") as told,
        ):
            lines = told.aiter_lines()

            async def until(text: str) -> None:
                while text not in await anext(lines):
                    pass

            await until("alert acknowledged")
            await records.append(event(EventKind.FINDING, 46, "a", "seen").model_copy(update={"incident": OTHER}))
            await until('"text":"seen"')
            site.stopping.set()
            assert [line async for line in lines if "seen" in line] == []


async def test_a_quiet_stream_says_that_it_still_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stream, "POLL", 0.01)
    monkeypatch.setattr(stream, "QUIET", 0.03)
    async with await open_store(tmp_path) as records:
        await filled(records)
        site = site_of(records)
        told = stream._lines(Following(records, OTHER, 0), site.stopping)
        seen = [await anext(told) for _ in range(4)]
        assert [line for line in seen if line.startswith(":")] == [": still here\n\n"] * 2


async def test_an_event_that_comes_to_light_late_is_told_and_none_twice() -> None:
    class Late:
        """Another writer's event with a lower number is committed after one with a higher."""

        def __init__(self) -> None:
            self.committed = [5, 7]

        async def events_after(self, _incident: str, arrival: int) -> list[tuple[int, Any]]:
            return [(n, events()[0]) for n in sorted(self.committed) if n > arrival]

    late: Any = Late()
    follower = Following(late, ID, 0)
    seen = [[n for n, _ in await follower.look()]]
    for n in (6, 8):
        late.committed.append(n)
        seen.append([number for number, _ in await follower.look()])
    assert [*seen, await follower.look()] == [[5, 7], [6], [8], []]
    again = Following(late, ID, 7)
    assert [[n for n, _ in await again.look()], await again.look()] == [[8], []]


async def test_an_approval_is_answered_by_the_tokens_name(records: Store) -> None:
    site = site_of(records, **PROTECTED)
    async with asked(create_app(site), TOKENS["approver"]) as client:
        done = await client.post(f"/incidents/{OTHER}/questions/{HASH}-1/approve", json={"comment": "go on"})
    assert done.json() == {
        "incident": OTHER,
        "question": f"{HASH}-1",
        "said": "rollback basket (to=4.1.9): approved by approver (go on)",
    }
    kept = await records.questions.answered(OTHER, f"{HASH}-1")
    assert kept == {"verdict": "approved", "comment": "go on", "by": "approver", "digest": ROLLBACK.digest}


async def test_a_rejection_says_why(client: httpx.AsyncClient, records: Store) -> None:
    where = f"/incidents/{OTHER}/questions/{HASH}-1/reject"
    for wrong in ({}, {"comment": "  "}, {"comment": "no", "verdict": "approved"}):
        assert (await client.post(where, json=wrong)).status_code == 422
    assert (await client.post(where, json={"comment": "not now"})).status_code == 200
    kept = await records.questions.answered(OTHER, f"{HASH}-1")
    assert kept is not None
    assert (kept["verdict"], kept["comment"], kept["by"]) == ("rejected", "not now", "local")


@pytest.mark.parametrize(
    ("given", "arguments", "target"),
    [
        ({"changes": {"to": "4.10"}}, {"to": "4.10"}, "basket"),
        ({"changes": {"to": 4.1}}, {"to": "4.1"}, "basket"),
        ({"changes": {"steps": [1, 2]}, "target": "cart"}, {"to": "4.1.9", "steps": [1, 2]}, "cart"),
    ],
)
async def test_an_amended_action_is_recorded_whole(
    client: httpx.AsyncClient, records: Store, given: dict[str, Any], arguments: dict[str, Any], target: str
) -> None:
    done = await client.post(f"/incidents/{OTHER}/questions/{HASH}-1/amend", json=given)
    assert done.status_code == 200, done.text
    kept = await records.questions.answered(OTHER, f"{HASH}-1")
    assert kept is not None
    assert Action.model_validate(kept["amended"]) == ROLLBACK.model_copy(update={"arguments": arguments, "target": target})


async def test_a_question_is_answered_by_a_choice(client: httpx.AsyncClient, records: Store) -> None:
    where = f"/incidents/{OTHER}/questions/cause/answer"
    assert (await client.post(where, json={"choice": "infrastructure"})).status_code == 409
    assert (await client.post(where, json={"choice": "infrastructure", "component": "cart"})).status_code == 200
    assert await records.questions.answered(OTHER, CAUSE.id) == {"choice": "infrastructure", "component": "cart", "by": "local"}


async def test_the_second_answer_is_refused_and_told_the_first(client: httpx.AsyncClient) -> None:
    where = f"/incidents/{OTHER}/questions/{HASH}-1"
    both = await asyncio.gather(*(client.post(f"{where}/approve", json={"comment": str(n)}) for n in range(5)))
    assert sorted(one.status_code for one in both) == [200, 409, 409, 409, 409]
    late = await client.post(f"{where}/reject", json={"comment": "no"})
    assert late.status_code == 409
    assert "was answered already: approved by local" in late.json()["error"]


@pytest.mark.parametrize(
    ("incident", "question", "way", "given", "status"),
    [
        ("INC-nobody", HASH, "approve", {}, 404),
        (OTHER, "1", "approve", {}, 409),
        (OTHER, "ffffffff", "approve", {}, 409),
        (OTHER, CAUSE.id, "approve", {}, 409),
        (OTHER, HASH, "answer", {"choice": "hand_over"}, 409),
        (OTHER, HASH, "amend", {}, 409),
        (OTHER, HASH, "amend", {"changes": {"a=b": 1}}, 409),
        (OTHER, HASH, "amend", {"changes": {" ": 1}}, 409),
        (OTHER, HASH, "amend", {"target": ""}, 422),
        (OTHER, "cause", "answer", {"choice": "something"}, 409),
        (ID, HASH, "approve", {}, 409),
    ],
)
async def test_an_answer_that_fits_nothing_changes_nothing(
    client: httpx.AsyncClient, records: Store, incident: str, question: str, way: str, given: dict[str, Any], status: int
) -> None:
    done = await client.post(f"/incidents/{incident}/questions/{question}/{way}", json=given)
    assert (done.status_code, set(done.json())) == (status, {"error", "remedy"})
    assert len(await records.questions.open(OTHER)) == 2


async def test_an_answer_after_the_deadline_is_refused(client: httpx.AsyncClient, records: Store) -> None:
    await records.questions.ask(OTHER, approval(2, at(0)))
    done = await client.post(f"/incidents/{OTHER}/questions/{HASH}-2/approve", json={})
    assert done.status_code == 409
    assert done.json()["error"].startswith("too late")


READS = [f"/incidents{rest}" for rest in ("", f"/{ID}", f"/{ID}/events", f"/{ID}/questions", f"/{ID}/post-mortem")] + ["/metrics"]
WRITES: list[tuple[str, dict[str, Any], list[int]]] = [
    ("/reports", {"text": "trouble"}, [403, 202, 202]),
    (f"/incidents/{OTHER}/questions/cause/answer", {"choice": "hand_over"}, [403, 200, 409]),
    (f"/incidents/{OTHER}/questions/{HASH}-1/approve", {}, [403, 403, 200]),
    (f"/incidents/{OTHER}/questions/{HASH}-1/reject", {"comment": "no"}, [403, 403, 200]),
    (f"/incidents/{OTHER}/questions/{HASH}-1/amend", {"target": "cart"}, [403, 403, 200]),
]


@pytest.mark.parametrize("path", READS)
async def test_every_role_reads_and_nobody_else(records: Store, path: str) -> None:
    for token, status in ((None, 401), ("wrong-0123456789abcdef", 401), *((token, 200) for token in TOKENS.values())):
        async with asked(create_app(site_of(records, **PROTECTED)), token) as client:
            done = await client.get(path)
            assert done.status_code == status
            assert status == 200 or done.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "given", "statuses"), WRITES, ids=[path for path, *_ in WRITES])
async def test_who_may_not_answer_or_report_does_not(
    records: Store, path: str, given: dict[str, Any], statuses: list[int]
) -> None:
    got = []
    for token in TOKENS.values():
        async with asked(create_app(site_of(records, **PROTECTED)), token) as client:
            got.append((await client.post(path, json=given)).status_code)
    assert got == statuses
    async with asked(create_app(site_of(records, **PROTECTED))) as client:
        assert (await client.post(path, json=given)).status_code == 401
        assert (await client.post(f"{path}?token={TOKENS['approver']}", json=given)).status_code == 401


async def test_a_report_is_taken_in_under_its_tokens_name(records: Store) -> None:
    async with asked(create_app(site_of(records, **PROTECTED)), TOKENS["responder"]) as client:
        done = await client.post("/reports", json={"text": " the shop is slow\nvery ", "service": "basket", "severity": "P1"})
        for wrong in ({"text": "  "}, {"text": "x", "severity": "bad"}, {}, {"text": "x", "by": "me"}):
            assert (await client.post("/reports", json=wrong)).status_code == 422
    (kept,) = await records.inbox.waiting()
    assert (done.status_code, done.json()) == (202, {"delivery": kept.id})
    assert kept.body == "responder: the shop is slow\nvery (basket, P1)"


async def test_an_engine_that_does_not_answer_is_a_503(records: Store) -> None:
    async def away(_opening: Opening) -> Any:
        raise UsageError("the Temporal server at 127.0.0.1:7233 does not answer", "start it")

    site = site_of(records)
    object.__setattr__(site, "answers", away)
    async with asked(create_app(site)) as client:
        done = await client.post(f"/incidents/{OTHER}/questions/{HASH}-1/approve", json={})
    assert (done.status_code, done.json()["remedy"]) == (503, "start it")
    assert len(await records.questions.open(OTHER)) == 2
