"""The systemd journal: lines of units on this machine, or of journal files in a folder, as journalctl tells them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from math import ceil, floor
from typing import Any, Literal

from pydantic import Field

from nexus.errors import Unavailable, WorldError
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.log_levels import level_of
from nexus.world.connectors.log_lines import LineReader, matching
from nexus.world.gaps import collecting, note_gap
from nexus.world.logs import LogLine

PROGRAM = "journalctl"
_PATH = "/usr/local/bin:/usr/bin:/bin"
LONGEST_ENTRY = 4 * 1024 * 1024
"""Bytes of one entry as journalctl writes it."""
_FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,OBJECT_SYSTEMD_UNIT,COREDUMP_UNIT"
_UNITS = ("UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT", "_SYSTEMD_UNIT")
"""Of whom an entry speaks, before who wrote it."""
_SHUT_OUT = ("No journal files were", "not seeing messages", "insufficient permissions")
"""What journalctl says of a journal that is not there or that this user may not read, though not where its output is JSON."""


class Settings(ConnectorSettings):
    """Without `units`, the unit of a component is its name with .service."""

    use: Literal["systemd-journal"]
    units: Mapping[str, str] = Field(default_factory=dict, description="unit, or pattern such as cart@*.service, to component")
    directory: str = Field(default="", description="a folder of journal files, such as another machine's; else this machine's")
    timeout: float = Field(default=20.0, gt=0, le=300, description="seconds that a search may take; what it found by then counts")


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError where neither `units` nor the catalog names any."""
    named = settings.units or {f"{service.name}.service": service.name for service in site.catalog}
    if not named:
        raise WorldError(f"{settings.title} knows no unit", "name them under `units`, or services in the catalog")
    source = (f"--directory={site.folder / settings.directory}",) if settings.directory else ()
    logs = SystemdJournal(settings.title, named, source, settings.timeout)
    return Connector(name=settings.title, prove=logs.prove, logs=logs)


class SystemdJournal:
    """Logs from a journal. Each search is one run of journalctl, without a shell, ended when it has told enough."""

    def __init__(self, title: str, units: Mapping[str, str], source: Sequence[str], timeout: float) -> None:
        self._title, self._units, self._source, self._timeout = title, units, source, timeout

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        units = [unit for unit, ours in self._units.items() if component in {None, ours}]
        if not units:
            raise Unavailable(f"{self._title} has no unit of {component}", "add it to `units` in the world file")
        found: list[LogLine] = []
        if limit <= 0:
            return found
        try:
            async with asyncio.timeout(self._timeout), aclosing(self._entries(start, end, units)) as entries:
                async for entry in entries:
                    line = self._line(entry, pattern)
                    if line is not None and start <= line.at <= end and component in {None, line.component}:
                        found.append(line)
                    if len(found) >= limit:
                        break
        except TimeoutError as error:
            told = f"{self._title} took longer than {self._timeout:g} s"
            if not found:
                raise Unavailable(told, "look at a shorter span or one component, or raise its timeout") from error
            note_gap(f"{told}, so only its newest lines were read")
        if not found:
            await self._see_whether_it_may_be_read()
        return sorted(found, key=lambda line: line.at)

    async def prove(self, at: datetime) -> Sequence[Proof]:
        """Whether the journal can be read, and has lines of the last day, and of which components."""
        what = "lines of the last day in the journal"
        with collecting() as gaps:
            try:
                lines = await self.search(at - timedelta(days=1), at)
            except Unavailable as error:
                return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        if not lines:
            return [Proof(what, ok=False, detail=f"empty: none of {', '.join(self._units)}", remedy="name the units in `units`")]
        silent = sorted(set(self._units.values()) - {line.component for line in lines})
        said = f"{len(lines)} lines" + (f"; none of {', '.join(silent)}" if silent else "")
        return [Proof(what, ok=not gaps, detail="; ".join([said, *gaps]))]

    async def _see_whether_it_may_be_read(self) -> None:
        """Told as JSON, a journal that is away and one that is shut look empty; told for people, journalctl says so."""
        process = await self._started(["--output=short", "--no-pager", "--lines=1", *self._source])
        try:
            async with asyncio.timeout(self._timeout):
                _, complaint = await process.communicate()
        except TimeoutError:
            return
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = next((line for line in _lines(complaint) if any(word in line for word in _SHUT_OUT)), None)
        if said is not None:
            raise Unavailable(
                f"{self._title}: {said}",
                "let this user read the journal (group systemd-journal), and see that journald keeps one",
            )

    def _line(self, entry: Mapping[str, Any], pattern: str | None) -> LogLine | None:
        """The entry as a line; None where it is of no known unit, has no time, or does not hold the pattern."""
        unit = next((str(entry[name]) for name in _UNITS if entry.get(name) and self._component(str(entry[name]))), "")
        stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))
        if not unit or not stamp.isdecimal():
            return None
        raw = text_of(entry.get("MESSAGE"))
        parsed = LineReader().read(raw)
        shown = matching(parsed.message, raw, pattern)
        if shown is None:
            return None
        priority = entry.get("PRIORITY")
        level = parsed.level or (level_of(priority) if isinstance(priority, str) else "")
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(stamp))
        return LogLine(at, self._component(unit), level, shown)

    def _component(self, unit: str) -> str:
        exact = self._units.get(unit)
        return exact or next((ours for known, ours in self._units.items() if fnmatchcase(unit, known)), "")

    async def _entries(self, start: datetime, end: datetime, units: Sequence[str]) -> AsyncGenerator[dict[str, Any], None]:
        """Entries of those units, newest first. Raises Unavailable where journalctl cannot tell."""
        span = (f"--since=@{floor(start.timestamp())}", f"--until=@{ceil(end.timestamp())}")
        how = ("--output=json", "--utc", "--no-pager", "--all", "--reverse", f"--output-fields={_FIELDS}")
        process = await self._started([*how, *span, *self._source, *(f"--unit={unit}" for unit in units)])
        assert process.stdout is not None
        assert process.stderr is not None
        complaining = asyncio.create_task(process.stderr.read())
        try:
            while line := await process.stdout.readline():
                entry = _entry(line)
                if entry is not None:
                    yield entry
            self._judge(await process.wait(), _lines(await complaining))
        except ValueError as error:
            raise Unavailable(
                f"{self._title} holds an entry of more than {LONGEST_ENTRY // 2**20} MB", "look at another span or component"
            ) from error
        finally:
            await asyncio.shield(_ended(process, complaining))

    async def _started(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                PROGRAM,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": _PATH, "LC_ALL": "C"},
                limit=LONGEST_ENTRY,
            )
        except OSError as error:
            raise Unavailable(
                f"{self._title}: {PROGRAM} cannot be run ({error.strerror})",
                "use this connector where systemd runs, or log-files",
            ) from error

    def _judge(self, status: int, said: Sequence[str]) -> None:
        """Raise Unavailable where journalctl failed; a damaged file that it left out is a gap."""
        if status != 0:
            why = said[-1] if said else f"exit status {status}"
            raise Unavailable(f"{self._title}: {PROGRAM} failed ({why})", "run it by hand as this user")
        for line in said:
            if "ignoring file" in line:
                note_gap(f"{self._title}: {line}")


def _lines(output: bytes) -> list[str]:
    return [line.strip()[:200] for line in output.decode("utf-8", "replace").splitlines() if line.strip()]


def text_of(message: object) -> str:
    """A journal field as journalctl's JSON gives it: text, the numbers of its bytes where it is none, or several of these."""
    if isinstance(message, str):
        return message
    if not isinstance(message, list):
        return ""
    if all(isinstance(one, int) and 0 <= one < 256 for one in message):
        return bytes(message).decode("utf-8", "replace")
    return "\n".join(text_of(one) for one in message)


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


async def _ended(process: asyncio.subprocess.Process, complaining: asyncio.Task[bytes]) -> None:
    """End the process where it still runs, and read its pipes to their ends, so that nothing of it is left."""
    if process.returncode is None:
        process.kill()
    assert process.stdout is not None
    while await process.stdout.read(64 * 1024):
        pass
    await complaining
    await process.wait()
