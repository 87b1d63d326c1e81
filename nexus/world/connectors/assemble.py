"""Assemble: from a world file to the live world that it describes, every connector made and none of them used yet."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from nexus.errors import Unavailable, WorldError
from nexus.incident import Word
from nexus.world.catalog import ServiceCatalog
from nexus.world.catalog_file import read_catalog
from nexus.world.connectors.acting import JournaledActions
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.register import module_of
from nexus.world.connectors.several import (
    SeveralBrowsers,
    SeveralCalls,
    SeveralChanges,
    SeveralCode,
    SeveralDatabases,
    SeveralDependencies,
    SeveralEndpoints,
    SeveralInfrastructure,
    SeveralLogs,
    SeveralMetrics,
    SeveralSecurity,
)
from nexus.world.connectors.telling import JournaledPeople
from nexus.world.journal import Journal, MemoryJournal
from nexus.world.looks import CustomLook
from nexus.world.world import World

_NAME = re.compile(r"\$(\$?)\{([^}]*)\}")
Source = TypeVar("Source")


class LiveWorldFile(Word):
    """A world file of real systems."""

    name: str = Field(default="", description="what the world is called; the file's name when not given")
    catalog: str | ServiceCatalog = Field(
        default_factory=ServiceCatalog, description="a catalog file, or the services themselves"
    )
    connectors: tuple[dict[str, Any], ...] = Field(min_length=1, description="what it is made of")


@dataclass(frozen=True, slots=True)
class Assembled:
    """A live world, and the connectors that it is made of."""

    name: str
    connectors: tuple[Connector, ...]
    world: World


def assemble(path: Path, content: Any, *, opened_at: datetime, journal: Journal | None = None) -> Assembled:
    """The world of that file's content. Raises WorldError naming the file, the connector and the field."""
    told = _checked(path, _with_environment(path, content))
    catalog = told.catalog if isinstance(told.catalog, ServiceCatalog) else read_catalog(path.parent / told.catalog)
    site = Site(path.parent.resolve(), catalog, journal or MemoryJournal(), opened_at)
    connectors = tuple(_connected(path, number, given, site) for number, given in enumerate(told.connectors, 1))
    names = [c.name for c in connectors]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WorldError(f"{path}: two connectors are called {twice}", "give each a `name` of its own")
    name = told.name or path.stem
    return Assembled(name, connectors, _world(name, catalog, connectors, site.journal))


def _checked(path: Path, content: Any) -> LiveWorldFile:
    try:
        return LiveWorldFile.model_validate(content)
    except ValidationError as error:
        raise WorldError(f"{path}: {_first(error)}", "write `connectors:` as a list; docs/connectors.md shows each") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _with_environment(path: Path, value: Any) -> Any:
    """Every `${NAME}` replaced by the environment's value; `$${` stands for itself."""
    if isinstance(value, str):
        return _NAME.sub(lambda found: _variable(path, found), value)
    if isinstance(value, Mapping):
        return {key: _with_environment(path, held) for key, held in value.items()}
    return [_with_environment(path, held) for held in value] if isinstance(value, list) else value


def _variable(path: Path, found: re.Match[str]) -> str:
    literal, name = found[1], found[2]
    if literal:
        return found[0][1:]
    value = os.environ.get(name)
    if value is None:
        raise WorldError(f"{path} asks for ${{{name}}}, which is not in the environment", f"set {name} where NEXUS is started")
    return value


def _connected(path: Path, number: int, given: Mapping[str, Any], site: Site) -> Connector:
    where = f"{path}: connector {number}"
    try:
        module = module_of(given.get("use"))
        settings = module.Settings.model_validate(dict(given))
        return module.connect(settings, site)
    except ValidationError as error:
        raise WorldError(f"{where} ({given['use']}): {_first(error)}", "docs/connectors.md has its settings") from error
    except WorldError as error:
        raise WorldError(f"{where}: {error.what}", error.remedy) from error


def _one(sources: Sequence[Source | None], together: Callable[[Sequence[Source]], Source]) -> Source | None:
    """None for none, itself for one, all together for several."""
    there = [source for source in sources if source is not None]
    return (there[0] if len(there) == 1 else together(there)) if there else None


def _world(name: str, catalog: ServiceCatalog, connectors: Sequence[Connector], journal: Journal) -> World:
    people = JournaledPeople(
        {c.name: c.outlet for c in connectors if c.outlet is not None},
        {c.name: c.backlog for c in connectors if c.backlog is not None},
        journal,
    )
    sources = {c.name: c.actions for c in connectors if c.actions is not None}
    actions = JournaledActions(sources, journal) if sources else None

    async def refresh() -> None:
        await people.refresh()
        if actions is not None:
            await actions.refresh()

    async def close() -> None:
        await asyncio.gather(*(c.close() for c in connectors))

    async def looks() -> Sequence[CustomLook]:
        return [look for some in await asyncio.gather(*map(_looks_of, connectors)) for look in some]

    return World(
        name=name,
        people=people,
        catalog=catalog,
        metrics=_one([c.metrics for c in connectors], SeveralMetrics),
        logs=_one([c.logs for c in connectors], SeveralLogs),
        changes=_one([c.changes for c in connectors], SeveralChanges),
        calls=_one([c.calls for c in connectors], SeveralCalls),
        databases=_one([c.databases for c in connectors], SeveralDatabases),
        infrastructure=_one([c.infrastructure for c in connectors], SeveralInfrastructure),
        dependencies=_one([c.dependencies for c in connectors], SeveralDependencies),
        endpoints=_one([c.endpoints for c in connectors], SeveralEndpoints),
        browser=_one([c.browser for c in connectors], SeveralBrowsers),
        security=_one([c.security for c in connectors], SeveralSecurity),
        code=_one([c.code for c in connectors], SeveralCode),
        actions=actions,
        refresh=refresh,
        close=close,
        looks=looks,
        secrets=tuple(_secrets(connectors)),
    )


def _secrets(connectors: Sequence[Connector]) -> Iterator[str]:
    return (secret for connector in connectors for secret in connector.secrets)


async def _looks_of(connector: Connector) -> Sequence[CustomLook]:
    """Those that it declares and those that it learns from its server; of a server that does not answer one that says so."""
    if connector.more_looks is None:
        return connector.looks
    try:
        return (*connector.looks, *await connector.more_looks())
    except Unavailable as error:
        return (*connector.looks, _unlisted(connector.name, error))


def _unlisted(name: str, why: Unavailable) -> CustomLook:
    """A look that fails as its server did, so that the record says what could not be looked at."""

    async def run(_arguments: Mapping[str, Any]) -> str:
        raise why

    spelled = re.sub(r"\W+", "_", name)
    return CustomLook(f"{spelled}_tools", f"The tools of {name}, which could not be listed.", {"type": "object"}, run)
