"""Actions: the only door through which the world is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from nexus.incident import Action, DryRun


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the world says of an action it carried out."""

    detail: str
    took: timedelta


class Actions(Protocol):
    """Changes. Every method raises ActionRefused where the world is read-only, ActionFailed where it tried and could not."""

    async def options(self, component: str, at: datetime) -> list[Action]:
        """Every action that could be taken on that component now, with exact arguments, most specific first."""
        ...

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        """What would happen, and the state that undo would restore; changes nothing."""
        ...

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        """Carry it out; the same `key` again changes nothing and gives the first receipt."""
        ...

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        """Restore what `DryRun.before` held; the same `key` again changes nothing."""
        ...

    async def find(self, key: str, at: datetime) -> Receipt | None:
        """What became of a change that was ordered under that key: its receipt, or None where it was certainly not made.

        Raises ActionUnknown where that cannot be told.
        """
        ...

    async def state(self, at: datetime) -> dict[str, Any]:
        """Everything that actions can change, as of `at`: two equal values are two equal states."""
        ...
