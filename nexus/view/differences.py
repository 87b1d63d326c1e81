"""Differences: structured answers taken apart into parts that people can read, and which of these are not the same in all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Part = dict[str, str]
"""The values of one part of an answer, by name; a part that is one value has no name for it."""
Cells = tuple[tuple[str, ...], ...]
"""Rows of cells, the first naming the row."""

NAMES = ("check", "id", "key")
"""Fields by which the items of a list are told apart."""


def parts_of(answer: Mapping[str, Any]) -> dict[str, Part]:
    """An answer's parts in order: each of its fields, and each item of what is nested in them; what is empty is left out."""
    parts: dict[str, Part] = {}
    for path, text in _leaves(answer, ()):
        row, leaf = (": ".join(path[:-1]), path[-1]) if len(path) > 1 else (path[0], "")
        parts.setdefault(row, {})[leaf] = text
    return parts


def held_together(answers: Sequence[Mapping[str, Part]]) -> tuple[Cells, Cells]:
    """Of several answers what differs, with one cell for each of them, and what is the same in all, with one cell."""
    differ: list[tuple[str, ...]] = []
    same: list[tuple[str, ...]] = []
    for row in dict.fromkeys(row for answer in answers for row in answer):
        held = [answer.get(row) for answer in answers]
        leaves = list(dict.fromkeys(leaf for part in held for leaf in part or ()))
        alike = [leaf for leaf in leaves if len({part.get(leaf) if part else None for part in held}) == 1]
        other = [leaf for leaf in leaves if leaf not in alike]
        if other:
            differ.append((row, *("not there" if part is None else "\n".join(_told(part, other)) for part in held)))
        if alike:
            same.append((row, "; ".join(_told(held[0] or {}, alike))))
    return tuple(differ), tuple(same)


def _told(part: Part, leaves: Sequence[str]) -> list[str]:
    return [f"{leaf}: {part.get(leaf, 'none')}" if leaf else part.get(leaf, "none") for leaf in leaves]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*path, str(name)))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for name, item in _named(value):
            yield from _leaves(item, (*path[:-1], f"{path[-1]}{name}"))
    elif value not in (None, "", []):
        yield path, ", ".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _named(items: Sequence[Any]) -> list[tuple[str, Any]]:
    """The items with what tells them apart: their own names where these do, else their numbers."""
    for name in NAMES:
        names = [item[name] for item in items if isinstance(item, dict) and item.get(name)]
        if len(set(names)) == len(items):
            return [(f": {item[name]}", {k: v for k, v in item.items() if k != name}) for item in items]
    return [(f" {number}", item) for number, item in enumerate(items, 1)]
