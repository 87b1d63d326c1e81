"""Opening: a task as a model gets it first: who it is, what is asked, what the checks showed, and the tools it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus.incident import Word
from nexus.outgoing import MEASURING
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.llm.chat import Json, Message
from nexus.responder.llm.fence import Fence
from nexus.responder.llm.prompt import system_of, tools_of, user_of, within
from nexus.responder.llm.tasks.part import Part
from nexus.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Opening:
    """`messages` are the system's and the user's; `offered` are `tools` and `submit` in OpenAI's notation."""

    messages: tuple[Message, Message]
    tools: Mapping[str, Tool]
    offered: Sequence[Json]


def opening_of(task: Task, part: Part[Any, Any], draft: Word, desk: Desk, fence: Fence) -> Opening:
    """What a model is sent for that task once the rules have drafted their answer at that desk. Raises LibraryError."""
    tools = {name: tool for name, tool in desk.tools.items() if not part.public or name in MEASURING}
    shown = part.shows(task, draft, {e.id: e for e in desk.seen})
    asked = task.library.prompt(task.name, within(part.facts(task), fence))
    user = user_of(asked, shown, [] if part.public else desk.seen, fence)
    return Opening((system_of(task.library, task.agent), user), tools, tools_of(tools.values(), part.asks))
