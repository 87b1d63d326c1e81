"""Moments: the dates and times of day that a text states, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = {m: n for n, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_MONTH = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
_ZONE = r"(?P<zone>\s?(?:Z\b|UTC\b|GMT\b)?(?:[+-]\d\d?(?::?\d\d)?\b)?)(?P<other>\s?(?:[A-Z]{1,4}[SD]?T|MEZ|MESZ|Uhr)\b|\s\(?[A-Z][a-z]+/[A-Z])?"
_CLOCK = r"(?P<hour>\d{1,2})(?::|h)(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?(?:\s?(?P<half>[AaPp])\.?[Mm]\b\.?)?"
_STAMP = re.compile(rf"(?<![\w.:])(?P<year>\d{{4}})-(?P<m>\d\d)-(?P<day>\d\d)(?:[T\s]+{_CLOCK}{_ZONE})?(?![\w:])")
_TIME = re.compile(rf"(?<![\w.:]){_CLOCK}{_ZONE}(?![\w:])")
_HOUR = re.compile(rf"(?<![\w.:])(?P<hour>\d{{1,2}})\s?(?P<half>[AaPp])\.?[Mm]\b\.?{_ZONE}")
_NAMED = re.compile(
    rf"(?<![\w.:])(?:{_MONTH}\.?\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?|(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?{_MONTH.replace('month', 'month2')})"
    r"(?:,?\s+(?P<year>\d{4}))?(?![\w:])"
)
_SLASHED = re.compile(r"(?<![\w.:/-])(?P<a>\d{1,2})[./](?P<b>\d{1,2})[./](?P<year>\d{4}|\d\d)(?![\w:/]|\.\d)")
_SPOKEN = re.compile(r"(?i)\b(?P<noon>noon|midday|mittags?)\b|\b(?:midnight|mitternacht)\b")


@dataclass(frozen=True, slots=True)
class Stated:
    """A date, a time of day or both; each may have several readings. None stands for one that cannot be in UTC's record."""

    start: int
    end: int
    dates: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()


def _clock(found: re.Match[str]) -> tuple[int, int, int] | None:
    """Hour, minute and second; None when there is no such time."""
    parts = found.groupdict()
    hour, minute, second = int(parts["hour"]), int(parts.get("minute") or 0), int(parts.get("second") or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"] in "Pp" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _zone(found: re.Match[str]) -> timezone | None:
    """The zone that was said; UTC where none was, None for one that is only named."""
    if found["other"]:
        return None
    offset = re.search(r"([+-])(\d\d?):?(\d\d)?$", found["zone"])
    if not offset:
        return UTC
    minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes)) if minutes < 1440 else None


def _stamp(found: re.Match[str]) -> Stated:
    """A date with or without its time; neither reading is left when one of them is impossible."""
    nothing = Stated(found.start(), found.end())
    try:
        day = datetime(int(found["year"]), int(found["m"]), int(found["day"]), tzinfo=UTC)
    except ValueError:
        return nothing
    if not found["hour"]:
        return Stated(found.start(), found.end(), (f"{day:%Y-%m-%d}",))
    clock, zone = _clock(found), _zone(found)
    if clock is None or zone is None or not 1 < day.year < 9999:
        return nothing
    at = day.replace(hour=clock[0], minute=clock[1], second=clock[2], tzinfo=zone).astimezone(UTC)
    shape = "%H:%M:%S" if found["second"] else "%H:%M"
    return Stated(found.start(), found.end(), (f"{at:%Y-%m-%d}",), (f"{at:%Y-%m-%d} " + at.strftime(shape),))


def _time(found: re.Match[str]) -> Stated:
    clock, zone = _clock(found), _zone(found)
    if clock is None or zone is None:
        return Stated(found.start(), found.end())
    at = datetime(2000, 1, 2, *clock, tzinfo=zone).astimezone(UTC)
    exact = found.groupdict().get("second")
    return Stated(found.start(), found.end(), clocks=(f"{at:%H:%M:%S}" if exact else f"{at:%H:%M}",))


def _date(found: re.Match[str], year: str | None, pairs: list[tuple[int, int]]) -> Stated:
    """A date by its day and month, in either order; without a year it is one of any year."""
    full = "" if year is None else f"20{year}-" if len(year) == 2 else f"{year}-"
    return Stated(found.start(), found.end(), tuple(f"{full}{month:02}-{day:02}" for month, day in pairs))


def _all(text: str) -> Iterator[Stated]:
    yield from map(_stamp, _STAMP.finditer(text))
    yield from map(_time, _TIME.finditer(text))
    yield from map(_time, _HOUR.finditer(text))
    for found in _NAMED.finditer(text):
        month = _MONTHS[(found["month"] or found["month2"])[:3].lower()]
        yield _date(found, found["year"], [(month, int(found["d1"] or found["d2"]))])
    for found in _SLASHED.finditer(text):
        yield _date(found, found["year"], [(int(found["a"]), int(found["b"])), (int(found["b"]), int(found["a"]))])
    for found in _SPOKEN.finditer(text):
        yield Stated(found.start(), found.end(), clocks=("12:00" if found["noon"] else "00:00",))


def moments(text: str) -> list[Stated]:
    """The dates and times of a text in order, none within another."""
    found: list[Stated] = []
    for stated in sorted(_all(text), key=lambda s: (s.start, -s.end)):
        if not found or stated.start >= found[-1].end:
            found.append(stated)
    return found
