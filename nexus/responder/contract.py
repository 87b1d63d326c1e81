"""Responder: the contract between the steps and whoever thinks, a model or the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from nexus.incident import Word
from nexus.library import Agent, Library
from nexus.responder.desk import Desk

Answer = TypeVar("Answer", bound=Word)


@dataclass(frozen=True, slots=True)
class Task:
    """What an agent is asked: `name` is the prompt's, `facts` fill its holes and are all that a responder may rely on."""

    name: str
    agent: Agent
    library: Library
    facts: Mapping[str, Any]


class Responder(Protocol):
    """Answers a task with a value of the schema; looks at the world and signs what it answered at the agent's desk."""

    name: str

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        """The agent's answer. Raises ResponderError when none can be given."""
        ...
