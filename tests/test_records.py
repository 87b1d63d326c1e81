"""The stores keep one contract, whichever database they are in; what is packed comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from incident_in_hand import ID, OPENED, PICTURE, alert, at, event, events, evidence

from nexus.errors import IncidentHeld, RecordsError
from nexus.incident import AskedTask, Effect, EffectKind, EffectState, EventKind, Evidence, Opening, Question
from nexus.records.packing import clean, pack, unpack
from nexus.records.store import Store
from nexus.records.stores import MemoryStore, open_store


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    match request.param:
        case "memory":
            opened = MemoryStore()
        case "sqlite":
            opened = await open_store(tmp_path / "out")
        case _:
            opened = await open_store(tmp_path / "out", request.getfixturevalue("postgres_url"))
    yield opened
    await opened.close()


def opening(incident: str = ID) -> Opening:
    return Opening(incident=incident, alert=alert(), opened_at=OPENED, graph=1)


def post(number: int = 1) -> Effect:
    """A status post that is about to leave."""
    return Effect(incident=ID, key=f"status:{number}", kind=EffectKind.STATUS, at=at(number))


async def test_events_come_back_in_the_order_of_their_time(store: Store) -> None:
    log = events()
    await store.append(*reversed(log))
    assert [e.at for e in await store.events(ID)] == [e.at for e in log]
    assert {e.key: e for e in await store.events(ID)} == {e.key: e for e in log}


async def test_an_incident_is_begun_once_under_its_id(store: Store) -> None:
    assert [await store.begin(opening()), await store.begin(opening()), await store.begin(opening("other"))] == [
        True,
        False,
        True,
    ]


async def test_of_many_who_begin_an_incident_at_once_one_does(store: Store) -> None:
    assert sum(await asyncio.gather(*(store.begin(opening()) for _ in range(10)))) == 1


async def test_what_an_incident_was_begun_with_comes_back(store: Store) -> None:
    assert await store.opening(ID) is None
    await store.begin(opening())
    assert await store.opening(ID) == opening()


async def test_an_incident_is_unfinished_until_its_last_document_is_saved(store: Store) -> None:
    for name in ("b", "a", "B"):
        await store.begin(opening(name))
    await store.save_document("a", "{}")
    assert [left.incident for left in await store.unfinished()] == ["B", "a", "b"]
    await store.save_document("a", "{}", ended=True)
    assert await store.unfinished() == [opening("B"), opening("b")]


async def test_events_of_one_moment_keep_the_order_of_their_arrival(store: Store) -> None:
    twins = [event(EventKind.FINDING, 3, "a", text) for text in ("z", "y", "x")]
    for twin in twins:
        await store.append(twin)
    assert await store.events(ID) == twins


async def test_recording_a_key_twice_records_it_once_and_as_it_was(store: Store) -> None:
    first = event(EventKind.FINDING, 1, "a", "said")
    assert await store.append(first, first) == [first]
    assert await store.append(first.model_copy(update={"text": "said otherwise"})) == []
    assert await store.events(ID) == [first]


async def test_appending_gives_back_what_was_new(store: Store) -> None:
    log = events()
    await store.append(log[2], log[5])
    assert await store.append(*log) == [one for one in log if one not in (log[2], log[5])]
    assert await store.append() == []


async def test_incidents_are_apart_though_their_keys_are_the_same(store: Store) -> None:
    one = event(EventKind.OPENED, 0, "a", "x")
    await store.append(one, one.model_copy(update={"incident": "other"}))
    assert await store.events(ID) == [one]
    assert len(await store.events("other")) == 1
    assert await store.events("nobody") == []


async def test_incidents_are_listed_newest_first(store: Store) -> None:
    opened = event(EventKind.OPENED, 0, "a", "x")
    for name, minutes in (("middle", 10), ("oldest", 0), ("newest", 20)):
        await store.append(opened.model_copy(update={"incident": name, "at": OPENED + timedelta(minutes=minutes)}))
    assert await store.incidents() == ["newest", "middle", "oldest"]


async def test_an_incident_of_unknown_time_is_listed_last(store: Store) -> None:
    await store.save_document("only a document", "{}")
    await store.append(event(EventKind.OPENED, 0, "a", "x"))
    assert await store.incidents() == [ID, "only a document"]


async def test_incidents_of_one_time_are_listed_by_their_letters_in_every_database(store: Store) -> None:
    for name in ("b", "B", "a-1", "a.1", "ä", "z"):
        await store.append(event(EventKind.OPENED, 0, "a", "x").model_copy(update={"incident": name}))
    assert await store.incidents() == ["ä", "z", "b", "a.1", "a-1", "B"]


async def test_evidence_comes_back_whole_oldest_first_or_by_id(store: Store) -> None:
    kept = evidence()
    for piece in reversed(kept):
        await store.keep(ID, piece, dict.fromkeys(piece.pictures, b"png"))
    assert await store.evidence(ID) == kept
    assert await store.evidence(ID, [kept[2].id, "not there", kept[0].id]) == [kept[0], kept[2]]
    assert await store.evidence(ID, []) == []


async def test_evidence_of_a_step_that_ran_again_is_that_of_its_second_run(store: Store) -> None:
    first = evidence()[0]
    second = first.model_copy(update={"summary": "looked again"})
    await store.keep(ID, first, {})
    await store.keep(ID, second, {})
    assert await store.evidence(ID) == [second]


async def test_pictures_come_back_by_their_path_and_the_later_holds(store: Store) -> None:
    await store.keep(ID, evidence()[3], {PICTURE: b"\x89PNG\0\xff", "evidence/b.png": b""})
    await store.keep(ID, evidence()[3], {PICTURE: b"second"})
    await store.keep("other", evidence()[3], {PICTURE: b"not yours"})
    assert await store.pictures(ID) == {PICTURE: b"second", "evidence/b.png": b""}
    assert await store.pictures("nobody") == {}


async def test_tasks_come_back_as_asked_oldest_first_and_the_later_holds(store: Store) -> None:
    first, second = (
        AskedTask(key=k, agent="a", task="triage", at=at(n), facts={"\u6f22": [n, None]}) for k, n in (("x", 1), ("y", 2))
    )
    for task in (second, first, first.model_copy(update={"task": "diagnose"})):
        await store.keep_task(ID, task)
    assert await store.tasks(ID) == [first.model_copy(update={"task": "diagnose"}), second]


async def test_the_document_kept_last_is_the_one_given_back(store: Store) -> None:
    assert await store.document(ID) is None
    await store.save_document(ID, '{"id": 1}')
    await store.save_document(ID, '{"id": 2}')
    assert await store.document(ID) == '{"id": 2}'
    assert await store.incidents() == [ID]


async def test_values_that_are_no_json_are_kept_as_far_as_json_can(store: Store) -> None:
    odd = {
        "nan": float("nan"),
        "inf": [float("-inf")],
        "half": "a\ud800b",
        "at": OPENED,
        "\udc00": 1,
        "long": "x" * 2_000_000,
        "nul": "a\0b",
    }
    await store.keep(ID, evidence()[0].model_copy(update={"values": odd}), {})
    await store.append(event(EventKind.FINDING, 1, "a", "漢字 🙂", value=float("nan")))
    kept = (await store.evidence(ID))[0].values
    assert kept["nan"] is None
    assert kept["inf"] == [None]
    assert kept["half"] == "a\ufffdb"
    assert kept["at"] == OPENED.isoformat()
    assert kept["nul"] == "a\0b"
    assert len(kept["long"]) == 2_000_000
    assert (await store.events(ID))[0].text == "漢字 🙂"


async def test_a_picture_cannot_be_kept_outside_its_incident(store: Store) -> None:
    for path in ("../escaped.png", "/etc/escaped.png", "a/../../escaped.png", "", "a\\..\\b.png"):
        with pytest.raises(RecordsError, match="inside the incident's folder"):
            await store.keep(ID, evidence()[0], {"evidence/a.png": b"png", path: b"png"})
    assert (await store.evidence(ID), await store.pictures(ID)) == ([], {})


async def test_an_incident_id_cannot_lead_out_of_the_records(store: Store) -> None:
    for incident in ("../x", "", ".", "..", "a/b", "/x", "a\0b", "x" * 200):
        with pytest.raises(RecordsError, match="is not an incident id"):
            await store.keep(incident, evidence()[0], {"a.png": b"png"})


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    await asyncio.gather(*(store.append(event(EventKind.EVIDENCE, n / 60, "a", str(n))) for n in range(50)))
    assert [e.text for e in await store.events(ID)] == [str(n) for n in range(50)]


async def test_keys_with_signs_that_a_database_may_not_take_are_kept_apart(store: Store) -> None:
    odd = [event(EventKind.FINDING, n, "a", text) for n, text in enumerate(("a\0b", "100% of ?", "%s", "'; --", "\ud800"))]
    assert await store.append(*odd) == odd
    assert await store.append(*odd) == []
    assert [e.text for e in await store.events(ID)] == ["a\0b", "100% of ?", "%s", "'; --", "\ufffd"]


async def test_an_effect_is_begun_once_and_given_back_as_it_stands(store: Store) -> None:
    said = event(EventKind.PUBLISHED, 1, "NEXUS", "update 1")
    assert await store.outbox.begin(post(), *events()[:2]) is None
    assert await store.outbox.begin(post().model_copy(update={"what": {"other": 1}}), events()[0]) == post()
    done = post().model_copy(update={"state": EffectState.DONE, "result": {"id": "p-1"}})
    assert await store.outbox.settle(done, said, events()[1]) == [said]
    assert await store.outbox.begin(post()) == done
    assert await store.outbox.effect(ID, "status:1") == done
    assert await store.outbox.effect(ID, "status:2") is None
    assert await store.events(ID) == [*events()[:2], said]


async def test_of_many_who_begin_an_effect_at_once_one_does_and_the_others_are_given_its(store: Store) -> None:
    tries = [post().model_copy(update={"what": {"by": n}}) for n in range(10)]
    given = await asyncio.gather(*(store.outbox.begin(one) for one in tries))
    first = tries[given.index(None)]
    assert given.count(None) == 1
    assert [one for one in given if one is not None] == [first] * 9


async def test_effects_come_back_in_the_order_in_which_they_were_begun_and_by_state(store: Store) -> None:
    for number in (3, 1, 2):
        await store.outbox.begin(post(number))
    failed = post(1).model_copy(update={"state": EffectState.FAILED})
    await store.outbox.settle(failed)
    assert await store.outbox.effects(ID) == [post(3), failed, post(2)]
    assert await store.outbox.effects(ID, EffectState.BEGUN, EffectState.UNKNOWN) == [post(3), post(2)]
    assert await store.outbox.effects("nobody") == []


async def test_settling_what_was_never_begun_writes_down_no_effect(store: Store) -> None:
    await store.outbox.settle(post())
    assert await store.outbox.effects(ID) == []


async def test_a_question_is_open_until_it_is_answered_and_is_answered_once(store: Store) -> None:
    asked = [Question(id=name, kind="approval", text=f"{name}?", deadline=at(5), detail={"n": 1}) for name in ("b", "a")]
    for question in (*asked, asked[0].model_copy(update={"text": "put again"})):
        await store.questions.ask(ID, question)
    assert await store.questions.open(ID) == asked
    assert await store.questions.answered(ID, "b") is None
    assert await store.questions.answer(ID, "b", {"verdict": "approved", "note": "a\0\ud800b"})
    assert not await store.questions.answer(ID, "b", {"verdict": "rejected"})
    assert not await store.questions.answer(ID, "never asked", {})
    assert not await store.questions.answer("other", "a", {})
    assert await store.questions.answered(ID, "b") == {"verdict": "approved", "note": "a\0\ufffdb"}
    assert await store.questions.open(ID) == asked[1:]


async def test_of_many_answers_at_once_one_holds(store: Store) -> None:
    await store.questions.ask(ID, Question(id="q", kind="approval", text="?"))
    taken = await asyncio.gather(*(store.questions.answer(ID, "q", {"by": n}) for n in range(10)))
    assert taken.count(True) == 1
    assert await store.questions.answered(ID, "q") == {"by": taken.index(True)}


async def test_a_journal_keeps_the_first_body_of_a_key_and_goes_on_from_an_arrival(store: Store) -> None:
    journal = store.journal("shop")
    assert [await journal.add(*entry) for entry in (("k", "first"), ("k", "second"), ("l", "third"))] == [
        "first",
        "first",
        "third",
    ]
    await store.journal("other").add("k", "elsewhere")
    seen = await journal.since()
    assert [(key, body) for _, key, body in seen] == [("k", "first"), ("l", "third")]
    assert await journal.since(seen[0][0]) == seen[1:]
    assert await journal.since(seen[1][0]) == []


async def test_who_follows_a_journal_misses_nothing_that_many_write_at_once(store: Store) -> None:
    journal = store.journal("shop")
    seen: list[tuple[int, str, str]] = []
    writing = asyncio.gather(*(journal.add(str(n), "x") for n in range(60)))
    while not writing.done():
        seen += await journal.since(seen[-1][0] if seen else 0)
        await asyncio.sleep(0)
    seen += await journal.since(seen[-1][0] if seen else 0)
    assert sorted(int(key) for _, key, _ in seen) == list(range(60))


async def test_a_name_is_held_by_one_at_a_time(store: Store) -> None:
    async with store.hold(ID):
        async with store.hold("other"):
            pass
        with pytest.raises(IncidentHeld, match=ID):
            async with store.hold(ID):
                pytest.fail("held twice")
    async with store.hold(ID):
        pass


async def test_a_name_is_free_again_after_an_error_or_a_cancellation(store: Store) -> None:
    async def hold_until(entered: asyncio.Event) -> None:
        async with store.hold(ID):
            entered.set()
            await asyncio.sleep(60)

    entered = asyncio.Event()
    task = asyncio.create_task(hold_until(entered))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ZeroDivisionError):
        async with store.hold(ID):
            _ = 1 / 0
    async with store.hold(ID):
        pass


async def test_closing_twice_is_harmless(store: Store) -> None:
    await store.append(*events())
    await store.close()
    await store.close()


async def test_what_is_given_back_cannot_change_what_is_kept(store: Store) -> None:
    await store.keep(ID, evidence()[0], {})
    (await store.evidence(ID))[0].values["looked_at"] = 0
    assert (await store.evidence(ID))[0].values == {"looked_at": 120}


json_like = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(some.characters()),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(some.characters()), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(values=some.dictionaries(some.text(some.characters()), json_like))
def test_packing_takes_any_value_and_packing_again_changes_nothing(values: dict[str, object]) -> None:
    first = unpack(Evidence, pack(Evidence(id="E", tool="t", agent="a", at=at(0), summary="s", values=values)))
    assert unpack(Evidence, pack(first)) == first
    assert clean(first.values) == first.values
