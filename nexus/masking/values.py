"""Values of any shape, as JSON or a program writes them: their strings, and what their keys say of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nexus.masking.keys import Key, key_of


def strings(value: Any) -> Iterator[str]:
    """Its strings, keys too, in no order that means anything."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += item
            left += item.values()
        elif isinstance(item, list | tuple):
            left += item


def _keys_of(mapping: dict[Any, Any], above: Key | None) -> dict[Any, Key | None]:
    """What every key says; `value` takes after the name beside it, or after the key above it."""
    keys = {name: key_of(name) if isinstance(name, str) else None for name in mapping}
    for name in ("value", "Value"):
        if name in keys:
            beside = next((mapping[near] for near in ("name", "key", "Name", "Key") if isinstance(mapping.get(near), str)), "")
            keys[name] = key_of(beside) or above
    if above and above.kind == "cookie":
        return {name: key or above for name, key in keys.items()}
    return keys


def rebuilt(value: Any, written: Callable[[str, Key | None], str]) -> Any:
    """The value with its strings written anew, keys before values; without recursion, for the sender chose the depth."""
    root: list[Any] = [value]
    tuples: list[tuple[Any, Any]] = []
    left: list[tuple[Any, Any, Key | None]] = [(root, 0, None)]
    while left:
        holder, place, key = left.pop()
        item = holder[place]
        if isinstance(item, str):
            holder[place] = written(item, key)
        elif isinstance(item, dict):
            keys = _keys_of(item, key)
            named = [(written(name, None) if isinstance(name, str) else name, keys[name], inner) for name, inner in item.items()]
            holder[place] = copy = {name: inner for name, _, inner in named}
            left += [(copy, name, inner_key) for name, inner_key, _ in reversed(named)]
        elif isinstance(item, list | tuple):
            holder[place] = parts = list(item)
            left += [(parts, number, key) for number in reversed(range(len(parts)))]
            if isinstance(item, tuple):
                tuples.append((holder, place))
    for holder, place in reversed(tuples):
        holder[place] = tuple(holder[place])
    return root[0]
