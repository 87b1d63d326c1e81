"""Clock: an incident's time inside its workflow, where a sleep is a durable timer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from temporalio import workflow

PUNCTUAL = timedelta(seconds=5)
"""Simulated time forgives a timer that fires this late: a busy or just replaced worker moves no moment of the incident."""

SHORTEST = timedelta(milliseconds=100)
"""Less than this no server keeps well: simulated time leaps it, when everybody who can run has run."""


class WorkflowClock:
    """Time that runs `pace` times as fast as the server's.

    Where time is simulated, work takes the time that it declares: the clock stands still while work is under way, and reaches
    each moment that is waited for exactly, unless nobody was there to keep it for long.
    """

    def __init__(self, opened_at: datetime, pace: float, *, simulated: bool) -> None:
        self._reached = opened_at
        self._since = workflow.now()
        self._pace = pace
        self._simulated = simulated
        self._working = 0
        self._awaited: list[datetime] = []

    def now(self) -> datetime:
        """The incident's time."""
        if self._working:
            return self._reached
        now = self._reached + (workflow.now() - self._since) * self._pace
        first = min(self._awaited, default=now)
        if self._simulated and first < now <= first + PUNCTUAL * self._pace:
            return max(first, self._reached)
        return now

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come."""
        self._awaited.append(moment)
        try:
            while (left := (moment - self.now()) / self._pace) > timedelta():
                if self._working:
                    await workflow.wait_condition(lambda: not self._working)
                elif self._simulated and left < SHORTEST:
                    await workflow.wait_condition(lambda: bool(self._working) or moment <= min(self._awaited))
                    if not self._working:
                        self._reach(max(moment, self.now()))
                else:
                    with suppress(TimeoutError):
                        await workflow.wait_condition(lambda: bool(self._working), timeout=left)
            self._reach(self.now())
        finally:
            self._awaited.remove(moment)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While held, work is under way: simulated time stands still."""
        if not self._simulated:
            yield
            return
        self._reach(self.now())
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            self._since = workflow.now()

    def _reach(self, moment: datetime) -> None:
        self._reached, self._since = moment, workflow.now()
