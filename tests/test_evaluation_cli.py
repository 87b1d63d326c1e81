"""`nexus eval` as its users meet it: with a model and without, recordings, its documents, its exit status, its interruption."""

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
from outages_in_hand import STORE, change, write_labels, write_outage
from test_evaluate_figures import case

from nexus.evaluate import Benchmark, Contender, Run
from nexus.evaluate.run import Right
from nexus.evaluation_cli import Progress, progress
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


async def evaluated(*arguments: str, columns: int = 100) -> tuple[int | None, str, str]:
    """`nexus eval recordings`: exit status, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nexus.cli", "eval", "recordings", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": str(columns)},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two recordings and the answers."""
    write_outage(tmp_path / "with-changes", changes=[change(STORE, 9)])
    write_outage(tmp_path / "without-any")
    label = {"system": "Toy shop", "service": STORE, "cause": "infrastructure", "fault": "cpu"}
    write_labels(tmp_path / "labels.jsonl", {"id": "with-changes", **label}, {"id": "without-any", **label})
    return tmp_path


async def test_recordings_are_told_a_line_a_case_and_system_by_system(recordings: Path) -> None:
    status, out, err = await evaluated(str(recordings))
    assert (status, err) == (0, "")
    assert [line.split()[1:4] for line in out.splitlines()[1:3]] == [["with-changes", "1", STORE], ["without-any", "1", STORE]]
    assert "Toy shop: 2 cases" in out.splitlines()
    status, out, _ = await evaluated(str(recordings), "--json")
    document = json.loads(out)
    assert set(document) == {"cases", "summary", "without"}
    assert document["summary"]["Toy shop"]["nexus"]["at1"] == 1.0
    assert document["summary"]["Toy shop"]["peers"]["last_change"]["at1"] == 0.5


async def test_answers_from_elsewhere_are_taken_and_without_any_nothing_is_judged(recordings: Path) -> None:
    wrong = write_labels(recordings / "other.jsonl", {"id": "without-any", "system": "Toy shop", "service": "front"})
    status, out, _ = await evaluated(str(recordings), "--labels", str(wrong))
    assert status == 0
    assert "0 of 1 as labelled" in out
    assert "2 cases, 1 of them labelled" in out
    (recordings / "labels.jsonl").unlink()
    status, out, _ = await evaluated(str(recordings))
    assert status == 0
    assert "labelled" not in out.replace("0 of them labelled", "")


async def test_evidence_is_hidden_by_name_and_an_ablation_hides_each_kind_in_turn(recordings: Path) -> None:
    status, out, _ = await evaluated(str(recordings), "--without", "metrics", "--without", "changes", "--json")
    document = json.loads(out)
    assert (status, document["without"]) == (0, ["metrics", "changes"])
    assert [case["holds"] for case in document["cases"]] == [["graph"], ["graph"]]
    status, out, err = await evaluated(str(recordings), "--ablate", columns=80)
    assert (status, err) == (0, "")
    (every,) = [line.split()[2:] for line in out.splitlines() if line.startswith("every fault")]
    assert every[:6] == ["2", "100%", "0%", "-", "-", "-"]
    status, out, _ = await evaluated(str(recordings), "--ablate", "--json")
    assert status == 0
    assert set(json.loads(out)) == {"rows", "everything", "without"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--without", "traces"], "traces is no kind of evidence: there are metrics, baseline"),
        (["--without", "logs", "--ablate"], "--ablate hides each kind of evidence itself"),
        (["--labels", "none.jsonl"], "none.jsonl cannot be read"),
    ],
    ids=["no such kind", "hidden twice", "no answers"],
)
async def test_what_recordings_cannot_be_begun_with_is_one_line(recordings: Path, arguments: list[str], says: str) -> None:
    status, out, err = await evaluated(str(recordings), *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("terminal", "says"),
    [(True, "case-1                       1.0 s  without graph, logs\ncase-2                       2.0 s\n"), (False, "")],
)
def test_a_recorded_case_is_a_line_where_somebody_reads_it(terminal: bool, says: str) -> None:
    stream = Stream(terminal=terminal)
    ended = progress(stream)
    ended(case(1, 1), {"logs", "graph"})
    ended(case(2, 1), ())
    assert stream.getvalue() == says
