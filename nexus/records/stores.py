"""The stores: one for each database that records can be kept in, and the one that settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from nexus.errors import UsageError
from nexus.records.database.memory import MemoryDatabase
from nexus.records.database.sqlite import SqliteDatabase
from nexus.records.store import Store

FILE = "records.sqlite"


class MemoryStore(Store):
    """The records in this process's memory, for tests and notebooks."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())


class SqliteStore(Store):
    """The records in one SQLite file: the default, for one machine. Made by `open`."""

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or create the file. Raises RecordsError."""
        return cls(await SqliteDatabase.open(path))


class PostgresStore(Store):
    """The records in PostgreSQL, for several machines. Made by `open`."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect, and bring the schema up to date. Raises RecordsError, and SettingsError without the extra `postgres`."""
        from nexus.records.database.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is an extra

        return cls(await PostgresDatabase.open(url))


async def open_kept(out: Path, url: str | None = None) -> Store:
    """The same, where there must be some already. Raises UsageError for a folder that holds no incidents."""
    if url is None and not (out / FILE).is_file():
        raise UsageError(f"{out} holds no incidents", "name the folder with --out, or run one with nexus run")
    return await open_store(out, url)


async def open_store(out: Path, url: str | None = None) -> Store:
    """The records at `url`, or else in the file in `out`. Raises RecordsError."""
    return await (PostgresStore.open(url) if url else SqliteStore.open(out / FILE))
