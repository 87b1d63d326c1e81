"""Reading a recording's files, each lazily and once; a file that cannot be read is a WorldError with its name and the remedy."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nexus.errors import WorldError
from nexus.world.calls import CallStats
from nexus.world.changes import Change, ChangeKind
from nexus.world.logs import LogLine
from nexus.world.metrics import Floats, MetricKind, Series
from nexus.world.recording.names import kind_of, unit_of

_LEVEL = re.compile(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|SEVERE|CRITICAL|FATAL|PANIC)\b", re.IGNORECASE)
_LEVELS = {
    "trace": "debug", "notice": "info", "warn": "warning", "err": "error", "severe": "error",
    "fatal": "critical", "panic": "critical",
}  # fmt: skip
_CHANGE_KINDS: dict[str, ChangeKind] = {
    "deployment": "deployment", "deploy": "deployment", "release": "deployment", "config": "config", "configuration": "config",
    "flag": "flag", "infrastructure": "infrastructure", "infra": "infrastructure",
}  # fmt: skip
_REMEDY = (
    "the recording's format is one folder of alert.json, metrics.csv and optional baseline, calls, logs, topology and changes"
)


_YEARS = range(1970, 2500)
_MOST = 1e100
"""No meter shows more: a larger number is taken for a gap, as its square would be infinite."""


def moment(text: str) -> datetime:
    """ISO 8601 as UTC; raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def level_of(message: str) -> str:
    """The level that a line names near its beginning, lower case; empty when it names none."""
    found = _LEVEL.search(message[:160])
    if found is None:
        return ""
    level = found.group(1).lower()
    return _LEVELS.get(level, level)


def _unit(metric: str, values: Floats) -> str:
    """The unit by the metric's name; a latency without one is in seconds where its values are small, else in milliseconds."""
    unit = unit_of(metric)
    if unit or kind_of(metric) is not MetricKind.LATENCY:
        return unit
    held = values[np.isfinite(values)]
    return "s" if not held.size or float(np.median(held)) < 20 else "ms"


class Files:
    """The files of one recording folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str) -> bool:
        """Whether the recording holds that file."""
        return (self.folder / name).is_file()

    @cached_property
    def alert(self) -> dict[str, Any]:
        """The alert's payload as it came."""
        payload = self._json("alert.json")
        if not isinstance(payload, dict):
            raise WorldError(f"{self.folder / 'alert.json'} holds no object", _REMEDY)
        return payload

    @cached_property
    def alerted_at(self) -> datetime:
        """When the alert began."""
        started = self.lead.get("startsAt") or self.lead.get("starts_at")
        try:
            at = moment(str(started))
        except (ValueError, OverflowError) as error:
            raise WorldError(f"{self.folder / 'alert.json'}: startsAt is {started!r}", "give an ISO 8601 time") from error
        if at.year not in _YEARS:
            raise WorldError(f"{self.folder / 'alert.json'}: startsAt is in the year {at.year}", "give the time of the alert")
        return at

    @cached_property
    def lead(self) -> dict[str, Any]:
        """The first alert that fires, as the group may begin with one that is over; the payload itself where it is no group."""
        listed = self.alert.get("alerts")
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        firing = [entry for entry in entries if str(entry.get("status", "")).lower() != "resolved"]
        return next(iter(firing or entries), self.alert)

    @cached_property
    def metrics(self) -> list[Series]:
        """Every series of metrics.csv."""
        return self._series("metrics.csv")

    @cached_property
    def baseline(self) -> list[Series]:
        """Every series of baseline.csv; empty where there is none."""
        return self._series("baseline.csv") if self.has("baseline.csv") else []

    @cached_property
    def calls(self) -> list[CallStats]:
        """Every row of calls.csv, oldest first."""
        path = self.folder / "calls.csv"
        rows = self._lines("calls.csv")[1:]
        try:
            stats = [self._call(row) for row in rows if row]
        except (ValueError, IndexError, OverflowError, OSError) as error:
            raise WorldError(
                f"{path}: {error}", "columns are time, caller, callee, operation, count, p50_us, p95_us, max_us"
            ) from error
        return sorted(stats, key=lambda call: call.at)

    @staticmethod
    def _call(row: str) -> CallStats:
        time, caller, callee, *operation, count, p50, p95, longest = row.split(",")
        return CallStats(
            at=datetime.fromtimestamp(float(time), UTC),
            caller=caller,
            callee=callee,
            operation=",".join(operation).strip('"'),
            count=float(count),
            p50_ms=float(p50) / 1000,
            p95_ms=float(p95) / 1000,
            max_ms=float(longest) / 1000,
        )

    @cached_property
    def logs(self) -> list[LogLine]:
        """Every line of logs.jsonl.gz, oldest first."""
        path = self.folder / "logs.jsonl.gz"
        lines = []
        try:
            with gzip.open(path, "rt", encoding="utf-8") as stream:
                for text in stream:
                    entry = json.loads(text)
                    at = datetime.fromtimestamp(entry["t_ns"] / 1e9, UTC)
                    message = str(entry["msg"])
                    lines.append(LogLine(at=at, component=str(entry["service"]), level=level_of(message), message=message))
        except (OSError, EOFError, ValueError, KeyError, TypeError, OverflowError, RecursionError, zlib.error) as error:
            raise WorldError(f"{path}: {error!r}", "each line is an object with t_ns, service and msg, gzipped") from error
        return sorted(lines, key=lambda line: line.at)

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The call graph; empty where there is none."""
        if not self.has("topology.json"):
            return ()
        held = self._json("topology.json")
        try:
            return tuple((str(caller), str(callee)) for caller, callee in held["edges"])
        except (KeyError, TypeError, ValueError) as error:
            raise WorldError(
                f"{self.folder / 'topology.json'}: {error!r}", 'it holds {"edges": [[caller, callee], …]}'
            ) from error

    @cached_property
    def changes(self) -> list[Change]:
        """Every change, oldest first."""
        held = self._json("changes.json")
        try:
            made = [self._change(number, entry) for number, entry in enumerate(held, 1)]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise WorldError(
                f"{self.folder / 'changes.json'}: {error!r}", "each entry has time, service, kind and version"
            ) from error
        return sorted(made, key=lambda change: change.at)

    @staticmethod
    def _change(number: int, entry: dict[str, Any]) -> Change:
        return Change(
            id=str(entry.get("id") or f"change-{number}"),
            at=moment(str(entry["time"])),
            component=str(entry["service"]),
            kind=_CHANGE_KINDS.get(str(entry.get("kind", "")).lower(), "deployment"),
            version=str(entry.get("version", "")),
            previous=str(entry.get("previous", "")),
            author=str(entry.get("author", "")),
            summary=str(entry.get("summary", "")),
        )

    def _json(self, name: str) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8-sig"))
        except RecursionError:
            raise WorldError(f"{path} is nested too deep", _REMEDY) from None
        except (OSError, ValueError) as error:
            raise WorldError(f"{path} cannot be read: {error}", _REMEDY) from error

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise WorldError(f"{path} cannot be read: {error}", _REMEDY) from error

    def _series(self, name: str) -> list[Series]:
        path = self.folder / name
        lines = self._lines(name)
        if not lines or not lines[0].startswith("time,"):
            raise WorldError(f"{path} has no header beginning with time", "columns are time and <service>__<metric>")
        columns = lines[0].split(",")[1:]
        rows = [line for line in lines[1:] if line.strip()]
        table = np.empty((0, len(columns) + 1))
        try:
            if rows:
                table = np.genfromtxt(rows, delimiter=",", dtype=np.float64, ndmin=2, filling_values=np.nan, comments="\0")
        except ValueError as error:
            raise WorldError(f"{path}: {str(error).splitlines()[0]}", "each row has as many cells as the header") from error
        if table.shape[1] != len(columns) + 1:
            raise WorldError(f"{path}: rows have {table.shape[1]} cells, the header {len(columns) + 1}", "make them equal")
        table = table[np.isfinite(table[:, 0])]
        if rows and not table.size:
            raise WorldError(f"{path}: no row begins with a time", "write times as seconds since 1970")
        table[np.abs(table) > _MOST] = np.nan
        table = table[np.argsort(table[:, 0], kind="stable")]
        series = []
        for number, column in enumerate(columns, 1):
            component, _, metric = column.rpartition("__")
            values = table[:, number]
            series.append(Series(component or column, metric, kind_of(metric), _unit(metric, values), table[:, 0], values))
        return series
