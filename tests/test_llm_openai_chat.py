"""OpenAIChat against a real HTTP server: answers whole and streamed, and everything that can go wrong on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from nexus.errors import ModelError, ModelNonsense, ModelRefused, ModelUnreachable
from nexus.responder.llm.chat import Message, Reply, Request, ToolCall
from nexus.responder.llm.openai_chat import OpenAIChat
from nexus.responder.llm.openai_wire import Dialect, body_of
from nexus.testing.model_server import Call, CutOff, Drip, Endless, Fail, Garbage, Hang, ModelServer, Refuse, Say, refused_url

TOOL = {"type": "function", "function": {"name": "look", "description": "", "parameters": {"type": "object", "properties": {}}}}
REQUEST = Request("m", [Message("system", "s"), Message("user", "u")], [TOOL], max_tokens=50, seconds=5.0, tries=3)
BOTH = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


async def ask(server: ModelServer, streamed: bool, request: Request = REQUEST) -> tuple[Reply, list[str]]:
    pieces: list[str] = []
    chat = OpenAIChat(server.url, "sk-none")
    try:
        return await chat.complete(request, pieces.append if streamed else None), pieces
    finally:
        await chat.close()


@BOTH
async def test_text_and_its_cost_come_back(streamed: bool) -> None:
    async with ModelServer([Say("all is well", usage=(120, 7), cached=100)]) as server:
        reply, pieces = await ask(server, streamed)
    assert reply == Reply("all is well", (), "stop", 120, 7, 100)
    assert "".join(pieces) == ("all is well" if streamed else "")


@BOTH
async def test_parallel_tool_calls_come_back_in_order(streamed: bool) -> None:
    calls = (Call("look", {"component": "a"}, "1"), Call("look", {"component": "b"}, "2"), Call("submit", '{"x": [1, 2]}', "3"))
    async with ModelServer([Say("looking", calls=calls)]) as server:
        reply, _ = await ask(server, streamed)
    assert [(c.id, c.name) for c in reply.calls] == [("1", "look"), ("2", "look"), ("3", "submit")]
    assert [c.arguments.replace(" ", "") for c in reply.calls] == ['{"component":"a"}', '{"component":"b"}', '{"x":[1,2]}']


@BOTH
async def test_malformed_arguments_come_back_as_they_were_written(streamed: bool) -> None:
    async with ModelServer([Say(calls=(Call("submit", '{"severity": "P1'),), finish="length")]) as server:
        reply, _ = await ask(server, streamed)
    assert reply.calls[0].arguments == '{"severity": "P1'
    assert reply.finish == "length"


@BOTH
async def test_tokens_are_estimated_where_the_server_does_not_count(streamed: bool) -> None:
    async with ModelServer([Say("a short answer", usage="none")]) as server:
        reply, _ = await ask(server, streamed)
    assert reply.prompt_tokens > 10
    assert 3 <= reply.completion_tokens <= 8


@BOTH
@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_passing_failure_is_tried_again(streamed: bool, status: int) -> None:
    async with ModelServer([Fail(status), Say("back")]) as server:
        reply, _ = await ask(server, streamed)
        assert reply.text == "back"
        assert len(server.requests) == 2


async def test_retry_after_is_kept_to() -> None:
    async with ModelServer([Fail(429, retry_after=1), Say("back")]) as server:
        await ask(server, streamed=False)
        first, second = server.requests
    assert second.at - first.at >= 1.0


async def test_a_server_that_asks_for_a_long_pause_is_given_up_at_once() -> None:
    async with ModelServer([Fail(429, "slow down", retry_after=120)]) as server:
        begun = time.monotonic()
        with pytest.raises(ModelUnreachable, match=r"HTTP 429, asked to come back in 120 s: slow down"):
            await ask(server, streamed=False)
        assert len(server.requests) == 1
    assert time.monotonic() - begun < 3


async def test_what_keeps_failing_is_given_up_after_the_tries() -> None:
    async with ModelServer([Fail(503, "Loading model")]) as server:
        with pytest.raises(ModelUnreachable, match=r"m cannot be reached: HTTP 503: Loading model"):
            await ask(server, streamed=False)
        assert len(server.requests) == REQUEST.tries


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_is_not_tried_again(status: int) -> None:
    async with ModelServer([Fail(status, "no")]) as server:
        with pytest.raises(ModelRefused, match=f"m refused the request: HTTP {status}: no"):
            await ask(server, streamed=False)
        assert len(server.requests) == 1


async def test_a_refused_connection_is_named() -> None:
    chat = OpenAIChat(refused_url(), "sk-none")
    with pytest.raises(ModelUnreachable, match=r"m cannot be reached: no connection: .*[Cc]onnect"):
        await chat.complete(replace(REQUEST, tries=2), None)
    await chat.close()


async def test_an_answer_may_take_longer_than_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.responder.llm.openai_chat.CONNECT_SECONDS", 0.3)
    async with ModelServer([Say("late", latency=1.0)]) as server:
        reply, _ = await ask(server, streamed=False)
    assert reply.text == "late"


@BOTH
async def test_a_server_that_says_nothing_is_given_up_in_time(streamed: bool) -> None:
    async with ModelServer([Hang(30)]) as server:
        with pytest.raises(ModelUnreachable, match=r"no answer in 1 s"):
            await ask(server, streamed, replace(REQUEST, seconds=1.0))


async def test_a_slow_talker_is_given_up_in_time() -> None:
    async with ModelServer([Drip(Say("word " * 50), pause=0.2)]) as server:
        with pytest.raises(ModelUnreachable, match="no answer in 1 s"):
            await ask(server, streamed=True, request=replace(REQUEST, seconds=1.0))


async def test_an_endless_talker_is_stopped() -> None:
    async with ModelServer([Endless()]) as server:
        with pytest.raises(ModelNonsense, match="talked without end"):
            await ask(server, streamed=True)


@BOTH
async def test_a_connection_that_is_dropped_is_tried_again(streamed: bool) -> None:
    async with ModelServer([Refuse(), Say("back")]) as server:
        reply, _ = await ask(server, streamed)
    assert reply.text == "back"


async def test_an_answer_cut_off_on_the_way_is_tried_again() -> None:
    async with ModelServer([CutOff(Say("a long answer " * 40)), Say("whole")]) as server:
        reply, _ = await ask(server, streamed=False)
    assert reply.text == "whole"


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}', b'"text"', b"", b"\xff\xfe"]
)
async def test_what_is_no_completion_is_nonsense(body: bytes) -> None:
    async with ModelServer([Garbage(body)]) as server:
        with pytest.raises(ModelError):
            await ask(server, streamed=False)


@pytest.mark.parametrize(
    ("refusal", "left_out"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
        ("Unknown parameter: 'stream_options'.", "stream_options"),
        ("tool_choice is not supported", "tool_choice"),
    ],
)
async def test_a_server_that_does_not_know_a_word_is_asked_without_it(refusal: str, left_out: str) -> None:
    async with ModelServer([Fail(400, refusal), Say("fine"), Say("again")]) as server:
        chat = OpenAIChat(server.url, "sk-none")
        request = replace(REQUEST, temperature=0.0, must="look")
        pieces: list[str] = []
        assert (await chat.complete(request, pieces.append)).text == "fine"
        assert (await chat.complete(request, pieces.append)).text == "again"
        await chat.close()
        assert left_out in server.requests[0].body
        assert [left_out in r.body for r in server.requests[1:]] == [False, False]


def test_the_body_is_openais() -> None:
    said = [
        Message("system", "s"),
        Message("user", "u"),
        Message("assistant", "", (ToolCall("1", "look", "{}"),)),
        Message("tool", "seen", answers="1"),
    ]
    called = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    body = body_of(replace(REQUEST, messages=said, must="look", temperature=0.5), Dialect(), stream=True)
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "1", "content": "seen"},
        ],
        "max_tokens": 50,
        "tools": [TOOL],
        "tool_choice": "required",
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_what_must_be_called_now_is_all_that_is_offered() -> None:
    other = {"type": "function", "function": {"name": "submit", "parameters": {}}}
    request = replace(REQUEST, tools=[TOOL, other])
    assert [t["function"]["name"] for t in body_of(replace(request, must="submit"), Dialect(), stream=False)["tools"]] == [
        "submit"
    ]
    assert body_of(replace(request, calls_only=True), Dialect(), stream=False)["tool_choice"] == "required"
    assert "tool_choice" not in body_of(request, Dialect(), stream=False)


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['openai'] = None\nfrom nexus import open_model\nopen_model('m')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "SettingsError: the llm responder needs the package openai: pip install 'nexus-incident-response[llm]'" in done.stderr
