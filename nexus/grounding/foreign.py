"""Foreign words: runs of words of strangers, indexed once, found again however they are spelled, turned round or encoded."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from nexus.grounding.decode import decoded
from nexus.grounding.fold import compared, leet, spoken

RUN = 4
"""Words in a row that must not be a stranger's."""
SPACELESS_RUN = 6
"""The same in characters, where a script has no spaces."""
LETTERS = 20
"""Letters in a row, whatever spaces stand between them, over RUN words or more."""
_STRIDE = 8
_SHORT = 80
_ENDS = re.compile(r"[.!?…。！？｡؟।\n\r]+")

_SPACELESS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
FUNCTION = frozenset(
    """
    a about after again all also an and any are as at be because been before being between both but by can could did do does during
    each for from had has have he her his how i if in into is it its just may might more most no not now of on one only or other our
    out over same she should since so some still such than that the their them then there these they this those through to too two
    under until up us very was we were what when where which while who will with would you your
    """.split()
)
"""Words that alone say nothing: a run of them is nobody's."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Hashes of what strangers wrote, less what our own texts say too: runs, whole short sentences, rows of letters."""

    runs: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()
    letters: frozenset[int] = frozenset()


def _windows(items: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(islice(items, start, None) for start in range(size)), strict=False)


def _whole(said: Sequence[str]) -> int | None:
    """The hash of a sentence, by its words, that is too short to hold a run; None for others."""
    signs = "".join(_SPACELESS.findall("".join(said)))
    short = 2 <= len(signs) < SPACELESS_RUN if signs else 2 <= len(said) < RUN
    return hash(tuple(said)) if short else None


def _indexed(texts: Iterable[str], stride: int) -> tuple[set[int], set[int], set[int]]:
    runs: set[int] = set()
    whole: set[int] = set()
    letters: set[int] = set()
    for text in texts:
        said = compared(text)
        runs.update(map(hash, _windows(said, RUN)))
        row = "".join(said)
        if not row.isascii():
            runs.update(map(hash, _windows(_SPACELESS.findall(row), SPACELESS_RUN)))
        letters.update(hash(row[at : at + LETTERS]) for at in range(0, len(row) - LETTERS + 1, stride))
        short = {part for part in _ENDS.split(text) if len(part) < _SHORT and part.count(" ") < 2 * RUN}
        whole.update(key for part in short if (key := _whole(compared(part))) is not None)
    return runs, whole, letters


def foreign_of(texts: Iterable[str], own: Iterable[str]) -> Foreign:
    """The index of strangers' texts and of what they say decoded, without what our own texts say as well."""
    theirs = list(texts)
    if not theirs:
        return Foreign()
    found, ours = _indexed([*theirs, *decoded(theirs)], _STRIDE), _indexed(own, 1)
    return Foreign(*(frozenset(mine - yours) for mine, yours in zip(found, ours, strict=True)))


def _same(said: list[str]) -> list[str]:
    return said


def _each_turned(said: list[str]) -> list[str]:
    return [word[::-1] for word in said]


def _order_turned(said: list[str]) -> list[str]:
    return said[::-1]


def _all_turned(said: list[str]) -> list[str]:
    return _each_turned(said)[::-1]


_TURNS: tuple[Callable[[list[str]], list[str]], ...] = (_same, _each_turned, _order_turned, _all_turned)


def _rot13(said: list[str]) -> list[str]:
    return [codecs.encode(word, "rot13") for word in said]


def _empty(words: Sequence[str], names: frozenset[str]) -> bool:
    return all(word in FUNCTION or word.isdigit() or word in names for word in words)


def _in_runs(said: list[str], foreign: Foreign, names: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """First and last word of each run of words, as said, that is a stranger's."""
    for variant in (said, _rot13(said)):
        for turn in _TURNS:
            turned = turn(variant)
            back = turn in {_order_turned, _all_turned}
            for at, words in enumerate(_windows([leet(word) for word in turned], RUN)):
                if hash(words) in foreign.runs and not (turned is said and _empty(said[at : at + RUN], names)):
                    start = len(said) - RUN - at if back else at
                    yield start, start + RUN - 1, " ".join(said[start : start + RUN])


def _in_signs(said: list[str], foreign: Foreign) -> Iterator[tuple[int, int, str]]:
    """First and last word of each run of a stranger's characters, in scripts without spaces."""
    for variant in (said, _rot13(said)):
        signs = [(sign, at) for at, word in enumerate(variant) for sign in _SPACELESS.findall(leet(word))]
        for turned in (signs, signs[::-1]):
            for at, run in enumerate(_windows([sign for sign, _ in turned], SPACELESS_RUN)):
                if hash(run) in foreign.runs:
                    first, last = sorted((turned[at][1], turned[at + SPACELESS_RUN - 1][1]))
                    yield first, last, "".join(run)


def _in_rows(said: list[str], foreign: Foreign, names: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """First and last word of each row of a stranger's letters, however they were cut into words."""
    folded = [leet(word) for word in said]
    owner = [at for at, word in enumerate(folded) for _ in word]
    row = "".join(folded)
    for at in range(len(row) - LETTERS + 1):
        part = row[at : at + LETTERS]
        if hash(part) in foreign.letters:
            first, last = owner[at], owner[at + LETTERS - 1]
            if last - first >= RUN - 1 and not _empty(said[first : last + 1], names):
                yield first, last, part


def repeated(bodies: Sequence[str], foreign: Foreign, names: frozenset[str]) -> dict[int, str]:
    """The sentences that repeat a stranger's words, by their place, with some of the words; a run may go over several."""
    if not (foreign.runs or foreign.whole):
        return {}
    said: list[str] = []
    owner: list[int] = []
    for place, body in enumerate(bodies):
        words = spoken(body)
        said += words
        owner += [place] * len(words)
    known = frozenset(part for name in names for part in spoken(name))
    found: dict[int, str] = {}
    for first, last, run in chain(_in_runs(said, foreign, known), _in_rows(said, foreign, known), _in_signs(said, foreign)):
        for place in range(owner[first], owner[last] + 1):
            found.setdefault(place, run)
    short = ((place, body) for place, body in enumerate(bodies) if place not in found and len(body) < _SHORT)
    return found | {place: body for place, body in short if _short(body, foreign)}


def _short(body: str, foreign: Foreign) -> bool:
    """Whether a sentence is nothing but a stranger's, turned round or not."""
    words = spoken(body)
    variants = [turn(variant) for variant in (words, _rot13(words)) for turn in _TURNS]
    return any((key := _whole([leet(word) for word in variant])) is not None and key in foreign.whole for variant in variants)
