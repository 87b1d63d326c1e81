"""The reference world: one service that a release broke, stated in some 2 KB a look, in memory and without a simulation.

What it answers costs next to nothing, so that what a benchmark measures is the engine and its tools. Each world has a number, and
two numbers agree in no time and in few figures: what is remembered of one incident must not make the next one cheap.
"""

# ruff: noqa: ARG002 - answers are stated, whatever the question

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from nexus.incident import Action, ActionKind, Alert, DryRun, Risk
from nexus.world import Service, ServiceCatalog, World
from nexus.world.actions import Receipt
from nexus.world.calls import CallStats
from nexus.world.changes import Change, PipelineRun
from nexus.world.clock import VirtualClock
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.infrastructure import NodeState, Workload
from nexus.world.logs import LogLine
from nexus.world.metrics import MetricKind, Series
from nexus.world.security import SecuritySignal
from nexus.world.simulated_people import SimulatedPeople

BEGINS = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""When the first world's alert fires."""
BROKEN = "checkout"
CATALOG = ServiceCatalog(
    services=(
        Service(name="gateway", owner="edge", feature="minor", users_per_minute=900, calls=("checkout", "search")),
        Service(name="checkout", owner="shop", feature="major", users_per_minute=80, revenue_per_hour=9000, calls=("orders-db",)),
        Service(name="search", owner="shop", feature="minor", users_per_minute=300, workaround=True),
        Service(name="orders-db", owner="data", kind="database", feature="minor"),
    )
)
_KINDS = ((MetricKind.ERRORS, "share", 0.004), (MetricKind.LATENCY, "ms", 80.0), (MetricKind.SATURATION, "share", 0.35))


@dataclass
class Shop:
    """What is broken, until somebody takes the release back; every capability answers from it."""

    number: int
    mended_at: datetime | None = None
    applied: dict[str, Receipt] = field(default_factory=dict)

    @property
    def fired(self) -> datetime:
        """When the alert fires."""
        return BEGINS + timedelta(seconds=397 * self.number)

    @property
    def broke(self) -> datetime:
        """When the release went out and the errors began."""
        return self.fired - timedelta(seconds=480 + self.number % 41)

    @property
    def release(self) -> Change:
        """What did it."""
        what = f"Rewrite the tax rounding of {300 + self.number} baskets"
        return Change(f"chg-{self.number}41", self.broke, BROKEN, "deployment", "2.4.0", "2.3.9", "lena", what)

    def broken(self, at: datetime) -> bool:
        """Whether the release is on at that time."""
        return at >= self.broke and (self.mended_at is None or at < self.mended_at)


@dataclass(frozen=True)
class CannedMetrics:
    """Three series a component, a sample a minute."""

    shop: Shop

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        first, last = int(start.timestamp()) // 60, int(end.timestamp()) // 60
        minutes = np.arange(first, last + 1, dtype=np.float64) * 60
        broke = self.shop.broke.timestamp()
        mended = self.shop.mended_at.timestamp() if self.shop.mended_at else np.inf
        bad = (minutes >= broke) & (minutes < mended)
        wave = 1 + 0.02 * np.sin(minutes / (300 + self.shop.number))
        failing, slow = 0.62 + self.shop.number % 89 / 1000, 400.0 + self.shop.number % 97
        found = []
        for service in CATALOG:
            if components is not None and service.name not in components:
                continue
            for kind, unit, normal in _KINDS:
                values = normal * wave
                if service.name == BROKEN and kind is MetricKind.ERRORS:
                    values = np.where(bad, failing, values)
                if service.name == BROKEN and kind is MetricKind.LATENCY:
                    values = np.where(bad, slow, values)
                found.append(Series(service.name, kind.value, kind, unit, minutes, values))
        return found

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        return []


@dataclass(frozen=True)
class CannedLogs:
    """Twenty lines, half of them the new error."""

    shop: Shop

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        baskets, slow = 7000 + 31 * self.shop.number, self.shop.number % 200
        error = "basket {} rejected: tax rate of line {} is null"
        lines = [
            LogLine(self.shop.broke + timedelta(seconds=30 * n), BROKEN, "error", error.format(baskets + n, n % 4))
            for n in range(1, 15)
            if self.shop.broken(self.shop.broke + timedelta(seconds=30 * n))
        ]
        slowly = "slow client 10.0.{}.{} took {} s to read its answer"
        lines += [
            LogLine(self.shop.fired - timedelta(minutes=5 * n), "gateway", "warning", slowly.format(slow, n, n + 2))
            for n in range(1, 9)
        ]
        kept = [line for line in lines if start <= line.at <= end and component in (None, line.component)]
        return sorted((line for line in kept if pattern is None or pattern in line.message), key=lambda line: line.at)


@dataclass(frozen=True)
class CannedChanges:
    """The release, and three that have nothing to do with it."""

    shop: Shop

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        others = [
            Change(
                f"chg-{n}", self.shop.fired - timedelta(hours=9 - 2 * n), where, "config", f"r{n + 7}", f"r{n + 6}", "omar", what
            )
            for n, (where, what) in enumerate(
                (("search", "Raise the cache's size"), ("gateway", "Longer keep-alive"), ("search", "Weekly synonyms"))
            )
        ]
        return [change for change in (*others, self.shop.release) if start <= change.at <= end]

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        return [PipelineRun(BROKEN, self.shop.broke - timedelta(minutes=6), "2.4.0", "passed", "412 tests, 6 min")]


@dataclass(frozen=True)
class CannedCalls:
    """Minutes of two edges."""

    shop: Shop

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        moments = [self.shop.fired + timedelta(minutes=m) for m in range(-16, 60, 2)]
        return [
            CallStats(at, caller, callee, "POST /", 240.0 + self.shop.number % 83, *times, errors)
            for at in moments
            if start <= at <= end
            for caller, callee, times, errors in (
                ("gateway", "checkout", (90.0, 180.0, 420.0), 150.0 if self.shop.broken(at) else 1.0),
                ("gateway", "search", (20.0, 40.0, 90.0), 0.0),
            )
        ]

    async def topology(self) -> tuple[tuple[str, str], ...]:
        return CATALOG.edges()


@dataclass(frozen=True)
class CannedHealth:
    """Databases, hosts and third parties, all well; no sign of misuse."""

    async def health(self, at: datetime) -> list[DatabaseHealth]:
        return [DatabaseHealth("orders-db", up=True, writable=True, connections=41, max_connections=200, disk_pct=48.0)]

    async def queues(self, at: datetime) -> list[QueueHealth]:
        return [QueueHealth("orders", depth=3, normal_depth=4, consumers=2, oldest_s=1.0)]

    async def nodes(self, at: datetime) -> list[NodeState]:
        return [
            NodeState(f"node-{n}", ready=True, cpu_pct=38.0 + n, memory_pct=52.0, disk_pct=41.0, components=()) for n in (1, 2, 3)
        ]

    async def workloads(self, at: datetime) -> list[Workload]:
        return [Workload(s.name, "2.4.0", replicas=3, ready=3, restarts_15m=0, nodes=("node-1",)) for s in CATALOG]

    async def signals(self, start: datetime, end: datetime) -> list[SecuritySignal]:
        return []


@dataclass(frozen=True)
class CannedDependencies:
    """One third party, well."""

    async def health(self, at: datetime) -> list[DependencyHealth]:
        ok = True
        return [DependencyHealth("payments", ok, 0.001, 120.0, 118.0, "all systems operational", (BROKEN,), "available")]


@dataclass(frozen=True)
class CannedActions:
    """The release can be taken back, and the service restarted."""

    shop: Shop

    async def options(self, component: str, at: datetime) -> list[Action]:
        if component != BROKEN:
            return []
        back = {"to": "2.3.9"}
        return [
            Action(kind=ActionKind.ROLLBACK, target=BROKEN, arguments=back, reason="the release before", risk=Risk.MEDIUM),
            Action(kind=ActionKind.RESTART, target=BROKEN, reason="a fresh start", risk=Risk.LOW),
        ]

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        return DryRun(
            ok=True, effect="checkout runs 2.3.9 again", touches=(BROKEN,), before={"component": BROKEN, "version": "2.4.0"}
        )

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        if key not in self.applied:
            self.applied[key] = Receipt("checkout 2.3.9 is out on 3 of 3", timedelta(seconds=90))
            if action.kind is ActionKind.ROLLBACK:
                self.shop.mended_at = at + timedelta(seconds=90)
        return self.applied[key]

    @property
    def applied(self) -> dict[str, Receipt]:
        """What was done, by key."""
        return self.shop.applied

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        self.shop.mended_at = None
        return self.applied.setdefault(key, Receipt("checkout 2.4.0 is out again", timedelta(seconds=90)))

    async def find(self, key: str, at: datetime) -> Receipt | None:
        return self.applied.get(key)

    async def state(self, at: datetime) -> dict[str, Any]:
        return {"version": "2.3.9" if self.shop.mended_at else "2.4.0"}


def canned_world(number: int, look_takes: timedelta) -> World:
    """The world of that number, in virtual time: waits of the runbook take none of ours."""
    shop = Shop(number)
    health = CannedHealth()
    return World(
        name="reference",
        people=SimulatedPeople(),
        clock=VirtualClock(shop.fired),
        look_takes=look_takes,
        catalog=CATALOG,
        metrics=CannedMetrics(shop),
        logs=CannedLogs(shop),
        changes=CannedChanges(shop),
        calls=CannedCalls(shop),
        databases=health,
        infrastructure=health,
        dependencies=CannedDependencies(),
        security=health,
        actions=CannedActions(shop),
    )


def alert_of(number: int) -> Alert:
    """What monitoring says in that world."""
    return Alert(
        title="Checkout fails for most users",
        service=BROKEN,
        severity_label="critical",
        summary="checkout_errors_share above 0.5 for 5 minutes",
        starts_at=Shop(number).fired,
        source="reference",
        fingerprint=str(number),
        labels={"team": "shop", "region": "eu-1"},
    )
