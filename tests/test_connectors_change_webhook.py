"""Posted changes in a real file, with several processes that write to it at once."""

from __future__ import annotations

import json
import multiprocessing
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from nexus.errors import AlertError, RecordsError, Unavailable
from nexus.world.catalog import ServiceCatalog
from nexus.world.changes import Change
from nexus.world.connectors.change_webhook import Posted, PostedChanges, Settings, append_change, connect
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.register import module_of
from nexus.world.journal import MemoryJournal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LONG = timedelta(days=1)
DEPLOY = {"component": "web", "kind": "deployment", "version": "v42", "at": "2026-03-02T13:00:00+01:00", "id": "run-7"}


def connected(path: Path, **given: Any) -> Connector:
    told = Settings.model_validate({"use": "change-webhook", "file": path.name, **given})
    return connect(told, Site(path.parent, ServiceCatalog(), MemoryJournal(), NOON))


def changes_of(path: Path, **given: Any) -> PostedChanges:
    changes = connected(path, **given).changes
    assert isinstance(changes, PostedChanges)
    return changes


async def test_a_posted_change_is_read_back_as_it_was_posted(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    told = DEPLOY | {"previous": "v41", "author": "Ada", "summary": "A \n line ☃"}
    given = append_change(path, told)
    assert given == Change("run-7", NOON, "web", "deployment", "v42", "v41", "Ada", "A \n line ☃")
    assert await changes_of(path).between(NOON, NOON) == [given]
    assert await changes_of(path).between(NOON + LONG, NOON + 2 * LONG) == []


async def test_the_same_id_again_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    append_change(path, DEPLOY)
    append_change(path, DEPLOY | {"summary": "tried again"})
    (only,) = await changes_of(path).between(NOON - LONG, NOON + LONG)
    assert only.summary == ""


async def test_a_post_without_an_id_sent_again_is_the_same_change(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    bare = {k: v for k, v in DEPLOY.items() if k != "id"}
    first = append_change(path, bare)
    assert append_change(path, bare).id == first.id
    assert append_change(path, bare | {"version": "v43"}).id != first.id
    assert len(await changes_of(path).between(NOON - LONG, NOON + LONG)) == 2


async def test_a_post_without_a_time_was_made_now(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    before = datetime.now(UTC)
    given = append_change(path, {"component": "web", "version": "v1"})
    assert before <= given.at <= datetime.now(UTC)
    assert given.kind == "deployment"


async def test_oldest_comes_first_and_senders_names_become_ours(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    for minute, name in ((5, "b"), (1, "a"), (9, "c")):
        append_change(path, {"component": "frontend", "id": name, "at": (NOON + timedelta(minutes=minute)).isoformat()})
    found = await changes_of(path, components={"frontend": "web"}).between(NOON, NOON + LONG)
    assert [(c.id, c.component) for c in found] == [("a", "web"), ("b", "web"), ("c", "web")]


async def test_a_torn_line_is_passed_over_and_what_follows_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    append_change(path, DEPLOY)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert len(await changes_of(path).between(NOON - LONG, NOON + LONG)) == 1
    append_change(path, DEPLOY | {"id": "run-8"})
    assert [c.id for c in await changes_of(path).between(NOON - LONG, NOON + LONG)] == ["run-7", "run-8"]


async def test_lines_that_somebody_else_appended_count_where_they_say_when(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    lines = ['{"component": "web", "at": "2026-03-02T12:00:00"}', '{"component": "web"}', '{"at": 1}', "[]", '"at"', "\xff", ""]
    path.write_bytes("\n".join(lines).encode("latin-1"))
    (only,) = await changes_of(path).between(NOON - LONG, datetime.now(UTC) + LONG)
    assert (only.at, only.id) == (NOON, (await changes_of(path).between(NOON, NOON))[0].id)


async def test_a_run_of_ci_is_no_change_and_its_last_status_counts(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    later = (NOON + timedelta(minutes=4)).isoformat()
    append_change(path, DEPLOY | {"status": "running"})
    append_change(path, DEPLOY | {"status": "failed", "at": later, "summary": "unit tests"})
    append_change(path, DEPLOY | {"status": "failed", "at": later, "summary": "sent again"})
    changes = changes_of(path)
    assert await changes.between(NOON - LONG, NOON + LONG) == []
    (run,) = await changes.pipelines(NOON - LONG, NOON + LONG)
    assert (run.component, run.at, run.version, run.status, run.detail) == ("web", NOON, "v42", "failed", "unit tests")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "component"),
        ({"component": ""}, "component"),
        ({"component": 7}, "component"),
        ({"component": "web", "kind": "rewrite"}, "kind"),
        ({"component": "web", "at": "yesterday"}, "at"),
        ({"component": "web", "at": "2999-01-01T00:00:00Z"}, "future"),
        ({"component": "web", "colour": "red"}, "colour"),
        ({"component": "web", "status": "unknown"}, "status"),
        ({"component": "web", "summary": "x" * 2001}, "summary"),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_written(tmp_path: Path, payload: dict[str, Any], said: str) -> None:
    with pytest.raises(AlertError) as refused:
        append_change(tmp_path / "changes.jsonl", payload)
    assert said in refused.value.what
    assert not (tmp_path / "changes.jsonl").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="No such file"):
        append_change(tmp_path / "absent" / "changes.jsonl", DEPLOY)


def _many(path: Path, writer: int) -> None:
    for number in range(20):
        append_change(path, {"component": "web", "id": f"{writer}-{number}", "summary": "x" * 1500})
        append_change(path, {"component": "web", "id": f"shared-{number}"})


def test_writers_at_once_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_many, args=(path, writer)) for writer in range(3)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(30)
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert sorted(ids) == sorted([f"{w}-{n}" for w in range(3) for n in range(20)] + [f"shared-{n}" for n in range(20)])


async def test_nothing_ever_posted_is_not_the_same_as_no_changes(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    with pytest.raises(Unavailable, match="No such file"):
        await changes_of(path).between(NOON - LONG, NOON)


async def test_the_proof_says_what_was_posted_lately(tmp_path: Path) -> None:
    path = tmp_path / "changes.jsonl"
    (missing,) = await connected(path).prove(NOON)
    assert not missing.ok
    append_change(path, DEPLOY)
    (good,) = await connected(path).prove(NOON + LONG)
    assert good.ok
    assert "1 changes, 0 pipeline runs, the newest of 2026-03-02 12:00 UTC" in good.detail
    (old,) = await connected(path).prove(NOON + 60 * LONG)
    assert not old.ok


def test_the_page_shows_a_post_that_is_taken_and_names_every_field(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "changes.md").read_text(encoding="utf-8")
    (post,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert append_change(tmp_path / "changes.jsonl", json.loads(post)).id == "run-1718"
    table = page[page.index("| Field |") :]
    assert set(Posted.model_fields) == set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"\n\| (.*?) \|", table))))


def test_the_settings_that_the_page_shows_are_taken(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "changes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    for given in YAML(typ="safe").load(block)["connectors"]:
        module = module_of(given["use"])
        site = Site(tmp_path, ServiceCatalog(), MemoryJournal(), NOON)
        assert module.connect(module.Settings.model_validate(given), site).changes is not None
