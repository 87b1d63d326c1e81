"""`nexus doctor`: what works is proved by use, what does not is named, and what agents could not do is listed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import mcp_server_in_hand
import pytest
from engine_in_hand import Releases
from typer import Typer
from typer.testing import CliRunner, Result
from world_in_hand import CATALOG, FIRED, Levers, Lines, Measured, Stores

from nexus.doctor import doctor, examine, open_subject, prove_model, prove_records, prove_temporal
from nexus.errors import ActionFailed, Unavailable
from nexus.examining import CAPABILITIES, Gap, gaps_of, look_with_each, prove_connectors, sources_of, try_actions
from nexus.incident import Action, ActionKind, Alert
from nexus.library import Library
from nexus.records.stores import FILE, SqliteStore
from nexus.responder.llm.policy import ModelPolicy
from nexus.settings import Settings, TemporalSettings
from nexus.testing.model_server import Call, Fail, ModelServer, Say, refused_url
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look
from nexus.world import World
from nexus.world.connectors.contract import Connector, Proof
from nexus.world.open import Opened, open_world
from nexus.world.simulated_people import SimulatedPeople

LIBRARY = Library.default()
SECRET = "sk-0123456789abcdefghijkl"
RESTART = Action(kind=ActionKind.RESTART, target="checkout")


def world(**capabilities: Any) -> World:
    return World(name="in hand", people=SimulatedPeople(), catalog=CATALOG, **capabilities)


def in_(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def connector(name: str, *proofs: Proof, **more: Any) -> Connector:
    async def prove(_at: datetime) -> Sequence[Proof]:
        return proofs

    return Connector(name=name, prove=prove, **more)


WELL = Proof("query", ok=True, detail="12 series")
ILL = Proof("query", ok=False, detail="no series", remedy="check the labels")


async def test_each_connector_is_tried_and_one_that_hangs_or_falls_over_keeps_no_other_from_it() -> None:
    async def hang(_at: datetime) -> Sequence[Proof]:
        await asyncio.sleep(60)
        return ()

    async def fall(_at: datetime) -> Sequence[Proof]:
        raise KeyError("namespace")

    connectors = [
        Connector(name="slow", prove=hang),
        Connector(name="broken", prove=fall),
        connector("prometheus", WELL, ILL),
    ]
    tried = await prove_connectors(connectors, FIRED, seconds=0.05)
    assert [(one.source, one.proof.ok, one.proof.detail) for one in tried] == [
        ("slow", False, "no end after 0.05 s"),
        ("broken", False, "KeyError: 'namespace'"),
        ("prometheus", True, "12 series"),
        ("prometheus", False, "no series"),
    ]


async def test_a_live_world_is_examined_whole_without_its_secrets_and_let_go(tmp_path: Path) -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append("world")

    leaking = connector("loki", Proof("query", ok=False, detail=f"refused {SECRET}", remedy=f"not {SECRET}"), secrets=(SECRET,))
    live = replace(world(metrics=Measured(), actions=Levers([RESTART])), close=close, secrets=(SECRET,))
    found = await examine(Settings(out=tmp_path), LIBRARY, Opened(live, "live", {}, (leaking,)))
    assert closed == ["world"]
    assert not found.simulated
    assert SECRET not in json.dumps(found.data())
    by_source = {one.source: one.proof for one in found.tried}
    assert (by_source["catalog"].ok, by_source["catalog"].detail) == (True, "6 services")
    assert by_source["actions"].detail == "1 restart, for 6 components"
    assert [one.source for one in found.failed] == ["loki"]
    gaps = {gap.agent: gap for gap in found.gaps}
    assert gaps["Evidence Collector"].tools == {
        "screenshot": "no browser",
        "regress_endpoints": "no endpoints",
        "test_patch": "no code",
    }
    assert "restart" not in gaps["Infrastructure Maintainer"].actions
    assert gaps["Infrastructure Maintainer"].actions["scale"] == "not offered for any component now"
    assert gaps["every agent"] == Gap(
        "every agent", {}, {"tell people": "no connector takes it", "add to a backlog": "no connector takes it"}
    )


async def test_a_tool_needs_one_of_the_capabilities_that_it_asks_for() -> None:
    sources = {name: await sources_of(tool) for name, tool in TOOLS.items()}
    assert {name for name, found in sources.items() if not found} == {"service_info"}
    assert {
        name: set(sources[name]) for name in ("screenshot", "page_load", "api_error_rates", "prepare_rollback", "recovery")
    } == {
        "screenshot": {"browser"},
        "page_load": {"browser"},
        "api_error_rates": {"metrics", "calls"},
        "prepare_rollback": {"actions"},
        "recovery": {"endpoints", "metrics", "calls", "logs"},
    }


async def test_without_what_it_needs_a_tool_sees_nothing_in_the_sandbox() -> None:
    sandbox = open_world("sandbox:bad-deploy").world
    await sandbox.refresh()
    at = sandbox.clock.now()
    alert = Alert(title="down", service="checkout", severity_label="critical", starts_at=at)
    for name, tool in TOOLS.items():
        if not (sources := await sources_of(tool)):
            continue
        none: Any = dict.fromkeys(sources)
        blind = replace(sandbox, **none)
        try:
            seen = await tool.run(Look(blind, at, alert), tool.arguments.model_construct())
        except Unavailable:
            continue
        reading = seen.reading.model_dump(mode="json")
        assert name in {"assess_impact", "recovery"}
        assert reading.get("looked_at", 0) == 0
        assert reading.get("signals", {"telemetry": "none"})["telemetry"] == "none"


async def test_an_agent_that_lacks_nothing_is_not_listed() -> None:
    everything = world(**dict.fromkeys(CAPABILITIES, Levers()))
    assert await gaps_of(LIBRARY.agents.values(), everything, frozenset(ActionKind)) == ()
    nothing = await gaps_of(LIBRARY.agents.values(), world(), frozenset())
    backend = next(gap for gap in nothing if gap.agent == "Backend Architect")
    assert backend.actions == {"hotfix": "nothing acts here", "flag": "nothing acts here"}
    assert backend.tools["api_error_rates"] == "none of metrics, calls"
    assert "service_info" not in backend.tools


class Halting(Releases):
    """Actions that cannot tell for one component, or never."""

    def __init__(self, broken: str = "", slow: str = "") -> None:
        super().__init__()
        self._failing, self._slow = broken, slow

    async def options(self, component: str, at: datetime) -> list[Action]:  # noqa: ARG002 - the protocol's
        if component == self._slow:
            await asyncio.sleep(60)
        if component == self._failing:
            raise ActionFailed("the cluster does not answer", "try later")
        return [RESTART] if component == "checkout" else []


@pytest.mark.parametrize(
    ("actions", "ok", "detail", "kinds"),
    [
        (Halting(), True, "1 restart, for 6 components", {ActionKind.RESTART}),
        (Halting(broken="search"), False, "1 restart, for 6 components; the cluster does not answer", {ActionKind.RESTART}),
        (Halting(slow="search"), False, "no end after 0.05 s", set()),
        (Levers(), False, "nothing, for 6 components", set()),
        (Levers(read_only=True), True, "nothing: a recording cannot be changed", set()),
    ],
)
async def test_what_could_be_done_is_asked_for_every_component(
    actions: Any, ok: bool, detail: str, kinds: set[ActionKind]
) -> None:
    (tried,), possible = await try_actions(world(actions=actions), FIRED, seconds=0.05 if "no end" in detail else 30)
    assert (tried.proof.ok, tried.proof.detail, set(possible)) == (ok, detail, kinds)


async def test_a_look_is_taken_with_each_capability_of_a_simulated_world() -> None:
    sources = world(metrics=Measured(down=True), logs=Lines(), databases=Stores())
    tried = {one.source: one.proof for one in await look_with_each(sources, FIRED)}
    assert {name: proof.ok for name, proof in tried.items()} == {"metrics": False, "logs": False, "databases": False}
    assert (tried["metrics"].detail, tried["logs"].detail) == ("metrics do not answer", "an empty answer")
    sandbox = open_world("sandbox:bad-deploy").world
    assert {one.source for one in await look_with_each(sandbox, sandbox.clock.now()) if one.proof.ok} == {*CAPABILITIES} - {
        "actions"
    }


async def test_records_are_proved_without_making_any(tmp_path: Path) -> None:
    fresh = await prove_records(Settings(out=tmp_path / "a" / "b"))
    assert (fresh.ok, in_(tmp_path)) == (True, [])
    async with await SqliteStore.open(tmp_path / FILE):
        held = await prove_records(Settings(out=tmp_path))
    assert (held.ok, held.detail) == (True, f"{tmp_path}: 0 incidents")
    (tmp_path / FILE).write_text("this is no database" * 100)
    broken = await prove_records(Settings(out=tmp_path))
    assert not broken.ok
    assert "not a database" in broken.detail
    (tmp_path / "file").write_text("x")
    blocked = await prove_records(Settings(out=tmp_path / "file" / "incidents"))
    assert (blocked.ok, blocked.detail) == (False, f"{tmp_path / 'file'} cannot be written")


@pytest.mark.parametrize(
    ("reply", "ok", "says"),
    [
        (Say(calls=(Call("submit", {"word": "ready"}),), usage=(30, 5)), True, "35 tokens"),
        (Say("ready"), False, "it answers, and calls no tool"),
        (Fail(401, "bad key"), False, "m refused the request: HTTP 401"),
    ],
)
async def test_a_model_is_proved_by_one_call_of_a_tool(reply: Any, ok: bool, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    async with ModelServer([reply]) as server:
        proof = await prove_model(ModelPolicy(name="m", base_url=server.url), "m")
        asked = server.requests
    assert (proof.ok, says in proof.detail) == (ok, True), proof.detail
    assert len(asked) == 1
    assert len(json.dumps(asked[0].body)) < 1000


async def test_a_model_that_cannot_be_asked_is_a_failed_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    unkeyed = await prove_model(ModelPolicy(name="m"), "m")
    assert (unkeyed.ok, "no key for the model" in unkeyed.detail) == (False, True)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    nobody = await prove_model(ModelPolicy(name="m", base_url=refused_url()), "m")
    assert (nobody.ok, "m cannot be reached" in nobody.detail) == (False, True)


async def test_a_fleet_whose_server_does_not_answer_is_a_failed_proof() -> None:
    pytest.importorskip("temporalio")
    proof = await prove_temporal(Settings(engine="temporal", temporal=TemporalSettings(address="127.0.0.1:1")))
    assert (proof.ok, "127.0.0.1:1 does not answer" in proof.detail) == (False, True)


APP = Typer()
APP.command()(doctor)


def diagnosed(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(APP, [*arguments])


def test_the_sandbox_is_said_to_be_simulated_and_every_look_in_it_is_proved(tmp_path: Path) -> None:
    done = diagnosed("--world", "sandbox:bad-deploy", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "world sandbox:bad-deploy (simulated: nothing of it is real)" in done.stdout
    assert "Backend Architect" in done.stdout
    assert "hotfix (not offered for any component now)" in done.stdout
    assert done.stdout.rstrip().endswith("14 proofs, none failed")
    assert in_(tmp_path) == []


def test_what_is_down_in_a_world_makes_the_exit_status_one(tmp_path: Path) -> None:
    done = diagnosed("--world", "sandbox:logs-down", "--out", str(tmp_path), "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], told["simulated"]) == (1, False, True)
    assert [one["source"] for one in told["tried"] if not one["ok"]] == ["logs"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--world", "sandbox:no-such"], "no-such"),
        (["--world", "missing.yaml"], "missing.yaml cannot be read"),
        (["--library", "/no/such/library"], "/no/such/library"),
    ],
)
def test_bad_settings_are_one_line_and_exit_status_two(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = diagnosed(*arguments, "--out", str(tmp_path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("nexus: ")
    assert says in done.stderr


def live_world(folder: Path, **more: Any) -> Path:
    """A world file of one real connector: an MCP server that acts."""
    (folder / "switches.json").write_text(json.dumps({"basket": "new"}))
    flag = {
        "tool": "set_switch",
        "kind": "flag",
        "risk": "high",
        "targets": ["basket"],
        "arguments": {"name": "{target}", "value": "old"},
        "state": {"tool": "switch", "arguments": {"name": "{target}"}},
    }
    cluster = {
        "use": "mcp",
        "name": "cluster",
        "command": sys.executable,
        "args": [mcp_server_in_hand.__file__],
        "env": {"SWITCHES": str(folder / "switches.json")},
        "tools": ["pods"],
        "actions": [flag],
    }
    content = {"name": "shop", "catalog": {"services": [{"name": "basket"}]}, "connectors": [cluster | more]}
    path = folder / "world.yaml"
    path.write_text(json.dumps(content))
    return path


def test_a_world_file_is_proved_by_the_real_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nexus.doctor", "--world", str(live_world(tmp_path)), "--out", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["world"], told["simulated"]) == (0, "", "shop", False)
    seen = {(one["source"], one["what"]): one["detail"] for one in told["tried"]}
    assert seen["cluster", "look with pods"] == "basket-1 Running basket-2 CrashLoopBackOff"
    assert '"value": "new"' in seen["cluster", "read with switch what set_switch changes in basket"]
    assert seen["actions", "list what could be done"] == "1 flag, for 1 component"
    could_not = {gap["agent"]: gap for gap in told["agents_could_not"]}
    assert could_not["Backend Architect"]["tools"]["search_logs"] == "no logs"
    assert "flag" not in could_not["Backend Architect"]["actions"]


def test_a_connector_that_does_not_work_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = live_world(tmp_path, command="/no/such/program")
    done = diagnosed("--world", str(path), "--out", str(tmp_path))
    assert done.exit_code == 1
    told = " ".join(done.stdout.split())
    assert "there is no such program" in told
    assert "proofs failed" in told


def test_a_file_that_names_a_sandbox_is_the_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text("world: sandbox:typo\n")
    subject = open_subject(Settings(world=str(path)))
    assert (subject.connectors, subject.world.name) == (None, "sandbox:typo")
