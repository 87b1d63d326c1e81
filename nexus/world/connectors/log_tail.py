"""Reading a log from its end: where a time stands is found by halving, and lines come newest first in blocks."""

from __future__ import annotations

import gzip
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from nexus.errors import Unavailable
from nexus.world.connectors.log_lines import LineReader, clean, matching
from nexus.world.logs import LogLine

BLOCK = 64 * 1024
LONGEST_LINE = 64 * 1024
"""Bytes of a line; the rest of a longer one is passed over."""
UNPACKED = 64 * 1024 * 1024
"""Bytes that are kept of a compressed log: its end."""
SLACK = timedelta(minutes=1)
"""How far lines of a log may stand out of order."""
MOST_JOINED = 400
"""Lines that are joined to the one that they belong to."""
_FAR = 1024 * 1024
"""Bytes in which a line with a time is looked for."""

TimeOf = Callable[[bytes], float | None]
"""The time of a line in unix seconds; None where it has none."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; `ends` is when it is given up, by the monotonic clock."""

    start: datetime
    end: datetime
    pattern: str | None
    limit: int
    ends: float


def searched(file: BinaryIO, size: int, component: str, reader: LineReader, search: Search) -> tuple[list[LogLine], str]:
    """The newest lines of one log that fit, oldest first, and what was not read. Raises Unavailable where no line has a time."""

    def time_of(line: bytes) -> float | None:
        at = reader.read(line.decode("utf-8", "replace")).at
        return None if at is None else at.timestamp()

    begin, _ = around(file, size, (search.start - SLACK).timestamp(), time_of)
    _, end = around(file, size, (search.end + SLACK).timestamp(), time_of)
    lines = _InTime(lines_backwards(file, begin, end), search.ends)
    found: list[LogLine] = []
    timed = False
    for raw, line in records_backwards(lines.each(), component, reader):
        timed = True
        shown = matching(line.message, raw, search.pattern) if search.start <= line.at <= search.end else None
        if shown is not None:
            found.append(line if shown is line.message else LogLine(line.at, component, line.level, shown))
        if len(found) >= search.limit:
            break
    if not timed and not lines.ended and size > 0 and end - begin == size:
        raise Unavailable("none of its lines has a time that can be told", "log the time of each line, or name the `format`")
    return found[::-1], "searching it took too long, so only its newest lines were read" if lines.ended else ""


class _InTime:
    """Lines until a moment of the monotonic clock; `ended`: there were more."""

    def __init__(self, lines: Iterator[bytes], ends: float) -> None:
        self._lines, self._ends = lines, ends
        self.ended = False

    def each(self) -> Iterator[bytes]:
        for line in self._lines:
            if time.monotonic() > self._ends:
                self.ended = True
                return
            yield line


def records_backwards(lines: Iterator[bytes], component: str, reader: LineReader) -> Iterator[tuple[str, LogLine]]:
    """Lines that have a time, last first, as they stand and as read; those without one that follow are joined to them."""
    following: deque[str] = deque(maxlen=MOST_JOINED)
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r")
        if not line.strip():
            continue
        parsed = reader.read(line)
        if parsed.at is None:
            following.appendleft(line)
            continue
        message = clean("\n".join((parsed.message, *following))) if following else parsed.message
        yield "\n".join((line, *following)), LogLine(parsed.at, component, parsed.level, message)
        following.clear()


def lines_backwards(file: BinaryIO, begin: int, end: int, block: int = BLOCK) -> Iterator[bytes]:
    """The lines of [begin, end) without their ends, last first; both are where a line begins, or the file ends."""
    carry = b""
    at = end
    while at > begin:
        size = min(block, at - begin)
        at -= size
        file.seek(at)
        first, *rest = file.read(size).split(b"\n")
        if rest:
            rest[-1] = (rest[-1] + carry)[:LONGEST_LINE]
            yield from (line[:LONGEST_LINE] for line in reversed(rest))
            carry = first
        else:
            carry = (first + carry)[:LONGEST_LINE]
    if end > begin:
        yield carry[:LONGEST_LINE]


def around(file: BinaryIO, size: int, moment: float, time_of: TimeOf) -> tuple[int, int]:
    """Two beginnings of lines, near each other: all before the first is older than that moment, all from the second on is not.

    The log's times ascend, but for as much as whoever asks allows for.
    """
    low, high, upper = 0, size, size
    while high - low > BLOCK:
        middle = (low + high) // 2
        place, at = _first_timed(file, middle, high, time_of)
        if at is None:
            high = middle
        elif at < moment:
            low = place
        else:
            high, upper = middle, place
    return low, upper


def _first_timed(file: BinaryIO, after: int, until: int, time_of: TimeOf) -> tuple[int, float | None]:
    """The first line with a time that begins later than `after` and before `until`."""
    file.seek(after)
    _to_line_end(file)
    until = min(until, after + _FAR)
    while (place := file.tell()) < until:
        line = file.readline(LONGEST_LINE)
        if not line:
            break
        if not line.endswith(b"\n"):
            _to_line_end(file)
        at = time_of(line.rstrip(b"\r\n"))
        if at is not None:
            return place, at
    return until, None


def _to_line_end(file: BinaryIO) -> None:
    while (part := file.readline(LONGEST_LINE)) and not part.endswith(b"\n"):
        pass


def unpacked(path: Path) -> tuple[BinaryIO, bool]:
    """The end of a gzip file, and whether it is all of it. Raises OSError where it is no gzip file or is cut off."""
    held = bytearray()
    whole = True
    try:
        with gzip.open(path, "rb") as file:
            while part := file.read(1024 * 1024):
                held += part
                if len(held) > 2 * UNPACKED:
                    del held[:-UNPACKED]
                    whole = False
    except (EOFError, zlib.error) as error:
        raise OSError(f"{path.name} is damaged ({error})") from error
    if len(held) > UNPACKED:
        del held[:-UNPACKED]
        whole = False
    return BytesIO(bytes(held)), whole
