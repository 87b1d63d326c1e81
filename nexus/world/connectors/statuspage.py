"""Statuspage: incidents on a page of Atlassian Statuspage, with what was posted kept in their metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr

from nexus.errors import ToolError, Unavailable
from nexus.incident import Status
from nexus.world.connectors.contract import Connector, ConnectorSettings, Message, Proof, Site
from nexus.world.connectors.http import HttpService
from nexus.world.connectors.messages import Bulletin, named_in, read

PAGE = 100
MOST_PAGES = 5
"""Pages of incidents, newest first, among which ours is looked for."""
NAME, BODY = 255, 25_000
"""Characters of an incident's name and of an update, at the most."""
OURS, SENT = "nexus", "nexus_sent"
"""Keys of the metadata: whose incident it is, and the keys of what was posted. Statuspage wants objects below them."""
ComponentStatus = Literal["degraded_performance", "partial_outage", "major_outage"]


class Settings(ConnectorSettings):
    """The page; it takes status updates and nothing else, for everybody can read it."""

    use: Literal["statuspage"]
    page_id: str = Field(pattern=r"^[A-Za-z0-9]+$", description="the page's id, in the address of its management page")
    token: SecretStr = Field(description="an API key of an account that may manage incidents of the page")
    components: dict[str, str] = Field(default_factory=dict, description="catalog name to the id of the page's component")
    affected: ComponentStatus = Field(default="partial_outage", description="what a component of an open incident is set to")
    notify: bool = Field(default=True, description="whether the page's subscribers are told")
    url: str = Field(default="https://api.statuspage.io/v1", description="where the API is")


class Statuspage:
    """An `Outlet`. An incident of ours is found by its metadata, which also holds the keys of the updates that are on it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        headers = {"Authorization": f"OAuth {settings.token.get_secret_value()}"}
        self.service = HttpService(settings.title, settings.url, headers=headers, timeout=20.0)
        self._ids: dict[str, str] = {}
        self._posting = asyncio.Lock()

    def takes(self, message: Message) -> bool:
        """Status updates alone."""
        return message.kind == "status"

    async def send(self, message: Message) -> str:
        """Post it, once for its key; the incident's address. Raises ToolError."""
        async with self._posting:
            found = await self._find(message.incident)
            if found is None:
                found = await self._ask("POST", "/incidents", json={"incident": self._posted(message, None)})
                self._ids[message.incident] = found["id"]
            elif message.key not in _sent(found):
                path = f"/incidents/{quote(found['id'], safe='')}"
                found = await self._ask("PATCH", path, json={"incident": self._posted(message, found)})
        return str(found.get("shortlink") or found["id"])

    async def was_sent(self, message: Message) -> bool | None:
        """Whether the update is on the page."""
        found = await self._find(message.incident)
        return found is not None and message.key in _sent(found)

    async def _find(self, incident: str) -> dict[str, Any] | None:
        if incident in self._ids:
            return dict(await self._ask("GET", f"/incidents/{quote(self._ids[incident], safe='')}"))
        for page in range(1, MOST_PAGES + 1):
            listed = await self._ask("GET", "/incidents", params={"limit": PAGE, "page": page})
            for one in listed:
                if ((one.get("metadata") or {}).get(OURS) or {}).get("incident") == incident:
                    self._ids[incident] = one["id"]
                    return dict(one)
            if len(listed) < PAGE:
                break
        return None

    def _posted(self, message: Message, found: dict[str, Any] | None) -> dict[str, Any]:
        """What the incident becomes with that update; `found`: as it is, None: it is not there yet."""
        bulletin = read(message.text)
        components = self._components(bulletin, found)
        told: dict[str, Any] = {
            "body": _body(bulletin)[:BODY],
            "components": components,
            "component_ids": list(components),
            "deliver_notifications": self.settings.notify,
            "metadata": {
                **((found or {}).get("metadata") or {}),
                OURS: {"incident": message.incident},
                SENT: {**_sent(found or {}), message.key: message.at.isoformat()},
            },
        }
        status = bulletin.status or (Status.INVESTIGATING if found is None else None)
        if status is not None:
            told["status"] = status.value.lower()
        if found is None:
            told["name"] = (f"{bulletin.service} incident" if bulletin.service else bulletin.heading or message.incident)[:NAME]
        return told

    def _components(self, bulletin: Bulletin, found: dict[str, Any] | None) -> dict[str, str]:
        """The page's components that the update is about, and those that were affected before, as they stand with it."""
        ours = {self.settings.components[name] for name in named_in(bulletin, self.settings.components)}
        before = {str(one["id"]): str(one["status"]) for one in (found or {}).get("components") or ()}
        if bulletin.status is Status.RESOLVED:
            return dict.fromkeys(sorted({*before, *ours}), "operational")
        if bulletin.status is Status.MONITORING:
            return dict.fromkeys(sorted({*before, *ours}), "degraded_performance")
        if bulletin.status is None:
            return {**dict.fromkeys(sorted(ours), self.settings.affected), **before}
        return dict.fromkeys(sorted({*before, *ours}), self.settings.affected)

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        """What Statuspage answers. Raises Unavailable; for the limit of 60 requests a minute it says so."""
        try:
            return await self.service.json(method, f"/pages/{self.settings.page_id}{path}", **more)
        except Unavailable as error:
            if any(f" answers {code} " in error.what for code in (420, 429)):
                raise Unavailable(f"{self.service.name} takes no more than 60 requests a minute", "try again later") from error
            raise

    async def close(self) -> None:
        """Let go of its connections, and of what another event loop may not use."""
        self._posting = asyncio.Lock()
        await self.service.close()

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a page is as it is now
        """The page, its incidents and the components that the settings name; nothing is posted."""
        what = f"the page {self.settings.page_id}"
        try:
            page = await self._ask("GET", "")
            incidents = await self._ask("GET", "/incidents", params={"limit": 1, "page": 1})
            known = {one["id"]: one["name"] for one in await self._ask("GET", "/components")}
        except ToolError as error:
            return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        seen = "its incidents can be read" if incidents else "it has no incidents yet"
        detail = f"{page['name']}: {seen}; that they can be written is only seen by posting"
        proofs = [Proof(what, ok=True, detail=detail)]
        for name, component in self.settings.components.items():
            there = component in known
            said = f"it is {known[component]}" if there else f"the page has no component {component}"
            remedy = "" if there else f"take one of {', '.join(sorted(known))}"
            proofs.append(Proof(f"the component of {name}", ok=there, detail=said, remedy=remedy))
        return proofs


def _sent(found: dict[str, Any]) -> dict[str, Any]:
    return dict((found.get("metadata") or {}).get(SENT) or {})


def _body(bulletin: Bulletin) -> str:
    """The update without what the page says beside it: its heading and status."""
    lines = [f"{label}: {text}" if label else text for label, text in bulletin.lines if label != "Status"]
    return "\n\n".join(lines if bulletin.service and lines else [bulletin.heading, *lines])


def connect(settings: Settings, site: Site) -> Connector:  # noqa: ARG001 - nothing of the site is needed
    """The page."""
    outlet = Statuspage(settings)
    return Connector(
        name=settings.title,
        prove=outlet.prove,
        close=outlet.close,
        outlet=outlet,
        secrets=(settings.token.get_secret_value(),),
    )
