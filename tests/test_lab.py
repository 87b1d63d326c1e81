"""Lab: what a notebook asks for, and how trials stand side by side in it and at a terminal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from nexus.errors import LibraryError, UsageError, WorldError
from nexus.incident import AskedTask, Author, Authorship, Evidence
from nexus.lab import Lab, compare
from nexus.library import Library
from nexus.replay import RecordedDesk, Trial, task_of
from nexus.responder.answers import Proposal
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import ModelPolicy, Price
from nexus.testing.diligent import diligent
from nexus.testing.model_server import ModelServer
from nexus.tools.registry import TOOLS
from nexus.view.differences import held_together, parts_of
from nexus.view.sheet import Sheet

pytestmark = pytest.mark.xdist_group("lab")  # one process runs the incidents, once
KEY = "sk-" + "0123456789abcdefghijklmnop"
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return asyncio.run(Lab.of_scenario("bad-deploy"))


def test_a_lab_is_short_in_a_notebook(lab: Lab) -> None:
    assert repr(lab) == f"Lab({lab.record.incident}, {len(lab.record.tasks)} tasks)"


async def test_a_scenario_that_is_not_there_is_named() -> None:
    with pytest.raises(WorldError, match="there is no scenario no-such-thing"):
        await Lab.of_scenario("no-such-thing")


def test_tasks_are_listed_by_agent_and_kind_with_how_often_and_when(lab: Lab) -> None:
    lines = [line.split() for line in str(lab.tasks()).splitlines()]
    assert ["backend-architect", "investigate", "1", "10:00:00"] in lines
    assert ["infrastructure-maintainer", "verify", "7", "10:11:40", "to", "10:42:40"] in lines
    assert sum(int(row[2]) for row in lines if len(row) in (4, 6)) == len(lab.record.tasks)


async def test_further_looks_are_taken_in_the_scenarios_world_as_it_was_at_the_time(lab: Lab) -> None:
    nothing = replace(lab.record, evidence=())
    compared = 0
    for asked in lab.record.tasks:
        desk = RecordedDesk(nothing, asked, lab.library)
        for first in (e for e in lab.record.evidence if e.id.startswith(asked.looks)):
            desk.lap.spend(first.at - desk.lap.now())
            seen = await desk.use(first.tool, **first.arguments)
            same: Any = {"id", "pictures"}
            assert Evidence.model_validate_json(seen.model_dump_json()).model_dump(exclude=same) == first.model_dump(exclude=same)
            compared += 1
    assert compared == len(lab.record.evidence)


async def test_an_agent_may_look_where_nobody_looked(lab: Lab) -> None:
    async with ModelServer(diligent) as server, model_at(server.url) as model:
        trial = await lab.ask("backend-architect", model)
    further = [look for look in trial.looks if look.tool in ("search_logs", "service_info")]
    assert [look.failed for look in further] == [False, False]
    assert not {look.id for look in further} & {e.id for e in lab.record.evidence}


async def test_a_tool_that_somebody_brought_is_not_run_anew(lab: Lab) -> None:
    desk = RecordedDesk(lab.record, task_of(lab.record, "backend-architect"), lab.library)
    desk.give(replace(TOOLS["service_info"], name="ask_the_wiki"))
    found = await desk.use("ask_the_wiki", component="cart")
    assert found.summary.startswith("the record holds no such look: ask_the_wiki")


def model_at(url: str) -> Any:
    prices = {"scripted": Price(prompt=1.0, completion=4.0)}
    return open_model(policy=ModelPolicy(name="scripted", base_url=url, prices=prices), api_key=KEY)


async def test_the_prompt_is_shown_as_the_model_is_sent_it(lab: Lab) -> None:
    text = lab.library.prompts["investigate"] + "- Say first what you are least sure of.\n"
    sent = await lab.prompt("backend-architect", "investigate", prompt=text)
    assert sent.system.startswith("# Backend Architect\n")
    assert sent.user.startswith("# Investigate\n")
    assert "- Say first what you are least sure of." in sent.user
    assert "⟦data mark evidence BA3-1 check_databases⟧" in sent.user
    assert sent.tools[-1]["function"]["name"] == "submit"
    assert repr(sent).startswith("Sent(system: ")
    assert str(sent).startswith(sent.system)
    assert sent._repr_html_().count("<details>") == 3
    async with ModelServer(diligent) as server, model_at(server.url) as model:
        await lab.ask("backend-architect", model, prompt=text)
        first = server.requests[0].body
    assert first["messages"][0]["content"] == sent.system
    assert first["tools"] == list(sent.tools)


async def test_no_prompt_is_shown_for_what_the_rules_answer_alone(lab: Lab) -> None:
    with pytest.raises(UsageError, match="no model is asked for this verify of infrastructure-maintainer"):
        await lab.prompt("infrastructure-maintainer", "verify", number=2)


async def test_a_prompt_with_a_hole_that_nothing_fills_is_refused_before_anybody_is_asked(lab: Lab) -> None:
    with pytest.raises(LibraryError, match=r"unknown hole \{\{ checsk \}\}"):
        await lab.ask("backend-architect", prompt="# Investigate\n{{ checsk }}\n")


async def test_another_library_words_the_task_anew(lab: Lab) -> None:
    other = Library.default().with_prompt("investigate", "# Investigate\n\nAs you like.\n")
    sent = await replace(lab, library=other).prompt("backend-architect")
    assert sent.user.startswith("# Investigate\n\nAs you like.\n")


async def test_a_model_with_another_prompt_stands_beside_the_rules_with_what_it_took(lab: Lab) -> None:
    text = lab.library.prompts["investigate"] + "- Say first what you are least sure of.\n"
    async with ModelServer(diligent) as server, model_at(server.url) as model:
        trials = [
            await lab.ask("backend-architect", label="rules"),
            await lab.ask("backend-architect", model, label="model"),
            await lab.ask("backend-architect", model, prompt=text, label="other prompt"),
        ]
    taken, differ, same = compare(*trials).sheets()
    assert taken.head == differ.head == ("", "rules", "model", "other prompt")
    rows = {name: cells for name, *cells in taken.rows}
    assert rows["answered by"] == ["rules", "scripted", "scripted"]
    assert rows["calls"] == ["", "2", "2"]
    tokens = [int(cell.split(" in")[0].replace(",", "")) for cell in rows["tokens"][1:]]
    assert tokens[1] > tokens[0]
    assert [cell[-4:] for cell in rows["cost"]] == ["", " USD", " USD"]
    assert rows["struck"] == ["", "nothing", "nothing"]
    assert rows["looks"][0].splitlines() == [
        "check_databases",
        "api_error_rates",
        "service_communication",
        "rank_suspects",
        "locate_error",
    ]
    assert [row[0] for row in differ.rows] == ["findings: Check database health"]
    assert [row[0] for row in same.rows][:2] == ["findings: Check database health", "findings: Review API error rates"]


def trial(label: str = "one", *, proposal: str = "Call them.", signed: Authorship | None = None, key: str = "1") -> Trial:
    asked = AskedTask(key=key, agent="finance-tracker", task="escalate", at=AT, facts={"incident": "INC-1"})
    return Trial(label, asked, "llm" if signed else "rules", Proposal(proposal=proposal), signed, (), 0.25)


def test_why_the_rules_took_over_is_said() -> None:
    signed = Authorship(agent="Finance Tracker", task="escalate", by=Author.RULES, model="m", why="m is out of reach", at=AT)
    rows = {name: cells for name, *cells in compare(trial(), trial(signed=signed)).sheets()[0].rows}
    assert rows["answered by"] == ["rules", "rules"]
    assert rows["why"] == ["", "m is out of reach"]
    assert "struck" not in rows


def test_that_no_model_is_asked_is_said() -> None:
    alone = replace(trial(), responder="llm")
    rows = {name: cells for name, *cells in compare(alone).sheets()[0].rows}
    assert (rows["answered by"], rows["why"]) == (["rules"], ["no model is asked for this"])


def test_what_was_struck_and_what_was_kept_of_the_prompt_is_said_and_a_price_that_is_not_known() -> None:
    signed = Authorship(
        agent="a",
        task="escalate",
        by=Author.MODEL,
        model="m",
        calls=1,
        prompt_tokens=1200,
        cached_tokens=1000,
        completion_tokens=30,
        cost_usd=None,
        struck=("one", "two"),
        at=AT,
    )
    rows = {name: cells for name, *cells in compare(trial(signed=signed)).sheets()[0].rows}
    assert rows["tokens"] == ["1,200 in, 1,000 of them kept, 30 out"]
    assert rows["cost"] == ["price unknown"]
    assert rows["struck"] == ["one\ntwo"]


@pytest.mark.parametrize("trials", [(), (trial(key="1"), trial(key="2"))])
def test_only_trials_of_one_task_are_compared(trials: tuple[Trial, ...]) -> None:
    with pytest.raises(UsageError, match="not trials of one task"):
        compare(*trials)


def test_a_comparison_is_the_same_for_programs() -> None:
    told = json.loads(json.dumps(compare(trial(), trial("two", proposal="Write.")).data()))
    assert told["incident"] == "INC-1"
    assert [t["label"] for t in told["trials"]] == ["one", "two"]
    assert [t["answer"]["proposal"] for t in told["trials"]] == ["Call them.", "Write."]


def test_a_comparison_is_plain_text_html_and_a_rendering() -> None:
    shown = compare(trial("<one>", proposal="a & b\nc"), trial("[b]two[/b]", proposal="\x1b[31mred"))
    text = str(shown)
    assert repr(shown) == text
    assert max(map(len, text.splitlines())) <= 100
    assert "[b]two[/b]" in text
    assert "\x1b" not in text
    page = shown._repr_html_()
    assert "&lt;one&gt;" in page
    assert "a &amp; b<br>c" in page
    narrow = Console(width=60, file=StringIO())
    with narrow.capture() as told:
        narrow.print(shown)
    assert max(map(len, told.get().splitlines())) <= 60


def test_an_answer_is_taken_apart_into_what_people_compare() -> None:
    answer = {
        "severity": "P1",
        "false_alarm": False,
        "rank": 1,
        "empty": None,
        "cause": {"kind": "x", "ids": ["a", "b"]},
        "checks": [{"check": "one", "passed": True}, {"check": "two", "passed": None}],
        "whys": [{"text": "a"}, {"text": "b"}],
        "twins": [{"check": "Doubt", "n": 1}, {"check": "Doubt", "n": 2}],
    }
    assert parts_of(answer) == {
        "severity": {"": "P1"},
        "false_alarm": {"": "no"},
        "rank": {"": "1"},
        "cause": {"kind": "x", "ids": "a, b"},
        "checks: one": {"passed": "yes"},
        "whys 1": {"text": "a"},
        "whys 2": {"text": "b"},
        "twins 1": {"check": "Doubt", "n": "1"},
        "twins 2": {"check": "Doubt", "n": "2"},
    }


def test_what_differs_stands_apart_from_what_is_the_same() -> None:
    one = {"cause": {"kind": "x", "sure": "yes"}, "severity": {"": "P1"}}
    two = {"cause": {"kind": "x"}, "severity": {"": "P0"}, "more": {"text": "t"}}
    differ, same = held_together([one, two])
    assert differ == (("cause", "sure: yes", "sure: none"), ("severity", "P1", "P0"), ("more", "not there", "text: t"))
    assert same == (("cause", "kind: x"),)


def test_a_sheet_without_a_head_has_none() -> None:
    assert Sheet("T", ("", ""), (("a", "b"),)).html().count("<tr>") == 1
