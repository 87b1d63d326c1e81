"""Simulation: the shop's condition in any minute, from scenario, seed, action log and time; it remembers nothing else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from nexus.errors import Unavailable
from nexus.world.sandbox.activity import Activity, activity
from nexus.world.sandbox.control import ActionLog, Timeline
from nexus.world.sandbox.effects import disturb, strike
from nexus.world.sandbox.faults import Fault
from nexus.world.sandbox.noise import Minutes
from nexus.world.sandbox.scenario import Scenario
from nexus.world.sandbox.scene import Local, Scene
from nexus.world.sandbox.shop import Shop
from nexus.world.sandbox.spread import Condition, spread

HELD = 64
"""How many computed stretches are kept; each can be computed again."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The shop in minutes `first` to `last`, counted from the alert; `faults` with how strongly each is at work."""

    ks: Minutes
    conditions: dict[str, Condition]
    faults: tuple[tuple[Fault, Activity], ...]
    timeline: Timeline

    def now(self, name: str) -> tuple[float, float, float]:
        """Error share, latency in ms and requests a minute of that component in the last minute."""
        condition = self.conditions[name]
        return float(condition.errors[-1]), float(condition.latency_ms[-1]), float(condition.requests[-1])


class Simulation:
    """Reads take the time as argument."""

    def __init__(self, scenario: Scenario, shop: Shop, seed: int, starts_at: datetime, log: ActionLog) -> None:
        self.scenario = scenario
        self.shop = shop
        self.seed = seed
        self.starts_at = starts_at
        self.log = log
        self._frames: OrderedDict[tuple[int, int, int], Frame] = OrderedDict()
        self._timeline = lru_cache(maxsize=8)(self._fold)

    def minute(self, at: datetime) -> float:
        """Minutes from the alert."""
        return (at - self.starts_at).total_seconds() / 60

    def moment(self, minute: float) -> datetime:
        """The time of that minute."""
        return self.starts_at + timedelta(minutes=minute)

    def minutes(self, start: datetime, end: datetime) -> tuple[int, int]:
        """First and last whole minute in [start, end]."""
        return int(np.ceil(self.minute(start))), int(np.floor(self.minute(end)))

    def _fold(self, entries: int) -> Timeline:
        return Timeline(self.shop, self.scenario, self.starts_at, self.log.entries()[:entries])

    def timeline(self) -> Timeline:
        """The controls over time."""
        return self._timeline(len(self.log.entries()))

    def commanded(self, at: datetime) -> dict[str, Any]:
        """The controls as ordered by `at`, whether or not every order has taken effect."""
        state = self._fold(0).at(self.minute(at))
        for entry in self.log.entries():
            if entry.at <= at:
                state = state | entry.sets
        return state

    def frame(self, first: int, last: int) -> Frame:
        """The shop in those minutes."""
        key = (first, last, len(self.log.entries()))
        found = self._frames.get(key)
        if found is None:
            found = self._compute(first, last)
            self._frames[key] = found
            if len(self._frames) > HELD:
                self._frames.popitem(last=False)
        return found

    def frame_at(self, at: datetime) -> Frame:
        """The last sampled minute as of `at`."""
        last = int(np.floor(self.minute(at)))
        return self.frame(last, last)

    def _compute(self, first: int, last: int) -> Frame:
        ks = np.arange(first, last + 1, dtype=np.int64)
        timeline = self.timeline()
        scene = Scene(self.shop, timeline, ks, {c.name: Local(len(ks)) for c in self.shop.components})
        faults = tuple((f, activity(f, timeline, ks, self.shop.by_name[f.where].credential)) for f in self.scenario.faults)
        for fault, act in faults:
            strike(fault, act, scene)
        disturb(scene)
        return Frame(ks, spread(scene), faults, timeline)

    def answering(self, capability: str, at: datetime) -> None:
        """Raise Unavailable while that way of looking is out."""
        minute = self.minute(at)
        for outage in self.scenario.outages:
            if outage.of == capability and outage.start <= minute and (outage.until is None or minute < outage.until):
                raise Unavailable(f"{capability} backend does not answer (connection timed out)", "use another way of looking")
