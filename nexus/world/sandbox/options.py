"""Options: the actions that could be taken on a component now, with exact arguments, ordered by what its health shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from nexus.errors import Unavailable
from nexus.incident import Action, ActionKind, Risk
from nexus.world.sandbox.code import SandboxCode
from nexus.world.sandbox.orders import Clerk, config_versions_of, versions_of
from nexus.world.sandbox.scene import hosts
from nexus.world.sandbox.security import SandboxSecurity
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame, Simulation

LOOK_BACK = timedelta(minutes=60)
CANDIDATES = 3
"""Releases that a rollback may go back to."""

_RISK = {
    ActionKind.ROLLBACK: Risk.MEDIUM,
    ActionKind.RESTART: Risk.LOW,
    ActionKind.SCALE: Risk.LOW,
    ActionKind.FAILOVER: Risk.MEDIUM,
    ActionKind.FALLBACK: Risk.MEDIUM,
    ActionKind.FLAG: Risk.LOW,
    ActionKind.HOTFIX: Risk.MEDIUM,
    ActionKind.LIMIT: Risk.MEDIUM,
    ActionKind.ROTATE: Risk.MEDIUM,
}


def _action(kind: ActionKind, target: str, reason: str, risk: Risk | None = None, **arguments: Any) -> Action:
    return Action(kind=kind, target=target, arguments=arguments, reason=reason, risk=risk or _RISK[kind])


async def options_of(sim: Simulation, name: str, at: datetime) -> list[Action]:
    """Every action on that component, most specific first."""
    c = sim.shop.by_name.get(name)
    if c is None:
        return []
    frame, control = sim.frame_at(at), sim.commanded(at)
    found = await _security(sim, c, control, at)
    found += _undoing(sim, c, at)
    found += await _hotfixes(sim, c, control, at)
    match c.kind:
        case "database":
            found += _database(c, frame, control)
        case "external":
            found += _external(c, control)
        case "node":
            found.append(_action(ActionKind.FAILOVER, name, "what runs there moves to the other hosts", drain=True))
        case "queue":
            found += _queue(sim, c, frame)
        case "backend" | "cache":
            found += _service(c, frame, control)
    found += _older(sim, c, control)
    if c.credential:
        found.append(_action(ActionKind.ROTATE, name, "a new credential in place of the present one", credential=c.credential))
    clerk = Clerk(sim.shop, sim.scenario)
    useful = {a.digest: a for a in reversed(found) if _changes(clerk, a, control)}
    return [useful[a.digest] for a in {x.digest: x for x in found}.values() if a.digest in useful]


def _changes(clerk: Clerk, action: Action, control: dict[str, Any]) -> bool:
    sets = clerk.order(action, control).sets
    return not sets or any(control[name] != value for name, value in sets.items())


def _undoing(sim: Simulation, c: Component, at: datetime) -> Iterator[Action]:
    """Taking back the last week's changes of this component, newest first."""
    recent = (x for x in sim.scenario.changes if x.component == c.name and -10080 <= x.at <= sim.minute(at))
    for change in sorted(recent, key=lambda x: x.at, reverse=True):
        ago = f"changed {sim.minute(at) - change.at:.0f} min ago"
        if change.kind == "deployment":
            known = versions_of(sim.shop, sim.scenario, c.name)
            before = change.previous or known[max(0, known.index(change.version) - 1)]
            yield _action(ActionKind.ROLLBACK, c.name, f"{change.version} {ago}", to_version=before)
        elif change.kind == "config":
            known = config_versions_of(sim.shop, sim.scenario, c.name, change.key)
            before = change.previous or known[max(0, known.index(change.version) - 1)]
            yield _action(ActionKind.ROLLBACK, c.name, f"{change.key} {ago}", key=change.key, to_version=before)
        elif change.kind == "flag":
            yield _action(ActionKind.FLAG, c.name, f"{change.key} {ago}", flag=change.key, on=change.version != "on")


def _older(sim: Simulation, c: Component, control: dict[str, Any]) -> Iterator[Action]:
    """Releases older than the newest, latest first."""
    for version in versions_of(sim.shop, sim.scenario, c.name)[-2 : -2 - CANDIDATES : -1]:
        if version != control[f"version/{c.name}"]:
            yield _action(ActionKind.ROLLBACK, c.name, f"{version} ran before", to_version=version)


async def _security(sim: Simulation, c: Component, control: dict[str, Any], at: datetime) -> list[Action]:
    try:
        signals = await SandboxSecurity(sim).signals(at - LOOK_BACK, at)
    except Unavailable:
        return []
    here = [s for s in signals if s.component == c.name]
    found: list[Action] = []
    if c.credential and any(s.kind == "credential_misuse" for s in here):
        found.append(_action(ActionKind.ROTATE, c.name, "the credential is being misused", credential=c.credential))
    if f"limits/{c.name}" in control:
        sources = dict.fromkeys(s.source for s in reversed(here) if s.kind == "traffic_flood")
        found += [_action(ActionKind.LIMIT, c.name, f"{s} floods it", source=s) for s in sources]
    return found


async def _hotfixes(sim: Simulation, c: Component, control: dict[str, Any], at: datetime) -> list[Action]:
    try:
        patches = await SandboxCode(sim).patches(c.name, at)
    except Unavailable:
        return []
    return [
        _action(ActionKind.HOTFIX, c.name, p.summary, patch=p.id) for p in patches if p.id not in control[f"patches/{c.name}"]
    ]


def _database(c: Component, frame: Frame, control: dict[str, Any]) -> list[Action]:
    local = frame.conditions[c.name].local
    volume, limit = int(control[f"volume_gb/{c.name}"]), int(control[f"connections/{c.name}"])
    bigger = _action(ActionKind.SCALE, c.name, f"the volume has {volume} GB", volume_gb=volume * 2)
    more = _action(ActionKind.SCALE, c.name, f"it gives {limit} connections", connections=limit * 2)
    restart = _action(ActionKind.RESTART, c.name, "ends what holds locks and connections", Risk.MEDIUM)
    over = [_action(ActionKind.FAILOVER, c.name, "what was not replicated is lost", Risk.HIGH, to=c.standby)] if c.standby else []
    disk = (c.used_gb + float(local.used_gb[-1])) / volume
    taken = (c.connections + float(local.connections[-1])) / limit
    if disk > 0.85:
        return [bigger, *over, restart, more]
    if taken > 0.9:
        return [more, restart, *over, bigger]
    return [restart, *over, more, bigger]


def _external(c: Component, control: dict[str, Any]) -> list[Action]:
    on = bool(control[f"fallback/{c.name}"])
    return [_action(ActionKind.FALLBACK, c.name, f"{c.fallback}", on=not on)] if c.fallback else []


def _queue(sim: Simulation, c: Component, frame: Frame) -> list[Action]:
    """Restarting its consumers, the one that gets least done first."""

    def done(name: str) -> float:
        return frame.now(name)[2] / max(1.0, sim.shop.traffic[name])

    return [_action(ActionKind.RESTART, x, f"{x} takes from {c.name}") for x in sorted(sim.shop.consumers(c.name), key=done)]


def _service(c: Component, frame: Frame, control: dict[str, Any]) -> list[Action]:
    restart = _action(ActionKind.RESTART, c.name, "instances start afresh")
    replicas = int(control[f"replicas/{c.name}"])
    more = _action(ActionKind.SCALE, c.name, f"{replicas} replicas run", replicas=replicas + max(2, replicas // 2))
    over = [_action(ActionKind.FAILOVER, c.name, "its standby takes over", Risk.HIGH, to=c.standby)] if c.standby else []
    bad = [
        _action(ActionKind.FAILOVER, c.name, f"{node} is overloaded or gone", away_from=node)
        for node in hosts(c, control)
        if float(frame.conditions[node].local.cpu[-1]) > 30 or float(frame.conditions[node].local.missing[-1]) > 0
    ]
    flags = [
        _action(ActionKind.FLAG, c.name, f"{flag} is {'on' if control[f'flag/{c.name}/{flag}'] else 'off'}", flag=flag,
                on=not control[f"flag/{c.name}/{flag}"])
        for flag in c.flags
    ]  # fmt: skip
    busy = float(np.max(frame.conditions[c.name].local.cpu[-1:]))
    return [*bad, *((more, restart) if busy > 30 else (restart, more)), *over, *flags]
