"""Custom: ways to look that a world or an embedder brings along, as tools of the house; what they return is text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict

from nexus.incident import Word
from nexus.tools.readings import Reading
from nexus.tools.tool import Look, Seen, Tool
from nexus.world.looks import CustomLook

SUMMARY = 300
"""Characters of what it returned that stand for it in one line."""


class TextReading(Reading):
    """What it returned, as text."""

    text: str


def seen_as_text(text: str) -> Seen:
    """The text whole, and its beginning on one line."""
    line = " ".join(text.split())
    summary = line if len(line) <= SUMMARY else f"{line[: SUMMARY - 1].rstrip()}…"
    return Seen(TextReading(summary=summary or "it returned nothing", text=text))


def arguments_of(schema: Mapping[str, Any]) -> type[Word]:
    """Arguments as that JSON schema has them, checked by who made it."""

    class Arguments(Word):
        """As the tool has them."""

        model_config = ConfigDict(frozen=True, extra="allow")
        own: ClassVar[Mapping[str, Any]] = schema

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            """The tool's own."""
            return {k: v for k, v in cls.own.items() if k != "title"}

    return Arguments


def tool_of(look: CustomLook) -> Tool:
    """That look as a tool."""

    async def run(_look: Look, arguments: Any) -> Seen:
        return seen_as_text(await look.run(arguments.model_dump(exclude_unset=True)))

    return Tool(name=look.name, description=look.description, arguments=arguments_of(look.arguments), run=run)
