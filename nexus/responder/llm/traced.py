"""Traced: a model call as a span, and as a run of LangSmith's where that is switched on; the call itself is the chat's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nexus.responder.llm.chat import Chat, Heard, Message, Reply, Request, as_openai
from nexus.responder.llm.langchain_chat import LangChainChat
from nexus.spans import (
    CACHED_TOKENS,
    FINISH_REASONS,
    INPUT_TOKENS,
    MAX_TOKENS,
    OUTPUT_TOKENS,
    TEMPERATURE,
    Value,
    chat_span,
)

SWITCHES = ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING")
"""Variables by which LangSmith is switched on, each with `true`."""

Tell = Callable[[Reply], None]


async def traced(chat: Chat, request: Request, heard: Heard | None, mask: Callable[[str], str]) -> Reply:
    """The chat's answer. Its span has no contents; LangSmith gets the messages as they are sent, and the answer masked.

    A model of LangChain's has limits of its own and tells LangSmith itself. Raises what the chat raises.
    """
    foreign = isinstance(chat, LangChainChat)
    limits = {} if foreign else limits_of(request)
    with (
        chat_span("langchain" if foreign else "openai", request.model, limits) as mark,
        _langsmith(request, mask, on=not foreign and switched_on(os.environ)) as tell,
    ):
        reply = await chat.complete(request, heard)
        mark.set(FINISH_REASONS, [reply.finish])
        mark.set(INPUT_TOKENS, reply.prompt_tokens)
        mark.set(CACHED_TOKENS, reply.cached_tokens)
        mark.set(OUTPUT_TOKENS, reply.completion_tokens)
        tell(reply)
        return reply


def limits_of(request: Request) -> dict[str, Value]:
    """What the request asks of the model."""
    limits: dict[str, Value] = {MAX_TOKENS: request.max_tokens}
    return limits if request.temperature is None else limits | {TEMPERATURE: request.temperature}


def switched_on(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for LangSmith."""
    return any(environment.get(name) == "true" for name in SWITCHES)


@contextmanager
def _langsmith(request: Request, mask: Callable[[str], str], *, on: bool) -> Iterator[Tell]:
    """A run inside the one that LangGraph has begun; of a failure it is told the kind, as messages may hold secrets."""
    if not on:
        yield lambda _: None
        return
    from langsmith.run_helpers import trace  # noqa: PLC0415 - only where it is switched on

    failure: BaseException | None = None
    inputs = {"messages": [as_openai(m) for m in request.messages], "tools": list(request.tools)}
    with trace(f"chat {request.model}", run_type="llm", inputs=inputs, metadata=_about(request)) as run:
        try:
            yield lambda reply: run.end(outputs=_outputs(reply, mask))
        except BaseException as error:  # noqa: BLE001 - raised again below, where LangSmith does not see its message
            failure = error
            run.end(error=type(error).__name__)
    if failure is not None:
        raise failure


def _about(request: Request) -> dict[str, Any]:
    """What LangSmith prices a call by, under its names."""
    return {
        "ls_provider": "openai",
        "ls_model_type": "chat",
        "ls_model_name": request.model,
        "ls_max_tokens": request.max_tokens,
        "ls_temperature": request.temperature,
    }


def _outputs(reply: Reply, mask: Callable[[str], str]) -> dict[str, Any]:
    said = as_openai(Message("assistant", reply.text, reply.calls), mask)
    usage = {
        "input_tokens": reply.prompt_tokens,
        "output_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        "input_token_details": {"cache_read": reply.cached_tokens},
    }
    return {"choices": [{"message": said, "finish_reason": reply.finish}], "usage_metadata": usage}
