"""Moment: a payload's time, ISO 8601 or seconds or milliseconds since 1970, read tolerantly with a note on what was assumed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

AHEAD = timedelta(minutes=5)
"""A clock may be this much ahead of ours without comment."""


def read_moment(value: object, now: datetime) -> tuple[datetime, str]:
    """The time in UTC, and a note where something had to be assumed (empty when nothing had)."""
    if value in (None, ""):
        return now, "no start time given: the time of receipt is used"
    moment, note = _parsed(value)
    if moment is None:
        return now, "the start time could not be read: the time of receipt is used"
    if moment > now + AHEAD:
        return now, "the start time lies in the future: the time of receipt is used"
    if moment.year < 1971:
        return now, "the start time is a placeholder: the time of receipt is used"
    return min(moment, now), note


def _parsed(value: object) -> tuple[datetime | None, str]:
    if isinstance(value, bool):
        return None, ""
    if isinstance(value, str):
        text = value.strip()
        try:
            return _from_iso(text)
        except (ValueError, OverflowError):
            try:
                value = float(text)
            except ValueError:
                return None, ""
    if isinstance(value, int | float):
        return _from_epoch(value), ""
    return None, ""


def _from_iso(text: str) -> tuple[datetime, str]:
    if text.isdigit():
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), "the start time has no zone: UTC is assumed"
    return moment.astimezone(UTC), ""


def _from_epoch(number: float) -> datetime | None:
    """Seconds, or thousandths, millionths or billionths of one, told apart by their size."""
    try:
        seconds = float(number)
        if not math.isfinite(seconds):
            return None
        for factor in (1e9, 1e6, 1e3):
            if abs(seconds) >= 1e8 * factor:
                seconds /= factor
                break
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
