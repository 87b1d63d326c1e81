"""SimulatedPeople: channel, status page, stakeholders and backlog in memory, for worlds that must not write to anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nexus.incident import BacklogItem


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that was sent; `to` is empty for the status page."""

    kind: Literal["channel", "status", "brief", "notice"]
    incident: str
    to: str
    text: str
    at: datetime
    key: str


class SimulatedPeople:
    """`messages` is what was sent, in order; the same key is never sent twice. `backlog` is by key."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.backlog: dict[str, BacklogItem] = {}

    async def open_channel(self, incident: str, title: str, at: datetime) -> str:
        """The incident's channel; asked again, the same one."""
        name = f"#incident-{incident.lower()}"
        self._send(Message("channel", incident, name, title, at, f"channel/{incident}"))
        return name

    async def post_status(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Publish on the status page."""
        self._send(Message("status", incident, "", text, at, key))

    async def brief(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Send to the stakeholders."""
        self._send(Message("brief", incident, "stakeholders", text, at, key))

    async def notify(self, incident: str, to: str, text: str, at: datetime, key: str) -> None:
        """Tell one role or person."""
        self._send(Message("notice", incident, to, text, at, key))

    async def add_to_backlog(self, items: Sequence[BacklogItem]) -> int:
        """Add what is not there yet, by key; how many were new."""
        new = {item.key: item for item in items if item.key not in self.backlog}
        self.backlog.update(new)
        return len(new)

    def sent(self, kind: str) -> list[Message]:
        """What was sent of that kind, in order."""
        return [m for m in self.messages if m.kind == kind]

    def _send(self, message: Message) -> None:
        if all((m.kind, m.key) != (message.kind, message.key) for m in self.messages):
            self.messages.append(message)
