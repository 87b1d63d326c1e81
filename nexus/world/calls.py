"""Calls: who called whom, how often, how slowly; and the call graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallStats:
    """Calls of one operation in one minute; an empty caller is a user's request; errors None: not recorded."""

    at: datetime
    caller: str
    callee: str
    operation: str
    count: float
    p50_ms: float
    p95_ms: float
    max_ms: float
    errors: float | None = None


class Calls(Protocol):
    """Where call statistics come from. Raises Unavailable when it does not answer."""

    async def between(self, start: datetime, end: datetime) -> list[CallStats]:
        """Minutes in [start, end], oldest first; empty where calls are not traced."""
        ...

    async def topology(self) -> tuple[tuple[str, str], ...]:
        """The call graph as (caller, callee)."""
        ...
