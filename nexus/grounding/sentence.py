"""Sentences: a text in pieces that can be struck one by one, and put together again from those that stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

ABBREVIATIONS = frozenset(
    "e.g i.e u.s u.k a.m p.m approx vs etc cf dr mr mrs prof incl resp art ca bzw z.b d.h u.a ggf p.ex m.e".split()
)
"""Dotted words after which a sentence goes on, without their last dot."""

_BREAK = r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
_CLOSERS = r"[\"'”’»)\]」』）]*+"
_END = re.compile(
    rf"(?P<narrow>(?<![.!?…．])[.!?…．]++{_CLOSERS})(?P<gap>\s++)|(?P<wide>[。！？｡؟।]++{_CLOSERS})(?P<after>\s*+)|(?P<line>{_BREAK}\s*+)"
)
_LONGEST = max(map(len, ABBREVIATIONS)) + 2


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the single dot at `end` ends no sentence of that start: an abbreviation, an initial, a list's number.

    Only what stands before the dot counts, so that striking one sentence never joins or divides the others.
    """
    before = text[max(start, end - _LONGEST) : end]
    word = (before.split() or [""])[-1] if before[-1:].strip() else ""
    whole = len(before) < end - start and len(word) == len(before)
    if whole:
        return False
    bare = word.lstrip("(\"'“[")
    return (
        bare.casefold() in ABBREVIATIONS or (len(bare) == 1 and bare.isalpha()) or (word.isdigit() and start == end - len(word))
    )


def pieces(text: str) -> list[tuple[str, str]]:
    """Each sentence with the white space that follows it; empty ones are left out."""
    found: list[tuple[str, str]] = []
    start = len(text) - len(text.lstrip())
    for end in _END.finditer(text, start):
        mark = end["narrow"] or end["wide"] or ""
        gap = end["gap"] or end["after"] or end["line"] or ""
        at = end.start() + len(mark)
        if mark == "." and _goes_on(text, start, end.start()) and not re.search(_BREAK, gap):
            continue
        before = text[end.start() - 1 : end.start()]
        if end["wide"] and not gap and before.isascii() and before.isalnum():
            continue
        found.append((text[start:at].strip(), gap))
        start = end.end()
    found.append((text[start:].strip(), ""))
    return [(body, gap) for body, gap in found if body]


def joined(all_pieces: Sequence[tuple[str, str]], stands: Sequence[bool]) -> str:
    """The pieces that stand, apart as they were; where a line ended between two, it still does."""
    text: list[str] = []
    gap = ""
    for (body, after), kept in zip(all_pieces, stands, strict=True):
        if kept:
            text += [gap, body]
            gap = after
        elif text and not re.search(_BREAK, gap) and re.search(_BREAK, after):
            gap = after
    return "".join(text)


def sentences(text: str) -> list[str]:
    """The sentences and list items of a text, in order, without the white space between them."""
    return [body for body, _ in pieces(text)]
