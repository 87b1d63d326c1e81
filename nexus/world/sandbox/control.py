"""Control: everything that actions can change, as one flat dictionary, folded from the action log; the log is the only memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from nexus.incident import Action, Word
from nexus.world.sandbox.scenario import Scenario
from nexus.world.sandbox.shop import Shop

Control = Mapping[str, Any]
"""Names like `version/checkout`, `config/payment/retry.limit`, `replicas/cart`, `volume_gb/orders-db`, `fallback/cdn`."""


class Entry(Word):
    """One action or undo that was carried out."""

    at: datetime
    key: str
    kind: Literal["apply", "undo"]
    action: Action | None = None
    sets: dict[str, Any]
    detail: str
    took: timedelta
    lands: timedelta


class ActionLog:
    """What was done to the world, only ever appended to; a subclass may keep it elsewhere."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = list(entries)
        self._lock = threading.Lock()

    def entries(self) -> tuple[Entry, ...]:
        """All of it, oldest first."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> Entry:
        """Add it, unless its key is there: then the earlier entry stands and is returned."""
        with self._lock:
            for known in self._entries:
                if known.key == entry.key:
                    return known
            self._entries.append(entry)
            return entry


def initial(shop: Shop, scenario: Scenario) -> dict[str, Any]:
    """The controls before anything in the scenario happened."""
    state: dict[str, Any] = {}
    for c in shop.components:
        if c.releases:
            state[f"version/{c.name}"] = c.releases[-1]
            state[f"patches/{c.name}"] = []
        if c.kind in ("backend", "cache"):
            state |= {f"replicas/{c.name}": c.replicas, f"away/{c.name}": []}
        if c.kind == "backend":
            state[f"limits/{c.name}"] = []
        if c.volume_gb:
            state |= {f"volume_gb/{c.name}": c.volume_gb, f"connections/{c.name}": c.max_connections}
        if c.standby:
            state[f"primary/{c.name}"] = c.name
        if c.credential:
            state[f"credential/{c.credential}"] = 1
        if c.kind == "external":
            state[f"fallback/{c.name}"] = False
        if c.kind == "node":
            state[f"drained/{c.name}"] = False
        state |= {f"config/{c.name}/{key}": version for key, version in c.config.items()}
        state |= {f"flag/{c.name}/{flag}": on for flag, on in c.flags.items()}
    for change in sorted(scenario.changes, key=lambda c: c.at, reverse=True):
        name, _, before = changed(change.component, change.kind, change.key, change.version, change.previous)
        if name and (before is not None or name not in state):
            state[name] = before
    return state


def changed(component: str, kind: str, key: str, version: str, previous: str) -> tuple[str, Any, Any]:
    """Which control such a change sets, to what, and from what (None: not told)."""
    if kind == "deployment":
        return f"version/{component}", version, previous or None
    if kind == "config":
        return f"config/{component}/{key}", version, previous or None
    if kind == "flag":
        on = version == "on"
        return f"flag/{component}/{key}", on, not on
    return "", None, None


class Timeline:
    """The controls over time: stretches that begin at a minute counted from the alert."""

    def __init__(self, shop: Shop, scenario: Scenario, starts_at: datetime, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self.landed: list[tuple[float, Entry]] = []
        moments: list[tuple[float, dict[str, Any]]] = []
        for change in scenario.changes:
            name, after, _ = changed(change.component, change.kind, change.key, change.version, change.previous)
            if name:
                moments.append((change.at, {name: after}))
        latest = float("-inf")
        for entry in entries:
            latest = max(latest, (entry.at + entry.lands - starts_at).total_seconds() / 60)
            self.landed.append((latest, entry))
            moments.append((latest, entry.sets))
        state = initial(shop, scenario)
        self.begins: list[float] = [float("-inf")]
        self.controls: list[dict[str, Any]] = [state]
        for at, sets in sorted(moments, key=lambda m: m[0]):
            state = state | sets
            self.begins.append(at)
            self.controls.append(state)

    def at(self, minute: float) -> dict[str, Any]:
        """The controls in effect at that minute."""
        found = self.controls[0]
        for begins, control in zip(self.begins, self.controls, strict=True):
            if begins <= minute:
                found = control
        return found
