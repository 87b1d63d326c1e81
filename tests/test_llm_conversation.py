"""One task put to a model over HTTP: looking, submitting, being sent back, and everything that a model may do instead."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from model_in_hand import KEY, Told, ids_by_tool, results, submit, told

from nexus.incident import Author
from nexus.responder.answers import Findings
from nexus.responder.llm.budget import Spent
from nexus.testing.model_server import Call, CutOff, Drip, Endless, Fail, Garbage, Hang, Refuse, Say
from nexus.testing.replies import Reply

LOG = Call("search_logs", {"component": "edge-gateway"}, "a")


def finding(body: dict[str, Any], tool: str = "search_logs", claim: str = "The log has new errors.") -> dict[str, Any]:
    return {"claim": claim, "component": "edge-gateway", "abnormal": True, "evidence": [ids_by_tool(body)[tool]]}


def looks_then_submits(body: dict[str, Any]) -> Reply:
    if not any(m["role"] == "tool" for m in body["messages"]):
        return Say("looking closer", calls=(LOG, Call("service_info", {"component": "edge-gateway"}, "b")))
    return submit(findings=[finding(body)])


def findings(done: Told) -> list[str]:
    assert isinstance(done.answer, Findings)
    return [f.claim for f in done.answer.findings]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_tools_called_at_once_are_run_at_once_and_the_answer_is_joined_with_the_checks(stream: bool) -> None:
    done = await told(looks_then_submits, policy={"stream": stream})
    assert len(done.requests) == 2
    assert all(r.stream is stream for r in done.requests)
    assert [json.loads(re.sub(r"^.*⟧\n.*\n|\n⟦end.*$", "", r)) is not None for r in results(done.requests[1])] == [True, True]
    further = done.seen[-2:]
    assert [e.tool for e in further] == ["search_logs", "service_info"]
    assert further[0].at == further[1].at
    assert findings(done)[-1] == "The log has new errors."
    assert len(findings(done)) == 6
    assert (done.signed.by, done.signed.calls, done.signed.struck) == (Author.MODEL, 2, ())
    assert done.signed.prompt_tokens > 1000


async def test_who_watches_hears_the_words_and_the_cost() -> None:
    class Ears:
        heard = ""
        spent_tokens = 0

        def said(self, agent: str, task: str, piece: str) -> None:
            assert (agent, task) == ("Backend Architect", "investigate")
            self.heard += piece

        def spent(self, spent: Spent) -> None:
            self.spent_tokens = spent.tokens

    ears = Ears()
    await told(looks_then_submits, watcher=ears)
    assert ears.heard == "looking closer"
    assert ears.spent_tokens > 1000


async def test_what_tools_return_stands_between_marks_nobody_can_guess() -> None:
    done = await told(looks_then_submits)
    again = await told(looks_then_submits)
    words = [re.findall(r"⟦data (\w+) ", results(d.requests[1])[0])[0] for d in (done, again)]
    assert words[0] != words[1]
    assert len(words[0]) == 16


async def test_the_system_message_is_the_same_each_time() -> None:
    done = await told(looks_then_submits)
    again = await told(looks_then_submits)
    bodies = [request.body for request in (*done.requests, *again.requests)]
    assert len(bodies) == 4
    assert all(body["messages"][0] == bodies[0]["messages"][0] for body in bodies)
    assert all(body["tools"] == bodies[0]["tools"] for body in bodies)


async def test_an_answer_given_as_json_text_counts_too() -> None:
    def script(body: dict[str, Any]) -> Reply:
        answer = {"findings": [finding(body, "rank_suspects", "edge-gateway is the most suspect.")]}
        return Say("```json\n" + json.dumps(answer) + "\n```")

    done = await told(script)
    assert done.signed.by is Author.MODEL
    assert done.signed.calls == 1
    assert "edge-gateway is the most suspect." in findings(done)


async def test_one_that_submits_at_once_without_evidence_adds_nothing() -> None:
    done = await told([submit(findings=[{"claim": "It is the database.", "evidence": []}])])
    assert done.signed.calls == 1
    assert done.signed.struck == ("uncited: It is the database.",)
    assert done.signed.by is Author.RULES
    assert done.signed.why == "nothing that m said could stand: uncited: It is the database."
    assert "It is the database." not in findings(done)
    assert len(findings(done)) == 5


async def test_invented_evidence_is_sent_back_twice_then_struck() -> None:
    done = await told([submit(findings=[{"claim": "It is the database.", "evidence": ["BA9-77"]}])])
    assert done.signed.calls == 3
    assert "there is no evidence BA9-77" in results(done.requests[1])[0]
    assert "It is the database." not in findings(done)
    assert done.signed.by is Author.RULES
    assert done.signed.struck


async def test_an_answer_sent_back_may_be_corrected() -> None:
    def script(body: dict[str, Any]) -> Reply:
        if any(m["role"] == "tool" for m in body["messages"]):
            return submit(findings=[finding(body, "check_databases", "databases answer.")])
        return submit(findings=[{"claim": "databases answer.", "evidence": ["nothing"]}])

    done = await told(script)
    assert (done.signed.calls, done.signed.struck) == (2, ())
    assert "databases answer." in findings(done)


@pytest.mark.parametrize(
    ("arguments", "objection"),
    [
        ('{"findings": [', "the arguments are no JSON object"),
        ("[]", "the arguments are no JSON object"),
        ({"found": 1}, "Field required"),
        ({"findings": [{"claim": 7}]}, "valid string"),
        ({"findings": [{"claim": "x" * 500, "evidence": []}]}, "at most 400 characters"),
        ({"findings": [], "severity": "P3"}, "Extra inputs"),
    ],
)
async def test_a_malformed_answer_goes_back_with_the_reason_twice_then_rules_answer(arguments: Any, objection: str) -> None:
    done = await told([Say(calls=(Call("submit", arguments),))])
    assert len(done.requests) == 3
    assert objection in results(done.requests[1])[0]
    assert done.signed.by is Author.RULES
    assert "was sent back 2 times and still" in done.signed.why
    assert len(findings(done)) == 5


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (Call("rollback", {"component": "edge-gateway"}), "there is no tool 'rollback'; yours are"),
        (Call("search_logs", {"component": 7}), "search_logs: component"),
        (Call("search_logs", "{not json"), "search_logs: no JSON object"),
        (Call("search_logs", {"where": "everywhere"}), "Extra inputs are not permitted"),
        (Call("check_databases", {}), "the same look was taken already, its result stands above as BA"),
    ],
)
async def test_a_call_that_cannot_be_made_is_answered_with_the_reason(call: Call, said: str) -> None:
    done = await told([Say(calls=(call,)), submit(findings=[])])
    assert said in results(done.requests[1])[0]
    assert done.signed.by is Author.MODEL
    assert {e.tool for e in done.seen} == {
        "check_databases", "api_error_rates", "service_communication", "rank_suspects", "locate_error",
    }  # fmt: skip


async def test_one_that_loops_is_refused_the_same_look_and_given_up_after_its_steps() -> None:
    done = await told([Say(calls=(LOG,))], policy={"steps": 5})
    assert len(done.requests) == 5
    assert [e.tool for e in done.seen].count("search_logs") == 1
    assert done.requests[-1].body["tool_choice"] == "required"
    assert [t["function"]["name"] for t in done.requests[-1].body["tools"]] == ["submit"]
    assert done.signed.by is Author.RULES
    assert done.signed.why == "m did not submit an answer in 5 steps: rules answer"


async def test_one_that_looks_for_ever_runs_out_of_looks() -> None:
    count = iter(range(1000))

    def script(_: dict[str, Any]) -> Reply:
        return Say(calls=tuple(Call("search_logs", {"pattern": f"p{next(count)}"}) for _ in range(9)))

    done = await told(script, policy={"looks": 12, "steps": 4})
    assert [e.tool for e in done.seen].count("search_logs") == 12
    assert "no more looks: submit what you have" in results(done.requests[-1])[-1]
    assert done.signed.by is Author.RULES


async def test_one_that_only_talks_is_asked_twice_to_submit_then_rules_answer() -> None:
    done = await told([Say("I think that it might be the network.")])
    assert len(done.requests) == 3
    assert "that was text; answer by calling `submit`" in done.requests[1].body["messages"][-1]["content"]
    assert done.signed.by is Author.RULES


async def test_a_cut_off_answer_is_sent_back_as_such() -> None:
    done = await told(
        [Say("and so on and", finish="length"), Say(calls=(Call("submit", '{"findings": [{"cl'),), finish="length")]
    )
    assert "your answer was cut off: be shorter" in done.requests[1].body["messages"][-1]["content"]
    assert "your answer was cut off: be shorter" in results(done.requests[2])[0]
    assert done.signed.by is Author.RULES


@pytest.mark.parametrize(
    ("reply", "requests", "why"),
    [
        (Fail(429, "slow down", retry_after=90), 1, "m cannot be reached: HTTP 429, asked to come back in 90 s"),
        (Fail(500, "oops"), 2, "m cannot be reached: HTTP 500: oops"),
        (Fail(503, "Loading model"), 2, "m cannot be reached: HTTP 503: Loading model"),
        (Fail(401, "bad key"), 1, "m refused the request: HTTP 401: bad key"),
        (Fail(400, "context length exceeded"), 1, "m refused the request: HTTP 400: context length exceeded"),
        (Refuse(), 2, "m cannot be reached: no connection"),
        (CutOff(Say("word " * 500)), 2, "m cannot be reached: no connection"),
        (Garbage(b"<html>"), 1, "m answered with what is no"),
        (Hang(20), 1, "m gave no answer in 1 s"),
    ],
    ids=lambda v: type(v).__name__ + str(getattr(v, "status", "")) if not isinstance(v, str | int) else "",
)
async def test_a_model_out_of_reach_leaves_the_task_to_the_rules(reply: Reply, requests: int, why: str) -> None:
    done = await told([reply], policy={"call_seconds": 1.0 if isinstance(reply, Hang) else 5.0})
    assert len(done.requests) == requests
    assert done.signed.by is Author.RULES
    assert done.signed.why.startswith(why)
    assert len(findings(done)) == 5


@pytest.mark.parametrize("reply", [Endless(), Drip(Say("word " * 500), pause=0.2)], ids=["endless", "slow"])
async def test_an_endless_talker_is_cut_off(reply: Reply) -> None:
    done = await told([reply], policy={"stream": True, "call_seconds": 2.0, "answer_tokens": 200})
    assert done.signed.by is Author.RULES
    assert done.signed.seconds < 6


async def test_what_it_said_well_stands_though_it_then_went_away() -> None:
    def script(body: dict[str, Any]) -> Reply:
        if any(m["role"] == "tool" for m in body["messages"]):
            return Fail(500)
        good = finding(body, "check_databases", "databases answer.")
        return submit(findings=[good, {"claim": "and more", "evidence": ["X9-9"]}])

    done = await told(script)
    assert done.signed.by is Author.MODEL
    assert "databases answer." in findings(done)
    assert "and more" not in findings(done)


async def test_a_task_has_its_time() -> None:
    done = await told([Hang(30)], policy={"task_seconds": 1.0, "call_seconds": 20.0, "seconds": {}})
    assert done.signed.why == "m took longer than 1 s over the task: rules answer"


async def test_an_agents_budget_ends_its_asking() -> None:
    done = await told(looks_then_submits, policy={"agent": {"steps": 1}})
    assert len(done.requests) == 1
    assert done.signed.why.startswith("backend-architect's budget of 1 model calls is used up")


async def test_old_results_are_shortened_when_the_window_gets_tight() -> None:
    components = iter(("edge-gateway", "storefront", "checkout", "cart", "payment", "orders", "catalog", "accounts"))

    def script(_: dict[str, Any]) -> Reply:
        component = next(components, None)
        return submit(findings=[]) if component is None else Say(calls=(Call("search_logs", {"component": component}),))

    done = await told(script, policy={"window": 5800, "answer_tokens": 500, "steps": 10})
    assert done.signed.by is Author.MODEL
    first, last = results(done.requests[1])[0], results(done.requests[-1])[0]
    assert len(last) < len(first)
    assert re.findall(r"evidence \S+", last) == re.findall(r"evidence \S+", first)


async def test_a_prompt_beyond_the_window_leaves_the_task_to_the_rules() -> None:
    done = await told(looks_then_submits, policy={"window": 2000, "answer_tokens": 500})
    assert done.requests == []
    assert "the model's window leaves 1500" in done.signed.why


async def test_the_key_is_sent_as_a_key_and_stands_nowhere_else() -> None:
    done = await told(looks_then_submits)
    assert done.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps([r.body for r in done.requests])


async def test_the_wording_that_was_used_is_signed() -> None:
    done = await told(looks_then_submits)
    assert set(done.signed.wording) == {"agents/backend-architect.md", "prompts/investigate.md", "prompts/system.md"}
    assert all(re.fullmatch(r"[0-9a-f]{12}", h) for h in done.signed.wording.values())


async def test_an_error_nobody_foresaw_on_the_models_side_leaves_the_task_to_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("in somebody's chat")

    monkeypatch.setattr("nexus.responder.llm.openai_chat.reply_of", broken)
    done = await told(looks_then_submits)
    assert done.signed.by is Author.RULES
    assert done.signed.why == "m could not be asked: ZeroDivisionError: in somebody's chat"
    assert len(findings(done)) == 5
