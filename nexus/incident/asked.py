"""AskedTask: one task as an agent was asked it, so that it can be asked again."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident.base import Moment, Word


class AskedTask(Word):
    """`key` is unique in the incident. Evidence among the facts is here by id; its values are in the records."""

    key: str
    agent: str = Field(description="the agent's name")
    task: str
    at: Moment
    facts: dict[str, Any]
    window_minutes: int = 60
    evidence: tuple[str, ...] = ()
    looks: str = Field(default="", description="what the ids of the looks that the agent took for it begin with")
    catalog: dict[str, str] = Field(default_factory=dict, description="the components that were known then, and their owners")
