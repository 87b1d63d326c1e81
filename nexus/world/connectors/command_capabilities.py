"""Capabilities by command: what a program prints as JSON, read into the world's own words and checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nexus.errors import Unavailable
from nexus.world.changes import Change, PipelineRun
from nexus.world.connectors.command_process import NotStarted, Programs
from nexus.world.connectors.command_template import CommandTemplate
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.infrastructure import NodeState, Workload

Item = TypeVar("Item")
LARGEST = 8_000_000
"""Characters of an answer."""
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
SPAN = frozenset({"since", "until"})
"""Holes of commands that tell of a time: its ends, as ISO 8601 in UTC."""

SHAPES: Mapping[str, TypeAdapter[Any]] = {
    "nodes": TypeAdapter(list[NodeState], config=STRICT),
    "workloads": TypeAdapter(list[Workload], config=STRICT),
    "changes": TypeAdapter(list[Change], config=STRICT),
    "pipelines": TypeAdapter(list[PipelineRun], config=STRICT),
    "dependencies": TypeAdapter(list[DependencyHealth], config=STRICT),
    "databases": TypeAdapter(list[DatabaseHealth], config=STRICT),
    "queues": TypeAdapter(list[QueueHealth], config=STRICT),
}


class Source(BaseModel):
    """One command whose output is a JSON list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    argv: tuple[str, ...] = Field(
        min_length=1, description="the program and its arguments; changes and pipelines: {since}, {until}"
    )
    timeout: float = Field(default=20, gt=0, le=300, description="seconds")


@dataclass(frozen=True, slots=True)
class Printed(Generic[Item]):
    """One list that a command prints."""

    word: str
    template: CommandTemplate
    seconds: float
    programs: Programs

    async def read(self, holes: Mapping[str, str] | None = None) -> list[Item]:
        """What it prints now. Raises Unavailable, naming the field that is wrong."""
        try:
            ran = await self.programs.run(self.template.filled(holes or {}), seconds=self.seconds, most=LARGEST)
        except NotStarted as error:
            raise Unavailable(f"{self.word}: {error}", "check the program in the world file") from error
        if ran.status != 0:
            raise Unavailable(f"what prints {self.word} {ran.said}", "run it by hand")
        if ran.left_out:
            raise Unavailable(f"what prints {self.word} prints more than {LARGEST} characters", "have it print less")
        try:
            found: list[Item] = SHAPES[self.word].validate_json(ran.out)
        except ValidationError as error:
            raise Unavailable(f"what prints {self.word}: {_first(error)}", "docs/commands.md has the fields") from error
        return [_in_utc(item) for item in found]


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, without the value: the item's number, from 0, and its field."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = [str(part) for part in first["loc"]]
    return (f"item {where[0]}: {'.'.join(where[1:])}: " if where else "") + first["msg"]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _in_utc(item: Item) -> Item:
    """The item with zones on all its times; one without a zone is read as UTC."""
    told: Any = item
    bare = {f.name: at.replace(tzinfo=UTC) for f in fields(told) if _is_bare(at := getattr(told, f.name))}
    changed: Item = replace(told, **bare)
    return changed


def _is_bare(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None


@dataclass(frozen=True, slots=True)
class CommandInfrastructure:
    """Nodes and workloads; of what no command prints there are none."""

    printed_nodes: Printed[NodeState] | None
    printed_workloads: Printed[Workload] | None

    async def nodes(self, at: datetime) -> list[NodeState]:  # noqa: ARG002 - commands know only now
        """Every host."""
        return await self.printed_nodes.read() if self.printed_nodes else []

    async def workloads(self, at: datetime) -> list[Workload]:  # noqa: ARG002 - same
        """Every deployed service."""
        return await self.printed_workloads.read() if self.printed_workloads else []


@dataclass(frozen=True, slots=True)
class CommandChanges:
    """Changes and pipeline runs; of what no command prints there are none."""

    printed_changes: Printed[Change] | None
    printed_pipelines: Printed[PipelineRun] | None

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first."""
        return await _within(self.printed_changes, start, end)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Pipeline runs begun in [start, end], oldest first."""
        return await _within(self.printed_pipelines, start, end)


Dated = TypeVar("Dated", Change, PipelineRun)


async def _within(printed: Printed[Dated] | None, start: datetime, end: datetime) -> list[Dated]:
    if printed is None:
        return []
    found = await printed.read({"since": _moment(start), "until": _moment(end)})
    return sorted((one for one in found if start <= one.at <= end), key=lambda one: one.at)


@dataclass(frozen=True, slots=True)
class CommandDependencies:
    """Third parties."""

    printed: Printed[DependencyHealth]

    async def health(self, at: datetime) -> list[DependencyHealth]:  # noqa: ARG002 - same
        """Every third party."""
        return await self.printed.read()


@dataclass(frozen=True, slots=True)
class CommandDatabases:
    """Databases and queues; of what no command prints there are none."""

    printed_databases: Printed[DatabaseHealth] | None
    printed_queues: Printed[QueueHealth] | None

    async def health(self, at: datetime) -> list[DatabaseHealth]:  # noqa: ARG002 - same
        """Every database."""
        return await self.printed_databases.read() if self.printed_databases else []

    async def queues(self, at: datetime) -> list[QueueHealth]:  # noqa: ARG002 - same
        """Every queue."""
        return await self.printed_queues.read() if self.printed_queues else []
