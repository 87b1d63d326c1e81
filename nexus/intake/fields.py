"""Fields: parts of a payload by path, whatever types it turns out to hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.intake.text import tidy


def at(value: object, *path: str) -> Any:
    """What lies under that path, None where it leads nowhere."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def part(value: object, *path: str) -> Mapping[str, Any]:
    """The object under that path, an empty one where there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def parts(value: object, *path: str) -> list[Mapping[str, Any]]:
    """The objects of the list under that path."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def line(value: object, *path: str, limit: int = 200) -> str:
    """The text or number under that path as one line, empty for anything else."""
    found = at(value, *path)
    return tidy(str(found), limit) if isinstance(found, str | int | float) and not isinstance(found, bool) else ""


def name(value: object, *path: str, limit: int = 200) -> str:
    """A name under that path: text or number, or an object's `name` or `id`."""
    found = at(value, *path)
    if isinstance(found, Mapping):
        return line(found, "name", limit=limit) or line(found, "id", limit=limit)
    return line(found, limit=limit)
