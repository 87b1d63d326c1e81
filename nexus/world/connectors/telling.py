"""Telling: the world's people over all its outlets and backlogs, with a journal of what was sent, by which of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime

from nexus.errors import ToolError
from nexus.incident import BacklogItem
from nexus.world.connectors.contract import BacklogTarget, Message, Outlet
from nexus.world.follower import Follower
from nexus.world.journal import Journal

_WHAT = {"channel": "opens channels", "status": "publishes status updates", "brief": "reaches the stakeholders"}


class JournaledPeople:
    """Each message is written down before an outlet is given it and when it was sent.

    One that was begun by a process that died is sent again unless its outlet says that it is there.
    """

    def __init__(self, outlets: Mapping[str, Outlet], backlogs: Mapping[str, BacklogTarget], journal: Journal) -> None:
        self._outlets = outlets
        self._backlogs = backlogs
        self._begun: set[str] = set()
        self._sent: dict[str, str] = {}
        self._follower = Follower(journal, {"told": self._take_in})

    async def open_channel(self, incident: str, title: str, at: datetime) -> str:
        """The incident's channel, as the outlet that opened it names it."""
        return await self._tell(Message("channel", incident, "", title, at, f"{incident}/channel"))

    async def post_status(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Publish on every status page."""
        await self._tell(Message("status", incident, "", text, at, f"{incident}/{key}"))

    async def brief(self, incident: str, text: str, at: datetime, key: str) -> None:
        """Send to the stakeholders."""
        await self._tell(Message("brief", incident, "", text, at, f"{incident}/{key}"))

    async def notify(self, incident: str, to: str, text: str, at: datetime, key: str) -> None:
        """Tell one role or person."""
        await self._tell(Message("notice", incident, to, text, at, f"{incident}/{key}"))

    async def add_to_backlog(self, items: Sequence[BacklogItem]) -> int:
        """Add to every backlog what is not there yet; how many were new somewhere."""
        if not self._backlogs:
            raise ToolError("no connector of this world keeps a backlog", "connect one, such as backlog-file, in the world file")
        new: set[str] = set()
        for item in items:  # one after the other: a tracker's rate limit is met by order, not by luck
            added = [await target.add(item) for target in self._backlogs.values()]
            if any(added):
                new.add(item.key)
        return len(new)

    async def refresh(self) -> None:
        """Take in what other processes sent."""
        await self._follower.refresh()

    async def _tell(self, message: Message) -> str:
        """The first receipt. Raises ToolError where anybody who takes it could not be given it."""
        await self._follower.refresh()
        takers = {name: outlet for name, outlet in self._outlets.items() if outlet.takes(message)}
        if not takers:
            whom = _WHAT.get(message.kind, f"reaches {message.to}")
            raise ToolError(f"no connector of this world {whom}", "connect one in the world file")
        told = await asyncio.gather(*(_or_error(self._by(name, outlet, message)) for name, outlet in takers.items()))
        results = dict(zip(takers, told, strict=True))
        errors = {name: result for name, result in results.items() if isinstance(result, ToolError)}
        if errors:
            sent = [name for name in results if name not in errors]
            beside = f" (sent by {', '.join(sent)})" if sent else ""
            first = next(iter(errors.values()))
            raise ToolError(f"not sent by {', '.join(errors)}: {first.what}{beside}", first.remedy)
        return next(result for result in told if isinstance(result, str))

    async def _by(self, name: str, outlet: Outlet, message: Message) -> str:
        entry = f"{name}/{message.kind}/{message.key}"
        known = self._sent.get(entry)
        if known is not None:
            return known
        again = entry in self._begun
        await self._note("begun", entry, "")
        there = await outlet.was_sent(message) if again else False
        receipt = "sent before the interruption" if there and message.kind != "channel" else await outlet.send(message)
        await self._note("sent", entry, receipt)
        return receipt

    async def _note(self, phase: str, entry: str, receipt: str) -> None:
        await self._follower.add(f"told/{phase}/{entry}", json.dumps({"phase": phase, "entry": entry, "receipt": receipt}))

    def _take_in(self, body: str) -> None:
        told = json.loads(body)
        if told["phase"] == "sent":
            self._sent[told["entry"]] = told["receipt"]
        else:
            self._begun.add(told["entry"])


async def _or_error(sending: Awaitable[str]) -> str | ToolError:
    try:
        return await sending
    except ToolError as error:
        return error
