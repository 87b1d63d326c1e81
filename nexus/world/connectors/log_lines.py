"""Log lines: the time, the level and the message of one line as programs write it: text, JSON, logfmt, syslog, access logs.

Nothing here raises for any line: what cannot be told is left empty.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal

from nexus.world.connectors.log_levels import BY_PRIORITY, LEADING, NEAR, level_in, level_of

LONGEST = 16_000
"""Characters of a message; the rest is cut."""

Format = Literal["auto", "text", "json", "logfmt", "access"]
"""auto tries each; text is Python's logging, syslog, nginx's error log and the like; access is nginx's and Apache's."""

_MONTHS = {
    name: n for n, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)
}
_ISO = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: ?(Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d(?!\d)))?"
)
_COMMON = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]?")
_SYSLOG = re.compile(r"^(?:<(\d{1,3})>)?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_CTIME = re.compile(r"(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (\d{4})")
_KLOG = re.compile(r"^([IWEF])(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{1,9})\s+")
_KLOG_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "critical"}
_PRIORITY = re.compile(r"^<(\d{1,3})>1? ?")
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_CONTAINER = re.compile(r"^(?:stdout|stderr) [FP] ")
_ACCESS = re.compile(r'^(\S+) \S+ .{0,80}?\[([^\]]{20,40})\] "([^"]*)" (\d{3})\b')
_LOGFMT = re.compile(r'(?<![\w@.\-/])([\w@.\-/]+)=("(?:[^"\\]|\\.)*"|\S*)')
_EVER = datetime(9999, 12, 31, tzinfo=UTC)

_TIME_KEYS = ("time", "timestamp", "@timestamp", "ts", "datetime", "date", "asctime", "t", "eventTime")
_LEVEL_KEYS = ("level", "levelname", "severity", "log.level", "lvl", "loglevel", "log_level", "severityText")
_MESSAGE_KEYS = ("message", "msg", "event", "short_message", "text", "body", "log")
_CAUSE_KEYS = ("error", "err", "exception", "exc_info", "error.message", "cause")
_STACK_KEYS = ("stack", "stacktrace", "stack_trace", "error.stack_trace", "traceback")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One line; `at` None: it has no time, so it belongs to the line before. `level` is a LogLine's, or empty."""

    at: datetime | None
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class LineReader:
    """`zone` is that of times without one; `latest`: a line without a year is the last such day up to then."""

    format: Format = "auto"
    zone: tzinfo = UTC
    latest: datetime = _EVER

    def read(self, line: str) -> Parsed:
        """What the line says; colours and a byte order mark are no part of it."""
        line = _COLOUR.sub("", line).removeprefix("\ufeff") if "\x1b" in line or line[:1] == "\ufeff" else line
        if self.format in {"auto", "json"} and line.startswith("{"):
            fields = _json(line)
            if fields is not None:
                return self._of_fields(fields, line)
        if self.format in {"auto", "access"} and (access := _ACCESS.match(line)):
            return self._access(access, line)
        if self.format == "logfmt" or (self.format == "auto" and _looks_like_logfmt(line)):
            return self._of_fields({key: _unquoted(value) for key, value in _LOGFMT.findall(line[:LONGEST])}, line)
        return self._text(line) if self.format in {"auto", "text"} else _told(None, "", line)

    def time(self, value: object) -> datetime | None:
        """A time as text or as seconds, milliseconds, microseconds or nanoseconds since 1970; None where it is none."""
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float) or (isinstance(value, str) and value.replace(".", "", 1).isdecimal()):
            return _epoch(value)
        return self._found(value[:NEAR])[0] if isinstance(value, str) else None

    def _text(self, line: str) -> Parsed:
        if line[:1] in {" ", "\t"}:
            return _told(None, "", line)
        klog = _KLOG.match(line)
        if klog:
            level, *numbers, fraction = klog.groups()
            return _told(self._in_year(numbers, fraction), _KLOG_LEVELS[level], line[klog.end() :])
        at, begin, end = self._found(line[:NEAR])
        rest = line if at is None else _without(line, begin, end)
        priority = _PRIORITY.match(line)
        level = BY_PRIORITY[int(priority[1]) % 8] if priority else level_in(rest)
        return _told(at, level, LEADING.sub("", rest, count=1) or line)

    def _found(self, text: str) -> tuple[datetime | None, int, int]:
        """The first time in a text, and where it stands."""
        if iso := _ISO.search(text):
            year, month, day, *clock, fraction, zone = iso.groups()
            return _moment((year, month, day, *clock), fraction, self._zone(zone)), *iso.span()
        if common := _COMMON.search(text):
            day, name, year, *clock, zone = common.groups()
            return _moment((year, _MONTHS.get(name, 0), day, *clock), None, self._zone(zone)), *common.span()
        if ctime := _CTIME.search(text):
            name, day, *clock, fraction, year = ctime.groups()
            return _moment((year, _MONTHS.get(name, 0), day, *clock), fraction, self.zone), *ctime.span()
        if syslog := _SYSLOG.match(text):
            _, name, day, *clock, fraction = syslog.groups()
            return self._in_year((_MONTHS.get(name, 0), day, *clock), fraction), *syslog.span()
        return None, 0, 0

    def _zone(self, word: str | None) -> tzinfo:
        if word is None:
            return self.zone
        if not word.startswith(("+", "-")):
            return UTC
        minutes = int(word[1:3]) * 60 + int(word[-2:])
        return timezone((1 if word[0] == "+" else -1) * timedelta(minutes=minutes)) if minutes < 24 * 60 else UTC

    def _in_year(self, numbers: Sequence[int | str], fraction: str | None) -> datetime | None:
        """Month, day and clock in the latest year that is not after `latest`."""
        found = (_moment((year, *numbers), fraction, self.zone) for year in (self.latest.year, self.latest.year - 1))
        return next((at for at in found if at is not None and at <= self.latest), None)

    def _of_fields(self, fields: Mapping[str, Any], line: str) -> Parsed:
        at = next((at for key in _TIME_KEYS if (at := self.time(_field(fields, key))) is not None), None)
        level = next((told for key in _LEVEL_KEYS if (told := level_of(_field(fields, key)))), "")
        said = next((text for key in _MESSAGE_KEYS if isinstance(text := _field(fields, key), str) and text.strip()), None)
        message = line if said is None else said.strip()
        causes, stack = _causes(fields)
        head, newline, tail = message.partition("\n")
        head = ": ".join([head, *(cause for cause in causes if cause not in message)])
        whole = "\n".join([head + newline + tail, *(text for text in stack if text not in message)])
        return _told(at, level or level_in(message), whole)

    def _access(self, found: re.Match[str], line: str) -> Parsed:
        status = int(found[4])
        request = found[3].rpartition(" HTTP/")[0] or found[3]
        level = "error" if status >= 500 else "warning" if status >= 400 else "info"
        return _told(self._found(found[2])[0], level, f"{request} answered {status}\n{line}")


def matching(message: str, raw: str, pattern: str | None) -> str | None:
    """What to show of a line that holds the pattern: its message, or the whole line where only that holds it; None if neither."""
    if pattern is None or pattern in message:
        return message
    return clean(raw) if pattern in raw else None


def _json(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _looks_like_logfmt(line: str) -> bool:
    first = _LOGFMT.match(line)
    return first is not None and ("level=" in line or "msg=" in line or "lvl=" in line)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value.strip('"')


def _field(fields: Mapping[str, Any], key: str) -> Any:
    """A field by its dotted name, flat or nested."""
    if key in fields or "." not in key:
        return fields.get(key)
    first, _, rest = key.partition(".")
    inner = fields.get(first)
    return _field(inner, rest) if isinstance(inner, dict) else None


def _causes(fields: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What the fields say of an error: one-line causes, and stack traces."""
    causes: list[str] = []
    stack: list[str] = []
    for key in (*_CAUSE_KEYS, *_STACK_KEYS):
        held = _field(fields, key)
        if isinstance(held, dict):
            parts = (held.get("type") or held.get("class"), held.get("message") or held.get("msg"))
            told = ": ".join(part for part in parts if isinstance(part, str) and part)
            causes += [told] if told else []
            stack += [held["stack"]] if isinstance(held.get("stack"), str) else []
        elif isinstance(held, str) and held.strip():
            (stack if "\n" in held or key in _STACK_KEYS else causes).append(held.strip())
    return list(dict.fromkeys(causes)), list(dict.fromkeys(stack))


def _without(line: str, begin: int, end: int) -> str:
    """The line without its time; what separated it goes too where it stood first."""
    before, after = line[:begin].strip("[( "), line[end:]
    if before:
        return f"{line[:begin].rstrip('[( ')} {after.lstrip(' ]),|-')}"
    return _CONTAINER.sub("", after.lstrip(" ]),:|-\t"))


def _epoch(value: float | str) -> datetime | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or number <= 0:
        return None
    for scale in (1.0, 1e3, 1e6, 1e9):
        if 1e8 <= number / scale < 1e10:
            return datetime.fromtimestamp(number / scale, UTC)
    return None


def _moment(numbers: Sequence[int | str], fraction: str | None, zone: tzinfo) -> datetime | None:
    """From year, month, day, hour, minute and second."""
    year, month, day, hour, minute, second = map(int, numbers)
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _told(at: datetime | None, level: str, message: str) -> Parsed:
    return Parsed(at, level, clean(message))


def clean(text: str) -> str:
    """The text, cut, without what cannot be stored: NUL, and halves of characters that JSON's escapes may leave."""
    cut = text[:LONGEST].replace("\x00", "")
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()
