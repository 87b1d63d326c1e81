"""Text: a payload's words made fit to show: control characters and lone surrogates out, lengths bounded."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from itertools import islice
from typing import Any

MOST_LABELS = 500
"""More are left in the raw payload."""


def tidy(text: str, limit: int) -> str:
    """One line of at most `limit` characters without control or formatting characters."""
    shown = "".join(" " if c.isspace() else c for c in text[: 8 * limit] if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def word(value: object) -> str:
    """A scalar as text, empty for none; anything else as JSON, so that nothing is lost."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=True, default=str)


def words(value: object) -> dict[str, str]:
    """Labels or annotations: a mapping, or a list of `key:value`, {name, value} or [key, value]; anything else is none."""
    if isinstance(value, Mapping):
        return {tidy(str(k), 200): tidy(word(v), 2000) for k, v in islice(value.items(), MOST_LABELS)}
    found: dict[str, str] = {}
    for item in value[:MOST_LABELS] if isinstance(value, list) else ():
        if isinstance(item, str):
            key, _, rest = item.partition(":")
            found[tidy(key, 200)] = tidy(rest, 2000)
        elif isinstance(item, Mapping) and "name" in item:
            found[tidy(word(item["name"]), 200)] = tidy(word(item.get("value")), 2000)
        elif isinstance(item, list) and len(item) == 2:
            found[tidy(word(item[0]), 200)] = tidy(word(item[1]), 2000)
    return found


def storable(value: Any) -> Any:
    """The payload as it came, save what UTF-8 JSON cannot hold: a lone surrogate becomes its escape, NaN its name."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {storable(str(k)): storable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [storable(v) for v in value]
    return value
