"""Contract: what a connector is given, and what it gives to the world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from nexus.incident import Action, BacklogItem, DryRun
from nexus.world.browser import Browser
from nexus.world.calls import Calls
from nexus.world.catalog import ServiceCatalog
from nexus.world.changes import Changes
from nexus.world.code import Code
from nexus.world.databases import Databases
from nexus.world.dependencies import Dependencies
from nexus.world.endpoints import Endpoints
from nexus.world.infrastructure import Infrastructure
from nexus.world.journal import Journal
from nexus.world.logs import Logs
from nexus.world.looks import CustomLook
from nexus.world.metrics import Metrics
from nexus.world.security import Security


class ConnectorSettings(BaseModel):
    """What a world file says of one connector; each kind adds its own fields.

    Secrets are `SecretStr`. A value `${NAME}` anywhere in a world file is the environment's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: str = Field(description="which connector")
    name: str = Field(default="", description="what it is called in errors and evidence; its kind when not given")

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or self.use


@dataclass(frozen=True, slots=True)
class Site:
    """What every connector is given besides its settings."""

    folder: Path
    """The world file's folder: relative paths begin here."""
    catalog: ServiceCatalog
    journal: Journal
    """The incident's memory of what was done to its world; its entries outlive the process."""
    opened_at: datetime
    """When the incident was opened: what is normal is looked for before it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that `nexus doctor` tried, as an agent would use it. `detail` is what was seen, or what went wrong."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""


class ActionSource(Protocol):
    """One way to change systems. Keys, repeats and crashes are not its business: `acting.py` keeps a journal around it.

    `before` is what `DryRun.before` held: everything that taking it back needs, as JSON.
    """

    async def options(self, component: str, at: datetime) -> list[Action]:
        """What could be done about that component now, most specific first. Raises ActionFailed where it cannot tell."""
        ...

    def owns(self, action: Action) -> bool:
        """Whether this exact action is one that it carries out."""
        ...

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        """What would happen; changes nothing. Raises ActionFailed, ActionRefused."""
        ...

    async def carry_out(self, action: Action) -> str:
        """Do it; what the system said. Raises ActionFailed where it was certainly not done, ActionUnknown where it may be."""
        ...

    async def take_back(self, before: Mapping[str, Any]) -> str:
        """Restore what `before` says. Raises ActionFailed, ActionUnknown."""
        ...

    async def is_done(self, action: Action) -> bool | None:
        """Whether the system stands as after that action; None where that cannot be told. After a crash it is asked this."""
        ...

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        """Whether the system stands as `before` says; None where that cannot be told."""
        ...

    async def state(self, at: datetime) -> dict[str, Any]:
        """Everything that it can change, as JSON: two equal values are two equal states."""
        ...


MessageKind = Literal["channel", "status", "brief", "notice"]
"""The incident's channel is opened, the status page, the stakeholders, one role or person."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell people; `to` is the role or person of a notice, else empty. `key` is unique in the incident."""

    kind: MessageKind
    incident: str
    to: str
    text: str
    at: datetime
    key: str


class Outlet(Protocol):
    """One way to tell people. Keys and repeats are not its business: `telling.py` keeps a journal around it."""

    def takes(self, message: Message) -> bool:
        """Whether this message is for it: by kind and, for a notice, by whom it is to."""
        ...

    async def send(self, message: Message) -> str:
        """Send it; for a channel its name, else a receipt that a person can follow. Raises ToolError where it was not sent.

        A channel that is there already is given by its name again.
        """
        ...

    async def was_sent(self, message: Message) -> bool | None:
        """Whether it is there already; None where that cannot be told. After a crash it is asked this before it sends again."""
        ...


class BacklogTarget(Protocol):
    """Where work is kept. Its own search by key keeps items from being doubled."""

    async def add(self, item: BacklogItem) -> bool:
        """Add it, unless an item with its key is there; whether it was new. Raises ToolError."""
        ...


async def nothing_to_close() -> None:
    """A connector that holds nothing open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """What one connector gives; what it does not have is None.

    `prove` uses it as an agent would and never raises for what is wrong with the system; it changes nothing.
    `secrets` are masked wherever they occur.
    """

    name: str
    prove: Callable[[datetime], Awaitable[Sequence[Proof]]]
    close: Callable[[], Awaitable[None]] = nothing_to_close
    secrets: tuple[str, ...] = field(default=(), repr=False)
    metrics: Metrics | None = None
    logs: Logs | None = None
    changes: Changes | None = None
    calls: Calls | None = None
    databases: Databases | None = None
    infrastructure: Infrastructure | None = None
    dependencies: Dependencies | None = None
    endpoints: Endpoints | None = None
    browser: Browser | None = None
    security: Security | None = None
    code: Code | None = None
    actions: ActionSource | None = None
    outlet: Outlet | None = None
    backlog: BacklogTarget | None = None
    looks: tuple[CustomLook, ...] = ()
    more_looks: Callable[[], Awaitable[tuple[CustomLook, ...]]] | None = None
    """Looks that only its server knows of. Raises Unavailable where it does not answer."""
