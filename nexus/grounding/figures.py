"""Figures: the numbers, dates and times that a record holds, and which stated ones they bear."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from nexus.grounding.moment import Stated
from nexus.grounding.number import BYTE_UNITS, Kind

_COUNTING = frozenset({"plain", "people", "things", "money"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What a record holds: sorted numbers by what they measure, moments to the minute and to the second."""

    free: tuple[float, ...] = ()
    """Of no known unit: they may be shares, durations or sizes."""
    native: tuple[float, ...] = ()
    """In the unit of their field, as of one called p95_ms, which a text may leave out."""
    counts: tuple[float, ...] = ()
    people: tuple[float, ...] = ()
    money: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    suffering: tuple[float, ...] = ()
    """Shares of users, traffic or requests that meet the trouble."""
    seconds: tuple[float, ...] = ()
    moments: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    """Words of fields that are true, as of breach_suspected, and what the field `security` says."""

    def hold(self, value: float, below: float, above: float, kind: Kind = "plain") -> bool:
        """Whether a number from value - below to value + above is in the record, in the unit of the kind."""
        exact = 1e-9 + abs(value) * 1e-9
        low, high = value - below - exact, value + above + exact
        if kind == "part":
            return _within(self.suffering, low, high)
        if kind == "share":
            percent = _within(self.free, max(low * 100, 1), high * 100)
            return percent or _within(self.shares, low, high) or _within(self.free, low, high)
        if kind in _COUNTING:
            return any(_within(held, low, high) for held in self._counting(kind))
        if kind == "span":
            return _within(self.seconds, low, high)
        units = (1e-3, 1.0, 60.0) if kind == "time" else BYTE_UNITS
        timed = kind == "time" and _within(self.seconds, low, high)
        return timed or any(_within(self.free, low / unit, high / unit) for unit in units)

    def _counting(self, kind: Kind) -> tuple[tuple[float, ...], ...]:
        """The numbers that may be said of people, of things, of money, or of nothing in particular."""
        if kind == "people":
            return (self.people,)
        if kind == "money":
            return self.money, self.free
        if kind == "things":
            return self.free, self.counts
        return self.free, self.native, self.counts, self.people, self.money, self.shares

    def know(self, stated: Stated) -> bool:
        """Whether the date and the time were at one moment of the record."""
        said = stated.clocks or stated.dates
        return any(moment in self.moments for moment in said)


def _within(held: tuple[float, ...], low: float, high: float) -> bool:
    place = bisect_left(held, low)
    return place < len(held) and held[place] <= high
