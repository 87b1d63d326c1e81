"""Replies of a scripted model server: everything that a model's endpoint may do to a request, well or badly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nexus.errors import UsageError


@dataclass(frozen=True)
class Call:
    """One tool call. `arguments` that are a string go out to the letter, however malformed; without `id` the server mints one."""

    name: str
    arguments: dict[str, Any] | str
    id: str = ""


@dataclass(frozen=True)
class Say:
    """A completion, streamed or whole as the request asks.

    `usage` is prompt and completion tokens; None lets the server count (about four characters a token), "none" leaves usage out.
    `cached` is how many of the prompt's tokens came from a cache. `finish` is the finish reason, by default "tool_calls" where
    there are calls, else "stop". `latency` is seconds before the first byte. `model` signs the answer, by default the one asked.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    usage: tuple[int, int] | Literal["none"] | None = None
    finish: str | None = None
    latency: float = 0.0
    cached: int = 0
    model: str | None = None


@dataclass(frozen=True)
class Fail:
    """An HTTP error, with OpenAI's error object as its body.

    `message` and `code` have the status's usual ones by default. `retry_after` is the header: seconds, or a string sent as it is.
    `body`, any JSON value, takes the place of the error object.
    """

    status: int
    message: str = ""
    retry_after: float | str | None = None
    body: Any = None
    code: str | None = None


@dataclass(frozen=True)
class Hang:
    """Takes the request and says nothing for `seconds`, then drops the connection."""

    seconds: float


@dataclass(frozen=True)
class Refuse:
    """Takes the request and drops the connection at once, without a byte."""


@dataclass(frozen=True)
class CutOff:
    """Begins an answer and drops the connection after the share `after` of its body. Raises UsageError outside of 0 to 1."""

    say: Say
    after: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.after <= 1:
            raise UsageError(f"CutOff after {self.after:g}", "give the share of the answer that is sent, from 0 to 1")


@dataclass(frozen=True)
class Garbage:
    """Bytes that are no completion."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True)
class Drip:
    """An answer in small pieces, one every `pause` seconds: events of a stream, or a few bytes of a whole answer."""

    say: Say
    pause: float


@dataclass(frozen=True)
class Endless:
    """Begins an answer whose content, `text` again and again every `pause` seconds, ends only when the client goes away."""

    pause: float = 0.0
    text: str = "and "


Reply = Say | Fail | Hang | Refuse | CutOff | Garbage | Drip | Endless
Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply | Awaitable[Reply]]
"""Replies in the order they are given, the last one again and again; or what to reply to a request's body."""
