"""LangChain tools as tools of the house: what they return becomes evidence, cut and masked as any other look."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from nexus.errors import ToolError
from nexus.incident import Word
from nexus.responder.llm.window import capped
from nexus.tools.readings import Reading
from nexus.tools.tool import Look, Seen, Tool

SUMMARY = 300
"""Characters of what a tool returned that stand for it in one line."""


class TextReading(Reading):
    """What a foreign tool returned, as text."""

    text: str


def as_tool(given: BaseTool) -> Tool:
    """That tool, to be given to agents; it has to be one that only looks. Its errors become failed looks."""

    async def run(_look: Look, arguments: Any) -> Seen:
        try:
            returned = await given.ainvoke(arguments.model_dump(exclude_unset=True))
        except Exception as error:
            raise ToolError(f"{given.name} failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
        text = returned if isinstance(returned, str) else json.dumps(returned, ensure_ascii=False, default=str)
        return Seen(TextReading(summary=capped(" ".join(text.split()), SUMMARY), text=text))

    return Tool(name=given.name, description=given.description, arguments=_arguments(given), run=run)


def _arguments(given: BaseTool) -> type[Word]:
    """Arguments as the tool's own schema has them, checked by itself when it runs."""
    schema: dict[str, Any] = convert_to_openai_tool(given)["function"]["parameters"]

    class Arguments(Word):
        """As the tool has them."""

        model_config = ConfigDict(frozen=True, extra="allow")
        own: ClassVar[dict[str, Any]] = schema

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            """The tool's own."""
            return {k: v for k, v in cls.own.items() if k != "title"}

    return Arguments
