"""Texts as a reader sees them: placeholders opaque, invisible characters gone, one layer of escapes undone, base64 decoded."""

from __future__ import annotations

import binascii
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

_KIND = (
    "api-key|aws-key|basic-auth|card|configured|connection-string|cookie|encoded|jwt|password|private-key|secret|session|signature|token"
    "|url-password|webhook"
)
KINDS = frozenset(_KIND.split("|"))
"""Every kind that a placeholder may name."""

PLACEHOLDER = re.compile(rf"\[secret(?:-(\d{{1,9}}))?:(?:{_KIND})\]")
OPAQUE = "\uf8ff"  # stands for one placeholder while secrets are looked for
SHORTEST = 3  # characters of a secret beside a placeholder; fewer are left

Span = tuple[int, int, str]
"""Where a secret begins and ends, and its kind."""


_INVISIBLE = (
    "\0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e0fff"
)
HIDDEN = re.compile(rf"[{_INVISIBLE}]|\x1b\[[0-9;]{{0,20}}[mK]")
_ESCAPED = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|\\{1,8}(?:u[0-9A-Fa-f]{4}|[nrt/\"])|&(?:quot|amp|apos|lt|gt|#\d{2,3}|#[xX][0-9A-Fa-f]{2});"
)
_TELLTALE = re.compile(rf"[{_INVISIBLE}\x1b\[%\\&]")  # one of these is in every text that looks different to a reader
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class View:
    """A text made from another; for each stretch of it, where it came from and how many characters each of its own stands for."""

    text: str
    starts: list[int]
    sources: list[tuple[int, int]]
    below: View | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the stretch is in the original text."""
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1) - 1
        source, width = self.sources[first]
        begin = source + (start - self.starts[first]) * width
        source, width = self.sources[last]
        finish = source + (end - self.starts[last]) * width
        return self.below.span(begin, finish) if self.below else (begin, finish)


def _seen(below: View, pattern: re.Pattern[str], written: Callable[[str], Iterable[tuple[str, int]]]) -> View:
    """The view with each match written otherwise: stretches, and how many characters of the source each of theirs stands for."""
    parts: list[str] = []
    starts, sources = [0], [(0, 1)]
    at = length = 0

    def add(stretch: str, source: int, width: int) -> None:
        nonlocal length
        parts.append(stretch)
        starts.append(length)
        sources.append((source, width))
        length += len(stretch)

    for found in pattern.finditer(below.text):
        if at < found.start():
            add(below.text[at : found.start()], at, 1)
        at = found.start()
        for stretch, width in written(found[0]):
            add(stretch, at, width)
            at += len(stretch) * width
        at = found.end()
    if not at:
        return below
    add(below.text[at:], at, 1)
    return View("".join(parts), starts, sources, below)


def _unescaped(escape: str) -> Iterator[tuple[str, int]]:
    if escape.startswith("\\"):
        letter = escape.lstrip("\\")
        yield chr(int(letter[1:], 16)) if letter[1:] else _LETTERS.get(letter, letter), len(escape)
    elif escape.startswith("&"):
        yield html.unescape(escape), len(escape)
    else:
        raw = bytes.fromhex(escape.replace("%", ""))
        try:
            decoded = raw.decode()
        except UnicodeDecodeError:
            decoded = raw.decode("latin-1")
            yield decoded, 3
            return
        if decoded.isascii():
            yield decoded, 3
        else:
            yield from ((character, 3 * len(character.encode())) for character in decoded)


def looks_as_written(text: str) -> bool:
    """Whether the text is its only view."""
    return not _TELLTALE.search(text) or not any(pattern.search(text) for pattern in (PLACEHOLDER, HIDDEN, _ESCAPED))


def views(text: str) -> list[View]:
    """The text without placeholders, then without what is invisible, then without escapes; what changes nothing is left out."""
    plain = _seen(View(text, [0], [(0, 1)]), PLACEHOLDER, lambda found: [(OPAQUE, len(found))])
    visible = _seen(plain, HIDDEN, lambda _: ())
    escaped = _seen(visible, _ESCAPED, _unescaped)
    return list({id(view): view for view in (plain, visible, escaped)}.values())


def outside_placeholders(text: str, span: Span) -> Iterator[Span]:
    """What of the span is in no placeholder."""
    start, end, kind = span
    at, cut = start, False
    for found in PLACEHOLDER.finditer(text, start, end):
        cut = True
        if found.start() - at >= SHORTEST:
            yield at, found.start(), kind
        at = found.end()
    if end - at >= SHORTEST or (end > at and not cut):
        yield at, end, kind


_FEWEST = 24  # characters of base64 that may hold a secret
_BASE64 = (re.compile(r"[A-Za-z0-9+/]{22,}+={0,2}"), re.compile(r"[A-Za-z0-9_-]{22,}+={0,2}"))
_LINES = {ord(character): None for character in "\n\r\t"}


def decoded(token: str) -> str | None:
    """The printable text that the base64 stands for, if it does."""
    letters = token.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    raw = binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
    try:
        text = raw.decode("utf-16-le" if raw[1:4:2] == b"\0\0" else "utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.translate(_LINES).isprintable() else None


def has_base64(text: str) -> bool:
    """Whether there are such tokens as `decoded_tokens` gives: words are measured first, for few are long enough."""
    return len(text) >= _FEWEST <= max(map(len, text.split()), default=0) and any(decoded_tokens(text))


def decoded_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Where base64 that is long enough to hold a secret begins and ends, and what it stands for."""
    for token in chain.from_iterable(pattern.finditer(text) for pattern in _BASE64):
        inside = decoded(token[0]) if len(token[0]) >= _FEWEST else None
        if inside:
            yield *token.span(), inside
