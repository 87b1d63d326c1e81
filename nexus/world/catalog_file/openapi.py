"""OpenAPI: the endpoints of a definition that can be tried without knowing more than it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from nexus.world.catalog import EndpointSpec

SAFE = ("GET", "HEAD")
"""Methods that by HTTP change nothing: only these are ever tried."""
BOUND = "x-nexus-latency-ms"
"""Of an operation: its upper bound of normal latency."""


def endpoints_of(definition: Mapping[str, Any]) -> tuple[EndpointSpec, ...]:
    """Each safe operation whose required parameters have examples, in the definition's order.

    OpenAPI 3 and Swagger 2; references within the definition are followed, an operation that needs others is left out.
    Raises ValueError naming what is wrong.
    """
    if not any(isinstance(definition.get(word), str) for word in ("openapi", "swagger")):
        raise ValueError("is no OpenAPI definition: it says neither `openapi` nor `swagger`")
    paths = definition.get("paths", {})
    if not isinstance(paths, Mapping):
        raise ValueError("`paths` is not a mapping")  # noqa: TRY004 - of a file's value, not of an argument's type
    prefix = _prefix(definition)
    found = []
    for path, given in paths.items():
        item = _resolved(definition, given)
        for method in SAFE:
            operation = item.get(method.lower()) if item else None
            if isinstance(operation, Mapping):
                tried = _filled(str(path), list(_parameters(definition, item or {}, operation)))
                found += [] if tried is None else [_endpoint(method, prefix + tried, operation)]
    return tuple(found)


def _endpoint(method: str, path: str, operation: Mapping[str, Any]) -> EndpointSpec:
    bound = operation.get(BOUND)
    if bound is None:
        return EndpointSpec(method=method, path=path)
    if isinstance(bound, bool) or not isinstance(bound, int | float) or bound <= 0:
        raise ValueError(f"{method} {path}: {BOUND} is not a number above 0")
    return EndpointSpec(method=method, path=path, latency_ms=float(bound))


def _prefix(definition: Mapping[str, Any]) -> str:
    """What stands before every path: that of the first server, or Swagger's basePath."""
    servers = definition.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    address = first.get("url", "") if isinstance(first, Mapping) else ""
    for name, variable in (first.get("variables") or {}).items() if isinstance(first, Mapping) else ():
        address = str(address).replace(f"{{{name}}}", str(variable.get("default", "")) if isinstance(variable, Mapping) else "")
    return urlsplit(str(address or definition.get("basePath", ""))).path.rstrip("/")


def _resolved(definition: Mapping[str, Any], node: Any) -> Mapping[str, Any] | None:
    """The node, or what its reference within the definition leads to; None where it leads nowhere."""
    for _ in range(16):
        if not isinstance(node, Mapping):
            return None
        reference = node.get("$ref")
        if reference is None:
            return node
        if not str(reference).startswith("#/"):
            return None
        found: Any = definition
        for part in str(reference)[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        node = found
    return None


def _parameters(
    definition: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[tuple[str, str, bool, str | None]]:
    """(where, name, required, example) of each; an operation's own stands for its path's of the same name."""
    held: dict[tuple[str, str], tuple[str, str, bool, str | None]] = {}
    for number, given in enumerate([*(item.get("parameters") or []), *(operation.get("parameters") or [])]):
        parameter = _resolved(definition, given)
        if parameter is None:
            held["?", str(number)] = ("?", str(number), True, None)
            continue
        where, name = str(parameter.get("in")), str(parameter.get("name"))
        held[where, name] = (where, name, where == "path" or parameter.get("required") is True, _example(definition, parameter))
    yield from held.values()


def _example(definition: Mapping[str, Any], parameter: Mapping[str, Any]) -> str | None:
    schema = _resolved(definition, parameter.get("schema", {})) or {}
    named = parameter.get("examples")
    first = _resolved(definition, next(iter(named.values()), None)) if isinstance(named, Mapping) else None
    several = schema.get("examples")
    candidates = (
        parameter.get("example"),
        parameter.get("x-example"),
        (first or {}).get("value"),
        schema.get("example"),
        several[0] if isinstance(several, list) and several else None,
    )
    value = next((c for c in candidates if isinstance(c, str | int | float)), None)
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(path: str, parameters: list[tuple[str, str, bool, str | None]]) -> str | None:
    """The path with its parameters' examples in place; None where one that it needs has none."""
    query = {}
    for where, name, required, example in parameters:
        if where == "path" and example:
            path = path.replace(f"{{{name}}}", quote(example, safe=""))
        elif where == "query" and required and example is not None:
            query[name] = example
        elif required:
            return None
    if "{" in path or not path.startswith("/"):
        return None
    return f"{path}?{urlencode(query)}" if query else path
