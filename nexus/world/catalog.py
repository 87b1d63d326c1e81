"""ServiceCatalog: who owns what, what it is worth, whom it calls; impact and developers are read from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from nexus.incident.base import Word

ServiceKind = Literal["backend", "frontend", "database", "queue", "cache", "external", "node"]
Feature = Literal["core", "major", "minor", "cosmetic"]


class EndpointSpec(Word):
    """One address that regression tries."""

    method: str = "GET"
    path: str
    latency_ms: float = Field(default=500, description="upper bound that counts as normal")


class Service(Word):
    """One entry of the catalog."""

    name: str
    owner: str = "unknown"
    kind: ServiceKind = "backend"
    tier: int = Field(default=2, ge=1, le=4, description="1 is the most important")
    feature: Feature = Field(default="major", description="what users lose when it is gone")
    calls: tuple[str, ...] = ()
    users_per_minute: float | None = None
    revenue_per_hour: float | None = Field(default=None, description="USD an hour that depend on it")
    personal_data: bool = False
    workaround: bool = False
    endpoints: tuple[EndpointSpec, ...] = ()


class ServiceCatalog(Word):
    """All services, by name; what is not listed is unknown, never an error."""

    services: tuple[Service, ...] = ()

    def __iter__(self) -> Iterator[Service]:  # type: ignore[override]  # a catalog is its services
        return iter(self.services)

    def get(self, name: str | None) -> Service | None:
        """The entry of that name."""
        return next((s for s in self.services if s.name == name), None)

    def callers_of(self, name: str) -> tuple[str, ...]:
        """Services that call `name`."""
        return tuple(s.name for s in self.services if name in s.calls)

    def edges(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        return tuple((s.name, callee) for s in self.services for callee in s.calls)
