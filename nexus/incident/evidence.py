"""Evidence and the Finding that cites it: nothing is claimed without an id minted by the engine."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nexus.incident.base import Moment, Word


class Evidence(Word):
    """The result of one tool call; `id` is minted when the tool runs and is unique in the incident."""

    id: str
    tool: str
    agent: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    at: Moment
    summary: str = Field(description="one or two sentences a person can read")
    values: dict[str, Any] = Field(default_factory=dict, description="what decisions are made from")
    failed: bool = Field(default=False, description="the tool could not look; the summary says why")
    pictures: tuple[str, ...] = Field(default=(), description="paths inside the incident's folder")


class Finding(Word):
    """One claim of one agent, with what it rests on and what it rules out."""

    agent: str
    check: str
    claim: str
    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    component: str | None = None
    abnormal: bool = Field(default=False, description="the check found something wrong")
    at: Moment


class Absence(Word):
    """An agent that did not answer: failed, too slow or without its tools."""

    agent: str
    task: str
    reason: str
    at: Moment
