"""Options: what several commands take in the same way."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nexus.library import Library


class Approve(StrEnum):
    """Who answers approvals."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


class Thinks(StrEnum):
    """Who answers the agents' tasks."""

    RULES = "rules"
    LLM = "llm"


class Engine(StrEnum):
    """Who drives incidents."""

    EMBEDDED = "embedded"
    TEMPORAL = "temporal"


LibraryOption = Annotated[Path | None, typer.Option("--library", help="Folder with agents/, prompts/ and graphs/.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_library(path: Path | None) -> Library:
    """The library in that folder; the shipped one for None. Raises LibraryError."""
    from nexus.library import Library  # noqa: PLC0415 - kept off the path of --help

    return Library.open(path) if path else Library.default()


def flags_for(out: Path | None) -> str:
    """What a command says to find incidents that are kept there."""
    return "" if out is None or str(out) == "incidents" else f" --out {shlex.quote(str(out))}"
