"""A reply as bytes: chat completions whole and as server-sent events, errors, and where the connection breaks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any, AnyStr

from nexus.testing.replies import Call, CutOff, Drip, Endless, Fail, Garbage, Hang, Refuse, Reply, Say

PIECE = 16
"""Characters of content or arguments in an event; bytes of a whole answer that drips."""

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"

FAULTS: Mapping[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "The API key is not valid."),
    404: ("invalid_request_error", "model_not_found", "There is no such model."),
    429: ("requests", "rate_limit_exceeded", "Too many requests."),
    500: ("server_error", None, "The server had an error."),
    503: ("unavailable_error", None, "Loading model"),
}
"""Type, code and message of an error, by status."""


@dataclass(frozen=True)
class Wire:
    """An answer as it goes out: after `latency` seconds the head, then the pieces, `pause` seconds after each.

    `status` None sends nothing at all. `length` None is a body whose end is told by its last chunk. `drops` ends the connection
    after the last piece, complete or not.
    """

    pieces: Iterable[bytes] = ()
    content_type: str = JSON
    status: int | None = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    latency: float = 0.0
    pause: float | None = None
    drops: bool = False


def wire_of(reply: Reply, body: Mapping[str, Any], number: int, created: int) -> Wire:
    """What answers the request with that body, the server's `number`th, at `created` (seconds since 1970)."""
    head = {"id": f"chatcmpl-{number}", "created": created, "model": str(body.get("model", "scripted"))}
    match reply:
        case Say():
            wire = _said(reply, body, head)
        case Drip(say, pause):
            said = _said(say, body, head)
            pieces = said.pieces if said.length is None else _cut(b"".join(said.pieces))
            wire = replace(said, pieces=pieces, pause=pause)
        case CutOff(say, after):
            said = _said(say, body, head)
            whole = b"".join(said.pieces)
            wire = replace(said, pieces=(whole[: int(len(whole) * after)],), drops=True)
        case Endless(pause, text):
            wire = Wire(_endless(text, body, head), EVENTS if body.get("stream") else JSON, pause=pause)
        case Fail():
            wire = _failed(reply)
        case Garbage(garbage, content_type, status):
            wire = Wire((garbage,), content_type, status, length=len(garbage))
        case Hang(seconds):
            wire = Wire(status=None, latency=seconds, drops=True)
        case Refuse():
            wire = Wire(status=None, drops=True)
    return wire


def models_of(names: Iterable[str]) -> Wire:
    """The list of models."""
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "nexus"} for name in names]
    return _whole({"object": "list", "data": listed})


def _said(say: Say, body: Mapping[str, Any], head: Mapping[str, Any]) -> Wire:
    signed = {**head, "model": say.model or head["model"]}
    if body.get("stream"):
        options = body.get("stream_options") or {}
        counted = bool(options.get("include_usage")) and say.usage != "none"
        return Wire([*_events(say, body, signed, counted=counted), DONE], EVENTS, latency=say.latency)
    choice = {"index": 0, "message": _message(say, signed["id"]), "logprobs": None, "finish_reason": _finish(say)}
    usage = {} if say.usage == "none" else {"usage": _usage(say, body)}
    return _whole({**signed, "object": "chat.completion", "choices": [choice], **usage}, latency=say.latency)


def _events(say: Say, body: Mapping[str, Any], head: Mapping[str, Any], *, counted: bool) -> Iterator[bytes]:
    """Role, content, tool calls, finish reason, and usage where it was asked for: then every other event has it as null."""
    usage = {"usage": None} if counted else {}
    for delta in _deltas(say, head["id"]):
        yield _event(head, delta, **usage)
    yield _event(head, {}, finish=_finish(say), **usage)
    if counted:
        yield _data({**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(say, body)})


def _deltas(say: Say, answer: str) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None if say.calls and not say.text else ""}
    yield from ({"content": piece} for piece in _cut(say.text))
    for index, call in enumerate(say.calls):
        named = {"index": index, "id": _id(call, answer, index), "type": "function"}
        yield {"tool_calls": [{**named, "function": {"name": call.name, "arguments": ""}}]}
        for piece in _cut(_arguments(call)):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _endless(text: str, body: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[bytes]:
    if body.get("stream"):
        begun = _event(head, {"role": "assistant", "content": ""})
        return chain((begun,), repeat(_event(head, {"content": text})))
    message = '"choices": [{"index": 0, "message": {"role": "assistant", "content": "'
    begun = f"{_json({**head, 'object': 'chat.completion'})[:-1]}, {message}".encode()
    return chain((begun,), repeat(_json(text)[1:-1].encode()))


def _failed(fail: Fail) -> Wire:
    kind = "invalid_request_error" if fail.status < 500 else "server_error"
    kind, code, message = FAULTS.get(fail.status, (kind, None, f"The request failed with status {fail.status}."))
    error = {"message": fail.message or message, "type": kind, "param": None, "code": fail.code or code}
    after = f"{fail.retry_after:g}" if isinstance(fail.retry_after, int | float) else fail.retry_after
    headers = {} if after is None else {"Retry-After": after}
    return _whole({"error": error} if fail.body is None else fail.body, status=fail.status, headers=headers)


def _message(say: Say, answer: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if say.calls and not say.text else say.text, "refusal": None}
    if say.calls:
        message["tool_calls"] = [
            {
                "id": _id(call, answer, index),
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for index, call in enumerate(say.calls)
        ]
    return message


def _usage(say: Say, body: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(say.usage, tuple):
        prompt, completion = say.usage
    else:
        prompt = math.ceil(len(_json([body.get("messages", []), body.get("tools", [])])) / 4)
        completion = math.ceil(len(say.text + "".join(call.name + _arguments(call) for call in say.calls)) / 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": say.cached},
    }


def _finish(say: Say) -> str:
    return say.finish or ("tool_calls" if say.calls else "stop")


def _id(call: Call, answer: str, index: int) -> str:
    return call.id or f"call_{answer.removeprefix('chatcmpl-')}_{index}"


def _arguments(call: Call) -> str:
    return call.arguments if isinstance(call.arguments, str) else _json(call.arguments)


def _whole(value: Any, status: int = 200, headers: Mapping[str, str] | None = None, latency: float = 0.0) -> Wire:
    body = _json(value).encode()
    return Wire((body,), JSON, status, headers or {}, length=len(body), latency=latency)


def _event(head: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None, **usage: None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _data({**head, "object": "chat.completion.chunk", "choices": [choice], **usage})


def _data(value: Any) -> bytes:
    return f"data: {_json(value)}\n\n".encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(whole: AnyStr) -> Iterator[AnyStr]:
    return (whole[start : start + PIECE] for start in range(0, len(whole), PIECE))
