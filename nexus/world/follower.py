"""Follower: one process's place in a journal; it hands on what arrives there, each entry once and in the journal's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nexus.world.journal import Journal


class Follower:
    """`takers` is by kind, the first part of an entry's key, and is given bodies; other kinds are passed over.

    A process's own entries come back to it by the journal, too, so that all who follow one take in the same in the same order.
    """

    def __init__(self, journal: Journal, takers: Mapping[str, Callable[[str], None]]) -> None:
        self._journal = journal
        self._takers = takers
        self._seen = 0

    async def add(self, key: str, body: str) -> str:
        """Add an entry, unless its key is there, and take in what arrived; the body that stands."""
        stands = await self._journal.add(key, body)
        await self.refresh()
        return stands

    async def refresh(self) -> None:
        """Take in what arrived, whoever added it."""
        for arrival, key, body in await self._journal.since(self._seen):
            if arrival > self._seen:  # another refresh may have come first while this one waited
                self._seen = arrival
                take = self._takers.get(key.partition("/")[0])
                if take is not None:
                    take(body)
