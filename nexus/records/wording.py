"""Wording: moments, durations and foreign text as the incident's Markdown shows them; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

UNKNOWN = "unknown"

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&])")
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r"^([#+\-=>]|\d+(?=[.)]))")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Foreign text on one line, without control characters and without marks that reorder what is read."""
    return " ".join(_CONTROL.sub(" ", text).split())


def safe(text: str) -> str:
    """Foreign text as Markdown that reads as that text: it can begin no heading, link, table, HTML or emphasis."""
    escaped = _SPECIAL.sub(r"\\\1", plain(text))
    escaped = _EMPHASIS.sub(r"\\_", escaped)
    return _BLOCK.sub(lambda m: m.group(1) + "\\" if m.group(1).isdigit() else "\\" + m.group(1), escaped)


def moment(at: datetime | None, *, seconds: bool = False) -> str:
    """`2026-03-02 10:15 UTC`; `unknown` for None."""
    if at is None:
        return UNKNOWN
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if seconds else f"{at:%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta | None) -> str:
    """`1 h 05 min`, `12 min`, `40 s`; `unknown` for None."""
    if span is None:
        return UNKNOWN
    total = round(span.total_seconds())
    sign = "-" if total < 0 else ""
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    if hours >= 48:
        return f"{sign}{hours // 24} d {hours % 24} h"
    if hours:
        return f"{sign}{hours} h {minutes:02d} min"
    return f"{sign}{minutes} min" if minutes else f"{sign}{seconds} s"


def said(actor: str, text: str) -> str:
    """`actor: text`, without saying the actor twice."""
    return text if text.startswith(actor) else f"{actor}: {text}"


def count(number: int, one: str) -> str:
    """`1 brief`, `2 briefs`."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table; cells are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def slug(identity: str) -> str:
    """The anchor of a heading that consists of an evidence id."""
    return re.sub(r"[^\w-]", "", identity.lower().replace(" ", "-"))


def cost_text(calls: int, tokens: int, usd: float | None) -> str:
    """`12 model calls, 34,120 tokens, 0.02 USD`."""
    price = "price unknown" if usd is None else f"{usd:.4f} USD" if 0 < usd < 0.1 else f"{usd:.2f} USD"
    return f"{count(calls, 'model call')}, {tokens:,} tokens, {price}"
