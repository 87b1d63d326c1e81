"""Journal: a world's memory of what was done to it and said in it, which every process that opens the world shares."""

from __future__ import annotations

from typing import Protocol


class Journal(Protocol):
    """Entries are only ever added, each once by its key; once one can be seen, none appears before it."""

    async def add(self, key: str, body: str) -> str:
        """Add an entry, unless its key is there; the body that stands."""
        ...

    async def since(self, arrival: int = 0) -> list[tuple[int, str, str]]:
        """Entries that arrived later than that number: arrival, key and body, in order."""
        ...


class MemoryJournal:
    """A journal of this process alone."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._entries: list[tuple[int, str, str]] = []

    async def add(self, key: str, body: str) -> str:
        """Add an entry, unless its key is there; the body that stands."""
        if key not in self._bodies:
            self._bodies[key] = body
            self._entries.append((len(self._entries) + 1, key, body))
        return self._bodies[key]

    async def since(self, arrival: int = 0) -> list[tuple[int, str, str]]:
        """Entries that arrived later than that number: arrival, key and body, in order."""
        return self._entries[arrival:]
