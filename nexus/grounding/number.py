"""Numbers: the figures that a text states in digits or words, each with what it may mean and how exactly it was said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["plain", "people", "things", "money", "share", "part", "time", "span", "bytes"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as stated: its readings with their tolerances, in units, shares, seconds or bytes."""

    start: int
    end: int
    values: tuple[tuple[float, float], ...]
    kind: Kind = "plain"
    size: float = 1.0  # of its unit
    bare: bool = True  # without unit, scale and decimals, so that it may do no more than count


_SHARE = r"%|‰|(?i:percentage\s+points?|per\s?cent|pct|prozent|pour\s?cent|por\s?ciento|por\s?cento)(?!\w)"
_TIMES = {
    1e-9: r"ns|(?i:nanoseconds?)",
    1e-6: r"[µμ]s|(?i:microseconds?)",
    1e-3: r"ms|msec|(?i:millis|milliseconds?|millisekunden?)",
    1.0: r"s|secs?|(?i:seconds?|sekunden?|secondes?|segundos?)",
    60.0: r"m|mins?|(?i:minutes?|minuten?|minutos?)",
    3600.0: r"h|hrs?|(?i:hours?|stunden?|heures?|horas?)",
    86400.0: r"d|(?i:days?|tagen?|tage|jours?|días?|dias?)",
    604800.0: r"(?i:weeks?|wochen?|semaines?|semanas?)",
}
_BYTES = {
    1.0: r"(?i:bytes?)",
    **{10.0 ** (3 * n): f"[{unit}{unit.lower()}]B" for n, unit in enumerate("KMGTP", 1)},
    **{2.0 ** (10 * n): f"{unit}iB" for n, unit in enumerate("KMGTP", 1)},
}
_SCALES = {
    1.0: r"x|×|(?i:fold|times)",
    12.0: r"(?i:dozen)",
    100.0: r"(?i:hundred)",
    1e3: r"k|K|(?i:thousand|tsd|tausend|mille|mil|grand)",
    1e6: r"M|mn|mio|(?i:millions?|millionen|millones|milhões)",
    1e9: r"bn|B|G|(?i:billions?|milliarden?|milliards?)",
    1e12: r"T|(?i:trillions?)",
}
BYTE_UNITS = tuple(_BYTES)


def _group(name: str, units: dict[float, str]) -> str:
    return f"(?P<{name}>{'|'.join(units.values())})(?!\\w)"


_UNIT = rf"(?:[\s-]?(?:(?P<share>{_SHARE})|{_group('time', _TIMES)}|{_group('bytes', _BYTES)}|{_group('scale', _SCALES)}))?"
_DIGITS = r"\d{1,3}(?:[,.'’ _]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?|\.\d+"
_LEFT = r"(?<!\w)(?<!\d[.,:])(?<![^\W\d_][-./:#@=])"
_NUMBER = re.compile(rf"{_LEFT}(?P<digits>{_DIGITS})(?:(?:st|nd|rd|th)|{_UNIT})(?!\w)(?![.,:]\d)")
_APART = re.compile(rf"{_LEFT}\d(?:[ \-–·_()]{{1,2}}\d)+(?!\w)")

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_UNITS = {word: n for n, word in enumerate(_SMALL.split())}
_TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_LARGE = {"hundred": 1e2, "dozen": 12.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_WORD = f"(?:{'|'.join([*_UNITS, *_TENS, *_LARGE][::-1])})"
_WORDS = re.compile(
    rf"(?i:(?<![\w-])(?P<words>{_WORD}(?:[\s-]+(?:and\s+)?{_WORD})*)(?P<fold>-?fold)?)(?:(?<=fold)|{_UNIT})(?![\w])"
)

_SPAN = r"(?:for|in|within|after|lasted|took|takes|over|about|nearly|almost|than|another|some|several|many|few|couple\s+of)\s+"
_VAGUE: tuple[tuple[str, Kind, float, float], ...] = (
    (r"hundreds\s+of\s+thousands", "plain", 1e5, 1.5e6),
    (r"tens\s+of\s+thousands", "plain", 1e4, 1.5e5),
    (r"(?:dozens|tens|scores)(?!\s+of\s+(?:thous|mill))", "plain", 20, 150),
    (r"hundreds(?!\s+of\s+(?:thous|mill))", "plain", 100, 1500),
    (r"thousands", "plain", 1e3, 2e4),
    (r"millions", "plain", 1e6, 1e9),
    (r"billions", "plain", 1e9, 1e12),
    (rf"{_SPAN}hours", "span", 5400, 172800),
    (rf"{_SPAN}days", "span", 129600, 2419200),
    (rf"{_SPAN}(?:weeks|months|years)", "span", 864000, 3e8),
    (rf"{_SPAN}an?\s+hour", "span", 3000, 4200),
    (rf"{_SPAN}a\s+day", "span", 72000, 100800),
    (rf"{_SPAN}a\s+(?:week|month|year)", "span", 518400, 3.2e7),
)
_PARTS: tuple[tuple[str, Kind, float, float], ...] = (
    (r"half[\s-]+an?[\s-]+hour|half-hour", "time", 1800, 90),
    (r"half\s+a\s+minute", "time", 30, 2),
    (r"half\s+a\s+million", "plain", 5e5, 5e4),
    (r"quarter[\s-]+of[\s-]+an[\s-]+hour", "time", 900, 60),
    (r"half\s+(?:of|the|our|all)\b|(?<=one\s)half\b", "part", 0.5, 0.05),
    (r"(?:two|2)[\s-]+thirds", "part", 2 / 3, 0.04),
    (r"(?:an?|one|1)[\s-]+third\s+of", "part", 1 / 3, 0.04),
    (r"(?:three|3)[\s-]+quarters", "part", 0.75, 0.03),
    (r"(?:an?|one|1)[\s-]+quarter\s+of", "part", 0.25, 0.03),
    (r"(?:an?|one|1)[\s-]+fifth\s+of", "part", 0.2, 0.02),
    (r"(?:an?|one|1)[\s-]+tenth\s+of", "part", 0.1, 0.01),
)
_SAID = [(re.compile(rf"(?i)\b(?:{p})(?!\w)"), kind, value, near) for p, kind, value, near in _PARTS] + [
    (re.compile(rf"(?i)\b(?:{p})\b"), kind, (low + high) / 2, (high - low) / 2) for p, kind, low, high in _VAGUE
]
_HINT = re.compile(
    r"(?i)half|third|quarter|fifth|tenth|hundreds|tens|dozens|scores|thousands|millions|billions|hour|day|week|month|year"
)
"""One of these is in whatever `_SAID` finds; most texts have none."""
PEOPLE = (
    r"(?:users?|customers?|people|persons?|clients?|visitors?|accounts?|shoppers?|subscribers?|members?|merchants?|patients?)"
)
_OF_PEOPLE = re.compile(rf"(?i)\s*(?:of\s+)?(?:(?!of\b)\w+\s+){{0,2}}{PEOPLE}\b")
THINGS = r"(?:requests?|orders?|payments?|transactions?|sessions?|logins?|purchases?|messages?|records?|items?|emails?|e-mails?|calls?)"
_OF_THINGS = re.compile(rf"(?i)\s*(?:of\s+)?(?:(?!of\b)\w+\s+){{0,2}}{THINGS}\b")
_COINS = re.compile(r"[$€£¥]\s*$|\b(?:USD|EUR|GBP|US\$)\s*$")
_PAID = re.compile(r"(?i)\s*(?:USD|EUR|GBP|dollars?|euros?|pounds?|[$€£¥])(?!\w)")
_LINK = re.compile(r"\s*(?:-|–|—|to|and|or|bis|/)\s*")


def _exactly(digits: str) -> tuple[float, float]:
    """The value, and how far a record's value may lie from it to be rounded to it; for round numbers at most a tenth."""
    value = float(digits[:40])
    if "." in digits:
        return value, 0.5 * 10.0 ** -len(digits[:40].partition(".")[2])
    zeros = len(digits) - len(digits.rstrip("0")) if value else 0
    return value, max(min(0.5 * 10.0**zeros, value / 10), 0.5) if value else 0.01


def _readings(digits: str) -> Iterator[tuple[float, float]]:
    """What the digits may say: `1,234` is a thousand; `1.234` is one or a decimal."""
    digits = re.sub(r"['’ _]", "", digits)
    marks = [c for c in digits if c in ",."]
    if len(set(marks)) == 2:
        yield _exactly(digits.replace("," if marks[-1] == "." else ".", "").replace(",", "."))
    elif len(marks) > 1:
        yield _exactly(re.sub("[,.]", "", digits))
    elif marks:
        whole, _, part = digits.replace(",", ".").partition(".")
        grouped = len(part) == 3 and whole not in {"", "0"}
        if grouped:
            yield _exactly(whole + part)
        if not grouped or ("." in digits and part != "000"):
            yield _exactly(f"{whole or 0}.{part}")
    else:
        yield _exactly(digits)


def _size(units: dict[float, str], said: str) -> float:
    return next(size for size, pattern in units.items() if re.fullmatch(pattern, said))


def _times(number: Number, size: float, kind: Kind) -> Number:
    """The number in units of that size."""
    values = tuple((value * size, near * size) for value, near in number.values)
    return replace(number, values=values, kind=kind, size=size, bare=False)


def _measured(found: re.Match[str], values: tuple[tuple[float, float], ...]) -> Number:
    """The number with the unit that follows it."""
    bare = Number(found.start(), found.end(), values, bare=not re.search(r"\d?[.,]\d", found[0]))
    if found["share"]:
        exact = tuple((value, 0.05 if value in {0, 100} else near) for value, near in values)
        return _times(replace(bare, values=exact), 0.001 if found["share"] == "‰" else 0.01, "share")
    if found["time"]:
        return _times(bare, _size(_TIMES, found["time"]), "time")
    if found["bytes"]:
        return _times(bare, _size(_BYTES, found["bytes"]), "bytes")
    if found["scale"]:
        scaled = _times(bare, _size(_SCALES, found["scale"]), "plain")
        return replace(scaled, values=tuple((v, min(near, v / 10) if v >= 100 else near) for v, near in scaled.values))
    return bare


def _worded(said: str) -> float:
    """The value of number words; -1 where they are no number but digits said one by one."""
    total, current = 0.0, -1.0
    for word in re.split(r"[\s-]+(?:and\s+)?", said.lower()):
        if word in _LARGE and _LARGE[word] < 1e3:
            current = max(current, 1) * _LARGE[word]
        elif word in _LARGE:
            total, current = total + (max(current, 1) if current else 1) * _LARGE[word], 0.0
        else:
            value = _UNITS.get(word, _TENS.get(word, 0))
            free = current < 0 or current % 100 == 0 or (value < 10 and current % 10 == 0 and current % 100 > 10)
            if not free or (current >= 0 and not value):
                return -1.0
            current = max(current, 0) + value
    return total + max(current, 0)


def _in_words(found: re.Match[str]) -> Number:
    value = _worded(found["words"])
    number = _measured(found, (_exactly(f"{value:.0f}") if value >= 0 else (-1.0, 0.0),))
    return replace(number, bare=number.bare and not found["fold"] and value >= 0)


def _digits_apart(found: re.Match[str]) -> Number:
    return Number(found.start(), found.end(), (_exactly(re.sub(r"\D", "", found[0])),), bare=False)


def _all(text: str) -> Iterator[Number]:
    """Every figure, the longest reading first where two begin at one place."""
    for pattern, kind, value, near in _SAID if _HINT.search(text) else ():
        yield from (Number(m.start(), m.end(), ((value, near),), kind, bare=False) for m in pattern.finditer(text))
    yield from map(_digits_apart, _APART.finditer(text))
    yield from (_measured(m, tuple(_readings(m["digits"]))) for m in _NUMBER.finditer(text))
    yield from map(_in_words, _WORDS.finditer(text))


def numbers(text: str) -> list[Number]:
    """The figures of a text in order, none within another; in `10 to 20 %` the unit is of both."""
    found: list[Number] = []
    for number in sorted(_all(text), key=lambda n: (n.start, -n.end)):
        if not found or number.start >= found[-1].end:
            found.append(number)
    for place in range(len(found) - 2, -1, -1):
        first, second = found[place], found[place + 1]
        linked = _LINK.fullmatch(text, first.end, second.start)
        if linked and first.bare and second.kind != "plain":
            found[place] = _times(first, second.size, second.kind)
    return [replace(n, kind=_counted(n, text)) for n in found]


def _counted(number: Number, text: str) -> Kind:
    """What a number without a unit counts, by the words around it."""
    if number.kind != "plain":
        return number.kind
    if _COINS.search(text[max(number.start - 5, 0) : number.start]) or _PAID.match(text, number.end, number.end + 12):
        return "money"
    if _OF_PEOPLE.match(text, number.end, number.end + 60):
        return "people"
    return "things" if _OF_THINGS.match(text, number.end, number.end + 60) else "plain"
