"""Apprise: any of the services that Apprise knows, named by its URL: chats, phones, paging."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from apprise import Apprise as Library
from apprise import NotifyFormat
from pydantic import Field, SecretStr

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.world.connectors.contract import Connector, Message, MessageKind, Proof, Site
from nexus.world.connectors.messages import OutletSettings, read

PATIENCE = 45.0
"""Seconds that a service may take; each request of Apprise's has shorter limits of its own."""


class Settings(OutletSettings):
    """One service; several are several connectors, so that each is known to have been told or not."""

    use: Literal["apprise"]
    url: SecretStr = Field(description="the service as Apprise writes it, such as tgram://token/chat; all of it is secret")
    kinds: tuple[MessageKind, ...] = Field(default=("brief", "notice"), description="which kinds of message it takes")


class Apprise:
    """An `Outlet`. Texts are handed on as plain text: Apprise escapes them for services that read markup."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._library = Library()
        if not self._library.add(settings.url.get_secret_value()):
            raise WorldError(f"{settings.title}: Apprise cannot read its url", "see Apprise's list of services for its form")
        self.service = str(self._library[0].service_name)

    def takes(self, message: Message) -> bool:
        """By kind and role."""
        return self.settings.takes(message)

    async def send(self, message: Message) -> str:
        """Hand it to the service; which one that was. Raises ToolError where the service did not take it."""
        title = f"[{message.incident}] {message.to}: " if message.to else f"[{message.incident}] "
        heading = read(message.text).heading
        try:
            async with asyncio.timeout(PATIENCE):
                taken = await asyncio.to_thread(
                    self._library.notify, body=message.text, title=title + heading, body_format=NotifyFormat.TEXT
                )
        except TimeoutError as error:
            raise Unavailable(
                f"{self.settings.title}: {self.service} takes longer than {PATIENCE:.0f} s: whether it was sent is not known",
                "check the service",
            ) from error
        except TypeError as error:  # Apprise's word for a notification that none of its services can be given
            raise ToolError(f"{self.settings.title}: {self.service} was given nothing", "check its url") from error
        if not taken:
            raise ToolError(f"{self.settings.title}: {self.service} did not take it", "check its url, and the service")
        return self.service

    async def was_sent(self, message: Message) -> bool | None:  # noqa: ARG002 - no service of Apprise's can be asked
        """Cannot be told."""
        return None

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - nothing is asked
        """That Apprise knows the service; more cannot be tried without telling people something."""
        detail = f"Apprise knows it as {self.service}; whether it delivers is only seen by sending"
        return [Proof("the service of the url", ok=True, detail=detail)]


def connect(settings: Settings, site: Site) -> Connector:  # noqa: ARG001 - nothing of the site is needed
    """The service. Raises WorldError for a url that Apprise cannot read."""
    outlet = Apprise(settings)
    return Connector(name=settings.title, prove=outlet.prove, outlet=outlet, secrets=(settings.url.get_secret_value(),))
