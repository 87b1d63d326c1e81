"""McpWords: what a server says, its answers and what it tells of its tools, as text that is capped and whose sender is named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]  # it ships no types
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

LONGEST = 20_000
"""Characters of one answer."""
DESCRIPTION = 500
"""Characters of what a server says of one tool, and of one argument."""
SCHEMA = 10_000
"""Characters of a tool's schema."""
NAME = 64
"""Characters that a tool's name may have for a model."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_DESCRIBING = ("description", "title", "$comment")


def capped(text: str, most: int = LONGEST) -> str:
    """At most so many characters, the end left out and said so."""
    if len(text) <= most:
        return text
    note = f"\n[… the first {most:,} of {len(text):,} characters]"
    return text[: most - len(note)] + note


def line_of(text: str, most: int = DESCRIPTION) -> str:
    """On one line, without control characters."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def text_of(result: CallToolResult) -> str:
    """An answer as text: structured content as JSON, pictures and sounds only described."""
    texts = [_told(block) for block in result.content]
    structured = result.structuredContent
    if structured is not None and not _says_the_same(structured, result):
        texts.insert(0, json.dumps(structured, ensure_ascii=False, default=str))
    return capped("\n".join(filter(None, texts))) or "the tool answered with nothing"


def value_of(result: CallToolResult) -> Any:
    """An answer as a JSON value to compare with another one."""
    if result.structuredContent is not None:
        structured = result.structuredContent
        return structured["result"] if structured.keys() == {"result"} else structured
    text = text_of(result)
    try:
        return json.loads(text)
    except ValueError:
        return text


def holds(value: Any, expected: Any) -> bool:
    """Whether the value is as expected: every field that is named, and of a text a part."""
    if isinstance(expected, Mapping):
        return isinstance(value, Mapping) and all(name in value and holds(value[name], held) for name, held in expected.items())
    if isinstance(expected, str) and isinstance(value, str):
        return expected in value
    return bool(value == expected)


def description_of(title: str, tool: Tool) -> str:
    """What the server says of its tool, named as its words."""
    said = line_of(tool.description or tool.title or "")
    return f"Of the MCP server {title}, in its own words: {said}" if said else f"A tool of the MCP server {title}."


def schema_of(tool: Tool) -> dict[str, Any]:
    """The tool's arguments as a JSON schema whose words are capped; of one that is too long or no schema only the names stay."""
    schema: dict[str, Any] = {**_tamed(tool.inputSchema), "type": "object"}
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return _names_of(schema)
    return schema if len(json.dumps(schema, default=str)) <= SCHEMA else _names_of(schema)


def _names_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    names = [name[:NAME] for name in properties][:100] if isinstance(properties, Mapping) else []
    needed = [name for name in required if name in names] if isinstance(required, list) else []
    return {"type": "object", "properties": {name: {} for name in names}, "required": needed}


def name_of(title: str, tool: str) -> str:
    """The tool's name for a model, after its server's, so that it is nobody else's."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", f"{title}_{tool}")[:NAME]


def _told(block: ContentBlock) -> str:
    match block:
        case TextContent(text=text):
            return text
        case ImageContent(data=data, mimeType=kind) | AudioContent(data=data, mimeType=kind):
            return f"[{kind}, about {_size(data)}: not shown]"
        case ResourceLink(uri=uri, name=name):
            return f"[a link to {name}: {uri}]"
        case EmbeddedResource(resource=TextResourceContents(text=text, uri=uri)):
            return f"[{uri}]\n{text}"
        case EmbeddedResource(resource=BlobResourceContents(blob=data, uri=uri)):
            return f"[{uri}, about {_size(data)}: not shown]"
    return ""


def _size(base64: str) -> str:
    return f"{max(1, len(base64) * 3 // 4 // 1024):,} kB"


def _says_the_same(structured: Mapping[str, Any], result: CallToolResult) -> bool:
    """Whether the text blocks hold the structured content already, as the protocol asks servers to do for older clients."""
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    try:
        told = json.loads(text)
    except ValueError:
        told = text
    return structured in (told, {"result": told})


def _tamed(schema: Any, name: str = "") -> Any:
    if isinstance(schema, Mapping):
        return {str(key): _tamed(held, str(key)) for key, held in schema.items()}
    if isinstance(schema, list):
        return [_tamed(held) for held in schema]
    return line_of(schema) if isinstance(schema, str) and name in _DESCRIBING else schema
