"""schemathesis in hand, whose hypothesis-jsonschema 0.23 asks hypothesis for a method that 6.170 no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from hypothesis.internal.conjecture.utils import many

_UNDER_WAY: WeakKeyDictionary[Any, Iterator[None]] = WeakKeyDictionary()
_NO_MORE = object()


def _more(elements: Any) -> bool:
    """Whether a further element is to be drawn; asked, where hypothesis now wants to be iterated over."""
    if elements not in _UNDER_WAY:
        _UNDER_WAY[elements] = iter(elements.__enter__())
    return next(_UNDER_WAY[elements], _NO_MORE) is not _NO_MORE


if not hasattr(many, "more"):
    many.more = _more  # type: ignore[attr-defined]
