"""Several sources of one kind as one: what answers is put together, what does not is a gap, nothing at all is Unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from nexus.errors import Unavailable
from nexus.world.browser import Browser, PageHealth
from nexus.world.calls import Calls, CallStats
from nexus.world.changes import Change, Changes, PipelineRun
from nexus.world.code import Code, CodeLocation, Patch, PatchTest
from nexus.world.databases import DatabaseHealth, Databases, QueueHealth
from nexus.world.dependencies import Dependencies, DependencyHealth
from nexus.world.endpoints import Endpoints, ProbeResult
from nexus.world.gaps import note_gap
from nexus.world.infrastructure import Infrastructure, NodeState, Workload
from nexus.world.logs import LogLine, Logs
from nexus.world.metrics import Metrics, Series
from nexus.world.security import Security, SecuritySignal

Source = TypeVar("Source")
Item = TypeVar("Item")


class _Several(Generic[Source]):
    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    async def _all(self, ask: Callable[[Source], Awaitable[Sequence[Item]]]) -> list[Item]:
        """Every source's items, in the sources' order. Raises Unavailable where none answers."""
        answers = await asyncio.gather(*(_or_gap(ask(source)) for source in self._sources))
        refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
        if len(refusals) == len(answers):
            raise refusals[0]
        for refusal in refusals:
            note_gap(refusal.what)
        return [item for answer in answers if not isinstance(answer, Unavailable) for item in answer]


async def _or_gap(asking: Awaitable[Item]) -> Item | Unavailable:
    try:
        return await asking
    except Unavailable as error:
        return error


class SeveralMetrics(_Several[Metrics]):
    """Series of every source."""

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """Every series sampled in [start, end]."""
        return await self._all(lambda source: source.series(start, end, components))

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """The same series from a period known to be without fault."""
        return await self._all(lambda source: source.baseline(components))


class SeveralLogs(_Several[Logs]):
    """Lines of every source."""

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        lines = await self._all(lambda source: source.search(start, end, component, pattern, limit))
        lines.sort(key=lambda line: line.at)
        return lines[-limit:] if limit > 0 else []


class SeveralChanges(_Several[Changes]):
    """Changes of every source."""

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first."""
        return sorted(await self._all(lambda source: source.between(start, end)), key=lambda change: change.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Pipeline runs begun in [start, end], oldest first."""
        return sorted(await self._all(lambda source: source.pipelines(start, end)), key=lambda run: run.at)


class SeveralCalls(_Several[Calls]):
    """Calls of every source."""

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Minutes in [start, end], oldest first."""
        return sorted(await self._all(lambda source: source.between(start, end)), key=lambda stats: stats.at)

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        return tuple(dict.fromkeys(await self._all(lambda source: source.topology())))


class SeveralDatabases(_Several[Databases]):
    """Databases and queues of every source."""

    async def health(self, at: datetime) -> list[DatabaseHealth]:
        """Every database, as of `at`."""
        return await self._all(lambda source: source.health(at))

    async def queues(self, at: datetime) -> list[QueueHealth]:
        """Every queue, as of `at`."""
        return await self._all(lambda source: source.queues(at))


class SeveralInfrastructure(_Several[Infrastructure]):
    """Hosts and workloads of every source."""

    async def nodes(self, at: datetime) -> list[NodeState]:
        """Every host, as of `at`."""
        return await self._all(lambda source: source.nodes(at))

    async def workloads(self, at: datetime) -> list[Workload]:
        """Every deployed service, as of `at`."""
        return await self._all(lambda source: source.workloads(at))


class SeveralDependencies(_Several[Dependencies]):
    """Third parties of every source."""

    async def health(self, at: datetime) -> list[DependencyHealth]:
        """Every third party, as of `at`."""
        return await self._all(lambda source: source.health(at))


class SeveralEndpoints(_Several[Endpoints]):
    """Endpoints of every source."""

    async def probe(self, at: datetime, components: tuple[str, ...] = ()) -> list[ProbeResult]:
        """Try the endpoints of those components, or all."""
        return await self._all(lambda source: source.probe(at, components))


class SeveralBrowsers(_Several[Browser]):
    """Pages of every source."""

    async def pages(self, at: datetime) -> list[PageHealth]:
        """Every watched page."""
        return await self._all(lambda source: source.pages(at))

    async def screenshot(self, page: str, at: datetime) -> bytes:
        """A PNG of the page, by the first source that can take it."""
        refusals = []
        for source in self._sources:
            try:
                return await source.screenshot(page, at)
            except Unavailable as error:
                refusals.append(error)
        raise refusals[0]


class SeveralSecurity(_Several[Security]):
    """Signals of every source."""

    async def signals(self, start: datetime, end: datetime) -> list[SecuritySignal]:
        """Signals in [start, end], oldest first."""
        return sorted(await self._all(lambda source: source.signals(start, end)), key=lambda signal: signal.at)


class SeveralCode(_Several[Code]):
    """Repositories of several components."""

    async def locate(self, component: str, error: str) -> CodeLocation | None:
        """Where that error arises, by the first source that finds it."""

        async def found(source: Code) -> list[CodeLocation]:
            place = await source.locate(component, error)
            return [place] if place else []

        return next(iter(await self._all(found)), None)

    async def patches(self, component: str, at: datetime) -> list[Patch]:
        """Patches that a developer has ready, best first."""
        return await self._all(lambda source: source.patches(component, at))

    async def test(self, patch: str, at: datetime) -> PatchTest:
        """Build and test a patch, by the source that has it."""
        refusals = []
        for source in self._sources:
            try:
                return await source.test(patch, at)
            except Unavailable as error:
                refusals.append(error)
        raise refusals[0]
