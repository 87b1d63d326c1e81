"""Shop: the simulated web shop's components and call graph, read from shop.yaml."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field

from nexus.incident import Word
from nexus.world.catalog import EndpointSpec, Feature, Service, ServiceCatalog, ServiceKind
from nexus.world.sandbox.reading import parse

SHIPPED = Path(__file__).with_name("shop.yaml")


class Call(Word):
    """One edge of the call graph."""

    to: str
    share: float = Field(gt=0, description="calls for each of the caller's requests")
    needs: float = Field(default=1.0, ge=0, le=1, description="how likely a failed call fails the caller's request")
    wait: float = Field(default=1.0, ge=0, le=1, description="how much of the callee's delay the caller waits for")
    consumes: bool = Field(default=False, description="takes from a queue rather than calls")
    operation: str


class Component(Word):
    """One service, store, third party or host, and its numbers when all is well."""

    name: str
    owner: str
    kind: ServiceKind
    tier: int
    feature: Feature
    users_per_minute: float | None = None
    revenue_per_hour: float | None = None
    personal_data: bool = False
    workaround: bool = False
    endpoints: tuple[EndpointSpec, ...] = ()
    calls: tuple[Call, ...] = ()
    releases: tuple[str, ...] = Field(default=(), description="oldest first; the last one runs")
    latency_ms: float = 10.0
    users: float = Field(default=0.0, description="requests a minute that come from outside")
    replicas: int = 1
    nodes: tuple[str, ...] = ()
    cpu: float = 25.0
    memory: float = 45.0
    disk: float = 40.0
    credential: str | None = None
    flags: dict[str, bool] = Field(default_factory=dict)
    config: dict[str, str] = Field(default_factory=dict)
    pages: tuple[str, ...] = ()
    script_errors: float = 0.0
    volume_gb: int = 0
    used_gb: float = 0.0
    max_connections: int = 0
    connections: int = 0
    standby: str | None = None
    normal_depth: int = 0
    fallback: str | None = None


class Shop(Word):
    """All components."""

    components: tuple[Component, ...]

    @cached_property
    def by_name(self) -> dict[str, Component]:
        """Components by name."""
        return {c.name: c for c in self.components}

    @cached_property
    def callees_first(self) -> tuple[Component, ...]:
        """Components so ordered that whoever is called stands before the caller."""
        done: dict[str, Component] = {}

        def visit(component: Component) -> None:
            if component.name in done:
                return
            for call in component.calls:
                visit(self.by_name[call.to])
            done[component.name] = component

        for component in self.components:
            visit(component)
        return tuple(done.values())

    @cached_property
    def traffic(self) -> dict[str, float]:
        """Requests a minute at each component when all is well."""
        flow = {c.name: c.users for c in self.components}
        for component in reversed(self.callees_first):
            for call in component.calls:
                if not call.consumes:
                    flow[call.to] += flow[component.name] * call.share
        return flow

    def of_kind(self, *kinds: ServiceKind) -> tuple[Component, ...]:
        """Components of those kinds."""
        return tuple(c for c in self.components if c.kind in kinds)

    def consumers(self, queue: str) -> tuple[str, ...]:
        """Who takes from that queue."""
        return tuple(c.name for c in self.components if any(call.consumes and call.to == queue for call in c.calls))

    def users_of(self, name: str) -> tuple[str, ...]:
        """Who calls that component."""
        return tuple(c.name for c in self.components if any(call.to == name for call in c.calls))

    def catalog(self) -> ServiceCatalog:
        """The catalog as NEXUS sees it: nothing of the simulation's own numbers."""
        entries = (
            Service(
                name=c.name, owner=c.owner, kind=c.kind, tier=c.tier, feature=c.feature, calls=tuple(x.to for x in c.calls),
                users_per_minute=c.users_per_minute, revenue_per_hour=c.revenue_per_hour, personal_data=c.personal_data,
                workaround=c.workaround, endpoints=c.endpoints,
            )
            for c in self.components
        )  # fmt: skip
        return ServiceCatalog(services=tuple(entries))


@lru_cache(maxsize=8)
def read_shop(path: Path = SHIPPED) -> Shop:
    """The shop of that file. Raises WorldError naming file, field and remedy."""
    return parse(path, Shop)
