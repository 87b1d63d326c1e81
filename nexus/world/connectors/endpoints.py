"""Endpoints: requests tried against the catalog's own addresses, by methods that change nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from nexus.errors import WorldError
from nexus.world.catalog import EndpointSpec, address_of
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.probing import Prober, Tries, together
from nexus.world.endpoints import ProbeResult

Address = Annotated[str, AfterValidator(address_of)]
SAFE = ("GET", "HEAD")
FRESH = timedelta(seconds=3)
"""Who asks again so soon is given what was just seen: several verifiers look at once, at a service that has just come back."""
PAST = timedelta(minutes=1)
"""A look further back than this is answered from memory, where there is any; nobody can try an endpoint in the past."""
REMEMBERED = timedelta(minutes=30)


class Settings(ConnectorSettings):
    """GET and HEAD endpoints of the catalog, tried several times each.

    Right is a status below 500 that is not 404, or one of the endpoint's `expect`. Normal is no error, and half of the catalog's
    `latency_ms`: whoever judges takes twice the normal for too slow, which is then the catalog's bound.
    """

    use: Literal["endpoints"] = "endpoints"
    urls: dict[str, Address] = Field(default={}, description="component to its address, in place of the catalog's `url`")
    headers: dict[str, SecretStr] = Field(default={}, description="sent with every request, such as a key for probes")
    times: int = Field(default=3, ge=1, le=20, description="tries of each endpoint, one after another")
    timeout_s: float = Field(default=5, gt=0, le=60, description="seconds that one try may take")
    at_once: int = Field(default=4, ge=1, le=32, description="endpoints tried at the same time")


@dataclass(frozen=True, slots=True)
class _Target:
    component: str
    address: str
    spec: EndpointSpec


def result_of(component: str, spec: EndpointSpec, tries: Tries) -> ProbeResult:
    """Tries of an endpoint beside what is normal for it."""
    return ProbeResult(
        component=component,
        method=spec.method,
        path=spec.path,
        error_rate=tries.error_rate,
        latency_ms=tries.latency_ms,
        normal_error_rate=0.0,
        normal_latency_ms=spec.latency_ms / 2,
        detail=tries.detail,
    )


class Probes:
    """The targets, tried now; results are remembered while the connector lives."""

    def __init__(self, settings: Settings, targets: Sequence[_Target]) -> None:
        self._settings = settings
        self._targets = targets
        self._prober = Prober(settings.timeout_s)
        self._seen: dict[_Target, deque[tuple[datetime, ProbeResult]]] = defaultdict(lambda: deque(maxlen=100))
        self._turns: dict[_Target, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        """Let go of connections; what was seen is still known."""
        self._turns.clear()
        await self._prober.close()

    async def probe(self, at: datetime, components: tuple[str, ...] = ()) -> list[ProbeResult]:
        """Try the endpoints of those components, or all, in the catalog's order."""
        wanted = [t for t in self._targets if not components or t.component in components]
        room = asyncio.Semaphore(self._settings.at_once)

        async def one(target: _Target) -> ProbeResult:
            remembered = self._remembered(target, at)
            if remembered is not None:
                return remembered
            async with self._turns[target], room:
                return self._just_seen(target) or await self._tried(target)

        return list(await asyncio.gather(*(one(target) for target in wanted)))

    def _remembered(self, target: _Target, at: datetime) -> ProbeResult | None:
        if datetime.now(UTC) - at < PAST:
            return None
        return next((r for moment, r in reversed(self._seen[target]) if at - REMEMBERED <= moment <= at), None)

    def _just_seen(self, target: _Target) -> ProbeResult | None:
        seen = self._seen[target]
        return seen[-1][1] if seen and datetime.now(UTC) - seen[-1][0] < FRESH else None

    async def _tried(self, target: _Target) -> ProbeResult:
        settings, spec = self._settings, target.spec
        tries = [
            await self._prober.one(spec.method, target.address, settings.headers, spec.expect) for _ in range(settings.times)
        ]
        result = result_of(target.component, spec, together(tries))
        self._seen[target].append((datetime.now(UTC), result))
        return result


def _targets(settings: Settings, site: Site) -> tuple[list[_Target], list[str]]:
    """What can be tried, and what of the catalog cannot, with why."""
    targets: list[_Target] = []
    left_out: list[str] = []
    for service in site.catalog:
        address = settings.urls.get(service.name, service.url)
        for spec in service.endpoints:
            if spec.method not in SAFE:
                left_out.append(f"{service.name} {spec.method} {spec.path} may change something")
            elif not address:
                left_out.append(f"{service.name} {spec.method} {spec.path} has no address: give {service.name} a `url`")
            else:
                targets.append(_Target(service.name, address + spec.path, spec))
    return targets, left_out


def connect(settings: Settings, site: Site) -> Connector:
    """The catalog's endpoints. Raises WorldError for the address of a component that the catalog does not have."""
    for component in settings.urls:
        if site.catalog.get(component) is None:
            raise WorldError(f"{settings.title}: urls: the catalog has no {component}", "name it as the catalog does")
    targets, left_out = _targets(settings, site)
    probes = Probes(settings, targets)

    async def prove(at: datetime) -> Sequence[Proof]:
        found = [_proof(result) for result in await probes.probe(at)]
        if not found:
            remedy = "give services of the catalog `endpoints` or `openapi`, and a `url`"
            found.append(Proof("endpoints to try", ok=False, detail="none: nothing was tried", remedy=remedy))
        if left_out:
            more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
            found.append(Proof("endpoints that are not tried", ok=bool(targets), detail="; ".join(left_out[:5]) + more))
        return found

    return Connector(
        name=settings.title,
        prove=prove,
        close=probes.close,
        secrets=tuple(value.get_secret_value() for value in settings.headers.values()),
        endpoints=probes,
    )


def _proof(result: ProbeResult) -> Proof:
    bound = 2 * result.normal_latency_ms
    ok = not result.error_rate and result.latency_ms <= bound
    return Proof(
        what=f"{result.component}: {result.method} {result.path}",
        ok=ok,
        detail=f"{result.detail}, in {result.latency_ms:g} ms (at most {bound:g} is normal)",
        remedy="" if ok else "see to it, or mend `path`, `expect` or `latency_ms` in the catalog",
    )
