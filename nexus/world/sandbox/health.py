"""Health: databases, queues, hosts, workloads and third parties as of a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from nexus.incident import ActionKind
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.infrastructure import NodeState, Workload
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.noise import normal
from nexus.world.sandbox.scene import hosts
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame, Simulation


class SandboxDatabases:
    """Databases and queues."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def health(self, at: datetime) -> list[DatabaseHealth]:
        """Every database, as of `at`."""
        self._sim.answering("databases", at)
        frame = self._sim.frame_at(at)
        return [self._one(c, frame) for c in self._sim.shop.of_kind("database")]

    async def queues(self, at: datetime) -> list[QueueHealth]:
        """Every queue, as of `at`."""
        self._sim.answering("databases", at)
        frame = self._sim.frame_at(at)
        found: list[QueueHealth] = []
        for c in self._sim.shop.of_kind("queue"):
            local, consumers = frame.conditions[c.name].local, len(self._sim.shop.consumers(c.name))
            left = round(consumers * (1 - float(np.clip(local.missing[-1], 0, 1))))
            depth = c.normal_depth + int(local.depth[-1])
            found.append(QueueHealth(c.name, depth, c.normal_depth, left, 4.0 + float(local.lag[-1])))
        return found

    def _one(self, c: Component, frame: Frame) -> DatabaseHealth:
        control, condition = frame.timeline.at(float(frame.ks[-1])), frame.conditions[c.name]
        local = condition.local
        volume, limit = float(control[f"volume_gb/{c.name}"]), int(control[f"connections/{c.name}"])
        disk = min(100.0, 100 * (c.used_gb + float(local.used_gb[-1])) / volume)
        busy = float(np.clip(condition.latency_ms[-1] / c.latency_ms - 1, 0, 5))
        held = min(limit, round((c.connections + float(local.connections[-1])) * (1 + 0.1 * busy)))
        damaged = any(isinstance(x, f.Corruption) and x.where == c.name and a.level[-1] > 0 for x, a in frame.faults)
        moved = control.get(f"primary/{c.name}") not in (None, c.name)
        lost = _lost(c, frame)
        full = disk >= 99.5
        notes = [
            "no space left: writes are refused" if full else "",
            "every connection is taken" if held >= limit else "",
            "checksum failures while reading pages" if damaged else "",
            f"runs on {control[f'primary/{c.name}']}" if moved else "",
            f"the last {lost:.0f} s of writes were lost in the failover" if lost else "",
        ]
        return DatabaseHealth(
            name=c.name, up=float(condition.local.errors[-1]) < 0.97, writable=not full and not damaged, connections=held,
            max_connections=limit, disk_pct=round(disk, 1), replication_lag_s=round(0.4 + float(local.lag[-1]), 1),
            slow_queries_per_min=round(float(condition.requests[-1]) * 0.03 * busy, 1), corrupt=damaged,
            standby=c.name if moved else c.standby, detail="; ".join(n for n in notes if n),
        )  # fmt: skip


def _lost(c: Component, frame: Frame) -> float:
    """Seconds of writes that a failover to a lagging standby lost."""
    for landed, entry in frame.timeline.landed:
        action = entry.action
        if action is None or action.kind is not ActionKind.FAILOVER or action.target != c.name or landed > frame.ks[-1]:
            continue
        for fault, _ in frame.faults:
            if isinstance(fault, f.ReplicationLag) and fault.where == c.name and fault.start <= landed < (fault.until or np.inf):
                return fault.seconds
    return 0.0


class SandboxInfrastructure:
    """Hosts and workloads."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def nodes(self, at: datetime) -> list[NodeState]:
        """Every host, as of `at`."""
        self._sim.answering("infrastructure", at)
        frame = self._sim.frame_at(at)
        control = frame.timeline.at(float(frame.ks[-1]))
        found: list[NodeState] = []
        for c in self._sim.shop.of_kind("node"):
            local, noise = frame.conditions[c.name].local, float(normal(self._sim.seed, f"{c.name}.cpu_pct", frame.ks)[-1])
            here = tuple(x.name for x in self._sim.shop.components if c.name in hosts(x, control))
            ready = float(local.missing[-1]) < 0.5
            cpu = float(np.clip((c.cpu + float(local.cpu[-1])) * (1 + 0.03 * noise), 0, 100)) if ready else 0.0
            memory = min(99.0, c.memory + float(local.memory[-1])) if ready else 0.0
            found.append(NodeState(c.name, ready, round(cpu, 1), round(memory, 1), c.disk, here))
        return found

    async def workloads(self, at: datetime) -> list[Workload]:
        """Every deployed service, as of `at`."""
        self._sim.answering("infrastructure", at)
        last = int(np.floor(self._sim.minute(at)))
        frame = self._sim.frame(last - 14, last)
        control = frame.timeline.at(float(last))
        found: list[Workload] = []
        for c in self._sim.shop.of_kind("backend", "cache"):
            local, replicas = frame.conditions[c.name].local, int(control[f"replicas/{c.name}"])
            ready = replicas - int(np.ceil(replicas * float(local.missing[-1]) - 1e-9))
            version = str(control.get(f"version/{c.name}", ""))
            found.append(Workload(c.name, version, replicas, ready, int(local.restarts.sum()), hosts(c, control)))
        return found


class SandboxDependencies:
    """Third parties, probed."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation

    async def health(self, at: datetime) -> list[DependencyHealth]:
        """Every third party, as of `at`: its own state, whether or not a fallback stands in for it."""
        self._sim.answering("dependencies", at)
        frame = self._sim.frame_at(at)
        control = frame.timeline.at(float(frame.ks[-1]))
        found: list[DependencyHealth] = []
        for c in self._sim.shop.of_kind("external"):
            errors, slower, page, since = 0.002, 1.0, "All systems operational.", None
            for fault, act in frame.faults:
                if isinstance(fault, f.DependencyDown) and fault.where == c.name and act.level[-1] > 0:
                    level = float(act.level[-1])
                    errors, slower = max(errors, fault.size * level), max(slower, 1 + (fault.slower - 1) * level)
                    page, since = fault.status_page, self._sim.moment(fault.start)
            on = bool(control.get(f"fallback/{c.name}"))
            found.append(
                DependencyHealth(
                    c.name, errors < 0.9, errors, c.latency_ms * slower, c.latency_ms, page, self._sim.shop.users_of(c.name),
                    "on" if on else ("available" if c.fallback else "none"), since + timedelta(minutes=1) if since else None,
                )
            )  # fmt: skip
        return found
