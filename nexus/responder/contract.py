"""Responder: the contract between the steps and whoever thinks, a model or the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from nexus.incident import Usage, Word
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
    """Answers a task with a value of the schema, using the agent's desk to look at the world."""

    name: str

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        """The agent's answer. Raises ResponderError when none can be given."""
        ...

    def usage(self, incident: str) -> Usage:
        """Model calls made for that incident so far; zeros where there is no model."""
        ...
