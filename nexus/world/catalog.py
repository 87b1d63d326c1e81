"""ServiceCatalog: who owns what, what it is worth, whom it calls; impact and developers are read from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nexus.incident.base import Word

ServiceKind = Literal["backend", "frontend", "database", "queue", "cache", "external", "node"]
Feature = Literal["core", "major", "minor", "cosmetic"]
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


def address_of(text: str) -> str:
    """An http or https address without its last slash. Raises ValueError for anything else, and for one that holds a password."""
    if "@" in text:
        raise ValueError("an address holds no user and no password: they go into a connector's settings, as ${NAME}")
    if not _ADDRESS.fullmatch(text):
        raise ValueError("is no http or https address, like https://api.example.com")
    return text.rstrip("/")


class EndpointSpec(Word):
    """One address that regression tries."""

    method: str = "GET"
    path: str = Field(description="begins with /; may hold a query")
    latency_ms: float = Field(default=500, gt=0, description="upper bound that counts as normal")
    expect: tuple[int, ...] = Field(default=(), description="statuses that are right; not given: any below 500, but not 404")

    @field_validator("path")
    @classmethod
    def _rooted(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError(f"{path!r} does not begin with /")
        return path


class Objective(Word):
    """What a service is held to: errors and availability are shares (0 to 1), latency is in ms, saturation as its metric has it.

    It is broken where it does not hold for `for_minutes` on end.
    """

    kind: Literal["errors", "latency", "availability", "saturation"]
    metric: str = Field(default="", description="of this metric alone; saturation needs one, for each fills in its own unit")
    at_most: float | None = None
    at_least: float | None = None
    for_minutes: float = Field(default=5, gt=0)
    severity: Literal["critical", "high", "medium", "low"] = Field(default="high", description="the word of the alert it raises")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        bounds = [bound for bound in (self.at_most, self.at_least) if bound is not None]
        if len(bounds) != 1:
            raise ValueError("an objective has either `at_most` or `at_least`")
        if self.kind in ("errors", "availability") and not 0 <= bounds[0] <= 1:
            raise ValueError(f"{self.kind} is a share, from 0 to 1")
        if self.kind == "saturation" and not self.metric:
            raise ValueError("saturation needs `metric`: which of the component's resources")
        return self


class Service(Word):
    """One entry of the catalog."""

    name: str = Field(min_length=1)
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
    url: str = Field(default="", description="the address that its endpoints' paths are added to")
    objectives: tuple[Objective, ...] = ()

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        return address_of(url) if url else url


class ServiceCatalog(Word):
    """All services, by name; what is not listed is unknown, never an error."""

    services: tuple[Service, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [service.name for service in self.services]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two entries are named {twice}")
        return self

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
