"""Code: where an error arises, and patches that could be released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CodeLocation:
    """Where an error arises."""

    component: str
    file: str
    line: int
    snippet: str
    last_changed_days: float | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of code, ready to be tested; its id is what a hotfix action releases."""

    id: str
    component: str
    summary: str
    diff: str


@dataclass(frozen=True, slots=True)
class PatchTest:
    """What testing a patch, before any release, gave."""

    patch: str
    passed: bool
    detail: str


class Code(Protocol):
    """Raises Unavailable when the code cannot be read."""

    async def locate(self, component: str, error: str) -> CodeLocation | None:
        """Where that error arises, if it can be found."""
        ...

    async def patches(self, component: str, at: datetime) -> list[Patch]:
        """Patches that a developer has ready for that component, best first."""
        ...

    async def test(self, patch: str, at: datetime) -> PatchTest:
        """Build and test a patch away from production."""
        ...
