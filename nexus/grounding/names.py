"""Names: words of a sentence that look like the name of something, held against the names that may be said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nexus.grounding.fold import blanked, plain, script_of, shown
from nexus.grounding.number import numbers
from nexus.grounding.sentence import ABBREVIATIONS
from nexus.grounding.vocabulary import (
    ACRONYMS,
    AFTER_A_NAME,
    AFTER_HYPHENS,
    BEFORE_HYPHENS,
    CAPITALISED,
    CODES,
    ENDINGS,
    STARTERS,
    STRANGERS,
    VERBS,
)

_TOKEN = re.compile(r"[^\s—–…,;!?()\[\]{}<>\"“”„«»‘|→。、！？；（）「」『』]+")
_OUTER = ".:'’`*-&+~=^·•%$€£¥°"
_POSSESSIVES = ("'s", "’s")
_PART = re.compile(r"[\s._/-]+")
_WORDS_IN = re.compile(r"[^\W_]+")
_DIVIDED = re.compile(r"[/:=]")
_ORDINARY = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CAMEL = re.compile(r"[^\W\d_]*[a-zß-ÿ][A-Z]")
_VERSION = re.compile(r"v?\d+(?:\.\d+){2,}")
_PLAIN_NAME = re.compile(r"[a-z0-9_ -]*[a-z][a-z0-9_ -]*")
_CLAUSE = re.compile(r"[:—–(\"“„«‘]\s*$|\s[-*•·]\s*$")
_LISTED = re.compile(r"\s*(?:[-*•·]+\s+|\d{1,2}[.)]\s+)*")
_DETERMINERS = frozenset(
    "a an the our their his her its your all any each every both one two three another more whether it them this that".split()
)
_COMMON = (
    *("s", "ing", "ly", "ed", "ion", "ment", "ness", "ity", "ance", "ence", "age", "ure"),
    *("al", "ant", "ent", "ble", "ic", "ous", "ive", "ary", "ory", "ful", "less"),
)  # fmt: skip
"""Endings of common nouns and adjectives; a name that has one is in the lists, or stands before a verb."""
_NOUNS = _COMMON[1:10]
_SPACED_OUT = re.compile(r"(?<!\w)(?:[^\W\d_][\s.\-_·*]{1,2}){3,}[^\W\d_](?!\w)")


def key_of(name: str) -> str:
    """A name by its parts: `Payment Provider`, `payment_provider` and `payment-provider` are one."""
    return "-".join(part for part in _PART.split(name.casefold()) if part)


@dataclass(frozen=True, slots=True)
class Known:
    """Names that may be said: by their parts, the longest of so many; and single words."""

    keys: frozenset[str] = frozenset()
    longest: int = 0
    words: frozenset[str] = frozenset()

    def has(self, word: str) -> bool:
        """Whether that word may be said with a capital or as an identifier."""
        word = word.casefold()
        return word in self.words or key_of(word) in self.keys


def known(names: Iterable[str], words: Iterable[str]) -> Known:
    """What may be said: names as wholes, and single words."""
    keys = frozenset(key for name in names if (key := key_of(name)))
    return Known(keys, max((key.count("-") + 1 for key in keys), default=0), frozenset(words))


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Every word of the texts, whole and in its parts, without case."""
    found: set[str] = set()
    for word in {token.word.casefold() for text in texts for token in _tokens(shown(text))}:
        found.add(word)
        if not word.isalpha():
            found.update(_WORDS_IN.findall(word))
            found.update(_DIVIDED.split(word))
    found.discard("")
    return frozenset(found)


class _Token(NamedTuple):
    word: str
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text):
        whole = match[0]
        word = whole.lstrip(_OUTER)
        left = len(whole) - len(word)
        word = word.rstrip(_OUTER)
        if word and not (left and word.isdigit()):
            bare = word[:-2] if word.endswith(_POSSESSIVES) else word
            start = match.start() + left
            found.append(_Token(bare, start, start + len(bare)))
    return found


def identified(sentence: str, may: Known) -> list[tuple[int, int]]:
    """Where known names stand, so that digits in them are not read as figures."""
    tokens = _tokens(sentence)
    spans: list[tuple[int, int]] = []
    parts = [[p for p in _PART.split(t.word.casefold()) if p] for t in tokens]
    place = 0
    while place < len(tokens):
        taken = _longest(parts, place, may)
        if not taken and _identifier(tokens[place].word) and may.has(tokens[place].word):
            taken = 1
        if taken:
            spans.append((tokens[place].start, tokens[place + taken - 1].end))
        place += taken or 1
    return spans


@lru_cache(maxsize=4096)
def _identifier(word: str) -> bool:
    """Whether it may be a name: a version, or anything with letters that is no figure with its unit, as 10x and 30min are."""
    if _VERSION.fullmatch(word):
        return True
    return any(c.isalpha() for c in word) and not any(n.start == 0 and n.end == len(word) for n in numbers(word))


def _longest(parts: list[list[str]], place: int, may: Known) -> int:
    """How many tokens from here are together a known name; 0 where none is."""
    taken, said = 0, ""
    for count, more in enumerate(parts[place : place + may.longest], 1):
        said = "-".join([said, *more]) if said else "-".join(more)
        if said in may.keys and not said.replace("-", "").isdigit():
            taken = count
    return taken


def nameless(sentence: str, may: Known) -> str:
    """The sentence without the plain names that may be said: of letters, digits and hyphens, so no host and no path."""
    spans = [(start, end) for start, end in identified(sentence, may) if _PLAIN_NAME.fullmatch(sentence[start:end].casefold())]
    return blanked(sentence, spans)


def _mixed(word: str) -> bool:
    scripts = {script_of(c) for c in word} - {""}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"})


def _hyphened(word: str) -> bool:
    """Whether a word with hyphens is an ordinary one: `follow-up`, and not `billing-gateway`."""
    first, *others = word.casefold().split("-")
    if not all(_ORDINARY.fullmatch(part) for part in (first, *others)):
        return False
    return (
        first in BEFORE_HYPHENS
        or any(part in AFTER_HYPHENS for part in others)
        or (len(others[-1]) > 4 and others[-1].endswith(ENDINGS))
    )


def _shouted(word: str) -> bool:
    return word.isupper() and sum(c.isalpha() for c in word) >= 2


def _begins(low: str, following: str) -> bool:
    """Whether the word that begins a sentence or a clause is no common word, so that its capital is a name's."""
    if low in STARTERS or low in VERBS or following in _DETERMINERS:
        return False
    return not low.endswith(_NOUNS if following in AFTER_A_NAME else _COMMON)


def _compound(word: str, may: Known, *, begins: bool) -> bool:
    """Whether a word with hyphens is strange: a capital inside, or parts that only a name has."""
    parts = word.split("-")
    common = STARTERS | BEFORE_HYPHENS | AFTER_HYPHENS | ACRONYMS
    named = (p for p in parts[1 if begins else 0 :] if p[:1].isupper() and not may.has(p) and p.casefold() not in common)
    return any(named) or any(plain(p) in STRANGERS for p in parts) or not _hyphened(word)


def _strange(word: str, may: Known, following: str, *, begins: bool) -> bool:
    """Whether a word that is not known looks like a name; `begins`: it is the first of a sentence or clause."""
    low = word.casefold()
    if plain(word) in STRANGERS or _mixed(word):
        return True
    if low in CODES or low in ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    if "/" in word:
        parts = word.split("/")
        return len(parts) > 2 or not all(p and (may.has(p) or not _strange(p, may, "", begins=False)) for p in parts)
    return _compound(word, may, begins=begins) if "-" in word else _capital(word, following, begins=begins)


def _capital(word: str, following: str, *, begins: bool) -> bool:
    """Whether a word of one part has signs or capitals that only a name has."""
    low = word.casefold().replace("'", "").replace("’", "")
    if not _ORDINARY.fullmatch(word) or _CAMEL.match(word):
        return True
    if _shouted(word):
        return low not in ACRONYMS
    if not word[0].isupper() or low in CAPITALISED:
        return False
    return not begins or _begins(low, following)


def unknown(sentence: str, may: Known, rest: str) -> str | None:
    """The first name of the sentence that may not be said; `rest` is the sentence without its figures."""
    spaced = _SPACED_OUT.search(rest)
    if spaced:
        return spaced[0]
    tokens = _tokens(blanked(rest, identified(rest, may)))
    listed = _LISTED.match(sentence)
    head = next((t.start for t in _tokens(sentence) if listed is None or t.start >= listed.end()), 0)
    for place, token in enumerate(tokens):
        if may.has(token.word):
            continue
        following = tokens[place + 1].word.casefold() if place + 1 < len(tokens) else ""
        if rest[token.end : token.end + 2] in {"'s", "’s"}:
            following = "s"
        begins = token.start == head or bool(_CLAUSE.search(sentence[: token.start][-3:]))
        if _strange(token.word, may, following, begins=begins):
            return token.word
    return None


def scripts_of(texts: Iterable[str]) -> frozenset[str]:
    """The scripts that the texts are written in; a script of a sign or two, as in µs, does not count."""
    letters: dict[str, set[str]] = {}
    for text in texts:
        for char in set(text):
            letters.setdefault(script_of(char), set()).add(char)
    return frozenset(script for script, used in letters.items() if script and len(used) >= 3) | {"LATIN"}
