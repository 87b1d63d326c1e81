"""Logs: lines by component."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `level` is lower case (debug, info, warning, error, critical) or empty when not known."""

    at: datetime
    component: str
    level: str
    message: str


class Logs(Protocol):
    """Where lines come from. Raises Unavailable when it does not answer."""

    async def search(
        self, start: datetime, end: datetime, component: str | None = None, pattern: str | None = None, limit: int = 5000
    ) -> list[LogLine]:
        """Lines in [start, end], oldest first; `pattern` is a plain substring; the newest `limit` when there are more."""
        ...
