"""Log files: lines of components from files on this machine, rotated ones too, read from their ends.

Paths begin at the world file's folder unless they are absolute. A link is followed wherever it leads: release folders and
container logs are links, and whoever writes the world file chooses what is read.
"""

from __future__ import annotations

import asyncio
import glob
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from nexus.errors import Unavailable, WorldError
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.log_lines import Format, LineReader
from nexus.world.connectors.log_tail import BLOCK, SLACK, UNPACKED, Search, searched, unpacked
from nexus.world.gaps import note_gap
from nexus.world.logs import LogLine

_ROTATED = re.compile(r"[.-]\d[\d.T-]*(\.gz|\.bz2|\.xz|\.zst)?$")


class LogFile(BaseModel):
    """Files of one component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    component: str
    path: str = Field(description="a path, or a pattern such as logs/checkout*.log; rotated files beside them are read too")
    format: Format = "auto"


class Settings(ConnectorSettings):
    """Which files hold whose lines."""

    use: Literal["log-files"]
    files: tuple[LogFile, ...] = Field(min_length=1, description="which files hold whose lines")
    timezone: str = Field(default="UTC", description="of times that name none, such as Europe/Berlin")
    timeout: float = Field(
        default=20.0, gt=0, le=300, description="seconds that one search may take; what it found by then counts"
    )


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError for a time zone that there is not."""
    try:
        zone: tzinfo = UTC if settings.timezone == "UTC" else ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WorldError(
            f"{settings.title}: there is no time zone {settings.timezone!r}", "name one such as Europe/Berlin or UTC"
        ) from error
    logs = LogFiles(settings, site.folder, zone)
    return Connector(name=settings.title, prove=logs.prove, logs=logs)


class LogFiles:
    """Logs from files. A file that cannot be read is a gap; Unavailable where none can."""

    def __init__(self, settings: Settings, folder: Path, zone: tzinfo) -> None:
        self._settings, self._folder, self._zone = settings, folder, zone

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more. Traces are joined to their line."""
        asked = [one for one in self._settings.files if component is None or one.component == component]
        if not asked:
            raise Unavailable(f"{self._settings.title} has no files of {component}", "add them to `files` in the world file")
        if limit <= 0:
            return []
        search = Search(start, end, pattern, limit, time.monotonic() + self._settings.timeout)
        answers = await asyncio.gather(*(asyncio.to_thread(self._of, one, search) for one in asked))
        gaps = [gap for _, gaps in answers for gap in gaps]
        if all(lines is None for lines, _ in answers):
            raise Unavailable(f"{self._settings.title}: {gaps[0]}", "check `files` in the world file, and who may read them")
        for gap in gaps:
            note_gap(f"{self._settings.title}: {gap}")
        found = sorted((line for lines, _ in answers for line in lines or ()), key=lambda line: line.at)
        return found[-limit:]

    async def prove(self, at: datetime) -> Sequence[Proof]:
        """Whether each of the files can be read, and has lines of the last day."""
        return [await self._proof(one, at) for one in self._settings.files]

    async def _proof(self, one: LogFile, at: datetime) -> Proof:
        what = f"lines of {one.component} in {one.path}"
        search = Search(at - timedelta(days=1), at, None, 1000, time.monotonic() + self._settings.timeout)
        lines, gaps = await asyncio.to_thread(self._of, one, search)
        if lines is None:
            return Proof(what, ok=False, detail=gaps[0], remedy="mend its path, or let this user read it")
        if not lines:
            return Proof(what, ok=False, detail="; ".join(["empty: no line of the last day", *gaps]), remedy="check its path")
        known = sum(bool(line.level) for line in lines)
        newest = f"the newest of {lines[-1].at:%Y-%m-%d %H:%M:%S} UTC"
        levels = "" if known else "; no line names its level"
        return Proof(what, ok=not gaps, detail="; ".join([f"{len(lines)} lines, {newest}{levels}", *gaps]))

    def _of(self, one: LogFile, search: Search) -> tuple[list[LogLine] | None, list[str]]:
        """The newest lines of one component, and what could not be read; None: nothing could."""
        paths, gaps = self._paths(one)
        found: list[LogLine] = []
        read = 0
        for touched, path in paths:
            older = touched < (search.start - SLACK).timestamp()
            if older or (len(found) >= search.limit and touched < found[0].at.timestamp()):
                read += 1
                continue
            try:
                lines, gap = self._in_file(one, path, touched, search)
            except Unavailable as error:
                gaps.append(f"{path.name} cannot be read: {error.what}")
                continue
            except OSError as error:
                gaps.append(f"{path.name} cannot be read ({error.strerror or error})")
                continue
            read += 1
            gaps += [f"{path.name}: {gap}"] if gap else []
            found = sorted([*found, *lines], key=lambda line: line.at)[-search.limit :]
        return (found if read else None), gaps

    def _paths(self, one: LogFile) -> tuple[list[tuple[float, Path]], list[str]]:
        """The files and when each was last written, newest first; and what is there but no file, or nothing."""
        pattern = str(Path(glob.escape(str(self._folder))) / one.path)
        named = _globbed(pattern)
        rotated = {path for path in _globbed(f"{pattern}[.-]*") if _ROTATED.search(path)}
        found, gaps = [], []
        for path in sorted(map(Path, named | rotated)):
            try:
                if path.is_file():
                    found.append((path.stat().st_mtime, path))
            except OSError as error:
                gaps.append(f"{path.name} cannot be read ({error.strerror})")
        if not found and not gaps:
            gaps.append(f"there is no file {one.path}")
        return sorted(found, reverse=True), gaps

    def _in_file(self, one: LogFile, path: Path, touched: float, search: Search) -> tuple[list[LogLine], str]:
        """The newest lines of one file, oldest first, and what of it was not read. Raises OSError, Unavailable."""
        if path.suffix in {".bz2", ".xz", ".zst"}:
            raise Unavailable("it is compressed in a way that is not read", "compress rotated logs with gzip")
        latest = datetime.fromtimestamp(touched, UTC) + timedelta(days=1)
        reader = LineReader(one.format, self._zone, latest)
        if path.suffix == ".gz":
            file, whole = unpacked(path)
            lines, gap = searched(file, file.seek(0, 2), one.component, reader, search)
            return lines, gap or ("" if whole else f"only the last {UNPACKED // 2**20} MB of it were read")
        with path.open("rb", buffering=BLOCK) as held:
            return searched(held, path.stat().st_size, one.component, reader, search)


def _globbed(pattern: str) -> set[str]:
    return set(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
