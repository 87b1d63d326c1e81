"""Changes from real repositories, made here with git."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nexus.errors import Unavailable
from nexus.world.catalog import ServiceCatalog
from nexus.world.changes import Change
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.git_history import Settings, connect
from nexus.world.journal import MemoryJournal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clone:
    """A repository whose commits are a minute apart, from noon on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.minute = 0
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        at = f"@{(NOON + timedelta(minutes=self.minute)).timestamp():.0f} +0000"
        who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@x", "GIT_COMMITTER_NAME": "Bot", "GIT_COMMITTER_EMAIL": "b@x"}
        env = {**who, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        told = subprocess.run(["git", *arguments], cwd=self.folder, env=env, check=True, capture_output=True, text=True)
        return told.stdout.strip()

    def commit(self, message: str, *files: str) -> str:
        """The commit's short name."""
        self.minute += 1
        for file in files:
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{message} {self.minute}")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "--short", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "shop")


def connected(clone: Clone, **given: Any) -> Connector:
    told = Settings.model_validate({"use": "git", "repositories": [{"path": clone.folder.name, **given}]})
    return connect(told, Site(clone.folder.parent, ServiceCatalog(), MemoryJournal(), NOON))


async def changes(connector: Connector, minutes: tuple[float, float] = (0, 60)) -> list[Change]:
    assert connector.changes is not None
    start, end = (NOON + timedelta(minutes=m) for m in minutes)
    return await connector.changes.between(start, end)


async def test_commits_are_changes_with_what_they_replaced(clone: Clone) -> None:
    first, second = clone.commit("first", "a"), clone.commit("Raise the timeout: 5 s", "a", "b")
    found = await changes(connected(clone, component="web", branch="main"))
    at = NOON + timedelta(minutes=1)
    assert found[0] == Change(first, at, "web", "deployment", first, "", "Ada", "first")
    assert (found[1].version, found[1].previous, found[1].summary) == (second, first, "Raise the timeout: 5 s")


async def test_only_the_time_asked_for_counts_and_both_its_ends_do(clone: Clone) -> None:
    names = [clone.commit(str(number), "a") for number in range(1, 6)]
    connector = connected(clone, component="web")
    assert [c.id for c in await changes(connector, (2, 4))] == names[1:4]
    assert (await changes(connector, (2, 2)))[0].previous == names[0]
    assert await changes(connector, (10, 20)) == []


async def test_a_merge_is_one_change_of_everything_that_came_with_it(clone: Clone) -> None:
    base = clone.commit("base", "web/a")
    clone.git("checkout", "--quiet", "-b", "feature")
    clone.commit("inside one", "web/b")
    clone.commit("inside two", "cart/c")
    clone.git("checkout", "--quiet", "main")
    clone.minute += 1
    clone.git("merge", "--quiet", "--no-ff", "--message", "merge feature", "feature")
    found = await changes(connected(clone, paths={"web": "web", "cart": "cart"}, branch="main"))
    assert [(c.component, c.summary, c.previous) for c in found] == [
        ("web", "base", ""),
        ("cart", "merge feature", ""),
        ("web", "merge feature", base),
    ]
    merge = clone.git("rev-parse", "--short", "HEAD")
    assert [c.id for c in found] == [base, f"{merge}/cart", f"{merge}/web"]


async def test_folders_belong_to_components_and_the_longest_counts(clone: Clone) -> None:
    old = clone.commit("old web", "apps/web/a")
    clone.commit("docs", "README.md")
    clone.commit("deep", "apps/web/admin/x")
    new = clone.commit("new web", "apps/web/b")
    clone.commit("beside", "apps/webhooks/z")
    found = await changes(connected(clone, paths={"apps/web/": "web", "apps/web/admin": "admin"}), (2.5, 60))
    assert [(c.component, c.id, c.previous) for c in found if c.component == "web"] == [("web", new, old)]
    assert [c.component for c in found] == ["admin", "web"]
    rest = await changes(connected(clone, component="platform", paths={"apps/web": "web"}))
    assert [c.component for c in rest] == ["web", "platform", "web", "web", "platform"]


async def test_a_commit_of_configuration_alone_is_a_configuration_change(clone: Clone) -> None:
    clone.commit("both", "config/web.yaml", "code.py")
    clone.commit("limits", "config/deep/limits.yaml")
    clone.commit("nothing")
    found = await changes(connected(clone, component="web", config=["config/*"]))
    assert [c.kind for c in found] == ["deployment", "config", "deployment"]


async def test_with_tags_releases_are_the_changes(clone: Clone) -> None:
    clone.commit("one", "a")
    clone.git("tag", "v1")
    clone.commit("two", "a")
    clone.git("tag", "--annotate", "v2", "--message", "the second release")
    clone.commit("three", "a")
    clone.git("tag", "nightly")
    found = await changes(connected(clone, component="web", tags="v*"))
    assert [(c.id, c.previous, c.author, c.summary) for c in found] == [
        ("v1", "", "Ada", "one"),
        ("v2", "v1", "Bot", "the second release"),
    ]


async def test_odd_messages_and_file_names_stay_what_they_are(clone: Clone) -> None:
    message = "--all \x1e\x1f $(touch owned) {x} “quoted”"
    name = clone.commit(message, 'web/ü "file" \n two', "web/-n")
    (found,) = await changes(connected(clone, paths={"web": "web"}))
    assert (found.id, found.component) == (name, "web")
    assert "$(touch owned) {x} “quoted”" in found.summary
    assert not (clone.folder / "owned").exists()


async def test_a_repository_that_is_not_there_or_has_no_such_branch_is_unavailable(clone: Clone, tmp_path: Path) -> None:
    clone.commit("one", "a")
    with pytest.raises(Unavailable, match=r"shop cannot be read: git .*unknown revision|bad revision"):
        await changes(connected(clone, component="web", branch="release"))
    (tmp_path / "plain").mkdir()
    told = Settings.model_validate({"use": "git", "repositories": [{"path": "absent", "component": "web"}]})
    site = Site(tmp_path, ServiceCatalog(), MemoryJournal(), NOON)
    with pytest.raises(Unavailable, match="absent"):
        await changes(connect(told, site))


async def test_the_proof_tells_of_the_newest_commit_or_that_there_is_none(clone: Clone) -> None:
    name = clone.commit("one", "a")
    (proof,) = await connected(clone, component="web").prove(NOON + timedelta(days=3, minutes=1))
    assert proof.ok
    assert f"{name}, 3 days old" in proof.detail
    (empty,) = await connected(clone, component="web", tags="v*").prove(NOON)
    assert not empty.ok
    (broken,) = await connected(clone, component="web", branch="x").prove(NOON)
    assert not broken.ok
    assert await changes(connected(clone, component="web", tags="v*")) == []


async def test_a_repository_knows_of_no_pipelines(clone: Clone) -> None:
    connector = connected(clone, component="web")
    assert connector.changes is not None
    assert await connector.changes.pipelines(NOON, NOON) == []


@pytest.mark.parametrize(
    "given",
    [{}, {"component": "web", "branch": "--output=x"}, {"component": "web", "tags": "v*", "paths": {"a": "b"}}, {"paths": {}}],
)
def test_settings_that_make_no_sense_are_refused(clone: Clone, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connected(clone, **given)
