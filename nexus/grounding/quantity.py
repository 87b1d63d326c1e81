"""Quantities: what a sentence states in figures, held against a record's figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from nexus.grounding.figures import Figures
from nexus.grounding.fold import blanked
from nexus.grounding.moment import moments
from nexus.grounding.number import PEOPLE, THINGS, Number, numbers

_HURT = rf"(?:{PEOPLE}|{THINGS}|traffic)"
_OURS = r"(?:of\s+)?(?:the\s+|our\s+|your\s+|these\s+)?"
_WHO = r"(?!\s+(?:affected|impacted|concerned|who|that|whose)\b)"

_QUANTIFIED: tuple[tuple[re.Pattern[str], Callable[[Figures], bool]], ...] = (
    (
        re.compile(rf"(?i)\b(?:nearly|almost|virtually|practically)\s+(?:all|every)\s+{_OURS}{_HURT}\b"),
        lambda held: held.hold(0.95, 0.05, 0.05, "part"),
    ),
    (
        re.compile(rf"(?i)\b(?:most|(?:the\s+)?(?:vast\s+)?majority\s+of)\s+{_OURS}{_HURT}\b"),
        lambda held: held.hold(0.75, 0.24, 0.25, "part"),
    ),
    (
        re.compile(rf"(?i)(?<!of\s)\b(?:all|every)\s+{_OURS}{_HURT}\b{_WHO}|\b(?:everyone|everybody)\b{_WHO}"),
        lambda held: held.hold(1, 0.0005, 0, "part"),
    ),
    (
        re.compile(rf"(?i)\b(?:no|none\s+of|not\s+a\s+single)\s+{_OURS}(?:\w+\s+)?{_HURT}\b|\b(?:nobody|no\s+one)\b"),
        lambda held: held.hold(0, 0, 0, "people"),
    ),
)
"""Words that state how many without a figure, and what the record has to hold for them."""

_ABOUT = re.compile(r"(?i)(?:\b(?:about|around|roughly|approximately|approx\.?|circa|ca\.?|some)|[~≈])\s*\W?$")
_UNDER = re.compile(
    r"(?i)(?:\b(?:less than|fewer than|under|below|at most|up to|nearly|almost|not quite|just short of)|[<≤])\s*\W?$"
)
_OVER = re.compile(r"(?i)(?:\b(?:more than|over|above|at least|exceed(?:s|ed|ing)?|upwards of|well over)|[>≥])\s*\W?$")
_COUNTED = re.compile(rf"(?i)\s*(?:%|[,;]?\s*\d|(?:(?!of\b)\w+\s+){{0,2}}{_HURT}\b)")
_AND_MORE = re.compile(r"\s+(?:more|others)\b\s*(?:$|[^\w\s]|and\b)")
_OF_SO_MANY = re.compile(
    rf"(?i)\s+(?:out\s+of|of|in)\s+(?:\d+|two|three|four|five|six|seven|eight|nine|ten)\s+(?:\w+\s+){{0,2}}{_HURT}\b"
)
_RATIO = re.compile(r"\s*(?:/|in|of|of the|out of|of our)\s*")
_CJK = re.compile(r"[〇零一二两兩三四五六七八九十百千万萬億亿]{2,}|[四五六七八九十百千万萬億亿](?=[千百名个個人位件次%％倍時时])")
_ALWAYS = re.compile(r"(?<!\S)24/7(?!\S)")


def _holds(number: Number, before: str, held: Figures) -> bool:
    """Whether one reading of the figure is in the record, as widely as the words before it say."""
    for value, near in number.values:
        below = above = near
        wide = value / 2 if number.kind == "part" else value / 4  # "more than half" is said of two thirds
        if _UNDER.search(before):
            below = value - 1e-6 if number.kind == "share" and value <= 0.011 else max(near, wide)
        elif _OVER.search(before):
            above = 1 - value if number.kind == "share" and 0.989 <= value < 1 else max(near, wide)
        elif _ABOUT.search(before):
            below = above = max(near, value / 20)
        if held.hold(value, below, above, number.kind):
            return True
    return False


def _counts_only(number: Number, text: str) -> bool:
    """Whether it is one of the small numbers of grammar: `one of our services`, `two attempts`, but not `three users`."""
    small = number.bare and number.values[0][0] <= 3 and number.kind in {"plain", "things"}
    stretch = number.end, number.end + 60
    return small and not _COUNTED.match(text, *stretch) and not _OF_SO_MANY.match(text, *stretch)


def _left_over(number: Number, text: str, held: Figures) -> bool:
    """Whether it is the rest of a list that was not told whole: `checkout, cart and 4 more`."""
    return number.bare and bool(_AND_MORE.match(text, number.end, number.end + 60)) and held.hold(number.values[0][0], 0, 5)


def _share_of(stated: Sequence[Number], place: int, text: str, held: Figures) -> bool:
    """Whether the figure is part of a ratio, as in `one in five`, whose share is in the record."""
    for first, second in pairwise(stated[max(place - 1, 0) : place + 2]):
        whole = second.values[-1][0]
        if first.bare and second.bare and whole > 0 and _RATIO.fullmatch(text, first.end, second.start):
            share = first.values[-1][0] / whole
            if share <= 1 and held.hold(share, 0.02, 0.02, "part"):
                return True
    return False


def unfounded(sentence: str, held: Figures) -> tuple[str | None, str]:
    """The first figure that the record does not hold, and the sentence without its figures."""
    for pattern, holds in _QUANTIFIED:
        found = pattern.search(sentence)
        if found and not holds(held):
            return found[0], sentence
        if found:
            sentence = blanked(sentence, [found.span()])
    sentence = blanked(sentence, [m.span() for m in _ALWAYS.finditer(sentence)])
    when = moments(sentence)
    wrong = [sentence[s.start : s.end] for s in when if not held.know(s)]
    rest = blanked(sentence, [(s.start, s.end) for s in when])
    stated = numbers(rest)
    for place, number in enumerate(stated):
        if not (
            _holds(number, rest[max(number.start - 24, 0) : number.start], held)
            or _counts_only(number, rest)
            or _left_over(number, rest, held)
            or (len(stated) > 1 and _share_of(stated, place, rest, held))
        ):
            wrong.append(rest[number.start : number.end])
    rest = blanked(rest, [(n.start, n.end) for n in stated])
    wrong += [m[0] for m in _CJK.finditer(rest)]
    return (wrong[0].strip() if wrong else None), rest
