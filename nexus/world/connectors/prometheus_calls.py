"""PrometheusCalls: who calls whom, from a service mesh's or service graph's metrics, by the queries that a world file gives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nexus.world.calls import CallStats
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.prometheus_api import Grid, Labels, PrometheusServer
from nexus.world.connectors.prometheus_series import Naming
from nexus.world.metrics import Floats

MINUTE = 60
_MILLISECONDS = {"s": 1000.0, "ms": 1.0}


class CallQueries(BaseModel):
    """PromQL whose results have one series for each caller and callee."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: str = Field(
        description="calls a minute: 60 * sum by (client, server) (rate(traces_service_graph_request_total[2m]))"
    )
    errors: str = Field(default="", description="failed calls a minute; errors count as not recorded when not given")
    latency: str = Field(default="", description="their 95th percentile, in `latency_unit`")
    median: str = Field(default="", description="their median, in `latency_unit`; the 95th percentile stands in when not given")
    latency_unit: Literal["s", "ms"] = Field(default="s", description="the unit of the latencies")
    caller_label: str = Field(default="client", description="the label that holds the caller")
    callee_label: str = Field(default="server", description="the label that holds the callee")
    operation_label: str = Field(default="", description="the label that holds the operation, where there is one")


@dataclass(frozen=True, slots=True)
class _Edge:
    caller: str
    callee: str
    operation: str


class PrometheusCalls:
    """Calls of one server; what it saw joins the catalog's call graph."""

    def __init__(
        self, server: PrometheusServer, queries: CallQueries, naming: Naming, catalog: ServiceCatalog, opened_at: datetime
    ) -> None:
        self._server, self._queries, self._naming = server, queries, naming
        self._catalog, self._opened_at = catalog, opened_at
        self._seen: dict[tuple[str, str], None] | None = None

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Whole minutes in [start, end], oldest first, each at its beginning; latencies in ms, 0 where none is asked for."""
        grid = Grid.of(start + timedelta(minutes=1), end, MINUTE)
        if grid.count == 0:
            return []
        ask, scale = self._queries, _MILLISECONDS[self._queries.latency_unit]
        requests, errors, latency, median = await asyncio.gather(
            *(self._by_edge(query, grid) for query in (ask.requests, ask.errors, ask.latency, ask.median))
        )
        found = []
        for edge, counts in requests.items():
            failed, p95 = errors.get(edge), latency.get(edge)
            middle = median.get(edge, p95)
            for place, count in enumerate(counts.tolist()):
                if count > 0:
                    slow = _at(p95, place) * scale
                    fails = min(count, _at(failed, place)) if ask.errors else None
                    at = datetime.fromtimestamp(grid.start + (place - 1) * grid.step, UTC)
                    half = _at(middle, place) * scale
                    found.append(CallStats(at, edge.caller, edge.callee, edge.operation, count, half, slow, slow, fails))
        self._remember(requests)
        return sorted(found, key=lambda stats: stats.at)

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The catalog's call graph, and every call that was seen; looked for before the incident where nothing was yet."""
        if self._seen is None:
            await self.between(self._opened_at - timedelta(hours=1), self._opened_at)
        return tuple(dict.fromkeys((*self._catalog.edges(), *(self._seen or ()))))

    def _remember(self, edges: Mapping[_Edge, Floats]) -> None:
        seen = {(edge.caller, edge.callee): None for edge in edges if edge.caller and edge.caller != edge.callee}
        self._seen = {**(self._seen or {}), **seen}

    async def _by_edge(self, query: str, grid: Grid) -> dict[_Edge, Floats]:
        if not query:
            return {}
        found = await self._server.ranged(query, grid)
        edges = ((self._edge(one.labels), one.values) for one in found)
        return {edge: values for edge, values in edges if edge.callee}

    def _edge(self, labels: Labels) -> _Edge:
        ask = self._queries
        operation = labels.get(ask.operation_label, "") if ask.operation_label else ""
        return _Edge(self._naming.of(labels, (ask.caller_label,)), self._naming.of(labels, (ask.callee_label,)), operation)


def _at(values: Floats | None, place: int) -> float:
    """The figure at that place; 0 where none was sampled."""
    if values is None:
        return 0.0
    figure = float(values[place])
    return figure if figure == figure else 0.0  # noqa: PLR0124 - only NaN differs from itself
