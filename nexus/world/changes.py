"""Changes: deployments, configuration, flags and pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

ChangeKind = Literal["deployment", "config", "flag", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was made."""

    id: str
    at: datetime
    component: str
    kind: ChangeKind
    version: str
    previous: str = ""
    author: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """One run of CI/CD."""

    component: str
    at: datetime
    version: str
    status: Literal["passed", "failed", "running"]
    detail: str = ""


class Changes(Protocol):
    """Where changes come from. Raises Unavailable when it does not answer."""

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first."""
        ...

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Pipeline runs begun in [start, end], oldest first; empty where pipelines are not known."""
        ...
