"""Scene: what an effect may reach: each component's own condition in each minute, and the controls over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nexus.world.metrics import Floats
from nexus.world.sandbox.control import Timeline
from nexus.world.sandbox.noise import Minutes
from nexus.world.sandbox.shop import Component, Shop


@dataclass(slots=True)
class Local:
    """One component's own condition in each minute; `size` minutes."""

    size: int
    errors: Floats = field(init=False)
    slower: Floats = field(init=False)
    cpu: Floats = field(init=False)
    memory: Floats = field(init=False)
    traffic: Floats = field(init=False)
    script_errors: Floats = field(init=False)
    assets: Floats = field(init=False)
    depth: Floats = field(init=False)
    lag: Floats = field(init=False)
    used_gb: Floats = field(init=False)
    connections: Floats = field(init=False)
    missing: Floats = field(init=False)
    restarts: Floats = field(init=False)
    transit_ms: Floats = field(init=False)
    """What calls to it spend on the way, beyond the usual."""
    skipped: dict[str, Floats] = field(init=False)
    """Callee to the share of requests that are answered without calling it."""
    tries: dict[str, Floats] = field(init=False)
    """Callee to how often a call to it is made at most while it fails; one where it is not tried again."""

    def __post_init__(self) -> None:
        zero = np.zeros(self.size)
        self.slower = np.ones(self.size)
        self.traffic = np.ones(self.size)
        self.errors = self.cpu = self.memory = self.script_errors = self.assets = zero
        self.depth = self.lag = self.used_gb = self.connections = self.missing = self.restarts = zero
        self.transit_ms = zero
        self.skipped, self.tries = {}, {}

    def fail(self, share: Floats) -> None:
        """That share of requests fails too, independently of the rest."""
        self.errors = 1 - (1 - self.errors) * (1 - np.clip(share, 0, 1))

    def slow(self, times: float, level: Floats) -> None:
        """Slower, up to `times` at full level."""
        self.slower = self.slower * (1 + (times - 1) * level)

    def skip(self, callee: str, share: Floats) -> None:
        """That share of requests no longer reaches the callee, independently of the rest."""
        self.skipped[callee] = 1 - (1 - self.skipped.get(callee, np.zeros(self.size))) * (1 - np.clip(share, 0, 1))


@dataclass(slots=True)
class Scene:
    """What an effect may reach."""

    shop: Shop
    timeline: Timeline
    ks: Minutes
    local: dict[str, Local]

    def controlled(self, name: str, default: float = 0.0) -> Floats:
        """A numeric control over the minutes."""
        return self.over(lambda control: float(control.get(name, default)))

    def over(self, read: Callable[[dict[str, Any]], float]) -> Floats:
        """Anything read from the controls, over the minutes."""
        values = np.asarray([read(control) for control in self.timeline.controls])
        return values[np.searchsorted(np.asarray(self.timeline.begins), self.ks, side="right") - 1]

    def on_node(self, component: Component, node: str) -> Floats:
        """Share of the component's instances that run on that host."""
        return self.over(lambda control: float(node in hosts(component, control)) / max(1, len(hosts(component, control))))


def hosts(component: Component, control: dict[str, Any]) -> tuple[str, ...]:
    """Hosts on which the component runs."""
    away = control.get(f"away/{component.name}")
    avoided = away if isinstance(away, list) else []
    left = tuple(n for n in component.nodes if n not in avoided and not control.get(f"drained/{n}"))
    if left or not component.nodes:
        return left
    spare = [n.removeprefix("drained/") for n, drained in control.items() if n.startswith("drained/") and not drained]
    return tuple(n for n in spare if n not in avoided and n not in component.nodes)[:1]
