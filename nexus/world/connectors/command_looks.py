"""Reads: declared commands as looks of this world, each with typed arguments; what they print is what the agent sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexus.errors import ToolError, WorldError
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.command_parameters import Parameter, as_text, values_of
from nexus.world.connectors.command_process import NotStarted, Programs
from nexus.world.connectors.command_template import BadValue, CommandTemplate
from nexus.world.looks import CustomLook


class Read(BaseModel):
    """One command that only looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern="^[a-z][a-z0-9_]*$", description="what agents call it")
    description: str = Field(min_length=1, description="what it shows, for the agent that chooses among its tools")
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    argv: tuple[str, ...] = Field(min_length=1, description="the program and its arguments, with holes {parameter}")
    timeout: float = Field(default=10, gt=0, le=600, description="seconds")
    output: int = Field(default=20000, ge=100, le=1_000_000, description="characters that are shown of what it prints")
    agents: frozenset[str] = Field(default=frozenset(), description="who may use it; empty: all that investigate or verify")


def look_of(read: Read, programs: Programs, catalog: ServiceCatalog) -> CustomLook:
    """The look. Raises WorldError for a declaration that cannot work."""
    where = f"the read {read.name}"
    template = CommandTemplate.read(read.argv, where, read.parameters.keys())
    sourced = next((name for name, parameter in read.parameters.items() if parameter.source), None)
    if sourced is not None:
        raise WorldError(f"{where}: its parameter {sourced} says `from`", "`from` is for actions; give a type or choices")

    async def run(arguments: Mapping[str, Any]) -> str:
        try:
            argv = template.filled(as_text(values_of(read.parameters, arguments, catalog)))
            ran = await programs.run(argv, seconds=read.timeout, most=read.output)
        except BadValue as error:
            raise ToolError(f"{read.name}: {error}", "give arguments as its schema says") from error
        except NotStarted as error:
            raise ToolError(f"{read.name}: {error}", "check the program in the world file; go by the other checks") from error
        if ran.status != 0:
            raise ToolError(f"{read.name} {ran.said}", "go by the other checks")
        return ran.out + (f"\n[{ran.left_out} more characters left out]" if ran.left_out else "")

    return CustomLook(read.name, read.description, _schema(read, catalog), run, read.agents)


def _schema(read: Read, catalog: ServiceCatalog) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: parameter.schema_of(catalog) for name, parameter in read.parameters.items()},
        "required": list(read.parameters),
        "additionalProperties": False,
    }


def example_of(read: Read, catalog: ServiceCatalog) -> dict[str, str] | None:
    """Arguments to try it with; None where none can be made up."""
    tried: dict[str, str] = {}
    for name, parameter in read.parameters.items():
        names = [service.name for service in catalog] if parameter.type == "component" else list(parameter.choices)
        if not names:
            return None
        tried[name] = names[0]
    return tried
