"""Need: what every tool asks of its look first: the capability it reads, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from nexus.errors import ToolError, Unavailable
from nexus.tools.tool import Look

Capability = TypeVar("Capability")
CHANGES_BACK = timedelta(hours=24)
"""How far back changes are read at the least: one may wait for a day's load before it harms."""


def need(capability: Capability | None, what: str) -> Capability:
    """The capability itself. Raises Unavailable when the world has none."""
    if capability is None:
        raise Unavailable(f"this world has no {what}", "go by the other checks, or connect one")
    return capability


def since(look: Look, at_least: timedelta = timedelta(0)) -> datetime:
    """Where a look back begins: the window, or `at_least` when longer, before the alert."""
    return min(look.at, look.alert.starts_at) - max(look.window, at_least)


def component_of(look: Look, component: str | None) -> str:
    """The component that was named, or else the alert's service. Raises ToolError when there is neither."""
    name = component or look.alert.service
    if name is None:
        raise ToolError("no component was named and the alert names no service", "give the argument `component`")
    return name


def some(names: Iterable[str], most: int = 5) -> str:
    """Names as a list for a sentence: `a, b, c and 4 more`."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - most
    return ", ".join(unique[:most]) + (f" and {rest} more" if rest > 0 else "")
