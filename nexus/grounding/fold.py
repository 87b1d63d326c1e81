"""Folding: a text as a reader sees it, so that two spellings of the same words compare as equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LATIN = {
    "a": "аɑαạ",
    "b": "вᏏьβ",
    "c": "сϲⅽ",
    "d": "ԁđ",
    "e": "еєεҽ",
    "f": "ſƒ",
    "g": "ɡց",
    "h": "нһհΗН",
    "i": "іıιɩӏΙІ",
    "j": "јϳ",
    "k": "кκ",
    "l": "łⅼ",
    "m": "мΜ",
    "n": "пηΝո",
    "o": "оοσςөøօ",
    "p": "рρΡ",
    "q": "ԛզ",
    "r": "гᴦ",
    "s": "ѕՏ",
    "t": "тτ",
    "u": "υսᴜ",
    "v": "νѵ",
    "w": "ѡωԝա",
    "x": "хχΧ",
    "y": "уүγΥ",
    "z": "ᴢΖ",
}
_LOOKS = {ord(strange): letter for letter, all_strange in _LATIN.items() for strange in all_strange}
_SPELLED = re.compile(r"^(?:LATIN|NEGATIVE|SQUARED|CIRCLED|PARENTHESIZED|REGIONAL|TAG)\b.* ([A-Z])$")
_UNSEEN = frozenset({"Cf", "Mn", "Me", "Cs", "Co", "Cn"})
_QUOTES = "'’‘ʼ`´＇"
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
_WORD = re.compile(r"[^\W_]+")


def _letter(point: int) -> str:
    """One character folded: no case, no marks, nothing invisible, a look-alike as the Latin letter it imitates."""
    char = chr(point)
    if char in _QUOTES or char in _FILLERS:
        return ""
    if point in _LOOKS:
        return _LOOKS[point]
    kind = unicodedata.category(char)
    if kind in _UNSEEN:
        return ""
    if kind == "Cc":
        return char if char.isspace() else " "
    if "가" <= char <= "힣":  # taken apart, a syllable would count as three letters
        return char
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    kept = "".join(_LOOKS.get(ord(c), c) for c in parts if unicodedata.category(c) not in _UNSEEN)
    spelled = None if kept.isascii() else _SPELLED.match(unicodedata.name(char, ""))
    return spelled[1].lower() if spelled else kept


class _Table(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, point: int) -> str:
        self[point] = _letter(point)
        return self[point]


_TABLE = _Table()


def plain(text: str) -> str:
    """The text folded: NFKC, no case, no marks, nothing invisible, look-alike letters as Latin ones."""
    if text.isascii():
        return text.casefold().translate(_TABLE)
    return unicodedata.normalize("NFKC", text).translate(_TABLE)


def words_of(text: str) -> list[str]:
    """The words and numbers of a text, folded."""
    return _WORD.findall(plain(text))


_LEET = str.maketrans("01345789l", "oieastbgi")
_SIGNS = str.maketrans({"@": "a", "$": "s", "!": "i", "|": "i"})
_SIGN = re.compile(r"[@$!|](?<=[^\W_].)(?=[^\W_])|\$(?=[^\W\d_])")


def leet(word: str) -> str:
    """A folded word without what digits and doubled strokes imitate; both sides of a comparison go through it."""
    return word if word.isdigit() else word.translate(_LEET).replace("rn", "m").replace("vv", "w")


def _signed(text: str) -> str:
    """Folded, with signs that stand for letters read as letters."""
    folded = plain(text)
    return _SIGN.sub(lambda sign: sign[0].translate(_SIGNS), folded) if any(c in folded for c in "@$!|") else folded


def spoken(text: str) -> list[str]:
    """Words folded, with signs that stand for letters read as letters."""
    return _WORD.findall(_signed(text))


def compared(text: str) -> list[str]:
    """The same after `leet`, for long texts at once."""
    said = _WORD.findall(_signed(text).replace("l", "i").replace("rn", "m").replace("vv", "w"))
    return [word if word.isalpha() or word.isdigit() else word.translate(_LEET) for word in said]


_FRACTION = re.compile(r"(\d*)([¼-¾⅐-⅞↉])")


def _number(char: str) -> str:
    """A sign for a number in ASCII digits; other signs as they are."""
    if char.isascii() or unicodedata.category(char) not in {"Nd", "No", "Nl"}:
        return char
    value = unicodedata.numeric(char, -1.0)
    if value < 0:
        return char
    return f"{value:.0f}" if value < 10 and value == int(value) else f" {value:.10g} "


def _fraction(found: re.Match[str]) -> str:
    return f"{int(found[1][-9:] or 0) + unicodedata.numeric(found[2]):.3g}"


_HYPHENS = str.maketrans("‐‑‒−", "----")


def shown(text: str) -> str:
    """The text as figures and names are read from it: NFKC, nothing invisible, every numeral as ASCII digits."""
    if text.isascii():
        return text
    text = _FRACTION.sub(_fraction, text)
    text = "".join(_number(c) if unicodedata.category(c) == "Nl" else c for c in text)
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(_number(c) for c in text).translate(_HYPHENS)


def script_of(char: str) -> str:
    """The script of a letter or mark: LATIN, CYRILLIC, CJK and so on; empty for what is neither."""
    if char.isascii():
        return "LATIN" if char.isalpha() else ""
    if unicodedata.category(char)[0] not in "LM":
        return ""
    return unicodedata.name(char, "UNNAMED").split(" ", 1)[0].split("-", 1)[0]


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with blanks at those places, as long as it was."""
    parts: list[str] = []
    place = 0
    for start, end in sorted(spans):
        if end > place:
            parts += [text[place:start], " " * (end - max(start, place))]
            place = end
    return "".join([*parts, text[place:]])
