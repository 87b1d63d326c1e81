"""Hiding: a world with some of its evidence taken away, to learn what that evidence is worth."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from nexus.errors import UsageError
from nexus.world import World
from nexus.world.calls import Calls, CallStats
from nexus.world.catalog import ServiceCatalog
from nexus.world.metrics import Metrics, Series


class EvidenceKind(StrEnum):
    """What a recording may hold besides its alert."""

    METRICS = "metrics"
    BASELINE = "baseline"
    CALLS = "calls"
    LOGS = "logs"
    GRAPH = "graph"
    CHANGES = "changes"


def kinds_of(names: Iterable[str]) -> frozenset[EvidenceKind]:
    """The kinds of these names. Raises UsageError for a name that is none."""
    asked = frozenset(names)
    strange = sorted(asked - {kind.value for kind in EvidenceKind})
    if strange:
        raise UsageError(f"{', '.join(strange)} is no kind of evidence", f"there are {', '.join(EvidenceKind)}")
    return frozenset(map(EvidenceKind, asked))


class _NoBaseline:
    """Metrics without the period that is known to be without fault."""

    def __init__(self, inner: Metrics) -> None:
        self._inner = inner

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """As the world has them."""
        return await self._inner.series(start, end, components)

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """Nothing."""
        del components
        return []


class _SomeCalls:
    """Calls without their minutes or without the call graph."""

    def __init__(self, inner: Calls, hide: Collection[EvidenceKind]) -> None:
        self._inner = inner
        self._hide = hide

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """The minutes, unless they are hidden."""
        return [] if EvidenceKind.CALLS in self._hide else await self._inner.between(start, end)

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph, unless it is hidden."""
        return () if EvidenceKind.GRAPH in self._hide else await self._inner.topology()


def _calls(calls: Calls | None, hide: Collection[EvidenceKind]) -> Calls | None:
    hidden = {EvidenceKind.CALLS, EvidenceKind.GRAPH}.intersection(hide)
    if calls is None or len(hidden) == 2:
        return None
    return _SomeCalls(calls, hidden) if hidden else calls


def _metrics(metrics: Metrics | None, hide: Collection[EvidenceKind]) -> Metrics | None:
    if metrics is None or EvidenceKind.METRICS in hide:
        return None
    return _NoBaseline(metrics) if EvidenceKind.BASELINE in hide else metrics


def hiding(world: World, kinds: Collection[EvidenceKind]) -> World:
    """That world without evidence of these kinds; the world itself when there are none.

    Without metrics there is no baseline either. Without the graph, neither the topology nor the catalog tells who calls whom;
    rows of calls, where they are left, still name caller and callee.
    """
    if not kinds:
        return world
    catalog = world.catalog
    if EvidenceKind.GRAPH in kinds:
        catalog = ServiceCatalog(services=tuple(service.model_copy(update={"calls": ()}) for service in catalog))
    return replace(
        world,
        catalog=catalog,
        metrics=_metrics(world.metrics, kinds),
        calls=_calls(world.calls, kinds),
        logs=None if EvidenceKind.LOGS in kinds else world.logs,
        changes=None if EvidenceKind.CHANGES in kinds else world.changes,
    )


async def kinds_in(world: World, start: datetime, end: datetime) -> frozenset[EvidenceKind]:
    """The kinds of evidence that this world has in [start, end]; logs or changes without an entry say something too."""
    found = {
        EvidenceKind.METRICS: world.metrics is not None,
        EvidenceKind.BASELINE: bool(world.metrics and await world.metrics.baseline()),
        EvidenceKind.CALLS: bool(world.calls and await world.calls.between(start, end)),
        EvidenceKind.LOGS: world.logs is not None,
        EvidenceKind.GRAPH: bool(world.catalog.edges() or (world.calls and await world.calls.topology())),
        EvidenceKind.CHANGES: world.changes is not None,
    }
    return frozenset(kind for kind, there in found.items() if there)
