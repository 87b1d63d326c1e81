"""Orders: what an action sets in the controls, how long it takes, and what is wrong with one that cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nexus.errors import ActionFailed
from nexus.incident import Action, ActionKind
from nexus.world.sandbox import faults as f
from nexus.world.sandbox.control import initial
from nexus.world.sandbox.scenario import Scenario
from nexus.world.sandbox.scene import hosts
from nexus.world.sandbox.shop import Component, Shop


@dataclass(frozen=True, slots=True)
class Order:
    """What an action would do. It takes effect after `lands`; after `took` it has settled."""

    sets: dict[str, Any]
    effect: str
    touches: tuple[str, ...]
    took: timedelta
    lands: timedelta


def _span(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


DURATIONS: dict[ActionKind, tuple[timedelta, timedelta]] = {
    ActionKind.ROLLBACK: (_span(3), _span(1.5)),
    ActionKind.RESTART: (_span(2), _span(0.75)),
    ActionKind.SCALE: (_span(3), _span(1.5)),
    ActionKind.FAILOVER: (_span(3), _span(1)),
    ActionKind.FALLBACK: (_span(2), _span(0.3)),
    ActionKind.FLAG: (_span(2), _span(0.3)),
    ActionKind.HOTFIX: (_span(6), _span(3)),
    ActionKind.LIMIT: (_span(2), _span(0.3)),
    ActionKind.ROTATE: (_span(3), _span(1)),
}
"""How long each kind takes, and when within that it takes effect."""

UNDO_TOOK, UNDO_LANDS = _span(2), _span(0.75)


def versions_of(shop: Shop, scenario: Scenario, component: str) -> tuple[str, ...]:
    """Every release of the component that is known, oldest first."""
    known = dict.fromkeys(shop.by_name[component].releases)
    for change in sorted(scenario.changes, key=lambda c: c.at):
        if change.component == component and change.kind == "deployment":
            if change.previous:
                known.setdefault(change.previous)
            known.pop(change.version, None)
            known[change.version] = None
    return tuple(known)


def config_versions_of(shop: Shop, scenario: Scenario, component: str, key: str) -> tuple[str, ...]:
    """Every version of that configuration key that is known, oldest first."""
    known: dict[str, None] = {}
    before = initial(shop, scenario).get(f"config/{component}/{key}")
    if before is not None:
        known[str(before)] = None
    for change in sorted(scenario.changes, key=lambda c: c.at):
        if (change.component, change.kind, change.key) == (component, "config", key):
            if change.previous:
                known.setdefault(change.previous)
            known[change.version] = None
    return tuple(known)


Told = tuple[dict[str, Any], str, tuple[str, ...]]
"""What is set, what that does in words, and the components touched (none named: the target)."""


def _demand(action: Action, possible: object) -> None:
    if not possible:
        raise ActionFailed(f"{action} cannot be done", "take exact arguments from action_options")


def _added(control: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    have = control[name]
    return {name: have if value in have else [*have, value]}


class Clerk:
    """Reads an action against the controls."""

    def __init__(self, shop: Shop, scenario: Scenario) -> None:
        self._shop = shop
        self._scenario = scenario
        self._by_kind: dict[ActionKind, Callable[[Component, Action, dict[str, Any]], Told]] = {
            ActionKind.ROLLBACK: self._rollback,
            ActionKind.RESTART: self._restart,
            ActionKind.SCALE: self._scale,
            ActionKind.FAILOVER: self._failover,
            ActionKind.FALLBACK: self._fallback,
            ActionKind.FLAG: self._flag,
            ActionKind.HOTFIX: self._hotfix,
            ActionKind.LIMIT: self._limit,
            ActionKind.ROTATE: self._rotate,
        }

    def order(self, action: Action, control: dict[str, Any]) -> Order:
        """What it would do. Raises ActionFailed for a target or arguments that do not exist."""
        component = self._shop.by_name.get(action.target)
        if component is None:
            raise ActionFailed(f"{action}: {action.target} does not exist", "take a target of action_options")
        sets, effect, touches = self._by_kind[action.kind](component, action, control)
        took, lands = DURATIONS[action.kind]
        return Order(sets, effect, touches or (component.name,), took, lands)

    def _rollback(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        a, to = action.arguments, action.arguments.get("to_version")
        name = f"version/{c.name}"
        if set(a) == {"to_version"} and to in versions_of(self._shop, self._scenario, c.name):
            return {name: to}, f"{c.name} goes from {control[name]} to {to}", ()
        name = f"config/{c.name}/{a.get('key')}"
        known = config_versions_of(self._shop, self._scenario, c.name, str(a.get("key")))
        if set(a) == {"key", "to_version"} and name in control and to in known:
            return {name: to}, f"{c.name}: {a['key']} goes from {control[name]} to {to}", ()
        raise ActionFailed(f"{action}: that version is not known", "take one of action_options")

    def _restart(self, c: Component, action: Action, _control: dict[str, Any]) -> Told:
        _demand(action, not action.arguments and c.kind in ("backend", "cache", "database"))
        return {}, f"{c.name}'s instances restart one after another; a short dip", ()

    def _scale(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        what, number = next(iter(action.arguments.items()), ("", None))
        name = f"{what}/{c.name}"
        _demand(action, len(action.arguments) == 1 and what in ("replicas", "volume_gb", "connections") and name in control)
        _demand(action, isinstance(number, int) and not isinstance(number, bool) and number >= 1)
        if what == "volume_gb" and number < control[name]:
            raise ActionFailed(f"{action}: a volume cannot shrink", f"it has {control[name]} GB")
        return {name: number}, f"{c.name}: {what} goes from {control[name]} to {number}", ()

    def _failover(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        a = action.arguments
        if c.kind == "node" and a == {"drain": True}:
            moved = tuple(x.name for x in self._shop.components if c.name in hosts(x, control))
            return {f"drained/{c.name}": True}, f"{', '.join(moved) or 'nothing'} moves off {c.name}", (c.name, *moved)
        if set(a) == {"to"} and c.standby and a["to"] in (c.name, c.standby):
            told = f"{a['to']} becomes the primary of {c.name}; what was not replicated is lost"
            return {f"primary/{c.name}": a["to"]}, told, ()
        _demand(action, set(a) == {"away_from"} and a["away_from"] in c.nodes)
        return _added(control, f"away/{c.name}", a["away_from"]), f"{c.name} moves off {a['away_from']}", ()

    def _fallback(self, c: Component, action: Action, _control: dict[str, Any]) -> Told:
        on = action.arguments.get("on")
        _demand(action, set(action.arguments) == {"on"} and isinstance(on, bool) and c.fallback is not None)
        return {f"fallback/{c.name}": on}, f"{c.fallback} stands in for {c.name}" if on else f"{c.name} is used again", ()

    def _flag(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        flag, on = action.arguments.get("flag"), action.arguments.get("on")
        name = f"flag/{c.name}/{flag}"
        _demand(action, set(action.arguments) == {"flag", "on"} and isinstance(on, bool) and name in control)
        return {name: on}, f"{c.name}: {flag} {'on' if on else 'off'}", ()

    def _hotfix(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        patch = action.arguments.get("patch")
        _demand(action, set(action.arguments) == {"patch"} and patch in self.patches(c.name))
        return _added(control, f"patches/{c.name}", patch), f"{c.name}: {patch} is released", ()

    def _limit(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        source = action.arguments.get("source")
        _demand(action, set(action.arguments) == {"source"} and isinstance(source, str) and f"limits/{c.name}" in control)
        return _added(control, f"limits/{c.name}", source), f"{c.name} refuses what {source} sends", ()

    def _rotate(self, c: Component, action: Action, control: dict[str, Any]) -> Told:
        credential = action.arguments.get("credential")
        _demand(action, set(action.arguments) == {"credential"} and c.credential is not None and credential == c.credential)
        number = control[f"credential/{credential}"] + 1
        return {f"credential/{credential}": number}, f"{credential} is revoked and replaced (number {number})", ()

    def patches(self, component: str) -> tuple[str, ...]:
        """Patches that exist for the component."""
        bugs = (x for x in self._scenario.faults if isinstance(x, f.CodeBug) and x.where == component)
        return tuple(p.id for bug in bugs for p in bug.patches)
