"""MemoryDatabase: SQLite in this process's memory, for tests and notebooks."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nexus.errors import IncidentHeld, RecordsError
from nexus.records.database.contract import Rows, Statement
from nexus.records.database.sqlite import migrate, transact


class MemoryDatabase:
    """Never makes anybody wait; what it gives back is what a file would give back."""

    def __init__(self) -> None:
        self.path = Path(":memory:")
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(self._connection, self.path)
        self._held: set[str] = set()

    async def run(self, *statements: Statement, to_disk: bool = False) -> list[Rows]:
        """Run them in order, all or none, and give each one's rows."""
        (outcome,) = transact(self._connection, self.path, [statements], to_disk=to_disk)
        if isinstance(outcome, RecordsError):
            raise outcome
        return outcome

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold a name within this process."""
        if name in self._held:
            raise IncidentHeld(name)
        self._held.add(name)
        try:
            yield
        finally:
            self._held.discard(name)

    async def close(self) -> None:
        """Nothing to release; what was recorded can still be read."""
