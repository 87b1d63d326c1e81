"""Tool: a named, typed way to look at the world; none of them changes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nexus.incident import Alert, Word
from nexus.tools.readings import Reading
from nexus.world import World


@dataclass(frozen=True, slots=True)
class Marks:
    """Moments that pictures are marked with; None where there is none yet."""

    change: datetime | None = None
    alert: datetime | None = None
    action: datetime | None = None
    recovery: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a tool is given besides its arguments."""

    world: World
    at: datetime
    alert: Alert
    window: timedelta = timedelta(minutes=60)
    marks: Marks = field(default_factory=Marks)


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading, and the pictures (file name to PNG) that belong to it."""

    reading: Reading
    pictures: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """`run(look, arguments)` raises ToolError when it cannot look."""

    name: str
    description: str
    arguments: type[Word]
    run: Callable[[Look, Any], Awaitable[Seen]]


class NoArguments(Word):
    """A tool that needs none."""


class OfComponent(Word):
    """A tool about one component, or about all when none is named."""

    component: str | None = None
