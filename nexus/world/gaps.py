"""Gaps: sources that did not answer while others of the same kind did; whoever looks collects them beside what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_GAPS: ContextVar[list[str] | None] = ContextVar("gaps", default=None)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """While held, gaps of this task and of those that it starts are collected."""
    found: list[str] = []
    token = _GAPS.set(found)
    try:
        yield found
    finally:
        _GAPS.reset(token)


def note_gap(what: str) -> None:
    """One source did not answer; said once."""
    found = _GAPS.get()
    if found is not None and what not in found:
        found.append(what)
