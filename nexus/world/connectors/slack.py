"""Slack: each incident has a thread or a channel of its own, and every message of it goes there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints

from nexus.errors import ToolError, WorldError
from nexus.world.connectors.contract import Connector, Message, MessageKind, Proof, Site
from nexus.world.connectors.messages import OutletSettings, key_of
from nexus.world.connectors.slack_api import SlackApi, SlackRefused
from nexus.world.connectors.slack_words import channel_name, payload, tag_of

BEFORE = 3600
"""Seconds before the incident's opening from which its thread is looked for: clocks differ."""
SCOPES = {
    "thread": ("chat:write", "channels:read", "channels:history"),
    "channel": ("chat:write", "channels:read", "channels:history", "channels:manage", "channels:join"),
}
"""What the app must be allowed; with a private channel `groups:` stands for `channels:`."""

ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{5,}$")]
Mention = Annotated[str, StringConstraints(pattern=r"^<(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+|!here|!channel)>$")]


class Settings(OutletSettings):
    """The app's token, and where an incident's messages go."""

    use: Literal["slack"]
    token: SecretStr = Field(description="the app's bot token, xoxb-…")
    per_incident: Literal["thread", "channel"] = Field(default="thread", description="what each incident gets")
    channel: ChannelId | None = Field(default=None, description="id of the channel in which threads are opened, like C0123ABCDEF")
    prefix: str = Field(default="incident-", description="of the names of incidents' channels")
    invite: tuple[str, ...] = Field(default=(), description="ids of users who are invited into an incident's channel")
    mentions: dict[str, Mention] = Field(
        default_factory=dict, description='who is pinged by the notices of a role: `Infrastructure Maintainer: "<@U123>"`'
    )
    kinds: tuple[MessageKind, ...] = Field(
        default=("channel", "status", "brief", "notice"), description="which kinds of message it takes"
    )
    url: str = Field(default="https://slack.com/api/", description="GovSlack's is https://slack-gov.com/api/")


@dataclass(frozen=True, slots=True)
class Home:
    """Where an incident's messages go: a channel's id, and its thread's first message where it has a thread."""

    channel: str
    thread: str | None = None


class Slack:
    """An `Outlet`. An incident's home is found again in Slack itself: by the channel's name, or by its messages' metadata."""

    def __init__(self, settings: Settings, opened_at: datetime) -> None:
        self.settings = settings
        self.api = SlackApi(settings.title, settings.token.get_secret_value(), settings.url)
        self._oldest = f"{opened_at.timestamp() - BEFORE:.0f}"
        self._homes: dict[str, Home] = {}
        self._opening = asyncio.Lock()

    def takes(self, message: Message) -> bool:
        """By kind and role."""
        return self.settings.takes(message)

    async def send(self, message: Message) -> str:
        """Post it at its incident's home, which its first message opens; for a channel its name or its thread's link."""
        async with self._opening:
            home = self._homes.get(message.incident)
            if home is None and self.settings.per_incident == "channel":
                home = await self._created(message.incident)
            elif home is None:
                home = await self._home(message.incident)
            if home is None:
                return await self._begun(message)
        if message.kind != "channel":
            return await self._link(home.channel, await self._posted(message, home))
        if home.thread is not None:
            return await self._link(home.channel, home.thread)
        if not await self.was_sent(message):
            await self._posted(message, home)
        await self._invite(home)
        return f"#{channel_name(self.settings.prefix, message.incident)}"

    async def was_sent(self, message: Message) -> bool | None:
        """Whether a message with its key is at its incident's home."""
        async with self._opening:
            home = await self._home(message.incident)
        if home is None:
            return False
        where: dict[str, Any] = {"channel": home.channel, "include_all_metadata": True}
        method = "conversations.history" if home.thread is None else "conversations.replies"
        where |= {} if home.thread is None else {"ts": home.thread}
        async for found in self.api.listed(method, "messages", **where):
            if tag_of(found) == (message.incident, key_of(message)):
                return True
        return False

    async def _home(self, incident: str) -> Home | None:
        """The incident's home as it is in Slack; None where it has none yet."""
        if incident not in self._homes:
            found = await (self._thread(incident) if self.settings.per_incident == "thread" else self._channel(incident))
            if found is None:
                return None
            self._homes[incident] = found
        return self._homes[incident]

    async def _thread(self, incident: str) -> Home | None:
        channel = str(self.settings.channel)
        where = {"channel": channel, "oldest": self._oldest, "include_all_metadata": True}
        firsts = [
            str(found["ts"])
            async for found in self.api.listed("conversations.history", "messages", **where)
            if (tag_of(found) or ("", ""))[0] == incident and found.get("thread_ts", found["ts"]) == found["ts"]
        ]
        return Home(channel, min(firsts, key=float)) if firsts else None

    async def _channel(self, incident: str) -> Home | None:
        name = channel_name(self.settings.prefix, incident)
        async for found in self.api.listed("conversations.list", "channels", exclude_archived=True, types="public_channel"):
            if found["name"] == name:
                if not found.get("is_member", True):
                    await self.api.call("conversations.join", channel=found["id"])
                return Home(str(found["id"]))
        return None

    async def _created(self, incident: str) -> Home:
        """The incident's channel, made unless it is there: looking for it among all would be slow."""
        name = channel_name(self.settings.prefix, incident)
        try:
            made = await self.api.call("conversations.create", name=name)
        except SlackRefused as error:
            if error.error != "name_taken":
                raise
            home = await self._channel(incident)
            if home is None:
                raise ToolError(
                    f"{self.settings.title}: #{name} exists and cannot be used", "is it archived or private?"
                ) from error
        else:
            home = Home(str(made["channel"]["id"]))
        self._homes[incident] = home
        return home

    async def _begun(self, message: Message) -> str:
        """The incident's thread, begun with this message; its link."""
        channel = str(self.settings.channel)
        first = await self._posted(message, Home(channel))
        self._homes[message.incident] = Home(channel, first)
        return await self._link(channel, first)

    async def close(self) -> None:
        """Forget what another event loop may not use."""
        self._opening = asyncio.Lock()

    async def _posted(self, message: Message, home: Home) -> str:
        """Its timestamp, which is its id."""
        more = {} if home.thread is None else {"thread_ts": home.thread}
        told = await self.api.call("chat.postMessage", channel=home.channel, **payload(message, self.settings.mentions), **more)
        return str(told["ts"])

    async def _invite(self, home: Home) -> None:
        if self.settings.invite:
            try:
                await self.api.call("conversations.invite", channel=home.channel, users=",".join(self.settings.invite))
            except SlackRefused as error:
                if error.error != "already_in_channel":
                    raise

    async def _link(self, channel: str, message: str) -> str:
        try:
            return str((await self.api.call("chat.getPermalink", channel=channel, message_ts=message))["permalink"])
        except ToolError:
            return f"{channel}/{message}"  # it was posted: that its link is not given does not undo this

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - Slack is as it is now
        """Whose token it is, what it allows, and the channel; nothing is posted."""
        what = f"the app's token for {self.settings.url}"
        try:
            told = await self.api.call("auth.test")
        except ToolError as error:
            return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        proofs = [Proof(what, ok=True, detail=f"it is {told.get('user')}'s in {told.get('team')}"), self._scopes(told.headers)]
        if self.settings.per_incident == "thread":
            proofs.append(await self._reads())
        return proofs

    def _scopes(self, headers: Any) -> Proof:
        needed = [*SCOPES[self.settings.per_incident]]
        given = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
        missing = [s for s in needed if s not in given and s.replace("channels:", "groups:") not in given]
        if missing:
            remedy = f"give the app the scopes {', '.join(missing)} and install it again"
            return Proof("what the token allows", ok=False, detail=f"it lacks {', '.join(missing)}", remedy=remedy)
        return Proof("what the token allows", ok=True, detail=", ".join(needed))

    async def _reads(self) -> Proof:
        channel = str(self.settings.channel)
        what = f"the channel {channel}"
        try:
            told = (await self.api.call("conversations.info", channel=channel))["channel"]
            await self.api.call("conversations.history", channel=channel, limit=1)
        except ToolError as error:
            return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
        if told.get("is_archived") or not told.get("is_member"):
            why = "is archived" if told.get("is_archived") else "does not have the app as a member"
            return Proof(what, ok=False, detail=f"#{told.get('name')} {why}", remedy="invite the app to a channel in use")
        return Proof(what, ok=True, detail=f"#{told.get('name')} can be read; that it can be written is only seen by posting")


def connect(settings: Settings, site: Site) -> Connector:
    """The workspace. Raises WorldError where threads have no channel."""
    if settings.per_incident == "thread" and settings.channel is None:
        raise WorldError(f"{settings.title}: threads need a channel", "set `channel` to its id, or `per_incident: channel`")
    outlet = Slack(settings, site.opened_at)
    return Connector(
        name=settings.title, prove=outlet.prove, close=outlet.close, outlet=outlet, secrets=(settings.token.get_secret_value(),)
    )
