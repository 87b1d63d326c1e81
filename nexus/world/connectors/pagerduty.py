"""PagerDuty: notices page whoever is on call, one alert an incident, which its resolution resolves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import httpx2
from pagerduty import Error, EventsApiV2Client
from pydantic import Field, SecretStr

from nexus.errors import ToolError, Unavailable
from nexus.incident import Status
from nexus.world.connectors.contract import Connector, Message, Proof, Site
from nexus.world.connectors.http import place_of
from nexus.world.connectors.messages import OutletSettings, read

PATIENCE = 60.0
"""Seconds for an event with its repeats."""
REPEATS = 2
"""How often an event is sent again when PagerDuty is busy: the client's own answer to 429 is to go on for ever."""
WAIT = 1.5
"""Seconds before the first of them; each wait is twice the one before."""
SUMMARY = 1024
"""Characters of a summary; PagerDuty refuses a longer one."""


class Settings(OutletSettings):
    """The service's integration, and whose notices page."""

    use: Literal["pagerduty"]
    routing_key: SecretStr = Field(description="the integration key of an Events API v2 integration")
    severity: Literal["critical", "error", "warning", "info"] = Field(default="critical", description="of the alerts")
    kinds: tuple[Literal["notice", "status"], ...] = Field(
        default=("notice", "status"),
        description="notice: pages; status: resolves the incident's alert when the incident is resolved",
    )
    roles: tuple[str, ...] = Field(
        default=("on-call engineer",), description="roles or people whose notices page; empty: everybody's"
    )
    url: str = Field(
        default="https://events.pagerduty.com", pattern="^https://", description="in the EU https://events.eu.pagerduty.com"
    )


class PagerDuty:
    """An `Outlet`. Every event of an incident has the same dedup_key, so that one sent again adds to the alert and makes none."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def takes(self, message: Message) -> bool:
        """Notices to its roles, and of status updates the one that says Resolved."""
        return self.settings.takes(message) and (message.kind != "status" or read(message.text).status is Status.RESOLVED)

    async def send(self, message: Message) -> str:
        """Trigger or resolve the incident's alert; its dedup_key. Raises ToolError where PagerDuty did not take it."""
        title = self.settings.title
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(self._send, message)
        except TimeoutError as error:
            raise Unavailable(
                f"{title} takes longer than {PATIENCE:.0f} s: whether it paged is not known", "page by hand"
            ) from error
        except Error as error:
            raise self._refusal(error) from None  # its text holds the end of the key

    def _send(self, message: Message) -> str:
        with EventsApiV2Client(self.settings.routing_key.get_secret_value(), base_url=self.settings.url) as client:
            client.retry.update({429: REPEATS, 500: REPEATS, 502: REPEATS, 503: REPEATS, 504: REPEATS})
            client.max_network_attempts, client.sleep_timer = REPEATS, WAIT
            if message.kind == "status":
                return str(client.resolve(message.incident))
            return str(client.send_event("trigger", dedup_key=message.incident, payload=self._payload(message)))

    def _payload(self, message: Message) -> dict[str, Any]:
        summary = " ".join(f"{message.incident} for {message.to or 'whoever is on call'}: {read(message.text).heading}".split())
        return {
            "summary": summary if len(summary) <= SUMMARY else f"{summary[: SUMMARY - 1]}…",
            "source": "NEXUS",
            "severity": self.settings.severity,
            "timestamp": message.at.isoformat(),
            "group": message.incident,
            "class": "incident",
            "custom_details": {"to": message.to, "text": message.text},
        }

    def _refusal(self, error: Error) -> ToolError:
        where = f"{self.settings.title} at {place_of(self.settings.url)}"
        response: httpx2.Response | None = error.response
        if response is None:
            return Unavailable(f"{where} does not answer: the event was not taken", "check the network, and page by hand")
        if response.status_code in {400, 401, 403}:
            said = response.text.replace(self.settings.routing_key.get_secret_value(), "[key]")
            return ToolError(
                f"{where} refuses the event ({response.status_code}: {' '.join(said[:300].split())})",
                "check `routing_key` and `url`",
            )
        return Unavailable(
            f"{where} answers {response.status_code}: the event was not taken", "see its status page, and page by hand"
        )

    async def was_sent(self, message: Message) -> bool | None:  # noqa: ARG002 - events cannot be asked for
        """Cannot be told; sent again, it adds to the same alert and makes no other."""
        return None

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - nothing is asked
        """The key's form alone: more cannot be tried without paging somebody."""
        if not re.fullmatch(r"[A-Za-z0-9]{32}", self.settings.routing_key.get_secret_value()):
            remedy = "take the integration key of an Events API v2 integration, not an API token"
            return [Proof("the routing key", ok=False, detail="it has not the form of one: 32 letters and digits", remedy=remedy)]
        return [Proof("the routing key", ok=True, detail="it has the form of one; it cannot be proven without paging somebody")]


def connect(settings: Settings, site: Site) -> Connector:  # noqa: ARG001 - nothing of the site is needed
    """The integration."""
    outlet = PagerDuty(settings)
    return Connector(name=settings.title, prove=outlet.prove, outlet=outlet, secrets=(settings.routing_key.get_secret_value(),))
