"""Opened: libraries that this process has read, each read again only where one of its files has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from nexus.library.reader import Library

Stamp = tuple[str, int, int]
"""What tells a file from what it was: its path, the time of its last change, its size."""
_FOLDERS = ("agents", "prompts", "graphs")


def library_at(root: Path) -> Library:
    """The library in that folder, as it is now. Raises LibraryError."""
    return _library(root, tuple(sorted(_stamps(root))))


@lru_cache(maxsize=8)
def _library(root: Path, _stamped: tuple[Stamp, ...]) -> Library:
    return Library.open(root)


def _stamps(root: Path) -> Iterator[Stamp]:
    for path in (path for folder in _FOLDERS for path in (root / folder).rglob("*")):
        told = path.stat()
        yield str(path), told.st_mtime_ns, told.st_size
