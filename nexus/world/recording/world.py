"""The recording as a world: capabilities read from its files, changes refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from nexus.errors import ActionRefused, WorldError
from nexus.incident import Action, DryRun
from nexus.world.actions import Receipt
from nexus.world.calls import CallStats
from nexus.world.catalog import Service, ServiceCatalog
from nexus.world.changes import Change, PipelineRun
from nexus.world.clock import VirtualClock
from nexus.world.journal import Journal
from nexus.world.logs import LogLine
from nexus.world.metrics import Series
from nexus.world.recording.files import Files
from nexus.world.recording.names import component_kind
from nexus.world.simulated_people import SimulatedPeople
from nexus.world.world import World

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded outage: its world and the alert that came in."""

    name: str
    world: World
    alert_payload: dict[str, Any]


class RecordedMetrics:
    """Series from metrics.csv and baseline.csv."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """Samples in [start, end] and none later; series without any are left out."""
        found = []
        for series in self._files.metrics:
            if components is not None and series.component not in components:
                continue
            held = (series.times >= start.timestamp()) & (series.times <= end.timestamp())
            if held.any():
                found.append(replace(series, times=series.times[held], values=series.values[held]))
        return found

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """The period known to be without fault; empty where the recording has none."""
        return [series for series in self._files.baseline if components is None or series.component in components]


class RecordedLogs:
    """Lines from logs.jsonl.gz."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        found = [
            line
            for line in self._files.logs
            if start <= line.at <= end
            and (component is None or line.component == component)
            and (pattern is None or pattern in line.message)
        ]
        return found[-limit:] if limit > 0 else []


class RecordedCalls:
    """Rows from calls.csv, and the call graph from topology.json; a minute is seen only once it is over."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Minutes that lie wholly within [start, end]; empty where the recording has no calls."""
        if not self._files.has("calls.csv"):
            return []
        return [call for call in self._files.calls if start <= call.at and call.at + _MINUTE <= end]

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph; where there is none, the edges that calls.csv shows."""
        if self._files.edges or not self._files.has("calls.csv"):
            return self._files.edges
        return tuple(sorted({(c.caller, c.callee) for c in self._files.calls if c.caller and c.caller != c.callee}))


class RecordedChanges:
    """Entries of changes.json."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first."""
        return [change for change in self._files.changes if start <= change.at <= end]

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Nothing: recordings hold no pipelines."""
        del start, end
        return []


class ReadOnly:
    """Actions of a world that lies in the past: every one is refused."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self) -> NoReturn:
        raise ActionRefused(
            f"recording {self._name} is read-only", "a recorded outage can be investigated, not changed; use a sandbox"
        )

    async def options(self, component: str, at: datetime) -> list[Action]:
        """Raises ActionRefused."""
        del component, at
        self._refuse()

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        """Raises ActionRefused."""
        del action, at
        self._refuse()

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        """Raises ActionRefused."""
        del action, at, key
        self._refuse()

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        """Raises ActionRefused."""
        del undo, at, key
        self._refuse()

    async def find(self, key: str, at: datetime) -> Receipt | None:
        """Raises ActionRefused."""
        del key, at
        self._refuse()

    async def state(self, at: datetime) -> dict[str, Any]:
        """Raises ActionRefused."""
        del at
        self._refuse()


def _catalog(edges: Sequence[tuple[str, str]], alerted: str | None) -> ServiceCatalog:
    names = sorted({name for edge in edges for name in edge} | ({alerted} if alerted else set()))
    return ServiceCatalog(
        services=tuple(
            Service(
                name=name,
                kind=component_kind(name),
                tier=1 if name == alerted else 2,
                feature="core" if name == alerted else "major",
                calls=tuple(callee for caller, callee in edges if caller == name),
            )
            for name in names
        )
    )


def _alerted(lead: dict[str, Any]) -> str | None:
    labels = lead.get("labels")
    service = labels.get("service") if isinstance(labels, dict) else None
    return service if isinstance(service, str) else None


def open_recording(path: str | Path, journal: Journal | None = None) -> Recording:
    """The recording in that folder; other files are read when first looked at. Raises WorldError.

    What people are told goes to the journal; who opens a journal that holds something awaits `world.refresh()` first.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise WorldError(f"no recording at {folder}", "name a folder that holds alert.json and metrics.csv")
    files = Files(folder)
    name = folder.resolve().name
    people = SimulatedPeople(journal)
    world = World(
        name=f"recording:{name}",
        people=people,
        clock=VirtualClock(files.alerted_at),
        catalog=_catalog(files.edges, _alerted(files.lead)),
        metrics=RecordedMetrics(files) if files.has("metrics.csv") else None,
        logs=RecordedLogs(files) if files.has("logs.jsonl.gz") else None,
        calls=RecordedCalls(files) if files.has("calls.csv") or files.has("topology.json") else None,
        changes=RecordedChanges(files) if files.has("changes.json") else None,
        actions=ReadOnly(name),
        refresh=people.refresh,
    )
    return Recording(name=name, world=world, alert_payload=files.alert)
