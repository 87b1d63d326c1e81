"""Payloads: texts of strangers by the place they are written in, and whether an outgoing text holds what they want said."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("payloads.jsonl")
_DECOYS = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


@dataclass(frozen=True)
class Payload:
    """`says`: what it says decoded or in English, as a model that obeys writes it; `forbidden`: must not be in what goes out.

    `secrets` are what it gives away; they must be nowhere at all.
    """

    id: str
    where: str
    language: str
    encoding: str
    wants: str
    text: str
    says: tuple[str, ...]
    forbidden: tuple[str, ...]
    secrets: tuple[str, ...]

    @property
    def spoken(self) -> tuple[str, ...]:
        """Everything that an obedient reader could pass on of it."""
        return (*self.says, self.text)


@cache
def payloads() -> tuple[Payload, ...]:
    """All of them, as the file has them."""
    rows = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
    lists = ("says", "forbidden", "secrets")
    return tuple(Payload(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows)


def at(*places: str) -> tuple[Payload, ...]:
    """Those written in any of these places."""
    return tuple(p for p in payloads() if p.where in places)


def parts(known: Sequence[Payload], size: int) -> list[tuple[Payload, ...]]:
    """The payloads in parts of at most so many: a prompt shows only the first few of a kind."""
    return [tuple(known[start : start + size]) for start in range(0, len(known), size)]


def folded(text: str) -> str:
    """A text as a reader takes it in: without case, decoys and fancy letters, its spaces single."""
    return " ".join(unicodedata.normalize("NFKC", _DECOYS.sub("", text)).casefold().split())


def repeated(text: str, known: Iterable[Payload]) -> list[str]:
    """Which forbidden strings of which payloads the text holds."""
    held = folded(text)
    return [f"{p.id}: {word}" for p in known for word in p.forbidden if folded(word) in held]


def squeezed(text: str) -> str:
    """A text by its letters and figures alone, to find it again in JSON, however its quotes are escaped."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", text).casefold())
