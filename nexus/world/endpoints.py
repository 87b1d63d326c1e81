"""Endpoints: requests tried against our own addresses, and what users see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One endpoint, tried several times."""

    component: str
    method: str
    path: str
    error_rate: float
    latency_ms: float
    normal_error_rate: float
    normal_latency_ms: float
    detail: str = ""


class Endpoints(Protocol):
    """Raises Unavailable when it cannot probe."""

    async def probe(self, at: datetime, components: tuple[str, ...] = ()) -> list[ProbeResult]:
        """Try the endpoints of those components, or all."""
        ...
