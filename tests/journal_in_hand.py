"""Journals in hand: one journal as several processes hold it, in memory and in a file of records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nexus.records.stores import SqliteStore
from nexus.world.journal import Journal, MemoryJournal

KINDS = ("memory", "file")


@asynccontextmanager
async def views(kind: str, folder: Path) -> AsyncIterator[tuple[Journal, Journal]]:
    """Two views of one journal; those of a file have nothing but the file in common."""
    if kind == "memory":
        journal = MemoryJournal()
        yield journal, journal
        return
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(await SqliteStore.open(folder / "records.sqlite")) for _ in range(2)]
        yield one.journal("world"), other.journal("world")
