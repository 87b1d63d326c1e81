"""Content: from bytes to a JSON object: encoding, JSON, nesting, each refused with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nexus.errors import AlertError

DEPTH = 100
"""Nesting; deeper payloads are refused."""


def decoded(source: bytes | str) -> str:
    """The text, without a byte order mark. Raises AlertError when it is none."""
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    encoding = "utf-16" if source[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        raise AlertError("the alert is not UTF-8 text", "save it as UTF-8") from error


def parsed(text: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The JSON object and notes on it. Raises AlertError when it is none, or nested too deep."""
    if not text.strip():
        raise AlertError("the alert is empty", "send a JSON object")
    notes: list[str] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs) and not notes:
            notes.append("a field occurs twice: its last value is used")
        return kept

    try:
        payload = json.loads(text, object_pairs_hook=keep)
    except json.JSONDecodeError as error:
        raise AlertError(
            f"the alert is not JSON ({error.msg}, line {error.lineno}, column {error.colno})", "send a JSON object"
        ) from error
    except RecursionError as error:
        raise AlertError("the alert is nested too deep", "send the alert without wrapping") from error
    except ValueError as error:
        raise AlertError("the alert holds a number that is too long", "send numbers of ordinary size") from error
    if not isinstance(payload, Mapping):
        kind = {list: "a list", str: "text", bool: "a truth value", type(None): "null"}.get(type(payload), "a number")
        raise AlertError(f"the alert is {kind}", "send one JSON object" + (", not a list of them" if kind == "a list" else ""))
    if not payload:
        raise AlertError("the alert is an empty object", "give it at least a title")
    if _deeper_than(payload, DEPTH):
        raise AlertError(f"the alert is nested more than {DEPTH} deep", "send the alert without wrapping")
    return payload, tuple(notes)


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether lists and objects nest deeper than `limit`; itself without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            v for held in level for v in (held.values() if isinstance(held, Mapping) else held if isinstance(held, list) else ())
        ]
        if not level:
            return False
    return True
