"""What runs come to: right or wrong, rates with their spread, the one sentence, and how a terminal shows it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from nexus.evaluate import Benchmark, Compared, Contender, Entry, Run, benchmark_of
from nexus.evaluate.run import Right, right_of
from nexus.evaluate.scores import scores_of, verdict_of
from nexus.incident import Usage
from nexus.responder.llm.policy import ModelPolicy
from nexus.view import render_benchmark
from nexus.world.sandbox.scenario import Expectation


def test_an_unresolved_incident_of_the_plain_agent_counts_as_handed_over() -> None:
    expect = Expectation(severity=("P0",), outcome=("handed_over",), cause=("unknown",), component=())
    assert right_of(expect, "P0", "unknown", None, "unresolved") == Right(severity=True, cause=True, outcome=True)
    assert not right_of(expect, "P0", "unknown", None, "no answer").outcome


def test_cause_and_component_must_both_be_right_and_are_not_judged_where_neither_is_expected() -> None:
    expect = Expectation(severity=("P1",), outcome=("resolved",), cause=("deployment",), component=("cart", "checkout"))
    found = [
        right_of(expect, "P1", cause, where, "resolved").cause for cause, where in (("deployment", "cart"), ("deployment", "x"))
    ]
    assert found == [True, False]
    assert right_of(expect, "P1", "code_bug", "cart", "resolved").cause is False
    quiet = Expectation(severity=("P1",), outcome=("resolved",))
    assert right_of(quiet, "P1", "deployment", "cart", "resolved").cause is None


def run(
    contender: Contender, repetition: int = 1, *, right: tuple[bool, bool] = (True, True), tokens: int = 0, **more: Any
) -> Run:
    """A run that was right or not about severity and outcome."""
    severity, outcome = right
    fields: dict[str, Any] = {
        "contender": contender,
        "repetition": repetition,
        "severity": "P1",
        "cause": "unknown",
        "component": None,
        "branch": None,
        "actions": (),
        "outcome": "resolved",
        "right": Right(severity=severity, cause=None, outcome=outcome),
        "usage": Usage(calls=1 if tokens else 0, prompt_tokens=tokens),
        "seconds": 1.0,
        "by_model": 1 if tokens else 0,
    }
    return Run.model_validate(fields | more)


def test_the_verdict_says_so_when_one_plain_agent_is_as_good() -> None:
    said = verdict_of(scores_of([run(Contender.LLM, tokens=9_000), run(Contender.PLAIN, tokens=3_000)]))
    assert said == (
        "Over 1 incident llm was, against plain, as good on severity (100%) and outcome (100%) at 3.0 times its tokens, "
        "so one agent alone does as well here."
    )


def test_the_verdict_says_so_when_one_plain_agent_is_better() -> None:
    said = verdict_of(scores_of([run(Contender.LLM, right=(True, False), tokens=9_000), run(Contender.PLAIN, tokens=9_000)]))
    assert "worse on outcome (0% to its 100%), as good on severity (100%)" in said
    assert said.endswith("so one agent alone does better here.")


def test_only_an_outcome_that_the_rules_got_right_can_be_worse_with_a_model() -> None:
    by_rules = {right: run(Contender.RULES, right=(True, right)) for right in (True, False)}
    once_wrong = (run(Contender.LLM, 1), run(Contender.LLM, 2, right=(True, False)))
    assert Compared(id="s", expected={}, runs=(by_rules[True], *once_wrong)).worse
    assert not Compared(id="s", expected={}, runs=(by_rules[False], *once_wrong)).worse
    assert not Compared(id="s", expected={}, runs=(by_rules[True], run(Contender.LLM))).worse


def test_a_rate_without_anything_to_judge_is_unknown_and_without_the_model_there_is_no_verdict() -> None:
    (score,) = scores_of([run(Contender.RULES)])
    assert score.cause is None
    assert score.struck is None
    assert verdict_of([score]) == ""


def shown(benchmark: Benchmark, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_benchmark(benchmark.model_dump(mode="json")))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


LONG: dict[str, Any] = {
    "cause": "external_dependency",
    "branch": "external_dependency",
    "component": "identity-provider",
    "actions": [{"kind": "failover", "target": "accounts-db", "arguments": {"to": "accounts-db-standby"}, "result": "undone"}]
    * 3,
    "outcome": "handed_over",
}


@pytest.mark.parametrize("width", [100, 140])
def test_the_tables_fit_the_terminal_and_lose_nothing(width: int) -> None:
    wide: dict[str, Any] = {"tokens": 1_234_567, "model_seconds": 1_234.5, "seconds": 2_345.6, "claims": 1_000, "struck": 100}
    runs = [
        run(Contender.RULES, **LONG),
        *(run(c, right=(True, False), **LONG, **wide) for c in (Contender.LLM, Contender.PLAIN)),
    ]
    read = Compared(id="third-party-outage-long", expected={}, runs=tuple(runs))
    unread = Compared(id="broken", expected={}, error="broken/scenario.yaml is not YAML")
    done = benchmark_of(Entry(ModelPolicy(name="m")), [read, unread])
    text = shown(done, width)
    assert all(len(line) <= width for line in text.splitlines())
    whole = " ".join(text.split())
    for told in (
        "✓ handed over",
        "✗ handed over",
        "1,234,567",
        "1234.5",
        "100 of 1000",
        "severity right 1 of 1, 100%",
        done.verdict,
    ):
        assert told in whole
    assert "worse with the model than by rules in: third-party-outage-long." in whole
    assert "broken/scenario.yaml is not YAML" in whole


def test_differing_repetitions_are_counted_and_foreign_text_stays_text() -> None:
    runs = tuple(
        run(Contender.PLAIN, n, right=(n > 1, True), tokens=10).model_copy(update={"why": "[bold]\x1b[31mx"}) for n in (1, 2, 3)
    )
    done = benchmark_of(Entry(ModelPolicy(name="m"), repeat=3), [Compared(id="s", expected={}, runs=runs)])
    text = shown(done, 100)
    assert "✗ P1 ×1" in text
    assert "✓ P1 ×2" in text
    assert "(0% to 100%)" in text
    assert "[bold] [31mx" in text
