"""LangChain tools as tools of the house: what they return becomes evidence, cut and masked as any other look."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from nexus.errors import ToolError
from nexus.tools.custom import arguments_of, seen_as_text
from nexus.tools.tool import Look, Seen, Tool


def as_tool(given: BaseTool) -> Tool:
    """That tool, to be given to agents; it has to be one that only looks. Its errors become failed looks."""

    async def run(_look: Look, arguments: Any) -> Seen:
        try:
            returned = await given.ainvoke(arguments.model_dump(exclude_unset=True))
        except Exception as error:
            raise ToolError(f"{given.name} failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
        text = returned if isinstance(returned, str) else json.dumps(returned, ensure_ascii=False, default=str)
        return seen_as_text(text)

    schema: dict[str, Any] = convert_to_openai_tool(given)["function"]["parameters"]
    return Tool(name=given.name, description=given.description, arguments=arguments_of(schema), run=run)
