"""Infrastructure: nodes and workloads as of a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeState:
    """One host."""

    name: str
    ready: bool
    cpu_pct: float
    memory_pct: float
    disk_pct: float
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """One deployed service."""

    component: str
    version: str
    replicas: int
    ready: int
    restarts_15m: int
    nodes: tuple[str, ...]


class Infrastructure(Protocol):
    """Raises Unavailable when it does not answer."""

    async def nodes(self, at: datetime) -> list[NodeState]:
        """Every host, as of `at`."""
        ...

    async def workloads(self, at: datetime) -> list[Workload]:
        """Every deployed service, as of `at`."""
        ...
