"""Following: an incident's events as they come to light, each given once, also those that another writer committed late."""

from __future__ import annotations

from nexus.incident import Event
from nexus.records.store import Store

LOOK_BACK = 1000
"""Arrivals: another writer's event may come to light after one that arrived this much later."""


class Following:
    """Gives each event of one incident once, those after `after`."""

    def __init__(self, records: Store, incident: str, after: int = 0) -> None:
        self._records = records
        self._incident = incident
        self._after = after
        self._last = 0
        self._seen: set[int] = set()

    async def look(self) -> list[tuple[int, Event]]:
        """What was not given before, by its arrival. Raises RecordsError."""
        since = max(self._last - LOOK_BACK, 0) if self._last else max(self._after - LOOK_BACK, 0)
        told = await self._records.events_after(self._incident, since)
        first = not self._last
        new = [(n, event) for n, event in told if n not in self._seen and not (first and n <= self._after)]
        self._seen |= {number for number, _ in told}
        self._last = max([self._last, self._after, *(number for number, _ in new)])
        self._seen = {number for number in self._seen if number > self._last - LOOK_BACK}
        return new
