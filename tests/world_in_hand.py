"""A world whose every answer a test states; what it does not state, the world does not have."""

# ruff: noqa: ARG002 - answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from nexus.errors import ActionRefused, Unavailable
from nexus.incident import Action, Alert, DryRun, Evidence
from nexus.library import Agent
from nexus.masking import Vault
from nexus.responder.desk import Desk
from nexus.tools.tool import Look
from nexus.world import Service, ServiceCatalog, World
from nexus.world.actions import Receipt
from nexus.world.browser import PageHealth
from nexus.world.calls import CallStats
from nexus.world.changes import Change, PipelineRun
from nexus.world.clock import VirtualLap
from nexus.world.code import CodeLocation, Patch, PatchTest
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.endpoints import ProbeResult
from nexus.world.infrastructure import NodeState, Workload
from nexus.world.logs import LogLine
from nexus.world.metrics import MetricKind, Series
from nexus.world.security import SecuritySignal
from nexus.world.simulated_people import SimulatedPeople

FIRED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""When the alert of every test fired."""


@dataclass
class Measured:
    """Metrics as stated; `down`: the source does not answer."""

    held: list[Series] = field(default_factory=list)
    quiet: list[Series] = field(default_factory=list)
    down: bool = False

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        if self.down:
            raise Unavailable("metrics do not answer", "try later")
        return self.held

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        return self.quiet


@dataclass
class Traced:
    stats: list[CallStats] = field(default_factory=list)
    edges: tuple[tuple[str, str], ...] = ()

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        return [s for s in self.stats if start <= s.at <= end]

    async def topology(self) -> tuple[tuple[str, str], ...]:
        return self.edges


@dataclass
class Stores:
    databases: list[DatabaseHealth] = field(default_factory=list)
    waiting: list[QueueHealth] = field(default_factory=list)

    async def health(self, at: datetime) -> list[DatabaseHealth]:
        return self.databases

    async def queues(self, at: datetime) -> list[QueueHealth]:
        return self.waiting


@dataclass
class Hosts:
    hosts: list[NodeState] = field(default_factory=list)
    deployed: list[Workload] = field(default_factory=list)

    async def nodes(self, at: datetime) -> list[NodeState]:
        return self.hosts

    async def workloads(self, at: datetime) -> list[Workload]:
        return self.deployed


@dataclass
class Third:
    parties: list[DependencyHealth] = field(default_factory=list)

    async def health(self, at: datetime) -> list[DependencyHealth]:
        return self.parties


@dataclass
class Tried:
    results: list[ProbeResult] = field(default_factory=list)

    async def probe(self, at: datetime, components: tuple[str, ...] = ()) -> list[ProbeResult]:
        return [r for r in self.results if not components or r.component in components]


@dataclass
class Browsers:
    seen: list[PageHealth] = field(default_factory=list)

    async def pages(self, at: datetime) -> list[PageHealth]:
        return self.seen

    async def screenshot(self, page: str, at: datetime) -> bytes:
        return b""


@dataclass
class Guards:
    held: list[SecuritySignal] = field(default_factory=list)

    async def signals(self, start: datetime, end: datetime) -> list[SecuritySignal]:
        return [s for s in self.held if start <= s.at <= end]


@dataclass
class Source:
    place: CodeLocation | None = None
    ready: list[Patch] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def locate(self, component: str, error: str) -> CodeLocation | None:
        self.asked.append(error)
        return self.place

    async def patches(self, component: str, at: datetime) -> list[Patch]:
        return self.ready

    async def test(self, patch: str, at: datetime) -> PatchTest:
        return PatchTest(patch, passed=patch == "good", detail="12 tests")


@dataclass
class Lines:
    lines: list[LogLine] = field(default_factory=list)

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        return [line for line in self.lines if component in (None, line.component)]


@dataclass
class Pipelines:
    runs: list[PipelineRun] = field(default_factory=list)

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        return []

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        return [r for r in self.runs if start <= r.at <= end]


@dataclass
class Levers:
    """Actions that can be listed and tried dry, or that are refused; none is ever carried out."""

    possible: list[Action] = field(default_factory=list)
    read_only: bool = False
    works: bool = True

    async def options(self, component: str, at: datetime) -> list[Action]:
        if self.read_only:
            raise ActionRefused("a recording cannot be changed", "act on the live system")
        return [a for a in self.possible if a.target == component]

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        if self.read_only:
            raise ActionRefused("a recording cannot be changed", "act on the live system")
        return DryRun(ok=self.works, effect="back to 1.0", touches=(action.target,), before={"version": "1.1"})

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        raise AssertionError

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        raise AssertionError

    async def state(self, at: datetime) -> dict[str, Any]:
        return {}


def series(component: str, kind: MetricKind, unit: str, normal: float, now: float, minutes: int = 8, metric: str = "") -> Series:
    """A sample a minute over the 70 minutes before the alert: `now` for the last `minutes`, `normal` before."""
    start = FIRED - timedelta(minutes=70)
    times = np.array([(start + timedelta(minutes=m)).timestamp() for m in range(71)])
    values = np.array([now if m > 70 - minutes else normal for m in range(71)], dtype=np.float64)
    return Series(component, metric or kind.value, kind, unit, times, values)


def errors(component: str, normal: float, now: float, minutes: int = 8) -> Series:
    return series(component, MetricKind.ERRORS, "share", normal, now, minutes)


def latency(component: str, normal: float, now: float, minutes: int = 8) -> Series:
    return series(component, MetricKind.LATENCY, "ms", normal, now, minutes)


CATALOG = ServiceCatalog(
    services=(
        Service(name="web", kind="frontend", feature="core", users_per_minute=1000, revenue_per_hour=50000, calls=("gateway",)),
        Service(name="gateway", feature="core", users_per_minute=1000, calls=("checkout", "search", "help")),
        Service(
            name="checkout",
            feature="major",
            users_per_minute=100,
            revenue_per_hour=40000,
            calls=("orders-db",),
            personal_data=True,
        ),
        Service(name="search", feature="minor", users_per_minute=300, workaround=True),
        Service(name="help", feature="cosmetic", workaround=True),
        Service(name="orders-db", kind="database", feature="core"),
    )
)


def look(alert: Alert | None = None, catalog: ServiceCatalog = CATALOG, **capabilities: Any) -> Look:
    """A look at a world that has just these capabilities, at the alert's time."""
    world = World(name="in hand", people=SimulatedPeople(), catalog=catalog, **capabilities)
    return Look(
        world=world, at=FIRED, alert=alert or Alert(title="it hurts", service="web", severity_label="critical", starts_at=FIRED)
    )


def desk_of(agent: Agent, looking: Look, *, begins: datetime = FIRED, recorded: Sequence[Evidence] = ()) -> Desk:
    """A desk that keeps nothing; `recorded` is what the incident's record holds."""

    async def keep(item: Evidence, pictures: dict[str, bytes]) -> None:
        """Nothing is kept."""

    async def recall() -> Sequence[Evidence]:
        return recorded

    return Desk(agent, looking, VirtualLap(begins), keep, "9", vault=Vault(), recall=recall)
