"""Browser: the client's side: script errors, page load, CDN, and pictures of pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PageHealth:
    """One page as real browsers report it."""

    page: str
    component: str
    script_errors_per_min: float
    normal_script_errors_per_min: float
    top_error: str
    load_ms: float
    normal_load_ms: float
    assets_failing_share: float
    release: str


class Browser(Protocol):
    """Raises Unavailable when it cannot look."""

    async def pages(self, at: datetime) -> list[PageHealth]:
        """Every watched page, over the five minutes before `at`."""
        ...

    async def screenshot(self, page: str, at: datetime) -> bytes:
        """A PNG of the page as a user sees it."""
        ...
