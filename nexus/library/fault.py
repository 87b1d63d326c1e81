"""Fault: one thing wrong with a library, where it stands and what to do about it."""

from __future__ import annotations

from nexus.incident import Word


class Fault(Word):
    """`file` is relative to the library's folder; lines count from 1; prints as `file:line: problem: remedy`."""

    file: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}: {self.remedy}"
