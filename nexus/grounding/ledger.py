"""Ledger: reading a record, any JSON-like data, into its figures: what a number measures is told by its field or by the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from nexus.grounding.figures import Figures
from nexus.grounding.fold import blanked, shown
from nexus.grounding.moment import moments
from nexus.grounding.number import Kind, numbers
from nexus.incident import Word

_TIME_KEY = re.compile(
    r"(?:^|_)(ms|millis|milliseconds|s|secs?|seconds|mins?|minutes|h|hours|days)(?:_(?:before|after|ago|left))?$"
)
_RATE_KEY = re.compile(r"(?:^|_)per_[a-z]+$")
_SHARE_KEY = re.compile(r"share|ratio|fraction|percent|error_rate|availability")
_SUFFERING = re.compile(r"traffic|error|fail|affected|users")
_MONEY_KEY = re.compile(r"usd|eur(?:o|$|_)|revenue|cost|price|amount")
_PEOPLE_KEY = re.compile(r"user|customer|people|account|visitor|records|affected")
_ANY_KEY = re.compile(r"^(?:n|count|number|total|value|before|after|now|)$")
_COUNT_KEY = re.compile(r"_count$|score|confidence|lines?$|attempt|rank|looked_at|replicas|version|rate")
_READ = 20_000
"""Characters of a string that are read for figures: what is beyond cannot be cited."""
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "s": 1.0}


@dataclass(slots=True)
class Ledger:
    """Figures as they are collected."""

    free: set[float] = field(default_factory=set)
    native: set[float] = field(default_factory=set)
    counts: set[float] = field(default_factory=set)
    people: set[float] = field(default_factory=set)
    money: set[float] = field(default_factory=set)
    shares: set[float] = field(default_factory=set)
    suffering: set[float] = field(default_factory=set)
    seconds: set[float] = field(default_factory=set)
    moments: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def number(self, value: float, key: str) -> None:
        """A number under its key, which may tell the unit."""
        size = abs(value)
        timed = None if _RATE_KEY.search(key) else _TIME_KEY.search(key)
        if timed:
            unit = timed[1]
            self.native.add(size)
            self.seconds.add(size * (1e-3 if unit.startswith(("ms", "milli")) else _SECONDS[unit[0]]))
        elif "percent" in key or (_SHARE_KEY.search(key) and size <= 1):
            share = size / 100 if "percent" in key else size
            self.shares.add(share)
            self.suffering |= {share} if _SUFFERING.search(key) else set()
        elif _ANY_KEY.search(key):
            self.people.add(size)
            self.free.add(size)
        elif _MONEY_KEY.search(key):
            self.money.add(size)
        elif _PEOPLE_KEY.search(key) and not _COUNT_KEY.search(key):
            self.people.add(size)
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
        if stated.numbers:
            mine = self.numbers
            for place, values in stated.numbers:
                mine[place].update(values)
        self.moments |= stated.moments

    @property
    def numbers(self) -> tuple[set[float], ...]:
        """All numbers, by what they measure."""
        return (
            self.free,
            self.native,
            self.counts,
            self.people,
            self.money,
            self.shares,
            self.suffering,
            self.seconds,
        )

    def copy(self) -> Ledger:
        """Another with the same figures, to go on from."""
        return Ledger(**{part.name: set(getattr(self, part.name)) for part in fields(self)})

    def closed(self) -> Figures:
        """The figures, as they may be searched."""
        return Figures(
            free=tuple(sorted(self.free)),
            native=tuple(sorted(self.native)),
            counts=tuple(sorted(self.counts)),
            people=tuple(sorted(self.people)),
            money=tuple(sorted(self.money)),
            shares=tuple(sorted(self.shares)),
            suffering=tuple(sorted(self.suffering)),
            seconds=tuple(sorted(self.seconds)),
            moments=frozenset(self.moments),
            flags=frozenset(self.flags),
        )

    def read(self, text: str) -> None:
        """The figures of one string."""
        try:
            self.moment(datetime.fromisoformat(text if "-" in text else ""))
        except (ValueError, OverflowError):
            self._read(shown(text[:_READ]))

    def _read(self, text: str) -> None:
        when = moments(text)
        for stated in when:
            times = [clock.rpartition(" ")[2] for clock in stated.clocks]
            self.moments |= {*stated.dates, *stated.clocks, *times, *(time[:5] for time in times)}
        kept: dict[Kind, set[float]] = {
            "share": self.shares,
            "part": self.suffering,
            "time": self.seconds,
            "span": self.seconds,
            "bytes": self.free,
            "plain": self.counts,
            "things": self.counts,
            "people": self.people,
            "money": self.money,
        }
        for number in numbers(blanked(text, [(stated.start, stated.end) for stated in when])):
            said = {value for value, _ in number.values if value >= 0}
            kept[number.kind] |= said
            if number.kind == "share":
                self.suffering |= said
            if number.kind in {"time", "bytes"}:
                self.native.update(value / number.size for value, _ in number.values)


@dataclass(frozen=True, slots=True)
class Stated:
    """What one string states: numbers, by their place among a ledger's, and moments."""

    numbers: tuple[tuple[int, tuple[float, ...]], ...] = ()
    moments: frozenset[str] = frozenset()


_NOTHING = Stated()


def stated_in(text: str) -> Stated:
    """What a string states; kept for a while, for the same strings stand in a record again and again."""
    return _stated_in(text) if any(c.isnumeric() or c.isalpha() for c in text) else _NOTHING


@lru_cache(maxsize=4096)
def _stated_in(text: str) -> Stated:
    ledger = Ledger()
    ledger.read(text)
    stated = Stated(
        tuple((place, tuple(all_of)) for place, all_of in enumerate(ledger.numbers) if all_of), frozenset(ledger.moments)
    )
    return _NOTHING if stated == _NOTHING else stated


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


def entered(record: Iterable[Any], ledger: Ledger) -> None:
    """Enter the record's figures and strings into the ledger."""
    for key, value in _walk(record):
        if isinstance(value, str):
            ledger.text(value)
            ledger.flags |= {value} if key == "security" else set()
        elif value is True:
            ledger.flags |= set(key.split("_"))
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
