"""Packing: words as strict JSON text, whatever tools put into them: no NaN, no half of a surrogate pair."""

from __future__ import annotations

import json
import math
from datetime import datetime
from numbers import Integral, Real
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError

from nexus.incident import Word

Packed = TypeVar("Packed", bound=Word)


def clean(value: Any) -> Any:  # noqa: PLR0911  # one return for each kind of JSON value
    """JSON that every reader takes: numbers that are none become null, lone surrogates become U+FFFD, keys become text."""
    match value:
        case None | bool():
            return value
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Integral():
            return int(value)
        case Real():
            return float(value) if math.isfinite(value) else None
        case datetime():
            return value.isoformat()
        case dict():
            return {clean(str(key)): clean(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean(item) for item in value]
        case _:
            return clean(str(value))


def pack(word: Word, *, indent: int | None = None) -> str:
    """A word as JSON text; `indent` for text that people read."""
    try:
        return word.model_dump_json(indent=indent)
    except PydanticSerializationError:  # half of a surrogate pair, or a value of a kind that JSON has not
        pass
    return json.dumps(clean(word.model_dump()), ensure_ascii=False, allow_nan=False, indent=indent)


def unpack(kind: type[Packed], text: str) -> Packed:
    """The word that `pack` wrote."""
    return kind.model_validate_json(text)
