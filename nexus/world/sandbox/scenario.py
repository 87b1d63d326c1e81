"""Scenario: scenario.yaml as strict types: what changes, what breaks, what cannot be seen and what NEXUS should make of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from nexus.incident import ActionKind, Cause, CauseStatus, Moment, Outcome, Severity, Word
from nexus.world.changes import ChangeKind
from nexus.world.sandbox.faults import AnyFault
from nexus.world.sandbox.offset import Offset


class ChangeSpec(Word):
    """One change, guilty or innocent."""

    at: Offset
    component: str
    kind: ChangeKind = "deployment"
    version: str = Field(description="the release, the configuration's version, or on/off for a flag")
    previous: str = Field(default="", description="what it replaced; by default what ran before")
    key: str = Field(default="", description="the configuration key or the flag's name")
    author: str = "release-bot"
    summary: str = ""
    pipeline: Literal["passed", "failed", "running"] = "passed"


class Measure(Word):
    """A business count that monitoring keeps: as many a minute as one component calls another."""

    component: str = Field(description="under whose name it is kept")
    metric: str
    caller: str
    callee: str


class Outage(Word):
    """A way of looking that does not answer."""

    of: Literal[
        "metrics", "logs", "changes", "calls", "databases", "infrastructure", "dependencies", "endpoints", "browser", "security",
        "code",
    ]  # fmt: skip
    start: Offset = Field(default=-100000.0, alias="from")
    until: Offset | None = None


def _tuple(value: object) -> object:
    return (value,) if isinstance(value, str) or value is None else value


class Expectation(Word):
    """What a good response makes of it; several values mean that any will do."""

    severity: Annotated[tuple[Severity, ...], BeforeValidator(_tuple)]
    cause: Annotated[tuple[Cause, ...], BeforeValidator(_tuple)] = ()
    component: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    status: Annotated[tuple[CauseStatus, ...], BeforeValidator(_tuple)] = ()
    outcome: Annotated[tuple[Outcome, ...], BeforeValidator(_tuple)]
    team: tuple[str, ...] = Field(default=(), description="agents that must be on the team; empty: by the runbook's table")
    actions: tuple[ActionKind, ...] | None = Field(
        default=None, description="kinds of the changes made, in order; None: not judged"
    )
    actions_in_any_order: bool = False
    escalations: tuple[str, ...] = Field(default=(), description="who must have been escalated to")
    order: tuple[str, ...] = Field(default=(), description="steps that must be met in this order; empty: by the flow")


class Scenario(Word):
    """One scenario; every time in it is an offset from the alert."""

    name: str = Field(default="", description="the folder's name")
    title: str
    description: str = ""
    seed: int = 7
    starts_at: Moment = Field(description="when the alert fires")
    changes: tuple[ChangeSpec, ...] = ()
    faults: tuple[AnyFault, ...] = ()
    outages: tuple[Outage, ...] = ()
    measures: tuple[Measure, ...] = ()
    client_spans: bool = Field(default=False, description="whether traces hold the caller's own side of each call too")
    expect: Expectation
