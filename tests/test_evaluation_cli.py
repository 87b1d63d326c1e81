"""`nexus eval sandbox` as its users meet it: with a model and without, its document, its exit status, its interruption."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nexus.evaluate import Benchmark, Contender, Run
from nexus.evaluate.run import Right
from nexus.evaluation_cli import Progress
from nexus.testing.diligent import diligent, sent
from nexus.testing.model_server import Call, Hang, ModelServer, Reply, Say
from nexus.world.sandbox.opening import folder_of


def scripted(body: dict[str, Any]) -> Reply:
    """The runbook's agents are diligent; the plain one submits at once."""
    if sent(body).title != "Incident":
        return diligent(body)
    return Say(calls=(Call("submit", {"severity": "P3", "cause": "unknown"}),))


async def started(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nexus.cli", "eval", "sandbox", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=cwd,
        env={**os.environ, "OPENAI_API_KEY": "any-key", "COLUMNS": "100", **(env or {})},
    )  # fmt: skip


async def nexus(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> tuple[int | None, str, str]:
    """Exit status, standard output and standard error."""
    process = await started(*arguments, env=env, cwd=cwd)
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, out.decode(), err.decode()


async def test_with_a_model_of_nexus_yaml_the_contenders_are_one_json_document(tmp_path: Path) -> None:
    async with ModelServer(scripted) as server:
        (tmp_path / "nexus.yaml").write_text(f"model: {{name: scripted, base_url: '{server.url}'}}\n")
        status, out, err = await nexus("--only", "typo", "--repeat", "2", "--json", cwd=tmp_path)
    done = Benchmark.model_validate_json(out)
    assert (status, err) == (0, "")
    assert (done.model, done.repeat) == ("scripted", 2)
    assert [run.contender for run in done.cases[0].runs] == ["rules", "llm", "llm", "plain", "plain"]
    assert all(run.right.outcome for run in done.cases[0].runs)


async def test_the_flags_choose_the_model_the_scenarios_and_whether_the_plain_agent_competes() -> None:
    async with ModelServer(scripted) as server:
        flags = ("--responder", "llm", "--model", "scripted", "--no-plain", "--only", "typo")
        status, out, _ = await nexus(*flags, env={"OPENAI_BASE_URL": server.url})
    assert status == 0
    assert "typo" in out
    assert "flapping" not in out
    assert "plain" not in out
    assert "Over 1 incident llm was, against rules, as good on severity (100%) and outcome (100%)" in " ".join(out.split())


async def test_a_scenario_that_cannot_be_read_makes_the_exit_status_1_and_the_others_are_compared(tmp_path: Path) -> None:
    for name in ("broken", "typo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alert.json").write_bytes((folder_of("typo") / "alert.json").read_bytes())
        (tmp_path / name / "scenario.yaml").write_bytes((folder_of("typo") / "scenario.yaml").read_bytes())
    (tmp_path / "broken" / "scenario.yaml").write_text("title: [")
    async with ModelServer(scripted) as server:
        status, out, _ = await nexus(str(tmp_path), env={"OPENAI_BASE_URL": server.url, "NEXUS_MODEL": "scripted"})
    assert status == 1
    assert "scenario.yamlisnotYAML" in "".join(out.split())  # a table breaks a path where it must
    assert "✓ backlogged" in out


async def test_without_a_model_the_rules_run_alone_as_ever() -> None:
    status, out, err = await nexus("--only", "typo")
    assert (status, err) == (0, "")
    assert "as expected" in out
    assert "llm" not in out
    status, out, _ = await nexus("--only", "typo", "--json", "--responder", "rules", env={"NEXUS_MODEL": "scripted"})
    assert status == 0
    assert set(json.loads(out)) == {"cases", "summary"}


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (["--responder", "llm"], {}, "no model is named"),
        (["--model", "m"], {"OPENAI_API_KEY": ""}, "no key for the model"),
        (["--repeat", "2"], {}, "--repeat needs a model"),
        (["--repeat", "0"], {}, "repeat"),
        (["--only", "typos"], {}, "there is no scenario typos"),
    ],
    ids=["no model", "no key", "repeated rules", "never", "no such scenario"],
)
async def test_what_cannot_be_begun_is_one_line_and_exit_status_2(arguments: list[str], env: dict[str, str], says: str) -> None:
    status, out, err = await nexus(*arguments, env=env)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


async def test_an_interrupt_leaves_no_traceback_and_shows_what_was_finished(tmp_path: Path) -> None:
    asked = asyncio.Event()
    for name in ("a-typo", "b-typo"):
        (tmp_path / name).mkdir()
        for file in ("alert.json", "scenario.yaml"):
            (tmp_path / name / file).write_bytes((folder_of("typo") / file).read_bytes())

    def script(body: dict[str, Any]) -> Reply:
        if len(server.requests) <= 2:
            return scripted(body)
        asked.set()
        return Hang(60)

    async with ModelServer(script) as server:
        process = await started(str(tmp_path), env={"OPENAI_BASE_URL": server.url, "NEXUS_MODEL": "scripted"})
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert err.decode().strip() == "nexus: interrupted; 1 of 2 scenarios were finished"
    assert "a-typo" in out.decode()
    assert "b-typo" not in out.decode()


class Stream(io.StringIO):
    """What is written, as a terminal shows it or as a pipe takes it."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "says"), [(True, ["typo llm 2 P3, backlogged, 1.5 s"]), (False, [])], ids=["terminal", "pipe"]
)
def test_a_run_is_a_line_where_somebody_reads_it(terminal: bool, says: list[str]) -> None:
    stream = Stream(terminal=terminal)
    progress = Progress(stream)
    progress.begins("typo", Contender.LLM, 2)
    progress.ended(
        Run(
            contender=Contender.LLM,
            repetition=2,
            severity="P3",
            cause="unknown",
            component=None,
            branch=None,
            actions=(),
            outcome="backlogged",
            right=Right(severity=True, cause=None, outcome=True),
            seconds=1.5,
        )
    )
    assert [" ".join(line.split()) for line in stream.getvalue().splitlines()] == says
