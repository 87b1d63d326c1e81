"""Backstage: the entities of catalog-info.yaml files as entries of the service catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.errors import WorldError
from nexus.world.catalog import EndpointSpec

PREFIX = "nexus.dev/"
"""Of the annotations that say what Backstage has no field for."""
ANNOTATIONS = {
    "tier": "tier", "kind": "kind", "feature": "feature", "users-per-minute": "users_per_minute",
    "revenue-per-hour": "revenue_per_hour", "personal-data": "personal_data", "workaround": "workaround", "url": "url",
    "endpoints": "endpoints", "objectives": "objectives",
}  # fmt: skip
"""Annotation to field of the catalog; each is YAML in a string."""
KINDS = {
    "website": "frontend", "frontend": "frontend", "mobile": "frontend", "database": "database", "postgres": "database",
    "mysql": "database", "mongo": "database", "db": "database", "sql": "database", "queue": "queue", "topic": "queue",
    "kafka": "queue", "rabbit": "queue", "stream": "queue", "cache": "cache", "redis": "cache", "memcache": "cache",
    "external": "external", "saas": "external", "third-party": "external", "node": "node", "host": "node", "vm": "node",
}  # fmt: skip
"""Word within `spec.type` to kind; the first that fits. Anything else is a backend."""
NOT_RUNNING = ("library", "documentation", "template")
"""Types of components that nobody can call."""
TIERS = {"experimental": 4, "deprecated": 3}
"""`spec.lifecycle` to tier, where no annotation gives one."""

Read = Callable[[Path], list[Any]]
Endpoints = Callable[[Path | str], tuple[EndpointSpec, ...]]


@dataclass(frozen=True, slots=True)
class _Entity:
    """One document, with the file that it stands in."""

    path: Path
    kind: str
    name: str
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f"{self.kind} {self.name}"

    def wrong(self, field: str, what: str, remedy: str) -> WorldError:
        """The error for that field."""
        return WorldError(f"{self.path}: {self.where}: {field}: {what}", remedy)

    def names(self, field: str) -> list[str]:
        """A list of references."""
        value = self.spec.get(field) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(
                f"spec.{field}", "is not a list of names", "write it as Backstage has it: [resource:default/orders-db]"
            )
        return value


def services_of(path: Path, documents: Sequence[Any], read: Read, endpoints: Endpoints) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where it stands, fields) of every Component and Resource that runs. Raises WorldError naming file, entry and field."""
    entities = list(_entities(path, documents, read, {path.resolve()}))
    apis = {e.name: e for e in entities if e.kind == "API"}
    systems = {e.name: e for e in entities if e.kind == "System"}
    running = [e for e in entities if e.kind == "Resource" or (e.kind == "Component" and _type(e) not in NOT_RUNNING)]
    providers: dict[str, list[str]] = {}
    depended: dict[str, list[str]] = {}
    for entity in running:
        for api in entity.names("providesApis"):
            providers.setdefault(_name(api), []).append(entity.name)
        for dependent in entity.names("dependencyOf"):
            depended.setdefault(_name(dependent), []).append(entity.name)
    for entity in running:
        fields = _fields(entity, systems)
        calls = [*_callees(entity, providers, systems), *depended.get(entity.name, ())]
        fields["calls"] = [c for c in dict.fromkeys(calls) if c != entity.name]
        provided = [apis[name] for name in map(_name, entity.names("providesApis")) if name in apis]
        stated = fields.get("endpoints", [])
        offered = [endpoint for api in provided for endpoint in _endpoints(api, endpoints)]
        fields["endpoints"] = [*(stated if isinstance(stated, list) else [stated]), *offered]
        yield entity.where, fields


def _entities(path: Path, documents: Sequence[Any], read: Read, seen: set[Path]) -> Iterator[_Entity]:
    for number, document in enumerate(documents):
        if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
            raise WorldError(f"{path}: document {number + 1}: kind: is missing", "every entity of Backstage has one")
        metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
        if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping) or not isinstance(metadata.get("name"), str):
            raise WorldError(f"{path}: document {number + 1}: metadata.name: is missing", "every entity of Backstage has one")
        entity = _Entity(path, document["kind"], metadata["name"], metadata, spec)
        yield entity
        if entity.kind == "Location":
            yield from _located(entity, read, seen)


def _located(entity: _Entity, read: Read, seen: set[Path]) -> Iterator[_Entity]:
    """Entities of the files that a Location names, each file once."""
    target = entity.spec.get("target")
    for name in [*([target] if isinstance(target, str) else []), *entity.names("targets")]:
        if "://" in name:
            raise entity.wrong("spec.targets", f"{name} is not on this disk", "check it out, and name the file")
        found = sorted(entity.path.parent.glob(name)) if "*" in name and not name.startswith("/") else [entity.path.parent / name]
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield from _entities(file, read(file), read, seen)


def _type(entity: _Entity) -> str:
    return str(entity.spec.get("type", "")).lower()


def _name(reference: str) -> str:
    """`resource:default/orders-db` is orders-db."""
    return reference.rpartition(":")[2].rpartition("/")[2]


def _callees(entity: _Entity, providers: Mapping[str, Sequence[str]], systems: Mapping[str, _Entity]) -> Iterator[str]:
    for reference in entity.names("dependsOn"):
        kind, name = reference.partition(":")[0].lower() if ":" in reference else "", _name(reference)
        if kind == "api":
            yield from providers.get(name, ())
        elif kind != "system" and (kind or name not in systems):
            yield name
    for reference in entity.names("consumesApis"):
        yield from providers.get(_name(reference), ())


def _fields(entity: _Entity, systems: Mapping[str, _Entity]) -> dict[str, Any]:
    """What the entity says of itself; what it does not say, its system may."""
    system = systems.get(_name(str(entity.spec.get("system", ""))))
    kind = next((kind for word, kind in KINDS.items() if word in _type(entity)), "backend")
    fields: dict[str, Any] = {"name": entity.name, "kind": kind}
    fields["tier"] = TIERS.get(str(entity.spec.get("lifecycle", "")).lower(), 2)
    owner = entity.spec.get("owner") or (system.spec.get("owner") if system else None)
    if owner is not None:
        fields["owner"] = _name(str(owner))
    return fields | (_annotated(system) if system else {}) | _annotated(entity)


def _annotated(entity: _Entity) -> dict[str, Any]:
    annotations = entity.metadata.get("annotations") or {}
    if not isinstance(annotations, Mapping):
        raise entity.wrong("metadata.annotations", "is not a mapping", "write it as Backstage has it")
    found = {}
    for name, value in annotations.items():
        if not str(name).startswith(PREFIX):
            continue
        field = ANNOTATIONS.get(str(name).removeprefix(PREFIX))
        if field is None:
            known = ", ".join(PREFIX + known for known in ANNOTATIONS)
            raise entity.wrong(f"metadata.annotations.{name}", "there is no such annotation", f"there are {known}")
        try:
            found[field] = YAML(typ="safe", pure=True).load(value) if isinstance(value, str) else value
        except (YAMLError, RecursionError, ValueError) as error:
            said = " ".join(str(error).split())[:120]
            raise entity.wrong(f"metadata.annotations.{name}", f"is not YAML ({said})", "mend it") from error
    return found


def _endpoints(api: _Entity, endpoints: Endpoints) -> tuple[EndpointSpec, ...]:
    """Endpoints of an API whose definition is OpenAPI; others have none that could be tried."""
    if _type(api) != "openapi":
        return ()
    definition = api.spec.get("definition")
    source: Path | str | None = definition if isinstance(definition, str) else None
    if isinstance(definition, Mapping):
        file = next((definition[word] for word in ("$text", "$yaml", "$json") if isinstance(definition.get(word), str)), "://")
        source = None if "://" in file else api.path.parent / file
    if source is None:
        raise api.wrong("spec.definition", "is neither a text nor a file on this disk", "write `$text: ./openapi.yaml`")
    try:
        return endpoints(source)
    except WorldError as error:
        raise api.wrong("spec.definition", error.what, error.remedy) from error
