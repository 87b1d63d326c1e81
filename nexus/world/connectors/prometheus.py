"""Prometheus, and what answers like it (Mimir, Thanos, VictoriaMetrics): metrics, and calls where the settings ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nexus.errors import Unavailable
from nexus.world.connectors.contract import Connector, Proof, Site
from nexus.world.connectors.monitoring_server import MonitoringServer
from nexus.world.connectors.prometheus_api import PrometheusServer
from nexus.world.connectors.prometheus_calls import CallQueries, PrometheusCalls
from nexus.world.connectors.prometheus_series import Ask, Naming, PrometheusMetrics, Reading, labels_of
from nexus.world.gaps import collecting
from nexus.world.metrics import MetricKind, Series

_PROVED = timedelta(minutes=15)


class SeriesQuery(BaseModel):
    """One query of the world file; it gives one series a component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(description="its name in findings; names of host metrics begin with node_ or host_")
    query: str = Field(description="PromQL; its result has one series a component")
    kind: MetricKind = Field(description="saturation, errors, latency, traffic, availability or other")
    unit: str = Field(default="", description="% or share for parts of a whole, ms or s for latency, 1/min for rates")
    component: str = Field(default="", description="whose it is, where the result does not say")


class Baseline(BaseModel):
    """Which period counts as normal, in minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: float = Field(default=15, ge=0, description="it ends that long before the incident opened")
    length: float = Field(default=60, gt=0, le=7 * 24 * 60)


class Settings(MonitoringServer):
    """Without `series`, the usual exporters' metrics are asked for as far as the server has them."""

    use: Literal["prometheus"]
    tenant: str = Field(default="", description="sent as X-Scope-OrgID, for Mimir")
    component_label: str = Field(
        default="", description="the label that holds the component; else service, job, app or component"
    )
    series: tuple[SeriesQuery, ...] = Field(default=(), description="what is asked; what is known of exporters when not given")
    window: str = Field(default="2m", pattern=r"^[1-9]\d*[smh]$", description="what rates of known metrics are taken over")
    baseline: Baseline = Field(default=Baseline(), description="minutes before the incident that count as normal")
    calls: CallQueries | None = Field(default=None, description="queries that tell who calls whom, how often and how well")


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError for a `ca_file` that is not there."""
    service = settings.service(site, {"X-Scope-OrgID": settings.tenant} if settings.tenant else None)
    server = PrometheusServer(service)
    naming = Naming(settings.components, frozenset(one.name for one in site.catalog), settings.component_label)
    until = site.opened_at - timedelta(minutes=settings.baseline.before)
    quiet = until - timedelta(minutes=settings.baseline.length), until
    labels = labels_of(settings.component_label)
    given = tuple(Ask(one.query, one.metric, one.kind, one.unit, labels, one.component) for one in settings.series)
    metrics = PrometheusMetrics(server, Reading(settings.title, given, naming, settings.window, quiet, site.opened_at))
    calls = PrometheusCalls(server, settings.calls, naming, site.catalog, site.opened_at) if settings.calls is not None else None

    async def close() -> None:
        metrics.forget()
        await service.close()

    async def prove(at: datetime) -> Sequence[Proof]:
        proofs = [await _prove_series(metrics, at, naming.catalog), await _prove_baseline(metrics)]
        return [*proofs, await _prove_calls(calls, at)] if calls is not None else proofs

    return Connector(
        name=settings.title, prove=prove, close=close, secrets=settings.secret_values(), metrics=metrics, calls=calls
    )


async def _prove_series(metrics: PrometheusMetrics, at: datetime, catalog: frozenset[str]) -> Proof:
    """Whether the last quarter of an hour has series, of which of the catalog's components, and which queries gave none."""
    what = f"series of the last {_PROVED.total_seconds() / 60:.0f} minutes"
    with collecting() as gaps:
        try:
            series = await metrics.series(at - _PROVED, at)
            asks = await metrics.asks(at)
        except Unavailable as error:
            return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if not series:
        return Proof(what, ok=False, detail="; ".join(["empty: no query gave a series", *gaps]), remedy=_EMPTY)
    found = {one.component for one in series}
    silent = sorted({ask.metric for ask in asks} - {one.metric for one in series})
    missing, unknown = sorted(catalog - found), sorted(found - catalog)
    detail = [f"{len(series)} series of {len(found)} components"]
    detail += [f"none of {', '.join(missing)}"] if missing else []
    detail += [f"not in the catalog: {', '.join(unknown)}"] if unknown else []
    detail += [f"nothing for {', '.join(silent)}"] if silent else []
    named = bool(found & catalog) or not catalog
    remedy = _SILENT if silent or gaps else ""
    return Proof(what, ok=named and not gaps, detail="; ".join([*detail, *gaps]), remedy=remedy if named else _NAMES)


_EMPTY = "give `series` with queries that this server answers, or point `url` at the server that scrapes your services"
_NAMES = "map its names to the catalog's with `components`, or name the label with `component_label`"
_SILENT = "check those queries; `window` must hold at least two scrapes"


async def _prove_baseline(metrics: PrometheusMetrics) -> Proof:
    what = "series from before the incident, as what is normal"
    try:
        series = await metrics.baseline()
    except Unavailable as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if not series:
        return Proof(what, ok=False, detail="empty: the server held nothing then", remedy="set `baseline` to a time that it held")
    return Proof(what, ok=True, detail=_told(series))


def _told(series: Sequence[Series]) -> str:
    return f"{len(series)} series of {len({one.component for one in series})} components"


async def _prove_calls(calls: PrometheusCalls, at: datetime) -> Proof:
    what = "calls between components"
    try:
        found = await calls.between(at - _PROVED, at)
    except Unavailable as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    edges = {(one.caller, one.callee) for one in found}
    if not edges:
        return Proof(
            what, ok=False, detail="empty: no calls were counted", remedy="check the queries under `calls` and its labels"
        )
    return Proof(what, ok=True, detail=f"{len(edges)} edges")
