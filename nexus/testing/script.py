"""Incidents from a script: virtual time, a world in memory, a responder that answers as told, whole scenarios in one call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from nexus.asked import Answering, approve_all
from nexus.embedded import handle
from nexus.errors import NexusError, ResponderError
from nexus.incident import Incident, Word
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.store import Store
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Responder, Task
from nexus.responder.desk import Desk
from nexus.responder.rules import RulesResponder
from nexus.world import Service, ServiceCatalog, World
from nexus.world.clock import VirtualClock
from nexus.world.open import open_world
from nexus.world.simulated_people import SimulatedPeople

Answer = TypeVar("Answer", bound=Word)
Line = Word | NexusError | Callable[[Task], Word]
"""One line of a script: the answer, what is raised instead of one, or how the answer follows from the task."""

BEGINS = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
"""When time begins in a world in memory, unless a test says otherwise."""


def world_in_memory(*services: Service, begins: datetime = BEGINS, name: str = "memory", **capabilities: Any) -> World:
    """A world that holds what it is given and nothing else: what is left out, agents find missing.

    `capabilities` are World's own, by name (`metrics=…`, `actions=…`): objects that answer as their Protocols say. Time is
    virtual, and what is sent to people stays in memory: `world.people.messages`.
    """
    given = {"people": SimulatedPeople(), "clock": VirtualClock(begins), **capabilities}
    return World(name=name, catalog=ServiceCatalog(services=services), **given)


class ScriptedResponder:
    """Answers the tasks that its script names, and gives all others to `otherwise`, the rules unless told differently.

    `lines` is keyed by task (`"correlate"`) or by task and agent (`"investigate/backend-architect"`), the longer one winning.
    `slow` gives agents (by name) the simulated time that each of their tasks takes before it is answered.
    `asked` holds every task that came, in order.
    """

    name = "scripted"

    def __init__(
        self,
        lines: Mapping[str, Line] | None = None,
        *,
        slow: Mapping[str, timedelta] | None = None,
        otherwise: Responder | None = None,
    ) -> None:
        self.lines = dict(lines or {})
        self.slow = dict(slow or {})
        self.otherwise = otherwise or RulesResponder()
        self.asked: list[Task] = []

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        """The script's answer. Raises what the script says, and ResponderError when the answer is of another kind than asked."""
        self.asked.append(task)
        if task.agent.name in self.slow:
            desk.lap.spend(self.slow[task.agent.name])
        line = self.lines.get(f"{task.name}/{task.agent.name}", self.lines.get(task.name))
        if line is None:
            return await self.otherwise.respond(task, schema, desk)
        if isinstance(line, NexusError):
            raise line
        answer = line if isinstance(line, Word) else line(task)
        if not isinstance(answer, schema):
            raise ResponderError(f"the script answers {task.name} with {type(answer).__name__}", f"asked was {schema.__name__}")
        return answer


async def run_scenario(
    name: str = "bad-deploy",
    *,
    seed: int | None = None,
    responder: Responder | None = None,
    answer: Answering = approve_all,
    library: Library | None = None,
    until: str | None = None,
    records: Store | None = None,
) -> Incident:
    """One sandbox scenario, by name or folder, from its alert to its end, in virtual time. Raises WorldError.

    It is recorded in memory, unless other `records` are given.
    """
    opened = open_world(f"sandbox:{name}", seed=seed)
    return await handle(
        read_alert(json.dumps(opened.alert), now=opened.world.clock.now()),
        library=library or Library.default(),
        world=opened.world,
        responder=responder or RulesResponder(),
        records=records or MemoryStore(),
        answer=answer,
        until=until,
    )


__all__ = ["BEGINS", "Line", "ScriptedResponder", "VirtualClock", "run_scenario", "world_in_memory"]
