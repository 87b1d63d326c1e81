"""The scripted model server, asked over HTTP by the openai SDK: it answers and breaks as scripted, and closes at once."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from openai import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    DefaultAioHttpClient,
    InternalServerError,
    RateLimitError,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from nexus.errors import UsageError
from nexus.testing.model_server import (
    Call,
    CutOff,
    Drip,
    Endless,
    Fail,
    Garbage,
    Hang,
    ModelServer,
    Refuse,
    Reply,
    Say,
    refused_url,
)

LONG = "Die Datenbank antwortet nicht – größer, später, schöner. " * 40
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """A socket or transport that nobody closed warns when it is collected, and a warning is an error."""
    yield
    gc.collect()


@asynccontextmanager
async def client_of(url: str, patience: float = 10.0) -> AsyncIterator[AsyncOpenAI]:
    http = DefaultAioHttpClient()
    async with AsyncOpenAI(base_url=url, api_key="x", max_retries=0, timeout=patience, http_client=http) as client:
        yield client


async def whole(client: AsyncOpenAI, **more: Any) -> ChatCompletion:
    answer = await client.chat.completions.create(model="some-model", messages=[{"role": "user", "content": "Why?"}], **more)
    assert isinstance(answer, ChatCompletion)
    return answer


async def streamed(client: AsyncOpenAI, **more: Any) -> list[ChatCompletionChunk]:
    asked = {"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], **more}
    return [chunk async for chunk in await client.chat.completions.create(stream=True, **asked)]


def said(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def beneath(error: BaseException) -> BaseException | None:
    """The transport's own error: over aiohttp the SDK calls every lost connection a timeout."""
    return error.__cause__.__cause__ if error.__cause__ else None


async def asked_in_vain(script: Any) -> None:
    async with ModelServer(script) as server, client_of(server.url) as client:
        with pytest.raises(InternalServerError):
            await whole(client)


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the server notices by itself and tells nobody
            await asyncio.sleep(0.01)


async def test_a_text_comes_whole() -> None:
    async with ModelServer([Say(LONG, model="other-model")]) as server, client_of(server.url) as client:
        answer = await whole(client)
    assert answer.choices[0].message.content == LONG
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "other-model"


async def test_a_text_comes_streamed_in_small_pieces() -> None:
    async with ModelServer([Say(LONG)]) as server, client_of(server.url) as client:
        chunks = await streamed(client)
    assert said(chunks) == LONG
    assert chunks[0].choices[0].delta.role == "assistant"
    assert max(len(chunk.choices[0].delta.content or "") for chunk in chunks) < 20
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert {(chunk.id, chunk.model, chunk.object) for chunk in chunks} == {("chatcmpl-1", "some-model", "chat.completion.chunk")}


CALLS = (Call("look", {"at": "größe", "deep": [1, None]}), Call("submit", '{"cause": "unfinished', id="call_mine"))


async def test_tool_calls_come_whole_with_malformed_arguments_to_the_letter() -> None:
    async with ModelServer([Say(calls=CALLS)]) as server, client_of(server.url) as client:
        answers = [await whole(client, tools=[LOOK]), await whole(client, tools=[LOOK])]
    message = answers[0].choices[0].message
    look, submit = message.tool_calls or []
    assert look.type == submit.type == "function"
    assert (look.function.name, json.loads(look.function.arguments)) == ("look", {"at": "größe", "deep": [1, None]})
    assert (submit.id, submit.function.arguments) == ("call_mine", '{"cause": "unfinished')
    assert message.content is None
    assert answers[0].choices[0].finish_reason == "tool_calls"
    again = answers[1].choices[0].message.tool_calls or []
    assert len({look.id, again[0].id, "call_mine"}) == 3


async def test_tool_calls_come_streamed_as_a_name_first_and_then_fragments() -> None:
    async with ModelServer([Say("I look.", calls=CALLS)]) as server, client_of(server.url) as client:
        chunks = await streamed(client, tools=[LOOK])
    deltas = [d for chunk in chunks for choice in chunk.choices for d in choice.delta.tool_calls or []]
    of_first = [d for d in deltas if d.index == 0]
    of_second = [d for d in deltas if d.index == 1]
    assert said(chunks) == "I look."
    assert deltas == of_first + of_second
    for call, name, arguments in (
        (of_first, "look", json.dumps(CALLS[0].arguments, ensure_ascii=False)),
        (of_second, "submit", CALLS[1].arguments),
    ):
        heads = [(d.type, d.function.name) for d in call if d.function and d.id]
        assert heads == [("function", name)]
        assert call[0].id
        assert len(call) > 2
        assert "".join(d.function.arguments or "" for d in call if d.function) == arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_the_sdk_puts_a_streamed_answer_together_as_the_whole_one() -> None:
    async with ModelServer([Say(LONG, calls=CALLS[:1])]) as server, client_of(server.url) as client:
        one = (await whole(client)).choices[0]
        asked: list[Any] = [{"role": "user", "content": "Why?"}]
        async with client.chat.completions.stream(model="some-model", messages=asked) as stream:
            other = (await stream.get_final_completion()).choices[0]
    (call,), (streamed_call,) = one.message.tool_calls or [], other.message.tool_calls or []
    assert call.type == streamed_call.type == "function"
    assert (other.message.content, other.finish_reason) == (one.message.content, one.finish_reason)
    assert (streamed_call.function.name, streamed_call.function.arguments) == (call.function.name, call.function.arguments)


async def test_the_stream_on_the_wire_is_events_of_data_that_end_with_done() -> None:
    body = {"model": "m", "messages": [], "stream": True, "stream_options": {"include_usage": True}}
    async with ModelServer([Say("Hello, world", usage=(7, 3))]) as server, aiohttp.ClientSession() as session:
        response = await session.post(f"{server.url}/chat/completions", json=body)
        text = await response.text()
    events = text.split("\n\n")
    assert response.content_type == "text/event-stream"
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:-1]] == [
        {"role": "assistant", "content": ""},
        {"content": "Hello, world"},
        {},
    ]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None, None, None]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 10


async def test_usage_is_what_the_script_says_and_counted_where_it_says_nothing() -> None:
    script = [Say("x", usage=(100, 5), cached=60), Say("y" * 400), Say("z", usage="none")]
    async with ModelServer(script) as server, client_of(server.url) as client:
        given, counted, none = [(await whole(client)).usage for _ in script]
    assert given is not None
    assert (given.prompt_tokens, given.completion_tokens, given.total_tokens) == (100, 5, 105)
    assert given.prompt_tokens_details is not None
    assert given.prompt_tokens_details.cached_tokens == 60
    assert counted is not None
    assert counted.completion_tokens == 100
    assert counted.prompt_tokens > 5
    assert none is None


@pytest.mark.parametrize(
    ("say", "options", "total"),
    [
        (Say("x", usage=(100, 5)), {"include_usage": True}, [105]),
        (Say("x", usage=(100, 5)), {}, []),
        (Say("x", usage="none"), {"include_usage": True}, []),
    ],
    ids=["asked", "not asked", "left out"],
)
async def test_a_stream_ends_with_usage_only_if_asked(say: Say, options: dict[str, bool], total: list[int]) -> None:
    async with ModelServer([say]) as server, client_of(server.url) as client:
        chunks = await streamed(client, stream_options=options)
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == total
    assert all(chunk.choices for chunk in chunks) == (not total)


async def test_the_finish_reason_can_be_another() -> None:
    async with ModelServer([Say("Half a", finish="length")]) as server, client_of(server.url) as client:
        assert (await whole(client)).choices[0].finish_reason == "length"
        assert (await streamed(client))[-1].choices[0].finish_reason == "length"


async def test_replies_are_served_in_order_and_the_last_one_again() -> None:
    async with ModelServer([Say("one"), Say("two")]) as server, client_of(server.url) as client:
        texts = [(await whole(client)).choices[0].message.content for _ in range(4)]
    assert texts == ["one", "two", "two", "two"]


async def test_a_callable_decides_by_the_request_at_once_or_later() -> None:
    async def later(body: dict[str, Any]) -> Reply:
        await asyncio.sleep(0.01)
        return Say(f"{len(body['messages'])} messages")

    for script in (lambda body: Say(f"{len(body['messages'])} messages"), later):
        async with ModelServer(script) as server, client_of(server.url) as client:
            assert (await whole(client)).choices[0].message.content == "1 messages"


async def test_requests_are_kept_as_they_came() -> None:
    before = time.monotonic()
    async with ModelServer([Say("yes")]) as server, client_of(server.url) as client:
        await whole(client, tools=[LOOK])
        await streamed(client)
    first, second = server.requests
    assert first.body["messages"] == [{"role": "user", "content": "Why?"}]
    assert first.body["tools"] == [LOOK]
    assert first.headers["authorization"] == "Bearer x"
    assert (first.stream, second.stream) == (False, True)
    assert before < first.at < second.at < time.monotonic()


async def test_a_prompt_of_megabytes_is_taken() -> None:
    prompt = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 5_000_000}]})
    async with ModelServer([Say("read")]) as server, aiohttp.ClientSession() as session:
        response = await session.post(f"{server.url}/chat/completions", data=BytesIO(prompt.encode()))
        answer = await response.json()
    assert answer["usage"]["prompt_tokens"] > 1_250_000
    assert len(server.requests[0].body["messages"][0]["content"]) == 5_000_000


async def test_calls_at_once_are_served_at_once() -> None:
    async with ModelServer([Say("yes", latency=0.3)]) as server, client_of(server.url) as client:
        began = time.monotonic()
        calls = (whole(client), streamed(client), whole(client), streamed(client), whole(client))
        answers = await asyncio.gather(*calls)
        took = time.monotonic() - began
        await whole(client)
    assert len(answers) == server.in_flight_most == 5
    assert len(server.requests) == 6
    assert took >= 0.3


ERRORS: list[tuple[Fail, type[APIError], str | None, str]] = [
    (Fail(429, retry_after=0.25), RateLimitError, "rate_limit_exceeded", "Too many requests."),
    (Fail(500), InternalServerError, None, "The server had an error."),
    (Fail(503), InternalServerError, None, "Loading model"),
    (Fail(401), AuthenticationError, "invalid_api_key", "The API key is not valid."),
    (Fail(400, "Too long.", code="context_length_exceeded"), BadRequestError, "context_length_exceeded", "Too long."),
    (Fail(418), APIError, None, "The request failed with status 418."),
    (Fail(529, body={"error": {"message": "own", "code": "c"}}), InternalServerError, "c", "own"),
]


@pytest.mark.parametrize(("fail", "kind", "code", "message"), ERRORS, ids=lambda value: getattr(value, "status", None))
@pytest.mark.parametrize("ask", [whole, streamed])
async def test_a_failure_is_the_error_that_the_sdk_knows(
    ask: Any, fail: Fail, kind: type[APIError], code: str | None, message: str
) -> None:
    async with ModelServer([fail]) as server, client_of(server.url) as client:
        with pytest.raises(kind) as caught:
            await ask(client)
    assert (caught.value.code, caught.value.body["message"] if isinstance(caught.value.body, dict) else "") == (code, message)


@pytest.mark.parametrize(("given", "header"), [(None, None), (0.25, "0.25"), (2, "2"), ("soon", "soon")])
async def test_retry_after_is_sent_as_given(given: float | str | None, header: str | None) -> None:
    async with ModelServer([Fail(429, retry_after=given)]) as server, client_of(server.url) as client:
        with pytest.raises(RateLimitError) as caught:
            await whole(client)
    assert caught.value.response.headers.get("Retry-After") == header


async def test_the_sdks_own_retry_gets_the_reply_after_the_failure() -> None:
    async with ModelServer([Fail(503, retry_after=0.01), Say("now")]) as server, client_of(server.url) as client:
        answer = await whole(client.with_options(max_retries=1))
    assert answer.choices[0].message.content == "now"
    assert len(server.requests) == 2


@pytest.mark.parametrize("ask", [whole, streamed])
async def test_a_server_that_hangs_lets_the_client_time_out(ask: Any) -> None:
    async with ModelServer([Hang(30)]) as server, client_of(server.url, patience=0.2) as client:
        with pytest.raises(APITimeoutError):
            await ask(client)
        await until(lambda: server.abandoned)
    assert server.abandoned == server.requests


@pytest.mark.parametrize("script", [[Hang(0.05)], [Refuse()], []], ids=["after hanging", "refused", "nothing scripted"])
@pytest.mark.parametrize("ask", [whole, streamed])
async def test_a_connection_that_is_dropped_without_a_byte_is_a_connection_error(ask: Any, script: list[Reply]) -> None:
    async with ModelServer(script) as server, client_of(server.url) as client:
        with pytest.raises(APIConnectionError) as caught:
            await ask(client)
    assert isinstance(beneath(caught.value), aiohttp.ServerDisconnectedError)
    assert len(server.requests) == 1
    assert not server.abandoned


@pytest.mark.parametrize("after", [0.0, 0.5, 0.99])
async def test_a_whole_answer_that_is_cut_off_is_an_error(after: float) -> None:
    async with ModelServer([CutOff(Say(LONG), after)]) as server, client_of(server.url) as client:
        with pytest.raises(APIConnectionError):
            await whole(client)
    assert not server.abandoned


@pytest.mark.parametrize("after", [0.0, 0.5, 0.99])
async def test_a_stream_that_is_cut_off_gives_its_part_and_then_an_error(after: float) -> None:
    heard: list[ChatCompletionChunk] = []

    async def listen(client: AsyncOpenAI) -> None:
        asked: list[Any] = [{"role": "user", "content": "Why?"}]
        async for chunk in await client.chat.completions.create(model="m", messages=asked, stream=True):
            heard.append(chunk)  # noqa: PERF401 - kept one by one, because the stream breaks

    async with ModelServer([CutOff(Say(LONG), after)]) as server, client_of(server.url) as client:
        with pytest.raises(APIConnectionError):
            await listen(client)
    assert LONG.startswith(said(heard))
    assert after - 0.1 < len(said(heard)) / len(LONG) < after + 0.1


def test_a_cut_outside_of_the_answer_is_refused() -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        CutOff(Say("x"), after=2)


async def test_garbage_comes_as_it_is() -> None:
    html = Garbage(b"<html>Bad gateway</html>", "text/html", 502)
    async with ModelServer([Garbage(b'{"choices": [{]}'), html]) as server, client_of(server.url) as client:
        with pytest.raises(json.JSONDecodeError):
            await whole(client)
        with pytest.raises(InternalServerError) as caught:
            await whole(client)
    assert caught.value.response.text == "<html>Bad gateway</html>"


@pytest.mark.parametrize("ask", [whole, streamed])
async def test_a_drip_takes_its_time_and_is_complete(ask: Any) -> None:
    async with ModelServer([Drip(Say("One two three four five six."), pause=0.02)]) as server, client_of(server.url) as client:
        began = time.monotonic()
        answer = await ask(client)
    text = said(answer) if isinstance(answer, list) else answer.choices[0].message.content
    assert text == "One two three four five six."
    assert time.monotonic() - began > 0.08


async def test_an_endless_stream_goes_on_until_the_client_leaves() -> None:
    async with ModelServer([Endless(text='"und"\n')]) as server, client_of(server.url) as client:
        heard: list[ChatCompletionChunk] = []
        stream = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Why?"}], stream=True)
        async with stream:
            async for chunk in stream:
                heard.append(chunk)
                if len(heard) == 500:
                    break
        await until(lambda: server.abandoned)
    assert said(heard) == '"und"\n' * 499


async def test_an_endless_whole_answer_is_the_beginning_of_a_completion() -> None:
    seen = b""
    async with ModelServer([Endless(pause=0.001, text='"und"\n')]) as server, aiohttp.ClientSession() as session:
        async with session.post(f"{server.url}/chat/completions", json={"model": "m", "messages": []}) as response:
            while len(seen) < 1000:
                seen += await response.content.readany()
        await until(lambda: server.abandoned)
    content = json.loads(seen[: seen.rindex(rb"\n") + 2] + b'"}}]}')["choices"][0]["message"]["content"]
    assert content == '"und"\n' * (len(content) // 6)


@pytest.mark.parametrize("reply", [Endless(), Drip(Say(LONG), pause=0.01)], ids=["endless", "drip"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_is_known_and_no_fault_of_the_server(
    stream: bool, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    async with ModelServer([reply]) as server:
        async with aiohttp.ClientSession() as session:
            body = {"model": "m", "messages": [], "stream": stream}
            async with session.post(f"{server.url}/chat/completions", json=body) as response:
                await response.content.readany()
        await until(lambda: server.abandoned)
    assert server.abandoned == server.requests
    assert not caplog.records


@pytest.mark.parametrize(
    "reply", [Hang(60), Endless(), Drip(Say(LONG), pause=1), Say("late", latency=60)], ids=lambda r: type(r).__name__
)
async def test_closing_is_prompt_and_leaves_nothing_whatever_hangs(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    before = asyncio.all_tasks()
    async with client_of(refused_url()) as client, AsyncExitStack() as stack:
        server = await stack.enter_async_context(ModelServer([Say("first"), reply]))
        client.base_url = server.url
        await whole(client)
        asking = [asyncio.create_task(ask(client)) for ask in (whole, streamed, whole, streamed)]
        await until(lambda: len(server.requests) == 5)
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await stack.aclose()
        took = time.monotonic() - began
        left = asyncio.all_tasks() - before
        errors = await asyncio.gather(*asking, return_exceptions=True)
    assert took < 1
    assert left == set(asking)
    assert [isinstance(error, APIConnectionError) for error in errors] == [True] * 4
    assert not server.abandoned
    assert not caplog.records


async def test_closing_also_ends_the_connection_of_a_client_that_reads_nothing() -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ModelServer([Endless(text="x" * 100_000)]))
        _, writer = await asyncio.open_connection(*server.url.split("/")[2].split(":"))
        body = b'{"model": "m", "messages": [], "stream": true}'
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await until(lambda: server.requests)
        (request,) = server._in_flight.values()
        connection = request.transport
        assert connection is not None
        await until(connection.get_write_buffer_size)
        await stack.aclose()
        assert connection.is_closing()
        assert connection.get_write_buffer_size() == 0
        writer.close()


async def test_what_a_script_raises_fails_the_test_when_the_server_is_left() -> None:
    def script(body: dict[str, Any]) -> Reply:
        assert body["model"] == "another-model"
        return Say("never")

    with pytest.raises(AssertionError, match="another-model"):
        await asked_in_vain(script)


async def test_an_error_that_a_script_led_to_names_what_the_script_raised() -> None:
    async def script(body: dict[str, Any]) -> Reply:
        raise KeyError(body["model"])

    with pytest.raises(InternalServerError) as caught:
        async with ModelServer(script) as server, client_of(server.url) as client:
            await whole(client)
    assert caught.value.__notes__ == ["the model server's script raised KeyError('some-model')"]


async def test_a_reply_that_is_none_says_so() -> None:
    script = [None]
    with pytest.raises(UsageError, match="replied None"):
        await asked_in_vain(script)


@pytest.mark.parametrize("sent", [b"{not json", b"[1]", b"\xff\xfe"])
async def test_a_request_that_is_no_json_object_is_a_bad_request(sent: bytes) -> None:
    async with ModelServer([Say("never")]) as server, aiohttp.ClientSession() as session:
        response = await session.post(f"{server.url}/chat/completions", data=sent)
        error = (await response.json())["error"]
    assert (response.status, error["type"]) == (400, "invalid_request_error")
    assert server.requests == []


async def test_models_are_listed() -> None:
    async with ModelServer(models=("small", "large")) as server, client_of(server.url) as client:
        assert [model.id async for model in client.models.list()] == ["small", "large"]
    assert server.requests == []


async def test_nothing_listens_at_a_refused_url() -> None:
    async with client_of(refused_url()) as client:
        with pytest.raises(APIConnectionError) as caught:
            await whole(client)
    assert isinstance(beneath(caught.value), aiohttp.ClientConnectorError)


async def test_two_servers_stand_side_by_side_on_loopback() -> None:
    async with ModelServer([Say("one")]) as one, ModelServer([Say("two")]) as two:
        assert one.url != two.url
        assert one.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("statement", ["m.refused_url()", "asyncio.run(m.ModelServer().__aenter__())"])
def test_without_aiohttp_the_error_says_what_to_install(statement: str) -> None:
    code = f"import asyncio, sys\nsys.modules['aiohttp'] = None\nimport nexus.testing.model_server as m\n{statement}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    last = done.stderr.strip().splitlines()[-1]
    assert last == ("nexus.errors.UsageError: the model server needs aiohttp: pip install 'nexus-incident-response[llm]'")


def test_the_model_server_needs_no_graph() -> None:
    code = "import sys, nexus.testing.model_server\nprint(*[m for m in ('langgraph', 'numpy', 'aiohttp') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not done.stdout.split()
