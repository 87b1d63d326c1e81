"""Control: everything that actions can change, as one flat dictionary, folded from the action log; the log is the only memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from nexus.incident import Action, Word
from nexus.world.follower import Follower
from nexus.world.journal import Journal, MemoryJournal
from nexus.world.sandbox.scenario import Scenario
from nexus.world.sandbox.shop import Component, Shop

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
    """What was done to the world, as far as this process has read the journal; only ever appended to.

    `entries` are what was done before the journal began.
    """

    def __init__(self, entries: Iterable[Entry] = (), journal: Journal | None = None) -> None:
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self._entries.setdefault(entry.key, entry)
        self._follower = Follower(journal or MemoryJournal(), {"action": self._take})

    def entries(self) -> tuple[Entry, ...]:
        """All of it, oldest first."""
        return tuple(self._entries.values())

    def find(self, key: str) -> Entry | None:
        """What was done under that key."""
        return self._entries.get(key)

    async def append(self, entry: Entry) -> Entry:
        """Add it to the journal, unless its key is there: then the earlier entry stands and is returned."""
        body = json.dumps(entry.model_dump(mode="json"))
        return self.find(entry.key) or _read(await self._follower.add(f"action/{entry.key}", body))

    async def refresh(self) -> None:
        """Take in what other processes did."""
        await self._follower.refresh()

    def _take(self, body: str) -> None:
        entry = _read(body)
        self._entries.setdefault(entry.key, entry)


def _read(body: str) -> Entry:
    return Entry.model_validate(json.loads(body))


def _of(c: Component) -> dict[str, Any]:
    """One component's controls when all is well."""
    name = c.name
    served = c.kind in ("backend", "cache")
    parts: list[tuple[object, dict[str, Any]]] = [
        (c.releases, {f"version/{name}": c.releases[-1] if c.releases else "", f"patches/{name}": []}),
        (served, {f"replicas/{name}": c.replicas, f"away/{name}": []}),
        (c.kind == "backend", {f"limits/{name}": []}),
        (c.volume_gb, {f"volume_gb/{name}": c.volume_gb, f"connections/{name}": c.max_connections}),
        (c.standby, {f"primary/{name}": name}),
        (c.credential, {f"credential/{c.credential}": 1}),
        (c.kind == "external", {f"fallback/{name}": False}),
        (c.kind == "node", {f"drained/{name}": False}),
        (c.config, {f"config/{name}/{key}": version for key, version in c.config.items()}),
        (c.flags, {f"flag/{name}/{flag}": on for flag, on in c.flags.items()}),
    ]
    return {key: value for there, part in parts if there for key, value in part.items()}


def initial(shop: Shop, scenario: Scenario) -> dict[str, Any]:
    """The controls before anything in the scenario happened."""
    state = {key: value for c in shop.components for key, value in _of(c).items()}
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
