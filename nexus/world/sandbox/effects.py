"""Effects: what each fault and each action does to the component where it happens, before anything spreads."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from nexus.incident import ActionKind
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.activity import Activity
from nexus.world.sandbox.scene import Scene


@singledispatch
def strike(fault: f.Fault, act: Activity, scene: Scene) -> None:
    """Requests fail and slow down where it is."""
    local = scene.local[fault.where]
    local.fail(act.level * act.size)
    local.slow(fault.slower, act.level)


@strike.register
def _(fault: f.Defect, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.slow(fault.slower, act.level)
    if scene.shop.by_name[fault.where].kind == "frontend":
        local.script_errors = local.script_errors + fault.script_errors * act.level
        return
    for callee in fault.skips:
        local.skip(callee, act.level * act.size)
    if not fault.skips:
        local.fail(act.level * act.size)


@strike.register
def _(fault: f.DiskFull, act: Activity, scene: Scene) -> None:
    local, component = scene.local[fault.where], scene.shop.by_name[fault.where]
    volume = scene.controlled(f"volume_gb/{fault.where}", component.volume_gb)
    written = (fault.needs_gb - component.used_gb) * act.level
    local.used_gb = local.used_gb + written
    full = component.used_gb + local.used_gb >= volume * 0.995
    local.fail(np.where(full, act.size, 0.0))
    local.slow(max(fault.slower, 4.0), full.astype(np.float64))


@strike.register
def _(fault: f.ConnectionsExhausted, act: Activity, scene: Scene) -> None:
    local, component = scene.local[fault.where], scene.shop.by_name[fault.where]
    limit = scene.controlled(f"connections/{fault.where}", component.max_connections)
    local.connections = local.connections + (fault.needs - component.connections) * act.level
    over = component.connections + local.connections >= limit
    local.fail(np.where(over, act.size, 0.0))
    local.slow(max(fault.slower, 8.0), over.astype(np.float64))


@strike.register
def _(fault: f.MemoryLeak, act: Activity, scene: Scene) -> None:
    local, component = scene.local[fault.where], scene.shop.by_name[fault.where]
    minutes, began = scene.ks.astype(np.float64), act.began
    for landed, entry in scene.timeline.landed:
        if (
            entry.kind == "apply"
            and entry.action
            and entry.action.kind is ActionKind.RESTART
            and entry.action.target == fault.where
        ):
            began = np.where(minutes >= landed, np.maximum(began, landed), began)
    filled = np.where(act.level > 0, np.clip((minutes - began + 1) / max(fault.ramp, 1.0), 0, 1), 0.0)
    local.memory = local.memory + (97.0 - component.memory) * filled
    full = (filled >= 1.0).astype(np.float64)
    local.fail(full * act.size)
    local.slow(max(fault.slower, 5.0), full)
    local.restarts = local.restarts + 1.2 * full


@strike.register
def _(fault: f.CpuContention, act: Activity, scene: Scene) -> None:
    node = scene.local[fault.where]
    node.cpu = node.cpu + (98.0 - scene.shop.by_name[fault.where].cpu) * np.clip(act.level * 1.2, 0, 1)
    for component in scene.shop.components:
        if component.nodes:
            here = scene.on_node(component, fault.where)
            touched = np.clip(here * 2.0, 0, 1) * act.level
            scene.local[component.name].slow(fault.slower, touched)
            scene.local[component.name].fail(here * act.level * act.size)
            scene.local[component.name].cpu = scene.local[component.name].cpu + 40.0 * here * act.level


@strike.register
def _(fault: f.NodeDown, act: Activity, scene: Scene) -> None:
    node = scene.local[fault.where]
    node.missing = np.maximum(node.missing, act.level)
    for component in scene.shop.components:
        if component.nodes:
            here = scene.on_node(component, fault.where) * act.level
            scene.local[component.name].missing = np.maximum(scene.local[component.name].missing, here)
            scene.local[component.name].fail(here * act.size)
            scene.local[component.name].slow(3.0, here)


@strike.register
def _(fault: f.CrashLoop, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.fail(act.level * act.size)
    local.slow(max(fault.slower, 2.0), act.level)
    local.missing = np.maximum(local.missing, 0.7 * act.level)
    local.restarts = local.restarts + 2.0 * act.level


@strike.register
def _(fault: f.ConsumerStuck, act: Activity, scene: Scene) -> None:
    consumers = max(1, len(scene.shop.consumers(fault.queue)))
    waited = np.where(act.level > 0, scene.ks - act.began + 1, 0.0)
    queue = scene.local[fault.queue]
    queue.depth = queue.depth + waited * scene.shop.traffic[fault.queue] / consumers
    queue.lag = np.maximum(queue.lag, waited * 60.0)
    queue.missing = queue.missing + np.minimum(act.level, 1.0) / consumers
    scene.local[fault.where].traffic = scene.local[fault.where].traffic * (1 - 0.6 * act.level)
    scene.local[fault.where].fail(act.level * act.size)


@strike.register
def _(fault: f.DependencyDown, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.fail(act.level * act.size)
    local.slow(fault.slower, act.level)
    local.assets = np.maximum(local.assets, act.level * act.size)


@strike.register
def _(fault: f.CredentialLeak, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.traffic = local.traffic * (1 + 0.6 * act.level)
    local.cpu = local.cpu + 18.0 * act.level
    local.fail(act.level * act.size)


@strike.register
def _(fault: f.TrafficFlood, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.traffic = local.traffic * (1 + (fault.times - 1) * act.level)
    local.cpu = local.cpu + 70.0 * act.level
    local.fail(act.level * act.size)
    local.slow(fault.slower, act.level)


@strike.register
def _(fault: f.NetworkDelay, act: Activity, scene: Scene) -> None:
    local = scene.local[fault.where]
    local.transit_ms = local.transit_ms + fault.ms * act.level
    local.fail(act.level * act.size)


@strike.register
def _(fault: f.RetryStorm, act: Activity, scene: Scene) -> None:
    name, value = fault.only_while()
    in_force = scene.over(lambda control: float(control.get(name) == value))
    caller, callee = scene.local[fault.where], scene.local[fault.to]
    caller.tries[fault.to] = np.maximum(caller.tries.get(fault.to, np.ones(caller.size)), 1 + (fault.tries - 1) * in_force)
    callee.fail(act.level * act.size)
    callee.slow(fault.slower, act.level)
    callee.cpu = callee.cpu + 60.0 * act.level


@strike.register
def _(fault: f.ReplicationLag, act: Activity, scene: Scene) -> None:
    scene.local[fault.where].lag = np.maximum(scene.local[fault.where].lag, fault.seconds * act.level)


@strike.register
def _(fault: f.Cosmetic, act: Activity, scene: Scene) -> None:
    """Nothing that telemetry would show."""


_DIP = {
    ActionKind.RESTART: 0.25,
    ActionKind.FAILOVER: 0.3,
    ActionKind.ROLLBACK: 0.08,
    ActionKind.HOTFIX: 0.06,
    ActionKind.ROTATE: 0.1,
}


def disturb(scene: Scene) -> None:
    """Actions cost their target a short dip while they are being carried out."""
    for landed, entry in scene.timeline.landed:
        if entry.action is None or entry.action.target not in scene.local:
            continue
        began = landed - entry.lands.total_seconds() / 60
        under_way = ((scene.ks > began) & (scene.ks <= landed)).astype(np.float64)
        local = scene.local[entry.action.target]
        local.fail(under_way * _DIP.get(entry.action.kind, 0.0))
        if entry.action.kind is ActionKind.RESTART:
            local.restarts = local.restarts + under_way
