"""CustomLook: a way to look that only this world has, a declared command or a tool of an MCP server; it changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CustomLook:
    """`arguments` is a JSON schema of an object; `run` gives text, capped by its source, and raises ToolError.

    `agents` are the names of those who may use it; empty: every agent that investigates or verifies.
    """

    name: str
    description: str
    arguments: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], Awaitable[str]]
    agents: frozenset[str] = frozenset()
