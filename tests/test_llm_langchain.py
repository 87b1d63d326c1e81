"""A LangChain chat model and LangChain tools, handed in by an embedder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.tools import BaseTool, tool
from langchain_openai import ChatOpenAI
from model_in_hand import LIBRARY, asked_of, opened, responder_at, results, submit
from pydantic import SecretStr
from world_in_hand import desk_of

from nexus import open_model
from nexus.errors import ModelError, SettingsError
from nexus.incident import Author, Authorship, Evidence
from nexus.intake import read_alert
from nexus.responder.answers import Findings
from nexus.responder.contract import Task
from nexus.responder.llm.chat import Message, Request
from nexus.responder.llm.langchain_chat import LangChainChat
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.responder import LlmResponder
from nexus.testing.diligent import diligent
from nexus.testing.model_server import Asked, Call, Fail, Hang, ModelServer, Say, Script
from nexus.tools.tool import Look


def chat_openai(url: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model="handed-in", base_url=url, api_key=SecretStr("none"), max_retries=0, **more)


async def investigated(responder: LlmResponder, agent: str = "backend-architect") -> tuple[Findings, Authorship, list[Evidence]]:
    asked = await asked_of("bad-deploy", agent, "investigate")
    world = opened("bad-deploy")
    alert = read_alert(json.dumps(world.alert), now=world.world.clock.now())
    desk = desk_of(LIBRARY.agent(agent), Look(world=world.world, at=asked.at, alert=alert), begins=asked.at)
    answer = await responder.respond(Task("investigate", LIBRARY.agent(agent), LIBRARY, asked.facts), Findings, desk)
    return answer, desk.signed[-1], desk.seen


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_chat_model_handed_in_answers_with_parallel_looks(stream: bool) -> None:
    async with ModelServer(diligent) as server:
        async with open_model(chat_openai(server.url), policy=ModelPolicy(stream=stream)) as responder:
            answer, signed, seen = await investigated(responder)
        assert [r.stream for r in server.requests] == [stream, stream]
    assert (signed.by, signed.model, signed.calls) == (Author.MODEL, "handed-in", 2)
    assert signed.prompt_tokens > 500
    assert [e.tool for e in seen[-2:]] == ["search_logs", "service_info"]
    assert len(answer.findings) == 5


async def test_malformed_arguments_from_it_are_sent_back() -> None:
    async with ModelServer([Say(calls=(Call("submit", '{"findings": ['),)), submit(findings=[])]) as server:
        async with open_model(chat_openai(server.url)) as responder:
            _, signed, _ = await investigated(responder)
        assert len(server.requests) == 2
    assert signed.by is Author.MODEL


@pytest.mark.parametrize("script", [[Fail(500)], [Hang(20)]], ids=["fails", "hangs"])
async def test_whatever_it_raises_leaves_the_task_to_the_rules(script: Script) -> None:
    async with ModelServer(script) as server:
        policy = ModelPolicy(call_seconds=1.5)
        async with open_model(chat_openai(server.url), policy=policy) as responder:
            answer, signed, _ = await investigated(responder)
    assert signed.by is Author.RULES
    assert signed.why.startswith("handed-in ")
    assert len(answer.findings) == 5


async def test_a_chat_model_that_takes_no_tools_is_named_as_such() -> None:
    chat = LangChainChat(GenericFakeChatModel(messages=iter(())))
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    with pytest.raises(ModelError, match="m cannot be given tools"):
        await chat.complete(Request("m", [Message("user", "u")], tools, max_tokens=10, seconds=5), None)


@tool
def ticket_history(component: str, days: int = 7) -> str:
    """Tickets that users opened about a component lately."""
    if component == "nothing":
        raise RuntimeError("the tracker says password=hunter2-hunter2 is wrong")
    return json.dumps({"component": component, "days": days, "tickets": ["cannot pay", "token=ghp_" + "a" * 36]})


async def with_tool(script: Script, *tools: BaseTool) -> tuple[Findings, Authorship, list[Evidence], list[Asked]]:
    async with ModelServer(script) as server:
        async with responder_at(server.url, tools={"backend-architect": list(tools)}) as responder:
            answer, signed, seen = await investigated(responder)
        return answer, signed, seen, list(server.requests)


async def test_an_agent_can_be_given_a_langchain_tool_whose_result_is_evidence() -> None:
    script = [Say(calls=(Call("ticket_history", {"component": "edge-gateway"}, "a"),)), submit(findings=[])]
    _, signed, seen, requests = await with_tool(script, ticket_history)
    offered = {t["function"]["name"]: t["function"] for t in requests[0].body["tools"]}
    assert offered["ticket_history"]["description"] == "Tickets that users opened about a component lately."
    assert set(offered["ticket_history"]["parameters"]["properties"]) == {"component", "days"}
    assert signed.by is Author.MODEL
    look = seen[-1]
    assert (look.tool, look.failed, look.arguments) == ("ticket_history", False, {"component": "edge-gateway"})
    assert "cannot pay" in results(requests[1])[0]
    assert "ghp_" not in json.dumps([r.body for r in requests]) + look.model_dump_json()


async def test_a_langchain_tool_that_raises_is_a_failed_look_without_its_secrets() -> None:
    script = [Say(calls=(Call("ticket_history", {"component": "nothing"}),)), submit(findings=[])]
    _, signed, seen, requests = await with_tool(script, ticket_history)
    assert signed.by is Author.MODEL
    assert seen[-1].failed
    assert "ticket_history failed: RuntimeError" in results(requests[1])[0]
    assert "hunter2" not in json.dumps([r.body for r in requests]) + seen[-1].model_dump_json()


async def test_another_agent_is_not_given_it() -> None:
    async with ModelServer([submit(findings=[])]) as server:
        async with responder_at(server.url, tools={"backend-architect": [ticket_history]}) as responder:
            await investigated(responder, "devops-automator")
        assert "ticket_history" not in json.dumps(server.requests[0].body)


def test_without_a_model_or_a_key_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="no model is named: give --model NAME"):
        open_model()
    with pytest.raises(SettingsError, match="no key for the model: set OPENAI_API_KEY"):
        open_model("m")
