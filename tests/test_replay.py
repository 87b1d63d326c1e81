"""Replay: a task asked again on the record is the task that was asked, and nothing but its wording and its reader differs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from record_in_hand import KEY, LIBRARY, Kept, by_model, by_rules, policy_at
from typer.testing import CliRunner, Result

from nexus.cli import app
from nexus.errors import LibraryError, UsageError
from nexus.incident import AskedTask, Event, EventKind, Evidence
from nexus.library import Library
from nexus.replay import NEAR, Record, RecordedDesk, ask_again, opening, read_prompt, task_of
from nexus.responder.answers import ANSWERS
from nexus.responder.llm.make import open_model
from nexus.responder.rules import RulesResponder
from nexus.testing.diligent import diligent
from nexus.testing.model_server import ModelServer

pytestmark = pytest.mark.xdist_group("replay")  # one process runs the incidents, once
RULES = RulesResponder()
INVESTIGATE = LIBRARY.prompts["investigate"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return by_rules(tmp_path_factory)


@pytest.fixture(scope="module")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return by_model(tmp_path_factory)


@pytest.fixture(scope="module", params=["bad-deploy", "search-null"])
def any_kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return by_rules(tmp_path_factory, request.param)


async def test_rules_give_the_answer_that_they_gave_the_first_time_to_every_task(any_kept: Kept) -> None:
    for asked in any_kept.record.tasks:
        trial = await ask_again(any_kept.record, asked, RULES, LIBRARY)
        assert trial.answer == any_kept.responder.of(asked).answer, asked.key


def test_every_kind_of_task_is_in_that_record(kept: Kept) -> None:
    assert {asked.task for asked in kept.record.tasks} == set(ANSWERS)


def events(kept: Kept, kind: EventKind, actor: str = "") -> list[Event]:
    return [e for e in kept.record.events if e.kind is kind and actor in ("", e.actor)]


async def again(kept: Kept, agent: str, task: str, number: int = 1) -> dict[str, Any]:
    trial = await ask_again(kept.record, task_of(kept.record, agent, task, number), RULES, LIBRARY)
    return trial.answer.model_dump(mode="json")


async def test_what_is_answered_again_is_what_the_events_hold(kept: Kept) -> None:
    classified, diagnosed = events(kept, EventKind.CLASSIFIED)[0], events(kept, EventKind.DIAGNOSED)[0]
    assert await again(kept, "infrastructure-maintainer", "triage") == classified.data["classification"]
    assert await again(kept, "infrastructure-maintainer", "correlate") == diagnosed.data["diagnosis"]
    found = [e.data["finding"] for e in events(kept, EventKind.FINDING, "Backend Architect")]
    assert (await again(kept, "backend-architect", "investigate"))["findings"] == found
    verified = events(kept, EventKind.VERIFIED, "Evidence Collector")[0]
    assert await again(kept, "evidence-collector", "verify") == verified.data["verification"]
    written = events(kept, EventKind.POST_MORTEM)[0].data["post_mortem"]
    assert await again(kept, "workflow-optimizer", "post_mortem") == written
    assert (await again(kept, "sprint-prioritizer", "backlog"))["items"] == events(kept, EventKind.BACKLOG)[0].data["items"]


async def test_a_plan_differs_from_its_event_only_by_the_dry_runs_that_the_engine_adds(kept: Kept) -> None:
    planned = events(kept, EventKind.PLANNED)[0].data["plan"]
    bare = [{**step, "dry_run": None} for step in planned["steps"]]
    assert (await again(kept, "devops-automator", "plan"))["plan"] == {**planned, "steps": bare}
    assert bare != planned["steps"]


async def test_words_to_people_are_those_that_went_out(kept: Kept) -> None:
    posts = [e.data["status_update"] for e in events(kept, EventKind.PUBLISHED) if "status_update" in e.data]
    briefs = [e.data["brief"] for e in events(kept, EventKind.PUBLISHED) if "brief" in e.data]
    for number, post in enumerate(posts, 1):
        said = await again(kept, "support-responder", "status_update", number)
        assert said == {name: post[name] for name in said}
    for number, brief in enumerate(briefs, 1):
        said = await again(kept, "executive-summary-generator", "executive_brief", number)
        assert said == {name: brief[name] for name in said}
    proposed = events(kept, EventKind.ESCALATED, "Finance Tracker")[0].data["escalation"]["proposal"]
    assert (await again(kept, "finance-tracker", "escalate"))["proposal"] == proposed


def unmarked(text: str) -> str:
    """A prompt without the word in its marks, which is another in each conversation."""
    return re.sub(r"(⟦(?:data|end) )\w+", r"\1mark", text)


def prompts(bodies: Iterable[dict[str, Any]]) -> list[str]:
    first = [json.dumps([b["messages"], b["tools"]], ensure_ascii=False) for b in bodies if len(b["messages"]) == 2]
    return sorted(map(unmarked, first))


async def test_the_prompt_is_the_same_text_as_the_first_time_for_every_task(modelled: Kept) -> None:
    first = prompts(request.body for request in modelled.requests)
    again = []
    for asked in modelled.record.tasks:
        opened = await opening(modelled.record, asked, LIBRARY)
        if opened is not None:
            messages = [{"role": m.role, "content": m.text} for m in opened.messages]
            again.append({"messages": messages, "tools": list(opened.offered)})
    assert prompts(again) == first
    assert {asked.task for asked in modelled.record.tasks} == set(ANSWERS)


async def test_the_same_model_gives_the_same_answer_and_the_same_of_it_is_struck(modelled: Kept) -> None:
    async with ModelServer(diligent) as server, open_model(policy=policy_at(server.url), api_key=KEY) as responder:
        for asked in modelled.record.tasks:
            trial = await ask_again(modelled.record, asked, responder, LIBRARY)
            first = modelled.responder.of(asked)
            assert trial.answer == first.answer, asked.key
            assert (trial.authorship is None) == (first.signed is None)
            if trial.authorship and first.signed:
                same = ("by", "model", "calls", "claims", "struck", "wording", "at")
                assert [getattr(trial.authorship, n) for n in same] == [getattr(first.signed, n) for n in same]
        assert len(server.requests) == len(modelled.requests)


async def test_an_agent_is_given_its_own_looks_though_others_took_the_same(kept: Kept) -> None:
    asked = task_of(kept.record, "backend-architect")
    trial = await ask_again(kept.record, asked, RULES, LIBRARY)
    assert [e.id for e in trial.looks] == ["BA3-1", "BA3-2", "BA3-3", "BA3-4", "BA3-5"]
    assert len([e for e in kept.record.evidence if e.tool == "rank_suspects" and e.at < asked.at + NEAR]) > 1


def moved(record: Record, agent: str, by: timedelta) -> tuple[Record, AskedTask]:
    """The agent's first task without its own looks, and everybody else's looks so much later."""
    asked = task_of(record, agent)
    others = [e.model_copy(update={"at": e.at + by}) for e in record.evidence if not e.id.startswith(asked.looks)]
    return replace(record, evidence=others), asked


@pytest.mark.parametrize(("by", "there"), [(timedelta(0), True), (timedelta(hours=1), False), (timedelta(hours=-1), False)])
async def test_another_agents_look_serves_only_when_it_was_taken_near(kept: Kept, by: timedelta, there: bool) -> None:
    record, asked = moved(kept.record, "backend-architect", by)
    found = await RecordedDesk(record, asked, LIBRARY).use("rank_suspects")
    assert found.failed is not there
    assert there or found.summary.startswith("the record holds no such look: rank_suspects {}")


async def test_a_look_that_nobody_took_could_not_be_taken(kept: Kept) -> None:
    desk = RecordedDesk(kept.record, task_of(kept.record, "backend-architect"), LIBRARY)
    found = await desk.use("search_logs", component="cart")
    assert found.failed
    assert found.id not in {e.id for e in kept.record.evidence}


def without_tools(*left: str) -> Library:
    """The library with Backend Architect left to those tools."""
    agents = {**LIBRARY.agents}
    agents["backend-architect"] = agents["backend-architect"].model_copy(update={"tools": left})
    return replace(LIBRARY, agents=agents)


async def test_a_tool_that_the_agent_may_not_use_is_refused_though_the_record_holds_its_look(kept: Kept) -> None:
    desk = RecordedDesk(kept.record, task_of(kept.record, "backend-architect"), without_tools("check_databases"))
    found = await desk.use_together([("check_databases", {}), ("api_error_rates", {})])
    assert [e.failed for e in found] == [False, True]
    assert "may not use api_error_rates" in found[1].summary


async def test_a_look_that_was_refused_the_first_time_is_the_same_refusal(kept: Kept) -> None:
    evidence = [e.model_copy(update={"failed": True}) if e.id == "BA3-2" else e for e in kept.record.evidence]
    record, library = replace(kept.record, evidence=evidence), without_tools("check_databases")
    found = await RecordedDesk(record, task_of(record, "backend-architect"), library).use("api_error_rates")
    assert (found.id, found.failed) == ("BA3-2", True)


async def test_a_dry_run_is_found_by_what_it_would_do(kept: Kept) -> None:
    asked = task_of(kept.record, "devops-automator", "plan")
    own = next(e for e in kept.record.evidence if e.tool == "dry_run" and e.id.startswith(asked.looks))
    desk = RecordedDesk(kept.record, asked, LIBRARY)
    exactly = {name: own.arguments[name] for name in ("kind", "target", "arguments")}
    assert (await desk.use("dry_run", **exactly)).id == own.id
    assert (await desk.use("dry_run", **{**exactly, "target": "cart"})).failed


async def test_the_agents_own_time_goes_on_as_it_did(kept: Kept) -> None:
    asked = task_of(kept.record, "evidence-collector", "verify")
    desk = RecordedDesk(kept.record, asked, LIBRARY)
    own = [e for e in kept.record.evidence if e.id.startswith(asked.looks)]
    assert desk.lap.now() == asked.at < own[0].at
    seen = [await desk.use(e.tool, **e.arguments) for e in own]
    assert seen == own
    assert desk.lap.now() == own[-1].at


async def test_nothing_from_after_the_task_is_known_to_it(kept: Kept) -> None:
    asked = task_of(kept.record, "devops-automator", "plan")
    recalled: list[Evidence] = list(await RecordedDesk(kept.record, asked, LIBRARY).recall())
    assert recalled
    assert max(e.at for e in recalled) <= asked.at
    assert RecordedDesk(kept.record, asked, LIBRARY).look.marks.action is None
    verified = RecordedDesk(kept.record, task_of(kept.record, "api-tester"), LIBRARY)
    assert verified.look.marks.action == events(kept, EventKind.ACTING)[0].at


async def test_where_the_rules_answer_alone_no_model_is_sent_anything(kept: Kept) -> None:
    watch = task_of(kept.record, "infrastructure-maintainer", "verify", 2)
    assert await opening(kept.record, watch, LIBRARY) is None
    async with ModelServer([]) as server, open_model(policy=policy_at(server.url), api_key=KEY) as responder:
        trial = await ask_again(kept.record, watch, responder, LIBRARY)
        assert (trial.responder, trial.authorship) == ("llm", None)
        assert not server.requests


@pytest.mark.parametrize(
    ("agent", "task", "number", "says"),
    [
        ("nobody", None, 1, "asked nothing of 'nobody': it asked infrastructure-maintainer, "),
        ("backend-architect", "plan", 1, "did not ask backend-architect for 'plan': it was asked for investigate"),
        ("backend-architect", None, 2, "there is no number 2 of backend-architect: it was asked once"),
        ("support-responder", "status_update", 0, "no number 0 of support-responder status_update: it was asked 6 times"),
    ],
)
def test_a_task_that_is_not_there_is_said_with_what_is(kept: Kept, agent: str, task: str | None, number: int, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        task_of(kept.record, agent, task, number)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# Investigate\n\n{{ severty }}\n", r"own\.md:3: unknown hole \{\{ severty \}\}: holes here are alert, checks"),
        ("# Investigate\n{% if %}\n", r"own\.md:2: template syntax"),
        ("# Investigate\n{{ alert.nobody.knows }}\n", r"own\.md: .*nobody"),
    ],
)
def test_a_faulty_prompt_file_is_named_with_its_hole(kept: Kept, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "own.md"
    path.write_text(text)
    with pytest.raises(LibraryError, match=says):
        read_prompt(path, kept.record, task_of(kept.record, "backend-architect"), LIBRARY)


def test_a_prompt_file_that_is_no_text_is_named(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "own.md").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "own.md", tmp_path, tmp_path / "nowhere.md"):
        with pytest.raises(UsageError, match=rf"{re.escape(str(path))} cannot be read"):
            read_prompt(path, kept.record, task_of(kept.record, "backend-architect"), LIBRARY)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's settings, no key, and a terminal of 100 columns."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def replay(kept: Kept, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", kept.incident.id, "--out", str(kept.out), *arguments])


@pytest.fixture
def with_a_model(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `nexus replay` on Backend Architect beside the scripted model, with another prompt in own.md."""
    (tmp_path / "own.md").write_text(INVESTIGATE + "- Say first what you are least sure of.\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    async def run(*arguments: str) -> Result:
        async with ModelServer(diligent) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            given = ("--agent", "backend-architect", "--model", "scripted", "--prompt", "own.md", *arguments)
            return await asyncio.to_thread(replay, kept, *given)

    return run


@pytest.mark.usefixtures("alone")
async def test_the_command_shows_rules_model_and_other_prompt_side_by_side(with_a_model: Any) -> None:
    done = await with_a_model()
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "investigate by backend-architect, 2026-03-02 10:00:00 UTC"
    assert max(map(len, lines)) <= 100
    assert lines[2].split() == ["rules", "scripted", "scripted,", "own.md"]
    rows = {line.split("  ")[1]: line for line in lines[4:20] if line.startswith("  ") and line.strip()}
    assert re.search(r"scripted +scripted$", rows["answered by"].rstrip())
    assert re.search(r"[\d,]+ in, \d+ out +[\d,]+ in, \d+ out", rows["tokens"])
    assert {"calls", "cost", "seconds", "looks", "struck"} <= rows.keys()
    assert "Where the answers differ" in lines
    assert "What all of them say" in lines


@pytest.mark.usefixtures("alone")
async def test_the_command_gives_programs_the_same_as_json(with_a_model: Any, kept: Kept) -> None:
    done = await with_a_model("--json")
    told = json.loads(done.stdout)
    assert told["incident"] == kept.incident.id
    assert (told["asked"]["agent"], told["asked"]["task"]) == ("backend-architect", "investigate")
    rules, model, other = told["trials"]
    assert [t["label"] for t in told["trials"]] == ["rules", "scripted", "scripted, own.md"]
    assert rules["authorship"] is None
    assert other["authorship"]["prompt_tokens"] > model["authorship"]["prompt_tokens"]
    assert other["authorship"]["wording"] != model["authorship"]["wording"]
    assert [look["id"] for look in rules["looks"]] == ["BA3-1", "BA3-2", "BA3-3", "BA3-4", "BA3-5"]


@pytest.mark.usefixtures("alone")
async def test_the_command_changes_nothing_in_the_records(with_a_model: Any, kept: Kept) -> None:
    def state() -> dict[Path, str]:
        return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(kept.out.rglob("*")) if p.is_file()}

    before = state()
    assert (await with_a_model()).exit_code == 0
    assert state() == before


@pytest.mark.usefixtures("alone")
def test_without_a_model_the_rules_answer_alone(kept: Kept) -> None:
    done = replay(kept, "--agent", "support-responder", "--number", "2")
    assert done.exit_code == 0
    assert "The answer" in done.stdout
    assert "scripted" not in done.stdout


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--agent", "nobody"), "asked nothing of 'nobody'"),
        (("--agent", "backend-architect", "--task", "plan"), "it was asked for investigate"),
        (("--agent", "backend-architect", "--number", "9"), "there is no number 9"),
        (("--agent", "backend-architect", "--prompt", "nowhere.md"), "nowhere.md cannot be read"),
        (("--agent", "backend-architect", "--prompt", "bad.md"), "bad.md:1: unknown hole {{ hole }}"),
        (("--agent", "backend-architect", "--prompt", "good.md"), "another prompt needs a model"),
        (("--agent", "backend-architect", "--model", "m"), "no key for the model"),
        (("--agent", "backend-architect", "--library", "nowhere"), "no such folder"),
    ],
)
def test_what_cannot_be_replayed_is_one_line(kept: Kept, arguments: tuple[str, ...], says: str) -> None:
    Path("bad.md").write_text("{{ hole }}")
    Path("good.md").write_text(INVESTIGATE)
    done = replay(kept, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("alone")
def test_an_incident_that_is_not_there_is_one_line(kept: Kept, tmp_path: Path) -> None:
    for arguments, says in (
        (("INC-0", "--out", str(kept.out)), "there is no incident INC-0"),
        ((kept.incident.id, "--out", str(tmp_path)), "holds no incidents"),
    ):
        done = CliRunner().invoke(app, ["replay", *arguments, "--agent", "backend-architect"])
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
        assert says in done.stderr


@pytest.mark.usefixtures("alone")
def test_a_model_on_the_command_line_is_asked_whatever_the_settings_say(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_RESPONDER", "rules")
    assert "no key for the model" in replay(kept, "--agent", "backend-architect", "--model", "m").stderr
