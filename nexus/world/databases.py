"""Databases and queues: their health as of a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """One database."""

    name: str
    up: bool
    writable: bool
    connections: int
    max_connections: int
    disk_pct: float
    replication_lag_s: float | None = None
    slow_queries_per_min: float = 0.0
    corrupt: bool = False
    standby: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """One queue."""

    name: str
    depth: int
    normal_depth: int
    consumers: int
    oldest_s: float


class Databases(Protocol):
    """Raises Unavailable when it does not answer."""

    async def health(self, at: datetime) -> list[DatabaseHealth]:
        """Every database, as of `at`."""
        ...

    async def queues(self, at: datetime) -> list[QueueHealth]:
        """Every queue, as of `at`."""
        ...
