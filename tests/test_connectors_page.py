"""The page of connectors names each kind, its extra and every setting; run as a program, this prints the page's settings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nexus.world.connectors.register import KINDS, module_of

PAGE = Path(__file__).parents[1] / "docs" / "connectors.md"


def inner(annotation: Any) -> type[BaseModel] | None:
    """The model that a setting is made of, alone or in a list or mapping."""
    seen = [annotation, *(inside for outer in get_args(annotation) for inside in (outer, *get_args(outer)))]
    return next((one for one in seen if isinstance(one, type) and issubclass(one, BaseModel)), None)


def meaning(field: FieldInfo) -> str:
    """Its description, and its default where that says something."""
    default = "" if field.is_required() or field.default_factory else field.default
    plain = isinstance(default, str | int | float | bool) and default != ""
    return (field.description or "").replace("|", "/") + (f" (default: {default})" if plain else "")


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name == "use" or (name == "name" and not prefix):
            continue
        needed = " (needed)" if field.is_required() else ""
        yield f"| `{prefix}{name}`{needed} | {meaning(field).strip()} |"
        held = inner(field.annotation)
        if held is not None and prefix.count(".") < 2:
            yield from rows(held, f"{prefix}{name}.")


def section(use: str) -> str:
    """The settings of one kind, in Markdown."""
    return "\n".join([f"### {use}", "", "| Setting | Meaning |", "| --- | --- |", *rows(module_of(use).Settings)])


@pytest.mark.parametrize("use", KINDS)
def test_the_page_has_the_settings_of(use: str) -> None:
    assert section(use) in PAGE.read_text(encoding="utf-8"), f"run python {Path(__file__).name} and renew the page"


@pytest.mark.parametrize("use", KINDS)
def test_the_page_says_what_it_gives_and_against_what_it_was_tested(use: str) -> None:
    (row,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| [`{use}`](#{use})")]
    given, extra, tested = [cell.strip() for cell in row.split("|")[2:5]]
    assert given
    assert tested
    assert extra.strip("`") == KINDS[use][1]


if __name__ == "__main__":
    sys.stdout.write("\n\n".join(map(section, KINDS)) + "\n")
