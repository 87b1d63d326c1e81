"""Chat: the one way to a model: a request of messages and tools, a reply of text and tool calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be run; `arguments` is JSON as the model wrote it, which may be none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Of a tool's result `brief` is what stands in its place when the window gets tight."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""
    brief: str = ""

    def shortened(self) -> Message:
        """The same in brief."""
        return Message(self.role, self.brief, self.calls, self.answers) if self.brief else self


@dataclass(frozen=True, slots=True)
class Request:
    """`tools` in OpenAI's notation; `must` names the one that has to be called now, `calls_only`: one of them has to be."""

    model: str
    messages: Sequence[Message]
    tools: Sequence[Json]
    max_tokens: int
    seconds: float
    tries: int = 1
    must: str | None = None
    calls_only: bool = False
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `finish` is the server's word (`stop`, `tool_calls`, `length` …)."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


def as_openai(message: Message, mask: Callable[[str], str] = str) -> dict[str, Any]:
    """A message in OpenAI's notation, its words through `mask`."""
    said: dict[str, Any] = {"role": message.role, "content": mask(message.text)}
    if message.answers:
        said["tool_call_id"] = message.answers
    if message.calls:
        said["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": mask(c.arguments)}} for c in message.calls
        ]
    return said


Heard = Callable[[str], None]
"""Told each piece of text as it comes."""


class Chat(Protocol):
    """A model, wherever it is."""

    async def complete(self, request: Request, heard: Heard | None) -> Reply:
        """One answer, streamed to `heard` if that is given. Raises ModelUnreachable, ModelRefused or ModelNonsense."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
