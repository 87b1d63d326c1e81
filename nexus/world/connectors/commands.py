"""Commands: programs that a team declares, run without a shell: looks, changes, and whole capabilities from what they print."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from nexus.errors import ActionError, ToolError, WorldError
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.command_actions import CommandActions
from nexus.world.connectors.command_capabilities import (
    SPAN,
    CommandChanges,
    CommandDatabases,
    CommandDependencies,
    CommandInfrastructure,
    Printed,
    Source,
)
from nexus.world.connectors.command_change import CommandChange, DeclaredChange
from nexus.world.connectors.command_looks import Read, example_of, look_of
from nexus.world.connectors.command_process import MARK, Programs
from nexus.world.connectors.command_template import CommandTemplate
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.looks import CustomLook


class Settings(ConnectorSettings):
    """Declared commands; docs/commands.md shows each part."""

    use: Literal["commands"]
    cwd: Path = Field(default=Path(), description="where programs run, from the world file's folder")
    env: dict[str, str] = Field(default_factory=dict, description="environment besides PATH, LANG and HOME")
    secret_env: dict[str, SecretStr] = Field(default_factory=dict, description="environment that is masked wherever it occurs")
    reads: tuple[Read, ...] = Field(default=(), description="commands that only look")
    actions: tuple[DeclaredChange, ...] = Field(default=(), description="commands that change something")
    nodes: Source | None = Field(default=None, description="prints hosts")
    workloads: Source | None = Field(default=None, description="prints deployed services")
    changes: Source | None = Field(default=None, description="prints changes between {since} and {until}")
    pipelines: Source | None = Field(default=None, description="prints runs of CI/CD between {since} and {until}")
    dependencies: Source | None = Field(default=None, description="prints third parties")
    databases: Source | None = Field(default=None, description="prints databases")
    queues: Source | None = Field(default=None, description="prints queues")


WORDS = ("nodes", "workloads", "changes", "pipelines", "dependencies", "databases", "queues")


def connect(settings: Settings, site: Site) -> Connector:
    """The declared commands. Raises WorldError for a declaration that cannot work; nothing is run."""
    _check(settings)
    programs = Programs(site.folder / settings.cwd, settings.env, settings.secret_env)
    looks = tuple(look_of(read, programs, site.catalog) for read in settings.reads)
    declared = [CommandChange.read(told, site.catalog) for told in settings.actions]
    printed: dict[str, Any] = {word: _printed(word, getattr(settings, word), programs) for word in WORDS}

    async def prove(at: datetime) -> Sequence[Proof]:
        proofs = [_proof_of_look(r, look, site.catalog) for r, look in zip(settings.reads, looks, strict=True)]
        proofs += [_proof_of_action(one, programs, target, at) for one in declared for target in one.told.targets]
        proofs += [_proof_of_list(one, at) for one in printed.values() if one is not None]
        return await asyncio.gather(*proofs)

    def one_of(first: str, second: str, together: Any) -> Any:
        return together(printed[first], printed[second]) if printed[first] or printed[second] else None

    return Connector(
        name=settings.title,
        prove=prove,
        secrets=tuple(secret.get_secret_value() for secret in settings.secret_env.values()),
        changes=one_of("changes", "pipelines", CommandChanges),
        databases=one_of("databases", "queues", CommandDatabases),
        infrastructure=one_of("nodes", "workloads", CommandInfrastructure),
        dependencies=CommandDependencies(printed["dependencies"]) if printed["dependencies"] else None,
        actions=CommandActions(declared, programs) if declared else None,
        looks=looks,
    )


def _check(settings: Settings) -> None:
    for what, names in (("reads", [r.name for r in settings.reads]), ("actions", [a.name for a in settings.actions])):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise WorldError(f"{what}: two are called {twice}", "give each a name of its own")
    variables = [*settings.env, *settings.secret_env]
    odd = next((v for v in variables if not v or "=" in v or "\0" in v or v == MARK or variables.count(v) > 1), None)
    if odd is not None:
        raise WorldError(f"env: {odd[:40]!r} cannot be set", f"name each variable once; {MARK} is set by NEXUS")


def _printed(word: str, source: Source | None, programs: Programs) -> Printed[Any] | None:
    if source is None:
        return None
    holes = SPAN if word in {"changes", "pipelines"} else frozenset[str]()
    return Printed(word, CommandTemplate.read(source.argv, word, holes), source.timeout, programs)


async def _proof_of_look(read: Read, look: CustomLook, catalog: ServiceCatalog) -> Proof:
    what, tried = f"the command {read.name}", example_of(read, catalog)
    if tried is None:
        return Proof(what, ok=True, detail="not tried: nothing says what its parameters could be")
    try:
        said = (await look.run(tried)).strip()
    except ToolError as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if not said:
        return Proof(what, ok=False, detail="it prints nothing", remedy="run it by hand")
    return Proof(what, ok=True, detail=f"{len(said)} characters, beginning {' '.join(said.split())[:80]!r}")


async def _proof_of_action(change: CommandChange, programs: Programs, target: str, at: datetime) -> Proof:
    """Its check, its state, its values and a dry run; nothing is changed."""
    what = f"{change.told.kind.value} {target} by {change.told.name}"
    actions = CommandActions([change], programs)
    try:
        offered = await actions.options(target, at)
        if not offered:
            return Proof(what, ok=True, detail="cannot or need not be done now")
        tried = await actions.dry_run(offered[0], at)
    except ActionError as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    return Proof(what, ok=tried.ok, detail=tried.effect, remedy="" if tried.ok else "run its dry run by hand")


async def _proof_of_list(printed: Printed[Any], at: datetime) -> Proof:
    what = f"the command that prints {printed.word}"
    span = {"since": (at - timedelta(days=1)).isoformat(), "until": at.isoformat()}
    try:
        found: list[Any] = await printed.read(span)
    except ToolError as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if not found:
        return Proof(what, ok=False, detail="it prints an empty list", remedy="run it by hand")
    return Proof(what, ok=True, detail=f"{len(found)} {printed.word}")
