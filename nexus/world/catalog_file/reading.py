"""Reading: a catalog file as the catalog that it describes; what is wrong is a WorldError naming file, entry and field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from nexus.errors import WorldError
from nexus.world.catalog import EndpointSpec, Service, ServiceCatalog
from nexus.world.catalog_file.backstage import services_of
from nexus.world.catalog_file.openapi import endpoints_of

REMEDY = "docs/catalog.md describes what a catalog may say"


def read_catalog(path: Path) -> ServiceCatalog:
    """The catalog in that file. Raises WorldError naming file, entry and field."""
    documents = _documents(path)
    if any(isinstance(d, Mapping) and "services" in d for d in documents):
        entries = _own(path, documents)
    elif any(isinstance(d, Mapping) and str(d.get("apiVersion", "")).startswith("backstage.io/") for d in documents):
        entries = list(services_of(path, documents, _documents, _openapi))
    else:
        raise WorldError(f"{path} is no catalog", "write `services: [...]`, or Backstage's entities with their `apiVersion`")
    services = tuple(_service(path, where, entry) for where, entry in entries)
    if not services:
        raise WorldError(f"{path} lists no service", REMEDY)
    try:
        return ServiceCatalog(services=services)
    except ValidationError as error:
        raise WorldError(f"{path}: {_said(error)}", "give each its own name") from error


def _said(error: ValidationError) -> str:
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _documents(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        return [d for d in YAML(typ="safe", pure=True).load_all(text) if d is not None]
    except FileNotFoundError:
        raise WorldError(f"there is no {path}", "name a file that is there, relative to the file that names it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"{path} cannot be read ({error})", REMEDY) from error
    except (YAMLError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise WorldError(f"{path} is not YAML ({said})", "mend the syntax") from error


def _own(path: Path, documents: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Entries of our own file; `openapi`, which only a file has, becomes endpoints."""
    if len(documents) != 1:
        raise WorldError(f"{path} holds {len(documents)} documents", "keep all `services` in one")
    (document,) = documents
    more = sorted(set(map(str, document)) - {"services"})
    if more:
        raise WorldError(f"{path}: {more[0]}: a catalog has no such field", "it has `services` alone")
    if not isinstance(document["services"], list):
        raise WorldError(f"{path}: services: is not a list", REMEDY)
    entries = []
    for number, given in enumerate(document["services"]):
        if not isinstance(given, Mapping):
            raise WorldError(f"{path}: services.{number}: is not a mapping", REMEDY)
        entry = {str(name): value for name, value in given.items()}
        where = f"services.{number} ({entry.get('name', 'without a name')})"
        definition = entry.pop("openapi", None)
        if definition is not None:
            if not isinstance(definition, str):
                raise WorldError(f"{path}: {where}: openapi: is not a file's name", REMEDY)
            try:
                offered = _openapi(path.parent / definition)
            except WorldError as error:
                raise WorldError(f"{path}: {where}: openapi: {error.what}", error.remedy) from error
            stated = entry.get("endpoints") or []
            entry["endpoints"] = [*(stated if isinstance(stated, list) else [stated]), *offered]
        entries.append((where, entry))
    return entries


def _openapi(source: Path | str) -> tuple[EndpointSpec, ...]:
    """Endpoints of a definition: a file's, or a text's that stands in a catalog."""
    if isinstance(source, Path):
        documents, told = _documents(source), str(source)
    else:
        told = "the definition"
        try:
            documents = [YAML(typ="safe", pure=True).load(source)]
        except (YAMLError, RecursionError, ValueError) as error:
            raise WorldError(f"{told} is not YAML ({' '.join(str(error).split())[:200]})", "mend the syntax") from error
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise WorldError(f"{told} is no OpenAPI definition", "name a YAML or JSON file with `openapi` and `paths`")
    try:
        return endpoints_of(documents[0])
    except ValueError as error:
        raise WorldError(f"{told} {error}", "mend the definition") from error


def _service(path: Path, where: str, entry: Mapping[str, Any]) -> Service:
    try:
        return Service.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the entry"
        known = f"an entry has {', '.join(Service.model_fields)}, openapi" if first["type"] == "extra_forbidden" else REMEDY
        raise WorldError(f"{path}: {where}: {field}: {_said(error)}", known) from error
