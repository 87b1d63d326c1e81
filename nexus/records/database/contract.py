"""Database: where records are kept, as one thing that runs statements all or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

Statement: TypeAlias = tuple[str, Sequence[Any]]
"""SQL that SQLite and PostgreSQL both take, with `?` for each parameter; parameters are None, int, str or bytes."""
Rows: TypeAlias = list[tuple[Any, ...]]


class Database(Protocol):
    """Every method raises RecordsError when the database does not answer."""

    async def run(self, *statements: Statement, to_disk: bool = False) -> list[Rows]:
        """Run them in order, all or none, and give each one's rows. `to_disk`: survives the machine's power failing, too."""
        ...

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold a name that one process at a time may hold; a process that dies holds nothing. Raises IncidentHeld."""
        ...

    async def close(self) -> None:
        """Release it; closing twice is harmless."""
        ...
