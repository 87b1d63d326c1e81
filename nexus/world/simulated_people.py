"""SimulatedPeople: channel, status page, stakeholders and backlog in a journal, for worlds that must not write to anybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from nexus.incident import BacklogItem
from nexus.world.follower import Follower
from nexus.world.journal import Journal, MemoryJournal


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
    """`messages` is what was sent, in order; the same key is never sent twice. `backlog` is by key.

    Both are what this process has read of the journal so far.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self.messages: list[Message] = []
        self.backlog: dict[str, BacklogItem] = {}
        self._sent: set[str] = set()
        self._journal = journal or MemoryJournal()
        self._follower = Follower(self._journal, {"message": self._take_message, "backlog": self._take_item})
        self._adding = asyncio.Lock()

    async def open_channel(self, incident: str, title: str, at: datetime) -> str:
        """The incident's channel; asked again, the same one."""
        name = f"#incident-{incident.lower()}"
        await self._send(Message("channel", incident, name, title, at, f"channel/{incident}"))
        return name

    async def post_status(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Publish on the status page."""
        await self._send(Message("status", incident, "", text, at, key))

    async def brief(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Send to the stakeholders."""
        await self._send(Message("brief", incident, "stakeholders", text, at, key))

    async def notify(self, incident: str, to: str, text: str, at: datetime, key: str) -> None:
        """Tell one role or person."""
        await self._send(Message("notice", incident, to, text, at, key))

    async def add_to_backlog(self, items: Sequence[BacklogItem]) -> int:
        """Add what is not there yet, by key; how many were new."""
        async with self._adding:
            await self.refresh()
            new = {f"backlog/{i.key}": json.dumps(i.model_dump(mode="json")) for i in items if i.key not in self.backlog}
            stand = await asyncio.gather(*(self._journal.add(key, body) for key, body in new.items()))
            await self.refresh()
        return sum(body == mine for body, mine in zip(stand, new.values(), strict=True))

    async def refresh(self) -> None:
        """Take in what other processes sent and added."""
        await self._follower.refresh()

    def sent(self, kind: str) -> list[Message]:
        """What was sent of that kind, in order."""
        return [m for m in self.messages if m.kind == kind]

    async def _send(self, message: Message) -> None:
        key = _entry_key(message)
        if key not in self._sent:
            await self._follower.add(key, json.dumps(asdict(message) | {"at": message.at.isoformat()}))

    def _take_message(self, body: str) -> None:
        told = json.loads(body)
        message = Message(**told | {"at": datetime.fromisoformat(told["at"])})
        self._sent.add(_entry_key(message))
        self.messages.append(message)

    def _take_item(self, body: str) -> None:
        item = BacklogItem.model_validate(json.loads(body))
        self.backlog[item.key] = item


def _entry_key(message: Message) -> str:
    return f"message/{message.kind}/{message.key}"
