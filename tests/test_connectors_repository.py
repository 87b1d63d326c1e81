"""A real git repository with a real remote: errors found in it, patches made, tested, released and taken back.

GitHub's pull requests are answered as its REST API documents them (version 2022-11-28, "List" and "Create a pull request").
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_in_hand import LIBRARY, PAY, Releases, Script, a_cause
from http_in_hand import Asked, http_in_hand
from pydantic import ValidationError
from world_in_hand import CATALOG, FIRED, Lines, Pipelines, Tried, look

from nexus.asked import approve_all
from nexus.embedded import handle
from nexus.errors import ActionFailed, ActionUnknown, Unavailable, WorldError
from nexus.incident import Action, ActionKind, ActionResult, Alert, Cause, Diagnosis, EventKind, Outcome
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.plan import plan
from nexus.responder.rules.verify import verify
from nexus.tools.code import LOCATE_ERROR, TEST_PATCH, OfError, OfPatch
from nexus.tools.readings import CodeReading, PatchTestReading
from nexus.world import World
from nexus.world.catalog import Service, ServiceCatalog
from nexus.world.clock import VirtualClock
from nexus.world.code import CodeLocation, Patch
from nexus.world.connectors.acting import JournaledActions
from nexus.world.connectors.contract import ActionSource, Connector, Site
from nexus.world.connectors.repository import Settings, connect
from nexus.world.connectors.repository_trace import file_of, frames, is_beside, texts
from nexus.world.journal import MemoryJournal
from nexus.world.simulated_people import SimulatedPeople

NOW = datetime.now(UTC)
GOOD = """def price_of(item):
    if item is None:
        raise ValueError("an item without a price list")
    return item["price"]


def total(cart):
    return sum(price_of(item) for item in cart["items"])
"""
BAD = GOOD.replace('cart["items"]', 'cart["lines"]')
TESTS = """import sys
sys.path.insert(0, "services/checkout")
from cart import total
assert total({"items": [{"price": 2}, {"price": 3}]}) == 5
print("2 tests passed")
"""
TRACE = """Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/flask/app.py", line 1484, in full_dispatch_request
    rv = self.dispatch_request()
  File "/srv/app/services/checkout/cart.py", line 8, in total
    return sum(price_of(item) for item in cart["lines"])
  File "/usr/lib/python3.11/collections.py", line 3, in __getitem__
KeyError: 'lines'
"""


@dataclass
class Clone:
    """A clone whose checkout and search folders are services of one shop, with a bare remote."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "clone"

    def git(self, *arguments: str, day: int = 0, at: Path | None = None) -> str:
        when = f"@{int((NOW - timedelta(days=day)).timestamp())} +0000"
        who = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "HOME": str(self.folder), "PATH": os.environ["PATH"]}
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": "K. Mori", f"GIT_{role}_EMAIL": "mori@shop.example"}
        done = subprocess.run(["git", *arguments], cwd=at or self.work, env=who, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str], day: int) -> str:
        for name, text in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message, day=day)
        return self.git("rev-parse", "HEAD")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", at=self.folder / "remote.git").split()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone(tmp_path_factory.mktemp("shop"))
    made.work.mkdir()
    made.git("init", "--quiet", "--bare", str(made.folder / "remote.git"))
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("remote", "add", "origin", "../remote.git")
    made.commit("Begin", {"services/checkout/cart.py": GOOD, "run_tests.py": TESTS, "services/search/find.py": "x = 1\n"}, 100)
    made.commit("Search faster", {"services/search/find.py": "x = 2\n"}, 3)
    made.commit("Carts have lines", {"services/checkout/cart.py": BAD}, 2)
    made.commit("A note", {"services/checkout/notes.md": "an item without a price list is an error\n"}, 1)
    made.git("push", "--quiet", "origin", "main")
    return made


@pytest.fixture
def clone(made: Clone, tmp_path: Path) -> Clone:
    """One of the test's own."""
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return Clone(tmp_path)


def settings(**more: Any) -> Settings:
    components = {"checkout": "services/checkout/", "search": "services/search"}
    return Settings.model_validate({"path": "clone", "components": components, "test": [sys.executable, "run_tests.py"], **more})


def connected(clone: Clone, **more: Any) -> Connector:
    return connect(settings(**more), Site(clone.folder, ServiceCatalog(), MemoryJournal(), NOW))


async def located(connector: Connector, error: str, component: str = "checkout") -> CodeLocation | None:
    assert connector.code is not None
    return await connector.code.locate(component, error)


async def patches(connector: Connector, component: str = "checkout") -> list[Patch]:
    assert connector.code is not None
    return await connector.code.patches(component, NOW)


async def test_an_error_is_found_by_the_frame_of_its_trace_that_is_ours(clone: Clone) -> None:
    place = await located(connected(clone), TRACE)
    assert place is not None
    assert (place.file, place.line) == ("services/checkout/cart.py", 8)
    assert '8:     return sum(price_of(item) for item in cart["lines"])' in place.snippet
    assert place.last_changed_days == pytest.approx(2, abs=0.1)


async def test_an_error_without_a_trace_is_found_by_its_words_where_the_code_runs(clone: Clone) -> None:
    place = await located(connected(clone), "ERROR request 4711 failed: an item without a price list")
    assert place is not None
    assert (place.file, place.line) == ("services/checkout/cart.py", 3)
    assert place.last_changed_days == pytest.approx(100, abs=0.1)
    assert await located(connected(clone), "an item without a price list", "search") is None, "another's code is not searched"
    assert await located(connected(clone), "something else entirely went wrong") is None
    assert await located(connected(clone), TRACE, "payment") is None


async def test_what_is_located_is_what_is_deployed_and_not_what_lies_in_the_working_copy(clone: Clone) -> None:
    (clone.work / "services/checkout/cart.py").write_text("broken on the desk\n")
    place = await located(connected(clone, ref="origin/main"), TRACE)
    assert place is not None
    assert place.line == 8


async def test_recent_commits_are_offered_to_be_taken_back_the_located_files_own_first(clone: Clone) -> None:
    connector = connected(clone)
    every = [p.summary.partition(": ")[2] for p in await patches(connector)]
    assert every == ["A note", "Carts have lines"], "newest first; the beginning is no change"
    assert [p.summary.partition(": ")[2] for p in await patches(connector, "search")] == ["Search faster"]
    await located(connector, TRACE)
    (patch,) = await patches(connector)
    assert patch.component == "checkout"
    assert '+    return sum(price_of(item) for item in cart["items"])' in patch.diff
    assert await patches(connected(clone, since_days=1.5)) == [p for p in await patches(connected(clone)) if "note" in p.summary]


async def test_a_commit_that_later_ones_build_on_is_not_offered(clone: Clone) -> None:
    clone.commit("Lines are rows", {"services/checkout/cart.py": BAD.replace('cart["lines"]', 'cart["rows"]')}, 0)
    assert [p.summary.partition(": ")[2] for p in await patches(connected(clone))] == ["Lines are rows", "A note"]


async def test_a_patch_passes_or_fails_the_declared_tests_in_a_copy(clone: Clone) -> None:
    before = clone.git("status", "--porcelain", "--branch") + clone.git("worktree", "list") + clone.git("for-each-ref")
    connector = connected(clone)
    assert connector.code is not None
    note, lines = await patches(connector)
    good, bad = await connector.code.test(lines.id, NOW), await connector.code.test(note.id, NOW)
    assert (good.passed, good.detail) == (True, "2 tests passed")
    assert not bad.passed
    assert "KeyError: 'lines'" in bad.detail
    assert clone.git("status", "--porcelain", "--branch") + clone.git("worktree", "list") + clone.git("for-each-ref") == before
    with pytest.raises(Unavailable, match="has no patch revert-0000000000-00000000"):
        await connector.code.test("revert-0000000000-00000000", NOW)
    with pytest.raises(Unavailable, match="declares no tests"):
        await connected(clone, test=[]).code.test(lines.id, NOW)  # type: ignore[union-attr]


async def test_tests_that_do_not_end_are_ended_and_do_not_pass(clone: Clone) -> None:
    connector = connected(clone, test=[sys.executable, "-c", "import time; time.sleep(600)"], test_timeout_s=0.3)
    assert connector.code is not None
    result = await connector.code.test((await patches(connector))[0].id, NOW)
    assert (result.passed, result.detail) == (False, "the test command was ended at its time limit")


async def test_tests_know_no_secret(clone: Clone) -> None:
    code = "import os; print(sorted(n for n in os.environ if n in ('KEY', 'MODE')))"
    connector = connected(clone, test=[sys.executable, "-c", code], env={"MODE": "test"}, secret_env={"KEY": "hush"})
    assert connector.code is not None
    assert (await connector.code.test((await patches(connector))[0].id, NOW)).detail == "['MODE']"
    assert connector.secrets == ("hush",)


async def test_patch_files_come_first_and_their_id_holds_their_content(clone: Clone) -> None:
    folder = clone.folder / "patches"
    folder.mkdir()
    clone.git("checkout", "--quiet", "-b", "fix")
    clone.commit("Read items again", {"services/checkout/cart.py": GOOD + "# as before\n"}, 0)
    clone.git("format-patch", "--quiet", "-1", "-o", str(folder))
    clone.git("checkout", "--quiet", "main")
    (folder / "torn.patch").write_text(
        "--- a/services/checkout/cart.py\n+++ b/services/checkout/cart.py\n@@ -1 +1 @@\n-nowhere\n+x\n"
    )
    os.utime(folder / "torn.patch", (1, 1))
    (folder / "bytes.patch").write_bytes(b"--- a/services/checkout/cart.py\n+\xff\n")
    connector = connected(clone, patches="patches")
    assert connector.code is not None
    first, torn, *_ = await patches(connector)
    assert first.summary == "Read items again"
    assert first.id.startswith("file-0001-Read-items-again-")
    assert (await connector.code.test(first.id, NOW)).passed
    result = await connector.code.test(torn.id, NOW)
    assert not result.passed
    assert "does not apply" in result.detail
    (folder / "torn.patch").write_text((folder / "torn.patch").read_text() + "\n")
    with pytest.raises(Unavailable, match="has no patch"):
        await connector.code.test(torn.id, NOW)
    with pytest.raises(Unavailable, match="its patches cannot be read"):
        await patches(connected(clone, patches="gone"))


async def test_the_tools_of_developers_work_on_it(clone: Clone) -> None:
    looking = look(Alert(title="it hurts", service="checkout", starts_at=NOW), code=connected(clone).code)
    seen = await LOCATE_ERROR.run(looking, OfError(error=TRACE))
    assert isinstance(seen.reading, CodeReading)
    assert seen.reading.file == "services/checkout/cart.py"
    tried = await TEST_PATCH.run(looking, OfPatch(patch=seen.reading.patches[0]["id"]))
    assert isinstance(tried.reading, PatchTestReading)
    assert tried.reading.passed


def of_release(connector: Connector) -> ActionSource:
    assert connector.actions is not None
    return connector.actions


async def hotfix(connector: Connector) -> Action:
    await located(connector, TRACE)
    (action,) = await of_release(connector).options("checkout", NOW)
    return action


def deploying(clone: Clone) -> dict[str, Any]:
    """Commands of a production that is a file."""
    production = clone.folder / "production"
    deploy = "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); print('deployed', sys.argv[3][:7])"
    undo = "import os, sys; os.path.exists(sys.argv[1]) and os.remove(sys.argv[1]); print('gone')"
    asked = "import os, sys; sys.exit(0 if os.path.exists(sys.argv[1]) and open(sys.argv[1]).read() == sys.argv[2] else 1)"
    return {
        "deploy": [sys.executable, "-c", deploy, str(production), "{patch}", "{commit}"],
        "undo": [sys.executable, "-c", undo, str(production)],
        "is_deployed": [sys.executable, "-c", asked, str(production), "{patch}"],
    }


async def test_a_hotfix_is_pushed_deployed_and_taken_back(clone: Clone) -> None:
    connector = connected(clone, release=deploying(clone))
    source, action = of_release(connector), await hotfix(connector)
    door = JournaledActions({connector.name: source}, MemoryJournal())
    assert source.owns(action)
    before = await source.state(NOW)
    dry = await door.dry_run(action, NOW)
    assert (dry.ok, dry.touches, await source.state(NOW)) == (True, ("checkout",), before)
    assert "Carts have lines" in dry.effect
    receipt = await door.apply(action, NOW, "INC-1-1-0")
    branch = f"nexus/{action.arguments['patch']}"
    assert branch in clone.branches()
    assert f"{branch} is pushed to origin" in receipt.detail
    assert "deployed: deployed " in receipt.detail
    assert (clone.folder / "production").read_text() == action.arguments["patch"]
    released = clone.git("show", f"{branch}:services/checkout/cart.py", at=clone.folder / "remote.git")
    assert released == GOOD.strip()
    assert f"Nexus-Patch: {action.arguments['patch']}" in clone.git(
        "log", "-1", "--format=%B", branch, at=clone.folder / "remote.git"
    )
    assert (await source.is_done(action), await source.is_back(dry.before["state"])) == (True, False)
    assert await source.options("checkout", NOW) == [], "what is released is not offered again"
    taken_back = await door.undo(dry.before, NOW, "INC-1-1-0-undo")
    assert taken_back.detail == f"undone: gone; {branch} is deleted"
    assert clone.branches() == ["main"]
    assert not (clone.folder / "production").exists()
    assert (await source.is_done(action), await source.is_back(dry.before["state"])) == (False, True)
    assert await source.state(NOW) == before
    assert clone.git("status", "--porcelain") == ""


@dataclass
class Production(Releases):
    """Well while a patch is in production."""

    deployed: Path = Path()

    @property
    def well(self) -> bool:
        return self.deployed.exists()


async def test_an_incident_with_a_defect_ends_with_the_one_patch_that_passes_in_production(clone: Clone) -> None:
    connector = connected(clone, release=deploying(clone))
    shop = Production(deployed=clone.folder / "production")

    async def defect(task: Task, _: Desk) -> Diagnosis:
        return Diagnosis(cause=a_cause(Cause.CODE_BUG, evidence=tuple(e["id"] for e in task.facts["evidence"])))

    async def collector(task: Task, desk: Desk) -> Any:
        testing = any(check["tool"] == "test_patch" for check in task.facts["checks"])
        return await (verify(task, desk) if testing else Script(shop).verify(task, desk))

    script = Script(shop, answers={"correlate": defect, "plan": plan, "verify:evidence-collector": collector})
    door = JournaledActions({"repository": of_release(connector)}, MemoryJournal())
    world = World(
        name="in hand", people=SimulatedPeople(), clock=VirtualClock(FIRED), catalog=CATALOG, logs=Lines(), changes=Pipelines(),
        endpoints=Tried([PAY]), code=connector.code, actions=door,
    )  # fmt: skip
    alert = Alert(title="checkout is down", service="checkout", severity_label="critical", starts_at=FIRED)
    records = MemoryStore()
    incident = await handle(alert, library=LIBRARY, world=world, responder=script, records=records, answer=approve_all)
    events = await records.events(incident.id)
    assert [e.text for e in events if e.kind is EventKind.TESTED] == ["patch fails its tests", "patch passes its tests"]
    (done,) = incident.actions
    assert (done.action.kind, done.result) == (ActionKind.HOTFIX, ActionResult.DONE)
    assert incident.outcome is Outcome.RESOLVED
    assert (clone.folder / "production").read_text() == done.action.arguments["patch"]
    assert clone.branches() == ["main", f"nexus/{done.action.arguments['patch']}"]


async def test_after_a_crash_between_push_and_deployment_the_rest_is_done(clone: Clone) -> None:
    connector = connected(clone, release=deploying(clone))
    source, action = of_release(connector), await hotfix(connector)
    await of_release(connected(clone, release={})).carry_out(action)
    assert await source.is_done(action) is False
    assert "deployed: " in await source.carry_out(action)
    assert await source.is_done(action) is True
    unsure = {**deploying(clone), "is_deployed": []}
    assert await of_release(connected(clone, release=unsure)).is_done(action) is None


async def test_a_deployment_that_fails_leaves_it_unknown_and_a_push_that_fails_leaves_nothing(clone: Clone) -> None:
    release = {**deploying(clone), "deploy": [sys.executable, "-c", "import sys; sys.exit('no quota')"]}
    connector = connected(clone, release=release)
    action = await hotfix(connector)
    with pytest.raises(ActionUnknown, match="deploying it ended with status 1 \\(no quota\\)"):
        await of_release(connector).carry_out(action)
    hook = clone.folder / "remote.git" / "hooks" / "pre-receive"
    clone.git("push", "--quiet", "origin", f":nexus/{action.arguments['patch']}")
    hook.write_text("#!/bin/sh\necho nobody may push >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ActionFailed, match="pre-receive hook declined"):
        await of_release(connector).carry_out(action)
    assert clone.branches() == ["main"]


async def test_a_pull_request_is_opened_once(clone: Clone) -> None:
    opened: list[dict[str, Any]] = []

    def created(asked: Asked) -> dict[str, Any]:
        opened.append({"number": 7, "html_url": "https://github.example/shop/shop/pull/7", **asked.json})
        return opened[0]

    answers: dict[tuple[str, str], Callable[[Asked], Any]] = {
        ("GET", "/repos/shop/shop/pulls"): lambda _: opened,
        ("POST", "/repos/shop/shop/pulls"): created,
    }
    with http_in_hand(answers) as github:
        pull_request = {"repository": "shop/shop", "token": "hush", "url": github.url}
        connector = connected(clone, release={"pull_request": pull_request, "base": "main"})
        source, action = of_release(connector), await hotfix(connector)
        assert await source.is_done(action) is False
        said = await source.carry_out(action)
        assert said.endswith("pull request https://github.example/shop/shop/pull/7")
        assert await source.is_done(action) is True
        assert await source.carry_out(action) == said
        await connector.close()
    (pull,) = opened
    assert (pull["head"], pull["base"]) == (f"nexus/{action.arguments['patch']}", "main")
    assert github.asked[0].query["head"] == [f"shop:nexus/{action.arguments['patch']}"]
    assert {asked.headers["authorization"] for asked in github.asked} == {"Bearer hush"}
    assert connector.secrets == ("hush",)


async def test_what_is_not_ours_or_gone_is_refused(clone: Clone) -> None:
    connector = connected(clone, release={})
    source, action = of_release(connector), await hotfix(connector)
    for other in (
        action.model_copy(update={"kind": ActionKind.FLAG}),
        action.model_copy(update={"target": "payment"}),
        action.model_copy(update={"arguments": {"patch": "../../etc"}}),
        action.model_copy(update={"arguments": {**action.arguments, "more": 1}}),
    ):
        assert not source.owns(other)
    elsewhere = await source.dry_run(action.model_copy(update={"target": "search"}), NOW)
    assert (elsewhere.ok, elsewhere.effect.endswith("changes nothing of search")) == (False, True)
    clone.commit("Fixed by hand", {"services/checkout/cart.py": GOOD}, 0)
    with pytest.raises(ActionFailed, match=r"there is no patch .* any more"):
        await source.dry_run(action, NOW)
    with pytest.raises(ActionFailed, match="is no release of ours"):
        await source.take_back({"patch": action.arguments["patch"], "target": "checkout", "branch": "main"})
    assert await source.options("payment", NOW) == []


async def test_a_remote_that_does_not_answer_is_told(clone: Clone) -> None:
    connector = connected(clone, release={"remote": "elsewhere"})
    with pytest.raises(ActionFailed, match="git remote ended with status"):
        await of_release(connector).options("checkout", NOW)
    assert (await connector.prove(NOW))[-1].ok is False
    clone.git("remote", "set-url", "origin", "http://mori:hush@127.0.0.1:9/shop.git")
    with pytest.raises(ActionFailed, match="git ls-remote ended with status") as caught:
        await of_release(connected(clone, release={})).options("checkout", NOW)
    assert "hush" not in str(caught.value)


async def test_doctor_is_told_of_clone_patches_tests_and_remote(clone: Clone) -> None:
    proofs = {p.what: p for p in await connected(clone, release={}).prove(NOW)}
    assert {what: p.ok for what, p in proofs.items()} == {
        "the clone clone": True,
        "the code of checkout": True,
        "the code of search": True,
        "patches for checkout": True,
        "patches for search": True,
        "the tests": False,
        "the remote for releases": True,
    }
    assert "KeyError: 'lines'" in proofs["the tests"].detail
    empty = await connected(clone, components={"cart": "services/cart"}).prove(NOW)
    assert [p.ok for p in empty][:2] == [True, False]
    (lost, *_) = await connected(clone, ref="gone").prove(NOW)
    assert not lost.ok


async def test_a_clone_that_is_none_cannot_be_looked_at(clone: Clone) -> None:
    (clone.folder / "plain").mkdir()
    for path in ("gone", "plain"):
        with pytest.raises(Unavailable, match=f"the repository {path}"):
            await located(connected(clone, path=path), TRACE)


def test_settings_that_cannot_work_are_refused(clone: Clone) -> None:
    with pytest.raises(ValidationError, match="`deploy` and `undo` belong together"):
        settings(release={"deploy": ["x"]})
    with pytest.raises(WorldError, match=r"release.deploy: nothing fills \{version\}"):
        connected(clone, release={"deploy": ["x", "{version}"], "undo": ["x"]})
    catalog = ServiceCatalog(services=(Service(name="checkout"),))
    with pytest.raises(WorldError, match="the catalog has no search"):
        connect(settings(), Site(clone.folder, catalog, MemoryJournal(), NOW))


@pytest.mark.parametrize(
    ("error", "first"),
    [
        (TRACE, ("/usr/lib/python3.11/collections.py", 3)),
        ("java.lang.NumberFormatException: age\n\tat shop.CartStore.load(CartStore.java:57)", ("CartStore.java", 57)),
        ("TypeError: x is null\n    at total (https://shop.example/js/app.js?v=3:12:7)", ("//shop.example/js/app.js", 12)),
        ("panic: nil map\n\tservices/cart/store.go:88 +0x1d", ("services/cart/store.go", 88)),
        ("app/models/cart.rb:12:in `total': undefined method", ("app/models/cart.rb", 12)),
        ("TypeError: no price at cart.js:2", ("cart.js", 2)),
    ],
)
def test_frames_of_several_languages_are_read(error: str, first: tuple[str, int]) -> None:
    assert next(frames(error)) == first


def test_a_frame_means_the_file_with_the_longest_common_end_and_none_where_several_have_it() -> None:
    files = ["a/cart/store.go", "b/cart/store.go", "b/find.go"]
    assert file_of("/srv/b/cart/store.go", files) == "b/cart/store.go"
    assert file_of("store.go", files) is None
    assert file_of("C:\\src\\b\\find.go", files) == "b/find.go"
    assert file_of("other.go", files) is None


def test_the_words_of_an_error_without_its_values_are_what_is_searched_for() -> None:
    assert texts("ValueError: cannot charge card 'abc' for order 4711: no such customer is known") == [
        "no such customer is known",
        "cannot charge card",
    ]
    assert texts("KeyError: 'customer_id'") == ["customer_id"]
    assert is_beside("services/checkout/tests/cart.py")
    assert not is_beside("services/latest/cart.py")
