"""Simulated people: channel, status page, stakeholders and backlog kept in memory; each key is taken once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nexus.incident import BacklogItem


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing that went out; `to` is a role, or `status page`, `stakeholders` or `channel`."""

    incident: str
    to: str
    text: str
    at: datetime
    key: str


class SimulatedPeople:
    """What was sent lies in `sent`, in order; backlog items lie in `backlog` by key."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.backlog: dict[str, BacklogItem] = {}

    def _keep(self, sent: Sent) -> None:
        if all(sent.key != earlier.key for earlier in self.sent):
            self.sent.append(sent)

    async def open_channel(self, incident: str, title: str, at: datetime) -> str:
        """The channel's name."""
        name = f"#inc-{incident.lower()}"
        self._keep(Sent(incident, "channel", title, at, f"{incident}/channel"))
        return name

    async def post_status(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Keep a post of the status page."""
        self._keep(Sent(incident, "status page", text, at, key))

    async def brief(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Keep a stakeholders' brief."""
        self._keep(Sent(incident, "stakeholders", text, at, key))

    async def notify(self, incident: str, to: str, text: str, at: datetime, key: str) -> None:
        """Keep a message to one role."""
        self._keep(Sent(incident, to, text, at, key))

    async def add_to_backlog(self, items: Sequence[BacklogItem]) -> int:
        """How many items were new."""
        new = [item for item in items if item.key not in self.backlog]
        self.backlog.update((item.key, item) for item in new)
        return len({item.key for item in new})
