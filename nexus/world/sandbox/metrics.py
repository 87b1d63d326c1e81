"""Metrics: the simulation's series, one sample a minute, with noise that is a function of seed, series and minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np

from nexus.world.metrics import Floats, MetricKind, Series
from nexus.world.sandbox.noise import normals
from nexus.world.sandbox.scenario import Measure
from nexus.world.sandbox.scene import Scene
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame, Simulation

BASELINE_ENDS = -1440
BASELINE_MINUTES = 180
NORMAL_ERRORS = 0.002
HELD = 12
"""How many computed stretches are kept; each can be computed again."""

Raw = tuple[str, MetricKind, str, Floats, float, float, float]
"""Metric, kind, unit, values, relative noise, absolute noise, upper bound."""

_FULL = 100.0


def _served(component: Component, frame: Frame) -> Iterator[Raw]:
    condition = frame.conditions[component.name]
    yield "requests_per_min", MetricKind.TRAFFIC, "1/min", condition.requests, 0.03, 0.5, np.inf
    yield "error_rate", MetricKind.ERRORS, "share", condition.errors + NORMAL_ERRORS, 0.05, 0.0005, 1.0
    name = "page_load_ms" if component.kind == "frontend" else "latency_p95_ms"
    yield name, MetricKind.LATENCY, "ms", condition.latency_ms, 0.05, 0.3, np.inf


def _processor(component: Component, frame: Frame, usual: float) -> Iterator[Raw]:
    condition = frame.conditions[component.name]
    busy = condition.requests / usual if usual else np.ones(len(frame.ks))
    cpu = component.cpu * (0.5 + 0.5 * np.clip(busy, 0, 2)) + condition.local.cpu
    yield "cpu_pct", MetricKind.SATURATION, "%", np.clip(cpu, 0, 99), 0.03, 0.6, _FULL
    memory = np.clip(component.memory + condition.local.memory, 0, 98)
    yield "memory_pct", MetricKind.SATURATION, "%", memory, 0.008, 0.2, _FULL


def _browser(component: Component, frame: Frame) -> Iterator[Raw]:
    local = frame.conditions[component.name].local
    errors = component.script_errors + local.script_errors
    yield "script_errors_per_min", MetricKind.ERRORS, "1/min", errors, 0.12, 0.1, np.inf
    yield "assets_failing_share", MetricKind.ERRORS, "share", local.assets + 0.001, 0.05, 0.0003, 1.0


def _database(component: Component, frame: Frame, scene: Scene) -> Iterator[Raw]:
    local, condition = frame.conditions[component.name].local, frame.conditions[component.name]
    volume = scene.controlled(f"volume_gb/{component.name}", component.volume_gb)
    limit = scene.controlled(f"connections/{component.name}", component.max_connections)
    disk = np.clip(100 * (component.used_gb + local.used_gb) / volume, 0, _FULL)
    yield "disk_pct", MetricKind.SATURATION, "%", disk, 0.0, 0.05, _FULL
    held = (component.connections + local.connections) * (
        1 + 0.1 * np.clip(condition.latency_ms / component.latency_ms - 1, 0, 5)
    )
    yield "connections_pct", MetricKind.SATURATION, "%", np.clip(100 * held / limit, 0, _FULL), 0.02, 0.3, _FULL
    yield "replication_lag_s", MetricKind.OTHER, "s", 0.4 + local.lag, 0.1, 0.05, np.inf


def _queue(component: Component, frame: Frame) -> Iterator[Raw]:
    condition = frame.conditions[component.name]
    yield "requests_per_min", MetricKind.TRAFFIC, "1/min", condition.requests, 0.03, 0.5, np.inf
    yield "queue_depth", MetricKind.SATURATION, "messages", component.normal_depth + condition.local.depth, 0.05, 1.0, np.inf
    yield "oldest_message_s", MetricKind.LATENCY, "s", 4.0 + condition.local.lag, 0.1, 0.2, np.inf


def _node(component: Component, frame: Frame) -> Iterator[Raw]:
    local = frame.conditions[component.name].local
    there = 1 - local.missing
    gone = np.where(there > 0.5, 1.0, np.nan)
    yield "cpu_pct", MetricKind.SATURATION, "%", np.clip(component.cpu + local.cpu, 0, 99) * gone, 0.03, 0.6, _FULL
    yield "memory_pct", MetricKind.SATURATION, "%", (component.memory + local.memory) * gone, 0.008, 0.2, _FULL
    yield "disk_pct", MetricKind.SATURATION, "%", component.disk * gone, 0.0, 0.05, _FULL
    yield "ready", MetricKind.AVAILABILITY, "share", there, 0.0, 0.0, 1.0


def _raw(component: Component, frame: Frame, scene: Scene, usual: float) -> Iterator[Raw]:
    if component.kind == "node":
        yield from _node(component, frame)
        return
    if component.kind == "queue":
        yield from _queue(component, frame)
        return
    yield from _served(component, frame)
    if component.kind == "frontend":
        yield from _browser(component, frame)
    elif component.kind != "external":
        yield from _processor(component, frame, usual)
    if component.kind == "database":
        yield from _database(component, frame, scene)


def _measured(measure: Measure, frame: Frame) -> Raw:
    made = frame.conditions[measure.caller].calls
    count = sum((counts for call, counts in made.items() if call.to == measure.callee), np.zeros(len(frame.ks)))
    return measure.metric, MetricKind.TRAFFIC, "1/min", count, 0.04, 0.5, np.inf


class SandboxMetrics:
    """Series of every component."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._stretch = lru_cache(maxsize=HELD)(self._compute)

    async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
        """Every series sampled in [start, end], of those components or of all."""
        self._sim.answering("metrics", end)
        return self._between(*self._sim.minutes(start, end), components)

    async def baseline(self, components: Sequence[str] | None = None) -> list[Series]:
        """The same series from three hours of the day before."""
        return self._between(BASELINE_ENDS - BASELINE_MINUTES, BASELINE_ENDS, components)

    def _between(self, first: int, last: int, components: Sequence[str] | None) -> list[Series]:
        if last < first:
            return []
        done = 0 if last <= BASELINE_ENDS else len(self._sim.log.entries())
        return [s for s in self._stretch(first, last, done) if components is None or s.component in components]

    def _compute(self, first: int, last: int, _done: int) -> tuple[Series, ...]:
        sim = self._sim
        frame = sim.frame(first, last)
        scene = Scene(sim.shop, frame.timeline, frame.ks, {})
        times: Floats = np.asarray(sim.starts_at.timestamp() + frame.ks * 60.0, dtype=np.float64)
        raws = [(c.name, raw) for c in sim.shop.components for raw in _raw(c, frame, scene, sim.shop.traffic[c.name])]
        raws += [(m.component, _measured(m, frame)) for m in sim.scenario.measures]
        shakes = normals(sim.seed, [f"{name}.{raw[0]}" for name, raw in raws], frame.ks)
        found: list[Series] = []
        for (name, (metric, kind, unit, values, relative, absolute, most)), noise in zip(raws, shakes, strict=True):
            shaken = values * (1 + relative * noise) + absolute * noise if relative or absolute else values
            sampled: Floats = np.clip(shaken, 0.0, most)
            sampled.flags.writeable = False
            found.append(Series(name, metric, kind, unit, times, sampled))
        return tuple(found)
