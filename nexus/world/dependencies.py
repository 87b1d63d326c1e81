"""Dependencies: systems of other companies, probed from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One third party as seen by our probes, and its own word for it."""

    name: str
    up: bool
    error_rate: float
    latency_ms: float
    normal_latency_ms: float
    status_page: str
    used_by: tuple[str, ...]
    fallback: Literal["none", "available", "on"]
    failing_since: datetime | None = None


class Dependencies(Protocol):
    """Raises Unavailable when it does not answer."""

    async def health(self, at: datetime) -> list[DependencyHealth]:
        """Every third party, as of `at`."""
        ...
