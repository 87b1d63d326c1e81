"""Prompt: what a model is sent for one task: the agent's system message, its tools, and the task with what its checks showed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from nexus.incident import Evidence, Word
from nexus.library import Agent, Library
from nexus.responder.llm.chat import Json, Message
from nexus.responder.llm.fence import Fence
from nexus.responder.llm.window import shortened, told
from nexus.tools.tool import Tool

FACTS = 40_000
"""Characters of a task's facts, at the most."""
SHOWN = 8_000
"""Characters of the further data that a prompt has, at the most."""
CHECKED = 2_000
"""Characters of what one of the runbook's checks showed that a prompt begins with, at the most."""
SUBMIT = "submit"
"""The tool by which an answer is given."""


def system_of(library: Library, agent: Agent) -> Message:
    """Who the agent is; the same for all of its tasks, so that servers can keep it."""
    facts = {"title": agent.title, "role": agent.role, "instructions": agent.instructions}
    return Message("system", library.prompt("system", facts))


def user_of(task: str, shown: Mapping[str, Any], seen: Sequence[Evidence], fence: Fence) -> Message:
    """The task: its filled prompt, further data, and what the runbook's checks showed."""
    most = fence.most(len(seen), CHECKED)
    parts = [task]
    if shown:
        parts.append("Further data:\n\n" + fence.around(told(shown, fence.most(1, SHOWN)), "facts") + "\n")
    if seen:
        looks = "\n\n".join(fence.evidence(e, most) for e in seen)
        parts.append(f"What the checks showed, by evidence id:\n\n{looks}\n")
    parts.append("Answer by calling `submit`.\n")
    return Message("user", "\n".join(parts))


def within(facts: Mapping[str, Any], fence: Fence) -> dict[str, Any]:
    """Facts as a prompt takes them: the alert without its original, lists and texts cut as hard as the window needs."""
    lean = dict(facts)
    if isinstance(facts.get("alert"), Mapping):
        lean["alert"] = {k: v for k, v in facts["alert"].items() if k not in {"raw", "group"}}
    cut: dict[str, Any] = {}
    for items, characters in ((24, 400), (12, 240), (6, 160), (3, 100)):
        cut = {name: shortened(value, items=items, characters=characters) for name, value in lean.items()}
        if len(json.dumps(cut, ensure_ascii=False, default=str)) <= fence.most(1, FACTS):
            break
    return cut


def tools_of(tools: Iterable[Tool], asks: type[Word]) -> list[Json]:
    """The agent's tools and `submit`, in OpenAI's notation and in a stable order."""
    listed = [_function(tool.name, tool.description, tool.arguments) for tool in tools]
    return [*listed, _function(SUBMIT, (asks.__doc__ or "").strip(), asks)]


@cache
def _function(name: str, description: str, arguments: type[Word]) -> Json:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": wire_schema(arguments)}}


def wire_schema(word: type[Word]) -> dict[str, Any]:
    """A word's JSON schema as models take it best: references put in place, no titles, no defaults."""
    whole = word.model_json_schema()
    definitions = whole.pop("$defs", {})
    lean: dict[str, Any] = _lean(whole, definitions)
    lean.pop("description", None)
    return lean


def _lean(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_lean(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        beside = {k: v for k, v in node.items() if k != "$ref"}
        return _lean({**target, **beside}, definitions)
    kept = {}
    for key, value in node.items():
        if key == "properties":
            kept[key] = {name: _lean(schema, definitions) for name, schema in value.items()}
        elif key not in ("title", "default", "pattern"):
            kept[key] = _lean(value, definitions)
    return kept
