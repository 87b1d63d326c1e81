"""Security: signals of misuse, intrusion and floods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class SecuritySignal:
    """One thing that the access log or a detector noticed."""

    at: datetime
    kind: Literal["credential_misuse", "data_access", "traffic_flood", "login_failures"]
    component: str
    detail: str
    source: str = ""
    records_accessed: int | None = None
    personal_data: bool = False


class Security(Protocol):
    """Raises Unavailable when it does not answer."""

    async def signals(self, start: datetime, end: datetime) -> list[SecuritySignal]:
        """Signals in [start, end], oldest first."""
        ...
