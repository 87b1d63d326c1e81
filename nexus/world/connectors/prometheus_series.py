"""PrometheusMetrics: series by component, from the queries that a world file gives or from the known metrics that are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from nexus.errors import Unavailable
from nexus.world.connectors.prometheus_api import Found, Grid, Labels, PrometheusServer
from nexus.world.connectors.prometheus_defaults import KNOWN, STATUS_LABELS, USUAL_LABELS
from nexus.world.gaps import collecting, note_gap
from nexus.world.metrics import Floats, MetricKind, Series

AT_ONCE = 6
"""Queries under way to one server."""
FRESH = 10.0
"""Seconds for which an answer serves others who ask for the same span: agents look at the same time."""
REMEMBERED = 8
"""Spans that are remembered."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One query and what its series are. The component stands in the first of `labels` held, or is given."""

    query: str
    metric: str
    kind: MetricKind
    unit: str
    labels: tuple[str, ...]
    component: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How the server's names become the catalog's."""

    components: Mapping[str, str]
    catalog: frozenset[str]
    label: str = ""
    """Where a component's name stands; empty: in one of the usual labels."""

    def of(self, labels: Labels, candidates: Iterable[str]) -> str:
        """The component of the first label held; empty where none is. A host's port and a job's namespace are no part of it."""
        theirs = next((labels[name] for name in candidates if labels.get(name)), "")
        if theirs in self.components:
            return self.components[theirs]
        namespace, _, name = theirs.rpartition("/")
        if name in self.catalog and "/" not in namespace:
            return name
        host, colon, port = theirs.rpartition(":")
        short = host if colon and port.isdigit() and "/" not in host else theirs
        return self.components.get(short, short)

    def best(self, found: Sequence[Labels], candidates: Sequence[str]) -> str | None:
        """The given label where it is held, else the one that names most of the catalog; where none names any, the first held."""
        held = [name for name in (self.label, *candidates) if any(one.get(name) for one in found)]
        if self.label in held:
            return self.label
        hits = {name: len({self.of(one, (name,)) for one in found} & self.catalog) for name in held}
        return max(held, key=lambda name: hits[name], default=None)


def asks_of(found: Sequence[Labels], counted: Iterable[str], names: frozenset[str], naming: Naming, window: str) -> list[Ask]:
    """The queries for what is there: `found` are labels of series with their names, `counted` the names that have a status."""
    by_name: dict[str, list[Labels]] = {}
    for labels in found:
        by_name.setdefault(labels.get("__name__", ""), []).append(labels)
    with_status, asks = set(counted), []
    for known in KNOWN:
        if not names.issuperset(known.needs) or (known.counts and known.needs[0] not in with_status):
            continue
        label = naming.best(by_name.get(known.needs[0], ()), known.labels)
        if label is not None:
            asks.append(Ask(known.asked(label, window), known.metric, known.kind, known.unit, (label,)))
    return asks


def told(ask: Ask, found: Iterable[Found], times: Floats, naming: Naming) -> tuple[list[Series], int]:
    """One series a component, of several their worst or the sum of traffic; and how many answers named no component."""
    held: dict[str, list[Floats]] = {}
    nameless = 0
    for one in found:
        component = ask.component or naming.of(one.labels, ask.labels)
        if not component:
            nameless += 1
        elif not np.isnan(one.values).all():
            held.setdefault(component, []).append(one.values)
    series = [Series(name, ask.metric, ask.kind, ask.unit, times, _worst(ask.kind, values)) for name, values in held.items()]
    return series, nameless


def _worst(kind: MetricKind, values: Sequence[Floats]) -> Floats:
    if len(values) == 1:
        return values[0]
    together = np.vstack(values)
    if kind is MetricKind.TRAFFIC:
        return np.where(np.isnan(together).all(axis=0), np.nan, np.nansum(together, axis=0))
    worst: Floats = (np.fmin if kind is MetricKind.AVAILABILITY else np.fmax).reduce(together, axis=0)
    return worst


@dataclass(slots=True)
class _Answer:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = -FRESH
    series: tuple[Series, ...] = ()
    refusal: Unavailable | None = None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How one server is read; `given` are the world file's queries, empty for the known metrics."""

    title: str
    given: tuple[Ask, ...]
    naming: Naming
    window: str
    quiet: tuple[datetime, datetime]
    opened_at: datetime


class PrometheusMetrics:
    """Metrics of one server."""

    def __init__(self, server: PrometheusServer, reading: Reading) -> None:
        self._server, self._reading = server, reading
        self._asks = reading.given
        self.forget()

    def forget(self) -> None:
        """Drop what belongs to an event loop, and what was answered."""
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[Grid, _Answer] = {}

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """Every series sampled in [start, end], of those components or of all."""
        found = await self._between(start, end, components)
        if not self._asks:
            note_gap(f"{self._reading.title} has none of the metrics that are known, and its settings give no `series`")
        return found

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """The same series from before the incident opened; empty where the server held nothing yet."""
        return await self._between(*self._reading.quiet, components)

    async def asks(self, end: datetime) -> tuple[Ask, ...]:
        """What is asked. Where nothing is given, what the server has is looked up once."""
        if self._asks:
            return self._asks
        span = self._reading.quiet[0], max(end, self._reading.opened_at)
        names = await self._server.names(*span)
        known = sorted({one.needs[0] for one in KNOWN if names.issuperset(one.needs)})
        if known:
            found, counted = await self._labels(known, span)
            self._asks = tuple(asks_of(found, counted, names, self._reading.naming, self._reading.window))
        return self._asks

    async def _between(self, start: datetime, end: datetime, components: Sequence[str] | None) -> list[Series]:
        grid = Grid.of(start, end)
        if grid.count == 0:
            return []
        answer = self._answers.setdefault(grid, _Answer())
        while len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
        async with answer.lock:
            if time.monotonic() - answer.at > FRESH:
                await self._refresh(answer, grid, end)
        for gap in answer.gaps:
            note_gap(gap)
        if answer.refusal is not None:
            raise answer.refusal
        return [one for one in answer.series if components is None or one.component in components]

    async def _refresh(self, answer: _Answer, grid: Grid, end: datetime) -> None:
        """Ask; a refusal is held like an answer, so that everybody waits for a dead server once."""
        with collecting() as gaps:
            try:
                answer.series, answer.refusal = await self._all(await self.asks(end), grid), None
            except Unavailable as error:
                answer.series, answer.refusal = (), error
        answer.gaps, answer.at = tuple(gaps), time.monotonic()

    async def _labels(self, known: Sequence[str], span: tuple[datetime, datetime]) -> tuple[list[Labels], set[str]]:
        """Labels of those metrics at both ends of the span, and which of them have a status."""
        named = f'__name__=~"{"|".join(known)}"'
        given = (self._reading.naming.label,) if self._reading.naming.label else ()
        candidates = ", ".join(dict.fromkeys((*given, *(label for one in KNOWN for label in one.labels))))
        statuses = " or ".join(f'{{{named}, {label}!=""}}' for label in STATUS_LABELS)
        queries = (f"group by (__name__, {candidates}) ({{{named}}})", f"group by (__name__) ({statuses})")
        answers = await asyncio.gather(*(self._server.instant(query, at) for at in span for query in queries))
        return [*answers[0], *answers[2]], {one["__name__"] for one in (*answers[1], *answers[3]) if "__name__" in one}

    async def _all(self, asks: Sequence[Ask], grid: Grid) -> tuple[Series, ...]:
        """Every ask's series; what fails is a gap unless all do."""
        answers = await asyncio.gather(*(self._one(ask, grid) for ask in asks))
        refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
        if refusals and len(refusals) == len(answers):
            raise refusals[0]
        for refusal in refusals:
            note_gap(refusal.what)
        found: dict[tuple[str, str], Series] = {}
        for answer in answers:
            for one in [] if isinstance(answer, Unavailable) else answer:
                found.setdefault((one.component, one.metric), one)
        return tuple(found.values())

    async def _one(self, ask: Ask, grid: Grid) -> list[Series] | Unavailable:
        try:
            async with self._gate:
                found = await self._server.ranged(ask.query, grid)
        except Unavailable as error:
            return error
        series, nameless = told(ask, found, grid.times(), self._reading.naming)
        if nameless and not series:
            wanted = ", ".join(ask.labels)
            return Unavailable(
                f"{self._reading.title}: {ask.metric} names no component ({nameless} series without {wanted})",
                "aggregate its query by such a label, or give its `component` or the `component_label`",
            )
        return series


def labels_of(chosen: str) -> tuple[str, ...]:
    """Where a given query's component stands: the label of the settings, or the usual ones."""
    return (chosen,) if chosen else USUAL_LABELS
