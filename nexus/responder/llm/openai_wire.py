"""OpenAI's chat completions as JSON: the request that a server understands, and its answer, whole or put together from pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nexus.errors import ModelNonsense
from nexus.responder.llm.chat import Reply, Request, ToolCall, as_openai
from nexus.responder.llm.window import tokens_in, tokens_of


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one model's server does not understand; found out by its refusals, once."""

    newer_limit: bool = False
    """`max_completion_tokens` in place of `max_tokens`."""
    no_temperature: bool = False
    no_stream_options: bool = False
    no_tool_choice: bool = False

    def after(self, refusal: str) -> Dialect:
        """What is avoided from now on; the same when the refusal is about something else."""
        if "max_completion_tokens" in refusal and not self.newer_limit:
            return replace(self, newer_limit=True)
        if "temperature" in refusal and not self.no_temperature:
            return replace(self, no_temperature=True)
        if "stream_options" in refusal and not self.no_stream_options:
            return replace(self, no_stream_options=True)
        if "tool_choice" in refusal and not self.no_tool_choice:
            return replace(self, no_tool_choice=True)
        return self


def body_of(request: Request, dialect: Dialect, *, stream: bool) -> dict[str, Any]:
    """The request's JSON."""
    limit = "max_completion_tokens" if dialect.newer_limit else "max_tokens"
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [as_openai(m) for m in request.messages],
        limit: request.max_tokens,
    }
    if request.tools:
        body["tools"] = [t for t in request.tools if request.must in (None, t["function"]["name"])]
        if (request.must or request.calls_only) and not dialect.no_tool_choice:
            body["tool_choice"] = "required"
    if request.temperature is not None and not dialect.no_temperature:
        body["temperature"] = request.temperature
    if stream:
        body |= {"stream": True} | ({} if dialect.no_stream_options else {"stream_options": {"include_usage": True}})
    return body


class Gathered:
    """A streamed answer, put together from its pieces."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: str | None = None
        self._usage: Any = None
        self.length = 0

    def take(self, chunk: Any) -> str:
        """Take one piece; the text that it brought."""
        if not isinstance(chunk, Mapping):
            return ""
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices") or []
        if not choices or not isinstance(choices[0], Mapping):
            return ""
        self._finish = choices[0].get("finish_reason") or self._finish
        delta = choices[0].get("delta") or {}
        for part in delta.get("tool_calls") or []:
            call = self._calls.setdefault(int(part.get("index") or 0), {"id": "", "name": "", "arguments": ""})
            function = part.get("function") or {}
            call["id"] = part.get("id") or call["id"]
            call["name"] = function.get("name") or call["name"]
            call["arguments"] += function.get("arguments") or ""
            self.length += len(function.get("arguments") or "")
        text = str(delta.get("content") or "")
        self._text.append(text)
        self.length += len(text)
        return text

    def whole(self) -> dict[str, Any]:
        """The answer as it would have come in one piece."""
        calls = [
            {"id": c["id"], "function": {"name": c["name"], "arguments": c["arguments"]}} for _, c in sorted(self._calls.items())
        ]
        message = {"content": "".join(self._text), "tool_calls": calls}
        return {"choices": [{"message": message, "finish_reason": self._finish or "cut off"}], "usage": self._usage}


def reply_of(request: Request, whole: Any) -> Reply:
    """A completion's JSON as a reply; tokens are estimated where the server does not count. Raises ModelNonsense."""
    try:
        choice = whole["choices"][0]
        message = choice["message"]
        text = str(message.get("content") or "")
        calls = tuple(
            ToolCall(str(c.get("id") or f"call-{n}"), str(c["function"]["name"]), _json_text(c["function"].get("arguments")))
            for n, c in enumerate(message.get("tool_calls") or [])
        )
        finish = str(choice.get("finish_reason") or "")
        usage = whole.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        spoken = tokens_of(text + "".join(c.name + c.arguments for c in calls))
        counted = usage.get("prompt_tokens")
        prompt = int(counted) if counted is not None else tokens_in(request.messages, request.tools)
        completion = int(usage.get("completion_tokens") or 0) or spoken
        cached = min(int(details.get("cached_tokens") or 0), prompt)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        shown = json.dumps(whole, default=str)[:120]
        raise ModelNonsense(f"{request.model} answered with what is no completion", shown) from error
    return Reply(text, calls, finish, prompt, completion, cached)


def _json_text(arguments: Any) -> str:
    """Arguments as text: some servers send the object itself."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})
