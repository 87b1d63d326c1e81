"""Window: how many tokens a request takes, and making it fit: old tool results are shortened first."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.errors import ModelRefused
from nexus.responder.llm.chat import Json, Message

CHARACTERS_A_TOKEN = 3.0
"""Of English prose with JSON in it, on the safe side: tokenizers of current models take 3.3 to 4.5."""
A_MESSAGE = 6
"""Tokens around each message: role and separators."""


def tokens_of(text: str) -> int:
    """About how many tokens a text takes, rather more than less; bytes count, since other scripts take more a character."""
    return math.ceil(len(text.encode("utf-8", "replace")) / CHARACTERS_A_TOKEN)


def tokens_in(messages: Sequence[Message], tools: Sequence[Json]) -> int:
    """About how many tokens a whole prompt takes."""
    said = sum(tokens_of(m.text) + sum(tokens_of(c.name + c.arguments) for c in m.calls) + A_MESSAGE for m in messages)
    return said + tokens_of(json.dumps(list(tools), ensure_ascii=False))


def fitted(messages: Sequence[Message], tools: Sequence[Json], room: int) -> list[Message]:
    """The messages within `room` tokens: the oldest tool results in brief, as many as need be. Raises ModelRefused."""
    held = list(messages)
    over = tokens_in(held, tools) - room
    for index, message in enumerate(held):
        if over <= 0:
            break
        short = message.shortened()
        over -= tokens_of(message.text) - tokens_of(short.text)
        held[index] = short
    if over > 0:
        raise ModelRefused(
            f"the prompt takes about {room + over} tokens and the model's window leaves {room}",
            "set the model's window, or take a larger model",
        )
    return held


def capped(text: str, most: int) -> str:
    """At most `most` characters, the middle left out and said so."""
    if len(text) <= most:
        return text
    half = max((most - 40) // 2, 1)
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"


def shortened(value: Any, *, items: int, characters: int, depth: int = 8) -> Any:
    """A JSON value with long lists, long texts and deep nesting cut, each cut said."""
    if isinstance(value, str):
        return capped(value, characters)
    if isinstance(value, Mapping):
        if depth <= 0:
            return f"{len(value)} fields left out"
        kept = {
            str(k): shortened(v, items=items, characters=characters, depth=depth - 1)
            for k, v in list(value.items())[: 4 * items]
            if v not in (None, "", [], {}, ())
        }
        return kept if len(value) <= 4 * items else {**kept, "…": f"{len(value) - 4 * items} fields left out"}
    if isinstance(value, list | tuple):
        if depth <= 0:
            return f"{len(value)} items left out"
        kept_items = [shortened(v, items=items, characters=characters, depth=depth - 1) for v in value[:items]]
        return kept_items if len(value) <= items else [*kept_items, f"{len(value) - items} more left out"]
    return round(value, 4) if isinstance(value, float) else value


def told(value: Any, most: int) -> str:
    """A JSON value in at most `most` characters: lists and texts are cut harder until it fits."""
    text = ""
    for items, characters in ((24, 400), (12, 240), (6, 160), (3, 100), (2, 60)):
        text = json.dumps(shortened(value, items=items, characters=characters), ensure_ascii=False, default=str)
        if len(text) <= most:
            return text
    return capped(text, most)
