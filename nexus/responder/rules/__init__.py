"""RulesResponder: answers every task from the values of its checks; deterministic, no key, no network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from nexus.errors import ResponderError
from nexus.incident import Word
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.correlate import correlate
from nexus.responder.rules.inform import escalate, executive_brief, status_update
from nexus.responder.rules.investigate import investigate
from nexus.responder.rules.learn import backlog, post_mortem
from nexus.responder.rules.plan import plan
from nexus.responder.rules.triage import classify
from nexus.responder.rules.verify import verify

Answer = TypeVar("Answer", bound=Word)

_TASKS: dict[str, Callable[[Task, Desk], Awaitable[Any]]] = {
    "triage": classify,
    "investigate": investigate,
    "correlate": correlate,
    "plan": plan,
    "verify": verify,
    "status_update": status_update,
    "executive_brief": executive_brief,
    "escalate": escalate,
    "post_mortem": post_mortem,
    "backlog": backlog,
}


class RulesResponder:
    """The responder that needs nothing but the evidence."""

    name = "rules"

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        """The answer that the rules give. Raises ResponderError for a task they do not know."""
        rule = _TASKS.get(task.name)
        if rule is None:
            raise ResponderError(f"the rules know no task {task.name}", "known are " + ", ".join(_TASKS))
        answer = await rule(task, desk)
        if not isinstance(answer, schema):
            raise ResponderError(f"the rules answer {task.name} with {type(answer).__name__}", f"asked was {schema.__name__}")
        return answer
