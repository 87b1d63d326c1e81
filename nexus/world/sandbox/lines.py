"""Lines: what components write to their logs: ordinary life, the fault's own words, and callers' complaints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from nexus.world.logs import LogLine
from nexus.world.sandbox.noise import pick, uniform
from nexus.world.sandbox.shop import Component
from nexus.world.sandbox.simulation import Frame, Simulation
from nexus.world.sandbox.spread import TIMEOUT_MS
from nexus.world.sandbox.words import Words, words_of

MOST = 6
"""Lines of one shape a minute, at most."""

HELD = 4
"""How many computed stretches are kept; each can be computed again."""

_ORDINARY = {
    "backend": "handled request {r} in {ms} ms",
    "frontend": "page served, release {version}, {ms} ms",
    "database": "checkpoint complete: wrote {n} buffers in {ms} ms",
    "cache": "{n} keys expired",
    "queue": "{n} messages delivered",
    "node": "health report sent, {n} containers running",
}


def _count(share: float) -> int:
    return 0 if share < 0.008 else max(1, min(MOST, round(share * MOST)))


def _request(seed: int) -> str:
    """A request's id: hexadecimal, always with a letter and a figure, so that all ids have one shape."""
    return f"{'abcdef'[seed % 6]}{seed // 6 % 10}{seed // 60 % 0xFFFF:04x}"


class SandboxLogs:
    """Lines by component and minute."""

    def __init__(self, simulation: Simulation) -> None:
        self._sim = simulation
        self._stretch = lru_cache(maxsize=HELD)(self._compute)

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; the newest `limit` when there are more."""
        self._sim.answering("logs", end)
        first, last = int(self._sim.minutes(start, start)[1]), self._sim.minutes(start, end)[1]
        if last < first:
            return []
        found = self._stretch(first, last, component, len(self._sim.log.entries()))
        return [x for x in found if start <= x.at <= end and (pattern is None or pattern in x.message)][-limit:]

    def _compute(self, first: int, last: int, component: str | None, _done: int) -> tuple[LogLine, ...]:
        frame = self._sim.frame(first, last)
        found: list[LogLine] = []
        for c in self._sim.shop.components:
            if c.kind != "external" and (component is None or c.name == component):
                found += self._of(c, frame)
        return tuple(sorted(found, key=lambda x: x.at))

    def _of(self, c: Component, frame: Frame) -> Iterator[LogLine]:
        chance = uniform(self._sim.seed, f"chance {c.name}", frame.ks).tolist()
        told = [(words, level) for fault, act in frame.faults for words, level in words_of(fault, act, c, frame)]
        for index, k in enumerate(frame.ks.tolist()):
            yield from self._ordinary(c, frame, k, chance[index])
            for words, level in told:
                strength = float(level[index])
                if strength > 0:
                    yield from self._write(c, k, words, _count(strength) if words.often else 1)
            yield from self._complaints(c, frame, index, k)

    def _ordinary(self, c: Component, frame: Frame, k: int, chance: float) -> Iterator[LogLine]:
        version = frame.timeline.at(float(k)).get(f"version/{c.name}", "")
        yield from self._write(c, k, Words("info", _ORDINARY[c.kind].replace("{version}", str(version))), 1)
        if c.kind == "backend":
            if chance < 0.25:
                yield from self._write(c, k, Words("warning", "slow request {r}: {ms} ms"), 1)
            elif chance > 0.88:
                yield from self._write(c, k, Words("error", "client closed the connection before request {r} was answered"), 1)
        for landed, entry in frame.timeline.landed:
            if int(landed) == k and entry.action is not None and entry.action.target == c.name:
                yield from self._write(c, k, Words("info", f"{entry.detail}"), 1)

    def _complaints(self, c: Component, frame: Frame, index: int, k: int) -> Iterator[LogLine]:
        """What a caller says of whom it calls; the frontends' servers say nothing of what browsers load."""
        for call in c.calls:
            skipped = frame.conditions[c.name].local.skipped.get(call.to)
            if call.consumes or (skipped is not None and skipped[index] > 0.99):
                continue
            callee = frame.conditions[call.to]
            errors, latency = float(callee.errors[index]), float(callee.awaited_ms[index])
            called = min(1.0, max(0.3, call.share))
            if errors > 0.02:
                text = f"upstream {call.to} returned 503 for {call.operation} (request {{r}})"
                yield from self._write(c, k, Words("error", text), _count(errors * called))
            if latency > TIMEOUT_MS:
                text = f"upstream {call.to} timed out after 3000 ms for {call.operation} (request {{r}})"
                yield from self._write(c, k, Words("error", text), _count(0.4 * called))
            elif latency > 4 * self._sim.shop.by_name[call.to].latency_ms and latency > 300:
                yield from self._write(c, k, Words("warning", f"upstream {call.to} is slow: {{ms}} ms for {call.operation}"), 1)

    def _write(self, c: Component, k: int, words: Words, times: int) -> Iterator[LogLine]:
        for number in range(times):
            seed = pick(self._sim.seed, f"{c.name}/{words.text}/{number}", k, 1 << 40)
            second = seed % 60
            text = words.text.replace("{r}", _request(seed)).replace("{ms}", str(20 + seed % 180)).replace("{n}", str(seed % 900))
            yield LogLine(self._sim.moment(k + second / 60), c.name, words.level, text)
