"""People: the channel, status page, stakeholders and backlog that NEXUS writes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from nexus.incident import BacklogItem


class People(Protocol):
    """Outgoing words. The same `key` again is not sent again; a failure raises ToolError."""

    async def open_channel(self, incident: str, title: str, at: datetime) -> str:
        """Create the incident's channel or thread; its name."""
        ...

    async def post_status(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Publish on the status page."""
        ...

    async def brief(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Send to the stakeholders."""
        ...

    async def notify(self, incident: str, to: str, text: str, at: datetime, key: str) -> None:
        """Tell one role or person."""
        ...

    async def add_to_backlog(self, items: Sequence[BacklogItem]) -> int:
        """Add what is not there yet, by key; how many were new."""
        ...
