"""Private keys: PEM blocks whole, cut off, or with what a log writes before each of their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nexus.masking.views import Span

_PEM = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_HEADERS = re.compile(r"(?:(?:\s|\\[nrt])*(?:Proc-Type|DEK-Info|Comment|Version):[^\n\\]{0,200})*+")
_CHUNK = re.compile(r"[A-Za-z0-9+/=]+")
_BETWEEN = re.compile(r"[\s\\>|\"',+]*")
_PEM_LONGEST = 65536
_PREFIX = 120  # characters that a log may write before each line


def private_keys(text: str) -> Iterator[Span]:
    """PEM blocks, and what is left of one of which the beginning or the end was cut off."""
    opened: int | None = None
    body = done = 0
    for marker in _PEM.finditer(text):
        if opened is not None:
            whole = marker[1] == "END" and marker.start() - opened <= _PEM_LONGEST
            yield opened, marker.end() if whole else _end_of_key(text, body, marker.start()), "private-key"
        elif marker[1] == "END":
            yield _start_of_key(text, max(done, marker.start() - _PEM_LONGEST), marker.start()), marker.end(), "private-key"
        opened = marker.start() if marker[1] == "BEGIN" else None
        body = done = marker.end()
    if opened is not None:
        yield opened, _end_of_key(text, body, len(text)), "private-key"


def _end_of_key(text: str, at: int, limit: int) -> int:
    headers = _PEM_HEADERS.match(text, at, limit)
    at = headers.end() if headers else at
    for chunk in _CHUNK.finditer(text, at, min(limit, at + _PEM_LONGEST)):
        gap = text[at : chunk.start()]
        if _continues(gap, chunk[0]) or (chunk.end() == len(text) and len(gap) < 3):
            at = chunk.end()
        elif len(gap) > _PREFIX:
            break
    return at


def _start_of_key(text: str, limit: int, at: int) -> int:
    end = at
    for chunk in reversed(list(_CHUNK.finditer(text, limit, at))):
        gap = text[chunk.end() : at]
        if _continues(gap, chunk[0]) or (at == end and len(gap) < 3):
            at = chunk.start()
        elif len(gap) > _PREFIX:
            break
    return at


def _continues(gap: str, chunk: str) -> bool:
    """Whether the chunk is a line of the same key: after line ends alone, or a full line after what a log writes before it."""
    if _BETWEEN.fullmatch(gap):
        return len(chunk) >= 20
    return len(chunk) >= 40 and len(gap) <= _PREFIX and not chunk.islower() and not chunk.isupper()
