"""An incident survives the death of its process, wherever it dies: it ends as it would have, and nothing is done twice.

Processes that really die, by SIGKILL; the whole table of points is tests/bench/crash_points.py.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crash_in_hand import BRANCHES, READ_BACK, Left, Nursery, broken, differences, emptied, nursery, points_of
from crash_lives import Life

from nexus.records.stores import SqliteStore


@pytest.fixture(scope="module")
def forking() -> Iterator[Nursery]:
    with nursery() as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(forking: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """The bad deployment, from the alert to its end."""
    return forking.incident("bad-deploy", tmp_path_factory.mktemp("undisturbed"))


def when(undisturbed: Left, point: str, of: str) -> tuple[str, int]:
    """The first passing of that point by an effect whose key holds `of`."""
    passed = [p for p in undisturbed.passed if p.point == point]
    return point, next(number for number, p in enumerate(passed, 1) if of in p.detail)


def killed_at_each(forking: Nursery, undisturbed: Left, points: list[tuple[str, int]], folder: Path, **more: Any) -> list[str]:
    """What is wrong of incidents that each die at one of the points."""
    scenario = more.pop("scenario", "bad-deploy")
    wrong: list[str] = []
    for number, point in enumerate(points):
        left = forking.incident(scenario, folder / str(number), point, **more)
        wrong += [f"{point}: {each}" for each in differences(undisturbed, left)]
        wrong += [f"{point} was not met"] * (left.lives != 2)
    return wrong


@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_any_boundary_of_a_node_the_incident_ends_as_undisturbed(
    forking: Nursery, undisturbed: Left, tmp_path: Path, side: str
) -> None:
    points = [p for p in points_of(undisturbed) if p[0] == f"{side} checkpoint"]
    assert len(points) > 15
    assert killed_at_each(forking, undisturbed, points, tmp_path) == []


def test_killed_while_posts_are_on_their_way_each_goes_out_once(forking: Nursery, undisturbed: Left, tmp_path: Path) -> None:
    points = [
        when(undisturbed, "after begin", "status:1"),
        when(undisturbed, "after words", "status:2"),
        when(undisturbed, "before begin", "brief:2"),
        when(undisturbed, "after settle", "escalation"),
    ]
    assert killed_at_each(forking, undisturbed, points, tmp_path) == []


def test_killed_with_its_action_begun_and_not_made_the_action_is_made_once(
    forking: Nursery, undisturbed: Left, tmp_path: Path
) -> None:
    left = forking.incident("bad-deploy", tmp_path, when(undisturbed, "after begin", "-1-0"))
    assert differences(undisturbed, left) == []
    assert [p.detail for p in left.passed if p.point == "find"] == [f"{left.document['id']}-1-0 not made"]
    assert left.called("action").total() == 1


def test_killed_between_act_and_record_the_action_is_read_back_and_not_repeated(
    forking: Nursery, undisturbed: Left, tmp_path: Path
) -> None:
    left = forking.incident("bad-deploy", tmp_path, when(undisturbed, "after action", "-1-0"))
    assert differences(undisturbed, left) == []
    assert left.called("action").total() == 1
    assert [e["kind"] for e in left.events if e["text"].endswith(READ_BACK)] == ["acted"]


def test_killed_before_its_folder_is_written_it_is_written_by_the_next(
    forking: Nursery, undisturbed: Left, tmp_path: Path
) -> None:
    left = forking.incident("bad-deploy", tmp_path, ("before folder", 1))
    assert differences(undisturbed, left) == []
    assert (tmp_path / left.document["id"] / "incident.json").is_file()


def test_killed_again_and_again_it_ends_as_undisturbed(forking: Nursery, undisturbed: Left, tmp_path: Path) -> None:
    left = forking.incident("bad-deploy", tmp_path, *[("after checkpoint", 2)] * 9, ("before settle", 1), ("before writes", 1))
    assert left.lives == 12
    assert differences(undisturbed, left) == []


@pytest.mark.parametrize("scenario", [name for name in BRANCHES if name != "bad-deploy"])
def test_killed_at_points_by_chance_each_branch_ends_as_undisturbed(forking: Nursery, tmp_path: Path, scenario: str) -> None:
    known = forking.incident(scenario, tmp_path / "undisturbed")
    points = random.Random(scenario).sample(points_of(known), 2)
    assert killed_at_each(forking, known, points, tmp_path, scenario=scenario) == []


def test_on_postgresql_it_ends_as_on_sqlite(forking: Nursery, undisturbed: Left, postgres_url: str, tmp_path: Path) -> None:
    chance = random.Random("postgresql").sample(points_of(undisturbed), 2)
    for number, point in enumerate(
        [*chance, when(undisturbed, "after action", "-1-0"), when(undisturbed, "after begin", "-1-0")]
    ):
        emptied(postgres_url)
        left = forking.incident("bad-deploy", tmp_path / str(number), point, records=postgres_url)
        assert left.lives == 2
        assert [f"{point}: {each}" for each in differences(undisturbed, left)] == []


EXHAUSTED = "connections-exhausted"


@pytest.fixture(scope="module")
def exhausted(forking: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A database out of connections, whose one action is put before a world that cannot say what became of it."""
    return forking.incident(EXHAUSTED, tmp_path_factory.mktemp("exhausted"))


def answered(forking: Nursery, out: Path, died: tuple[str, int], choice: str) -> Left:
    """It dies, asks, and waits; a person answers from elsewhere; it goes on."""
    assert not forking.live(Life(EXHAUSTED, str(out), None, *died, blind=True))
    assert forking.live(Life(EXHAUSTED, str(out), approve="never", blind=True))
    asyncio.run(answered_by_somebody(out, choice))
    return forking.lives(Life(EXHAUSTED, str(out), blind=True))


def test_where_the_world_cannot_say_what_became_of_an_action_silence_hands_over_with_owner_and_deadline(
    forking: Nursery, exhausted: Left, tmp_path: Path
) -> None:
    left = forking.incident(EXHAUSTED, tmp_path, when(exhausted, "after action", "-1-0"), blind=True)
    (action,) = left.unknown
    assert broken(left) == []
    assert left.document["outcome"] == "handed_over"
    assert left.called("action").total() == 1
    assert action["owner"]
    (told,) = [e["data"]["text"] for e in left.events if e["kind"] == "closed"]
    assert f"what became of attempt 1, {action['action']['kind']} {action['action']['target']}" in told
    assert f"({action['owner']}, by {action['deadline'][:10]} {action['deadline'][11:16]} UTC)" in told


def test_where_a_person_says_that_it_was_carried_out_it_is_verified_as_if_the_world_had_said_so(
    forking: Nursery, exhausted: Left, tmp_path: Path
) -> None:
    left = answered(forking, tmp_path, when(exhausted, "after action", "-1-0"), "carried_out")
    first = left.document["actions"][0]
    assert broken(left) == []
    assert left.document["outcome"] == "resolved"
    assert (first["result"], first["detail"], first["owner"]) == ("done", "somebody says so", None)
    assert left.document["verification"][0]["attempt"] == 1
    assert left.called("action")[f"apply {first['id']}"] == 1


def test_where_a_person_says_that_it_was_not_the_attempt_has_failed_and_the_same_may_be_planned_anew(
    forking: Nursery, exhausted: Left, tmp_path: Path
) -> None:
    left = answered(forking, tmp_path, when(exhausted, "after begin", "-1-0"), "not_carried_out")
    first = left.document["actions"][0]
    assert broken(left) == []
    assert (first["result"], first["detail"]) == ("failed", "somebody says so")
    assert left.called("action")[f"apply {first['id']}"] == 0
    second = left.document["actions"][1]
    assert (second["action"]["kind"], second["action"]["target"]) == (first["action"]["kind"], first["action"]["target"])
    assert (second["attempt"], second["result"], left.document["outcome"]) == (2, "done", "resolved")


def test_where_nobody_knows_whether_a_fallback_is_off_again_people_take_over(forking: Nursery, tmp_path: Path) -> None:
    known = forking.incident("payment-down", tmp_path / "undisturbed")
    taken_back = when(known, "after action", "-undo")
    left = forking.incident("payment-down", tmp_path / "killed", taken_back, blind=True)
    (action,) = left.unknown
    assert broken(left) == []
    assert (left.document["outcome"], bool(action["owner"])) == ("handed_over", True)
    assert sum(count for call, count in left.called("action").items() if "-undo" in call) == 1


async def answered_by_somebody(out: Path, choice: str) -> None:
    """The one open question, answered by another process than the incident's."""
    async with await SqliteStore.open(out / "records.sqlite") as records:
        (opening,) = await records.unfinished()
        (question,) = await records.questions.open(opening.incident)
        assert question.kind == "question"
        assert await records.questions.answer(opening.incident, question.id, {"choice": choice, "by": "somebody"})
