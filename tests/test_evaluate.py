"""The model's agents, the rules and one plain agent on the same scenarios: what they find, what it costs, who was better."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nexus.errors import SettingsError, UsageError
from nexus.evaluate import Benchmark, Contender, Entry, Run, benchmark_of, chosen, compare_sandbox, passed
from nexus.evaluate.plain import policy_of, run_plain
from nexus.evaluate.run import Right
from nexus.incident import Usage
from nexus.library import Library
from nexus.responder.llm.openai_chat import OpenAIChat
from nexus.responder.llm.policy import Budget, ModelPolicy, Price
from nexus.testing.diligent import diligent, sent
from nexus.testing.model_server import Call, ModelServer, Reply, Say, Script
from nexus.tools.registry import TOOLS
from nexus.world.sandbox import open_sandbox
from nexus.world.sandbox.opening import folder_of

LIBRARY = Library.default()
KEY = "the-word-of-our-own-server"
ROLLBACK = {"kind": "rollback", "target": "edge-gateway", "arguments": {"to_version": "4.1.9"}}


def submit(**answer: Any) -> Say:
    return Say(calls=(Call("submit", answer),))


def is_plain(body: Mapping[str, Any]) -> bool:
    """Whether it is the plain agent that asks."""
    return sent(body).title == "Incident"


def looking_first(answer: Say) -> Script:
    """The plain agent looks once, with two tools, and then answers; the others are diligent."""

    def script(body: dict[str, Any]) -> Reply:
        if not is_plain(body):
            return diligent(body)
        looks = Say(calls=(Call("assess_impact", {}), Call("rank_suspects", {})))
        return looks if sent(body).turn == 0 else answer

    return script


def policy_at(url: str, **more: Any) -> ModelPolicy:
    return ModelPolicy(name="scripted", base_url=url, call_seconds=20.0, tries=1, **more)


async def compared(script: Script, *folders: str | Path, policy: Mapping[str, Any] | None = None, **more: Any) -> Benchmark:
    """The benchmark of these scenarios with a model that follows the script."""
    async with ModelServer(script) as server:
        entry = Entry(policy_at(server.url, **(policy or {})), api_key=KEY, **more)
        return benchmark_of(entry, [case async for case in compare_sandbox(folders, LIBRARY, entry)])


async def plainly(script: Script, scenario: str, **policy: Any) -> tuple[Run, ModelServer]:
    """One run of the plain agent alone, and the server that it asked."""
    async with ModelServer(script) as server:
        chat = OpenAIChat(server.url, KEY)
        try:
            run = await run_plain(open_sandbox(scenario), LIBRARY, chat, policy_of(policy_at(server.url, **policy)), 1)
        finally:
            await chat.close()
    return run, server


def runs_of(benchmark: Benchmark, scenario: str) -> dict[Contender, Run]:
    return {run.contender: run for case in benchmark.cases if case.id == scenario for run in case.runs}


async def test_a_willing_model_is_held_against_the_rules_and_against_one_plain_agent() -> None:
    answer = submit(severity="P3", cause="unknown")
    done = await compared(
        looking_first(answer), "typo", "flapping", policy={"prices": {"scripted": Price(prompt=1, completion=4)}}
    )
    typo, flapping = runs_of(done, "typo"), runs_of(done, "flapping")
    assert list(typo) == [Contender.RULES, Contender.LLM, Contender.PLAIN]
    assert {contender: run.outcome for contender, run in typo.items()} == dict.fromkeys(Contender, "backlogged")
    assert [run.outcome for run in flapping.values()] == ["false_alarm", "false_alarm", "backlogged"]
    assert [run.right.outcome for run in flapping.values()] == [True, True, False]
    llm, plain = flapping[Contender.LLM], flapping[Contender.PLAIN]
    assert llm.by_model > 3
    assert llm.by_rules == 0
    assert llm.claims > 0
    assert llm.usage.calls >= llm.by_model
    assert (plain.by_model, plain.usage.calls) == (1, 2)
    assert llm.usage.cost_usd is not None
    assert plain.usage.cost_usd is not None
    assert llm.usage.cost_usd > plain.usage.cost_usd > 0
    assert flapping[Contender.RULES].usage == Usage()
    assert passed(done)
    assert re.search(
        r"against rules, as good on severity .*; and, against plain, better on outcome \(100% to its 50%\)", done.verdict
    )


async def test_a_model_out_of_reach_leaves_llm_exactly_the_rules_and_says_so() -> None:
    done = await compared((), "typo", "flapping")
    for case in done.cases:
        runs = {run.contender: run for run in case.runs}
        rules, llm, plain = (runs[c] for c in Contender)
        same = ("severity", "cause", "component", "branch", "actions", "outcome", "right")
        assert [getattr(rules, name) for name in same] == [getattr(llm, name) for name in same]
        assert llm.by_model == 0
        assert llm.by_rules > 0
        assert (plain.outcome, plain.severity, plain.by_model) == ("no answer", None, 0)
        assert plain.right == Right(severity=False, cause=plain.right.cause, outcome=False)
        assert "cannot be reached" in plain.why
        assert "cannot be reached" in llm.why
    assert passed(done)
    assert done.verdict.endswith("the model answered none of its tasks.")


async def test_the_right_change_resolves_the_plain_agents_incident() -> None:
    answer = submit(severity="P0", cause="deployment", component="edge-gateway", action=ROLLBACK, reason="it came with 4.2.0")
    run, _ = await plainly(looking_first(answer), "bad-deploy")
    assert (run.outcome, run.why) == ("resolved", "")
    assert run.right == Right(severity=True, cause=True, outcome=True)
    assert [(made.kind, made.target, made.result) for made in run.actions] == [("rollback", "edge-gateway", "done")]
    assert run.branch == "deployment"


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (None, "no change was chosen"),
        ({"kind": "restart", "target": "checkout"}, "still beyond normal"),
        ({"kind": "rollback", "target": "edge-gateway", "arguments": {"to_version": "9.9.9"}}, "that version is not known"),
        ({"kind": "restart", "target": "the-moon"}, "does not exist"),
    ],
    ids=["none", "useless", "impossible", "nowhere"],
)
async def test_no_change_or_a_useless_or_impossible_one_leaves_it_unresolved(action: dict[str, Any] | None, why: str) -> None:
    answer = submit(severity="P0", cause="deployment", component="edge-gateway", action=action)
    run, _ = await plainly(looking_first(answer), "bad-deploy")
    assert run.outcome == "unresolved"
    assert why in run.why
    assert run.right == Right(severity=True, cause=True, outcome=False)


async def test_a_plain_agent_that_finds_all_well_ends_a_false_alarm_and_changes_nothing() -> None:
    restart = {"kind": "restart", "target": "checkout"}
    run, _ = await plainly(looking_first(submit(severity="P2", cause="unknown", false_alarm=True, action=restart)), "flapping")
    assert (run.outcome, run.actions, run.right.outcome) == ("false_alarm", (), True)


async def test_nonsense_is_sent_back_and_in_the_end_no_answer() -> None:
    run, server = await plainly([submit(severity="P9", cause="gremlins")], "typo")
    assert run.outcome == "no answer"
    assert "sent back" in run.why
    assert run.usage.calls == len(server.requests) == 3
    assert "Sent back" in str(server.requests[1].body["messages"][-1]["content"])


async def test_the_plain_agent_has_every_tool_that_looks_and_the_whole_incidents_budget() -> None:
    _, server = await plainly(looking_first(submit(severity="P3", cause="unknown")), "typo")
    offered = {tool["function"]["name"] for tool in server.requests[0].body["tools"]}
    assert offered == {*TOOLS, "submit"}
    shown = [m["content"] for m in server.requests[1].body["messages"] if m["role"] == "tool"]
    assert [text.split()[4] for text in shown] == ["assess_impact⟧", "rank_suspects⟧"]
    alone = policy_of(ModelPolicy(name="m", agent=Budget(tokens=5_000), incident=Budget(tokens=90_000, steps=40)))
    assert (alone.agent, alone.steps) == (Budget(tokens=90_000, steps=40), 40)
    assert alone.task_seconds > 1_000
    run, _ = await plainly(looking_first(submit(severity="P3", cause="unknown")), "typo", incident=Budget(tokens=1_000))
    assert run.outcome == "no answer"
    assert "budget of 1,000 tokens" in run.why


async def test_a_key_that_turns_up_in_the_alert_is_sent_to_nobody(tmp_path: Path) -> None:
    shipped = folder_of("typo")
    alert = json.loads((shipped / "alert.json").read_text(encoding="utf-8"))
    alert["alerts"][0]["annotations"]["description"] = f"called with {KEY}"
    (tmp_path / "alert.json").write_text(json.dumps(alert), encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text((shipped / "scenario.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    async with ModelServer(looking_first(submit(severity="P3", cause="unknown"))) as server:
        entry = Entry(policy_at(server.url), api_key=KEY)
        assert [case.error async for case in compare_sandbox([tmp_path], LIBRARY, entry)] == [""]
        sent_out = json.dumps([request.body for request in server.requests])
    assert "called with" in sent_out
    assert KEY not in sent_out


async def test_repetitions_give_each_rate_a_mean_and_a_spread_and_the_rules_run_once() -> None:
    answers = iter(
        [submit(severity="P3", cause="unknown"), submit(severity="P0", cause="unknown"), submit(severity="P3", cause="unknown")]
    )

    def script(body: dict[str, Any]) -> Reply:
        return next(answers) if is_plain(body) else diligent(body)

    done = await compared(script, "typo", repeat=3)
    assert [(run.contender, run.repetition) for run in done.cases[0].runs] == [
        ("rules", 1), *(("llm", n) for n in (1, 2, 3)), *(("plain", n) for n in (1, 2, 3)),
    ]  # fmt: skip
    rules, llm, plain = done.scores
    assert (rules.incidents, llm.incidents, plain.incidents) == (1, 3, 3)
    assert plain.severity is not None
    assert (plain.severity.count, plain.severity.of) == (2, 3)
    assert (plain.severity.mean, plain.severity.least, plain.severity.most) == (0.6667, 0.0, 1.0)
    assert "not clearly different on severity (100% to its 67%)" in done.verdict


async def test_without_the_plain_agent_two_are_compared() -> None:
    done = await compared(diligent, "typo", plain=False)
    assert [score.contender for score in done.scores] == ["rules", "llm"]
    assert "plain" not in done.verdict


LOUD_BUT_COSMETIC = """\
title: Script errors on a help page
starts_at: 2026-03-12T10:10:00Z
faults:
  - {what: code_bug, where: help-pages, from: -18m, size: 0, script_errors: 64, page: help, error: "no x", file: help.js, line: 3}
expect: {severity: P3, outcome: backlogged}
"""


def overdoing(body: dict[str, Any]) -> Reply:
    """A model that takes everything for the worst."""
    task = sent(body)
    if task.title == "Triage":
        return submit(severity="P0", rationale="It is the worst.", evidence=[s.id for s in task.seen][:8])
    return diligent(body)


async def test_a_scenario_that_ends_worse_with_the_model_than_by_rules_is_named_and_fails(tmp_path: Path) -> None:
    (tmp_path / "alert.json").write_bytes((folder_of("typo") / "alert.json").read_bytes())
    (tmp_path / "scenario.yaml").write_text(LOUD_BUT_COSMETIC, encoding="utf-8")
    done = await compared(overdoing, tmp_path, plain=False)
    runs = runs_of(done, tmp_path.name)
    assert (runs[Contender.RULES].severity, runs[Contender.LLM].severity) == ("P3", "P0")
    assert [run.right.outcome for run in runs.values()] == [True, False]
    assert done.worse == (tmp_path.name,)
    assert not passed(done)
    assert done.verdict == (
        "Over 1 incident llm was, against rules, worse on severity (0% to its 100%) and outcome (0% to its 100%), "
        "so the rules alone do better here."
    )


async def test_a_scenario_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: [")
    done = await compared(diligent, tmp_path, "typo", plain=False)
    assert [(case.id, len(case.runs)) for case in done.cases] == [(tmp_path.name, 0), ("typo", 2)]
    assert "scenario.yaml" in done.cases[0].error
    assert not passed(done)


async def test_a_model_that_cannot_be_asked_is_told_before_anything_is_run() -> None:
    with pytest.raises(SettingsError, match="no model is named"):
        await anext(compare_sandbox(["typo"], LIBRARY, Entry(ModelPolicy())))


async def test_the_document_can_be_read_back() -> None:
    done = await compared(looking_first(submit(severity="P3", cause="unknown")), "typo")
    document = json.loads(done.model_dump_json())
    assert set(document) == {"model", "repeat", "cases", "scores", "worse", "verdict"}
    assert document["cases"][0]["runs"][1]["usage"]["calls"] == 1
    assert document["cases"][0]["expected"]["outcome"] == ["backlogged"]
    assert Benchmark.model_validate(document) == done


def test_only_the_named_scenarios_are_chosen_and_a_name_that_is_not_there_is_told() -> None:
    assert chosen(["typo", "flapping"], ["flapping"]) == ["flapping"]
    assert chosen(["typo", "flapping"], []) == ["typo", "flapping"]
    with pytest.raises(UsageError, match="there is no scenario typos"):
        chosen(["typo", "flapping"], ["typos"])
