"""World: the outside as capabilities; what a world does not have is None, and a look at it is a recorded absence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from nexus.world.actions import Actions
from nexus.world.browser import Browser
from nexus.world.calls import Calls
from nexus.world.catalog import ServiceCatalog
from nexus.world.changes import Changes
from nexus.world.clock import Clock, WallClock
from nexus.world.code import Code
from nexus.world.databases import Databases
from nexus.world.dependencies import Dependencies
from nexus.world.endpoints import Endpoints
from nexus.world.infrastructure import Infrastructure
from nexus.world.logs import Logs
from nexus.world.looks import CustomLook
from nexus.world.metrics import Metrics
from nexus.world.people import People
from nexus.world.security import Security


async def nothing_new() -> None:
    """A world that no other process changes by way of its own memory, or that holds nothing open."""


async def no_looks() -> Sequence[CustomLook]:
    """A world that offers the shipped tools only."""
    return ()


@dataclass(frozen=True, slots=True)
class World:
    """What agents look at and change. `look_takes` is what one tool call costs where time is simulated.

    `refresh` takes in what other processes did to this world; whoever opens one awaits it before using it, and `close` when it
    is done with it. `secrets` are masked wherever they occur.
    """

    name: str
    people: People
    clock: Clock = field(default_factory=WallClock)
    catalog: ServiceCatalog = field(default_factory=ServiceCatalog)
    look_takes: timedelta = timedelta(seconds=20)
    metrics: Metrics | None = None
    logs: Logs | None = None
    changes: Changes | None = None
    calls: Calls | None = None
    databases: Databases | None = None
    infrastructure: Infrastructure | None = None
    dependencies: Dependencies | None = None
    endpoints: Endpoints | None = None
    browser: Browser | None = None
    security: Security | None = None
    code: Code | None = None
    actions: Actions | None = None
    refresh: Callable[[], Awaitable[None]] = nothing_new
    close: Callable[[], Awaitable[None]] = nothing_new
    looks: Callable[[], Awaitable[Sequence[CustomLook]]] = no_looks
    secrets: tuple[str, ...] = field(default=(), repr=False)
