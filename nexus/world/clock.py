"""Clock: the incident's time, real or virtual, and Lap: the time one agent spends in one step.

`drive` sleeps on the clock; a step never does. In a simulated world a step's work takes declared time: its Lap begins
at the state's time, each tool call spends some of it, and the step reports when it was done. In the real world a Lap reads
the wall clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Lap(Protocol):
    """One agent's own time inside one step; parallel agents each have theirs."""

    def now(self) -> datetime:
        """The time as this agent sees it."""
        ...

    def spend(self, duration: timedelta) -> None:
        """Declare that work took this long; nothing where time is real, for there it has passed."""
        ...


class Clock(Protocol):
    """The incident's time."""

    simulated: bool

    def now(self) -> datetime:
        """The time as the driver sees it."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come."""
        ...

    def lap(self, begins_at: datetime) -> Lap:
        """A lap that begins at `begins_at` (simulated) or now (real)."""
        ...

    def busy(self) -> AbstractContextManager[None]:
        """While held, work is under way: virtual time stands still."""
        ...


class WallLap:
    """Real time."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def spend(self, duration: timedelta) -> None:
        """Nothing: real work takes its own time."""


class WallClock:
    """Real time."""

    simulated = False

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep for real."""
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))

    def lap(self, begins_at: datetime) -> Lap:  # noqa: ARG002 - the protocol's; real time begins by itself
        """Real time, whatever it begins at."""
        return WallLap()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Real time never stands still."""
        yield


class VirtualLap:
    """Declared time."""

    def __init__(self, begins_at: datetime) -> None:
        self._now = begins_at

    def now(self) -> datetime:
        """Where this agent has got to."""
        return self._now

    def spend(self, duration: timedelta) -> None:
        """Move on by `duration`."""
        self._now += duration


TURNS = 25
"""Turns of the event loop that a sleeper gives to everybody else before time may move: whatever can run, runs first."""


class VirtualClock:
    """Time that jumps to the earliest moment waited for, and stands still while work is under way."""

    simulated = True

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._sleepers: list[tuple[datetime, int]] = []
        self._tickets = 0
        self._stirs = 0

    def now(self) -> datetime:
        """The latest moment that was waited for."""
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Return at `moment`: when nobody works, nobody else can run and nobody waits for an earlier one."""
        self._tickets += 1
        mine = (moment, self._tickets)
        self._sleepers.append(mine)
        self._stirs += 1
        try:
            while True:
                await self._quiet()
                if mine == min(self._sleepers):
                    self._now = max(self._now, moment)
                    return
                await asyncio.sleep(0.001)
        finally:
            self._sleepers.remove(mine)
            self._stirs += 1

    async def _quiet(self) -> None:
        """Return when nobody worked, woke or lay down for TURNS turns running: whoever woke last has done what it woke for."""
        while True:
            await self._idle.wait()
            stirs = self._stirs
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if not self._busy and stirs == self._stirs:
                return

    def lap(self, begins_at: datetime) -> Lap:
        """Declared time from `begins_at`."""
        return VirtualLap(begins_at)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Hold virtual time still."""
        self._busy += 1
        self._stirs += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            self._stirs += 1
            if not self._busy:
                self._idle.set()
