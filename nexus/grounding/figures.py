"""Figures: the numbers, dates and times that a record holds, and what may be said of them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from nexus.grounding.fold import blanked, shown
from nexus.grounding.moment import Stated, moments
from nexus.grounding.number import BYTE_UNITS, Kind, numbers
from nexus.incident import Word

_TIME_KEY = re.compile(
    r"(?:^|_)(ms|millis|milliseconds|s|secs?|seconds|mins?|minutes|h|hours|days)(?:_(?:before|after|ago|left))?$"
)
_RATE_KEY = re.compile(r"(?:^|_)per_[a-z]+$")
_SHARE_KEY = re.compile(r"share|ratio|fraction|percent|error_rate|availability")
_SUFFERING = re.compile(r"traffic|error|fail|affected|users")
_PEOPLE_KEY = re.compile(
    r"user|customer|people|account|visitor|records|affected|^(?:n|count|number|total|value|amount|before|after|now|)$"
)
_COUNT_KEY = re.compile(r"_count$|usd|revenue|cost|score|confidence|lines?$|attempt|rank|looked_at|replicas|version|rate")
_READ = 20_000
"""Characters of a string that are read for figures: what is beyond cannot be cited."""
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a record holds: sorted numbers by what they measure, moments to the minute and to the second."""

    free: tuple[float, ...] = ()
    """Of no known unit: they may be shares, durations or sizes."""
    counts: tuple[float, ...] = ()
    people: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    suffering: tuple[float, ...] = ()
    """Shares of users, traffic or requests that meet the trouble."""
    seconds: tuple[float, ...] = ()
    moments: frozenset[str] = frozenset()

    def hold(self, value: float, below: float, above: float, kind: Kind = "plain") -> bool:
        """Whether a number from value - below to value + above is in the record, in the unit of the kind."""
        exact = 1e-9 + abs(value) * 1e-9
        low, high = value - below - exact, value + above + exact
        if kind == "part":
            return _within(self.suffering, low, high)
        if kind == "share":
            percent = _within(self.free, max(low * 100, 1), high * 100)
            return percent or _within(self.shares, low, high) or _within(self.free, low, high)
        if kind == "people":
            return _within(self.people, low, high)
        if kind == "plain":
            return any(_within(held, low, high) for held in (self.free, self.counts, self.people, self.shares))
        units = (1e-3, 1.0, 60.0) if kind == "time" else BYTE_UNITS
        timed = kind == "time" and _within(self.seconds, low, high)
        return timed or any(_within(self.free, low / unit, high / unit) for unit in units)

    def know(self, stated: Stated) -> bool:
        """Whether the date and the time were at one moment of the record."""
        said = stated.clocks or stated.dates
        return any(moment in self.moments for moment in said)


def _within(held: tuple[float, ...], low: float, high: float) -> bool:
    place = bisect_left(held, low)
    return place < len(held) and held[place] <= high


@dataclass(slots=True)
class _Ledger:
    """Figures as they are collected."""

    free: set[float] = field(default_factory=set)
    counts: set[float] = field(default_factory=set)
    people: set[float] = field(default_factory=set)
    shares: set[float] = field(default_factory=set)
    suffering: set[float] = field(default_factory=set)
    seconds: set[float] = field(default_factory=set)
    moments: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def number(self, value: float, key: str) -> None:
        """A number under its key, which may tell the unit."""
        size = abs(value)
        timed = None if _RATE_KEY.search(key) else _TIME_KEY.search(key)
        if timed:
            unit = timed[1]
            self.counts.add(size)
            self.seconds.add(size * (1e-3 if unit.startswith(("ms", "milli")) else _SECONDS[unit[0]]))
        elif "percent" in key or (_SHARE_KEY.search(key) and size <= 1):
            share = size / 100 if "percent" in key else size
            self.shares.add(share)
            self.suffering |= {share} if _SUFFERING.search(key) else set()
        elif _PEOPLE_KEY.search(key) and not _COUNT_KEY.search(key):
            self.people.add(size)
            self.free |= {size} if not key else set()
        elif _COUNT_KEY.search(key) or _RATE_KEY.search(key):
            self.counts.add(size)
        else:
            self.free.add(size)

    def moment(self, at: datetime) -> None:
        """A moment, by its date, its time of day and both."""
        at = at.astimezone(UTC) if at.tzinfo else at
        self.day(at)
        for shape in ("%H:%M", "%H:%M:%S"):
            self.moments |= {at.strftime(shape), f"{at:%Y-%m-%d} {at.strftime(shape)}"}

    def day(self, at: date) -> None:
        """A date, with and without its year; the year may be said alone."""
        self.moments |= {f"{at:%Y-%m-%d}", f"{at:%m-%d}"}
        self.counts.add(at.year)

    def text(self, text: str) -> None:
        """The figures that a string of the record states, read once however often it stands there."""
        if text in self.texts:
            return
        self.texts.add(text)
        stated = stated_in(text)
        for mine, theirs in (
            (self.free, stated.free), (self.counts, stated.counts), (self.people, stated.people), (self.shares, stated.shares),
            (self.suffering, stated.suffering), (self.seconds, stated.seconds), (self.moments, stated.moments),
        ):  # fmt: skip
            mine.update(theirs)

    def read(self, text: str) -> None:
        """The figures of one string."""
        if not any(c.isnumeric() or c.isalpha() for c in text):
            return
        try:
            self.moment(datetime.fromisoformat(text if "-" in text else ""))
        except (ValueError, OverflowError):
            self._read(shown(text[:_READ]))

    def _read(self, text: str) -> None:
        when = moments(text)
        for stated in when:
            times = [clock.rpartition(" ")[2] for clock in stated.clocks]
            self.moments |= {*stated.dates, *stated.clocks, *times, *(time[:5] for time in times)}
        kept = {
            "share": self.shares,
            "time": self.seconds,
            "plain": self.counts,
            "bytes": self.free,
            "part": self.shares,
            "people": self.people,
        }
        for number in numbers(blanked(text, [(stated.start, stated.end) for stated in when])):
            said = {value for value, _ in number.values if value >= 0}
            kept[number.kind] |= said
            if number.kind == "share":
                self.suffering |= said
            if number.kind in {"time", "bytes"}:
                self.counts.update(value / number.size for value, _ in number.values)


@lru_cache(maxsize=20_000)
def stated_in(text: str) -> _Ledger:
    """What one string states; kept, for the same strings stand in a record again and again. Not to be changed by who reads it."""
    ledger = _Ledger()
    ledger.read(text)
    return ledger


def _walk(record: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Every value of JSON-like data with the key it stands under; a collection gives its length."""
    waiting: list[tuple[str, Any]] = [("", item) for item in record]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Word):
            waiting.append((key, value.model_dump(mode="json")))
        elif isinstance(value, dict):
            waiting += [(str(k).lower(), v) for k, v in value.items()]
            waiting += [("", str(k)) for k in value]
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += [(key, v) for v in value]
            if value:
                yield "length_count", len(value)
        else:
            yield key, value


def figures_of(record: Iterable[Any]) -> tuple[Figures, frozenset[str]]:
    """The record's figures, and its strings."""
    ledger = _Ledger()
    for key, value in _walk(record):
        if isinstance(value, str):
            ledger.text(value)
        elif isinstance(value, datetime):
            ledger.moment(value)
        elif isinstance(value, date):
            ledger.day(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                continue
            if abs(number) < float("inf"):
                ledger.number(number, key)
    ordered = (
        tuple(sorted(held))
        for held in (ledger.free, ledger.counts, ledger.people, ledger.shares, ledger.suffering, ledger.seconds)
    )
    return Figures(*ordered, frozenset(ledger.moments)), frozenset(ledger.texts)
