"""Status page: a folder of our own that any web server can show: HTML for people, `status.json` for machines."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from nexus.errors import ToolError
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.contract import Connector, ConnectorSettings, Message, Proof, Site
from nexus.world.connectors.status_page_html import incident_page, index_page, page_of
from nexus.world.connectors.status_page_record import PageRecord, with_update

RECORD = "status.json"
PATIENCE = 10.0
"""Seconds that another process may be writing the page."""


class Settings(ConnectorSettings):
    """Where the page is, and what it shows; it takes status updates and nothing else, for everybody can read it."""

    use: Literal["status-page"]
    folder: Path = Field(default=Path("status"), description="made where it is missing; relative to the world file")
    heading: str = Field(default="Service status", description="what stands above the page")
    url: str = Field(default="", description="where people find the page; empty: receipts name the file")
    components: dict[str, str] = Field(
        default_factory=dict,
        description="catalog name to public name of what is listed; empty: the catalog's backend and frontend services",
    )
    past: int = Field(default=20, ge=0, description="resolved incidents on the front page; the pages of all of them stay")


class StatusPage:
    """An `Outlet`. `status.json` is its memory: the pages are made from it, and each key is in it once.

    Files are written beside the old ones and take their places, the memory first: a page that a crash left old is made again
    when its update is asked for, sent again or followed by another.
    """

    def __init__(self, settings: Settings, folder: Path, catalog: ServiceCatalog) -> None:
        self.settings = settings
        self.folder = folder
        served = [service.name for service in catalog if service.kind in {"backend", "frontend"}]
        self.components = dict(settings.components) or {name: name for name in served}

    def takes(self, message: Message) -> bool:
        """Status updates alone."""
        return message.kind == "status"

    async def send(self, message: Message) -> str:
        """Publish it, once for its key; where the incident's page is. Raises ToolError."""
        return await asyncio.to_thread(self._send, message)

    async def was_sent(self, message: Message) -> bool | None:
        """Whether the update is on the page; pages that a crash left behind it are made again. Raises ToolError."""
        return await asyncio.to_thread(self._was_sent, message)

    def _was_sent(self, message: Message) -> bool:
        sent = self._record().has(message)
        if sent:
            self._send(message)
        return sent

    def _send(self, message: Message) -> str:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=PATIENCE):
                self._publish(with_update(self._record(), message, self.components), message.incident)
        except Timeout as error:
            raise ToolError(f"the status page in {self.folder} is held by another process", "end it, or remove .lock") from error
        except OSError as error:
            raise ToolError(
                f"the status page in {self.folder} cannot be written ({error.strerror})", "check the folder and its permissions"
            ) from error
        page = page_of(message.incident)
        return f"{self.settings.url.rstrip('/')}/{quote(page)}" if self.settings.url else str(self.folder / page)

    def _record(self) -> PageRecord:
        file = self.folder / RECORD
        try:
            found = PageRecord.model_validate_json(file.read_bytes()) if file.exists() else PageRecord(page="")
        except (ValidationError, OSError) as error:
            raise ToolError(
                f"{file} is no record of a status page", "mend it, or move it away: a new page is begun then"
            ) from error
        return found.model_copy(update={"page": self.settings.heading})

    def _publish(self, record: PageRecord, incident: str) -> None:
        told = record.find(incident)
        assert told is not None
        self._write(RECORD, record.model_dump_json(indent=1))
        self._write(page_of(incident), incident_page(record, told))
        self._write("index.html", index_page(record, self.settings.past))

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self.folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            Path(beside).chmod(0o644)
            Path(beside).replace(path)
        finally:
            Path(beside).unlink(missing_ok=True)

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a folder is as it is now
        """Whether the folder can be written and its record read; changes nothing."""
        return [await asyncio.to_thread(self._proof)]

    def _proof(self) -> Proof:
        what = f"the status page in {self.folder}"
        nearest = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            return Proof(what, ok=False, detail=f"{nearest} cannot be written by this user", remedy="change its owner or mode")
        try:
            incidents = self._record().incidents
        except ToolError as error:
            return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
        opened = sum(incident.resolved is None for incident in incidents)
        return Proof(what, ok=True, detail=f"it can be written; {len(incidents)} incidents are on it, {opened} of them open")


def connect(settings: Settings, site: Site) -> Connector:
    """The page; its folder is made with the first update."""
    page = StatusPage(settings, site.folder / settings.folder, site.catalog)
    return Connector(name=settings.title, prove=page.prove, outlet=page)
