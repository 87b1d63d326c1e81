"""Traces of the connector `repository`: what an error's text says of where it arose. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

_PYTHON = re.compile(r'File "([^"]+)", line (\d+)')
_OTHERS = re.compile(r"([\w@$./\\+-]*[\w$+-]\.[A-Za-z]\w{0,5})(?:\?[^\s:)]*)?:(\d+)")
_VARIABLE = re.compile(r"""["'`][^"'`]*["'`]|\S*\d\S*|[:=<>{}\[\]()]|\.{3}|…""")
_QUOTED = re.compile(r"""["'`]([A-Za-z_][\w.-]{4,60})["'`]""")
SHORTEST = 10
"""Characters of a text that is worth looking for."""
MOST = 6


def frames(error: str) -> Iterator[tuple[str, int]]:
    """(file, line) of each frame, the one that threw first: Python's tracebacks are read from their end."""
    python = [(match[1], int(match[2])) for match in _PYTHON.finditer(error)]
    yield from reversed(python)
    if not python:
        yield from ((match[1], int(match[2])) for match in _OTHERS.finditer(error))


def file_of(frame: str, files: Iterable[str]) -> str | None:
    """The file of the repository that a frame means: the one with the longest common end; None where several have it."""
    wanted = PurePosixPath(frame.replace("\\", "/")).parts
    best: list[str] = []
    longest = 0
    for file in files:
        common = _common_end(wanted, PurePosixPath(file).parts)
        if common > longest:
            best, longest = [file], common
        elif common and common == longest:
            best.append(file)
    return best[0] if len(best) == 1 else None


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def texts(error: str) -> list[str]:
    """What of the message could stand in the code as it is: its parts without values, longest first; then names in quotes."""
    lines = [line for line in error.splitlines() if line.strip() and not _PYTHON.search(line) and not _OTHERS.search(line)]
    parts = [part.strip(" .,;-") for line in lines[:20] for part in _VARIABLE.split(line)]
    long = sorted({part for part in parts if len(part) >= SHORTEST and " " in part}, key=lambda part: (-len(part), part))
    names = [match[1] for line in lines[:20] for match in _QUOTED.finditer(line)]
    return [*long[:MOST], *dict.fromkeys(names)][: 2 * MOST]


def is_beside(file: str) -> bool:
    """Whether a file is a test or a text rather than what runs."""
    path = PurePosixPath(file.lower())
    tested = any(part in {"test", "tests", "spec", "specs", "__tests__", "testdata"} for part in path.parts[:-1])
    named = path.stem.startswith("test_") or path.stem.endswith(("_test", ".test", ".spec", "test"))
    return tested or named or path.suffix in {".md", ".rst", ".txt", ".lock"}
