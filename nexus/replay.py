"""Replay: a task of an incident asked again on the record, as it was asked, with another wording, model or responder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nexus.errors import LibraryError, ToolError, UsageError
from nexus.incident import Alert, AskedTask, Authorship, Event, EventKind, Evidence, Word
from nexus.library import Library
from nexus.library.templates import FACTS, Form, form_faults
from nexus.masking import Vault
from nexus.records.store import Store
from nexus.responder.answers import ANSWERS
from nexus.responder.contract import Responder, Task
from nexus.responder.desk import Desk
from nexus.responder.llm.fence import Fence
from nexus.responder.llm.opening import Opening, opening_of
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.prompt import within
from nexus.responder.llm.tasks import PARTS
from nexus.responder.rules import RulesResponder
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look, Marks
from nexus.world import Service, ServiceCatalog, World
from nexus.world.clock import VirtualLap
from nexus.world.simulated_people import SimulatedPeople

NEAR = timedelta(minutes=5)
"""How far from a task another agent's look may have been taken to stand for one of its own: beyond, the world was another."""

_TELLING = {"dry_run": frozenset({"kind", "target", "arguments"})}
"""Arguments that make a look what it is, where others only explain it."""

FENCE = Fence("mark", ModelPolicy().window)
"""A prompt's marks where nobody is asked, and the window that its data is cut for."""


@dataclass(frozen=True, slots=True)
class Record:
    """What an incident left behind.

    `world`, where there is one, gives the world as it stood at a moment: whatever was done to it later is not done yet.
    """

    incident: str
    events: Sequence[Event]
    evidence: Sequence[Evidence]
    tasks: Sequence[AskedTask]
    world: Callable[[datetime], World] | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One task asked once more, by `responder`. `authorship` is None where that signs nothing; `seconds` by the wall clock."""

    label: str
    asked: AskedTask = field(repr=False)
    responder: str
    answer: Word
    authorship: Authorship | None
    looks: tuple[Evidence, ...] = field(repr=False)
    seconds: float


async def record_of(store: Store, incident: str, world: Callable[[datetime], World] | None = None) -> Record:
    """That incident's record. Raises UsageError when it keeps no tasks."""
    tasks = await store.tasks(incident)
    if not tasks:
        raise UsageError(f"there is no incident {incident} whose tasks were kept", "nexus list names the incidents of a folder")
    return Record(incident, await store.events(incident), await store.evidence(incident), tasks, world)


def task_of(record: Record, agent: str, task: str | None = None, number: int = 1) -> AskedTask:
    """The agent's `number`-th task, of that kind if one is named. Raises UsageError, naming what there is."""
    own = [t for t in record.tasks if t.agent == agent]
    kinds = list(dict.fromkeys(t.task for t in own))
    if not own:
        known = ", ".join(dict.fromkeys(t.agent for t in record.tasks))
        raise UsageError(f"{record.incident} asked nothing of {agent!r}", f"it asked {known}")
    found = [t for t in own if task in (None, t.task)]
    if not found:
        raise UsageError(f"{record.incident} did not ask {agent} for {task!r}", f"it was asked for {', '.join(kinds)}")
    if not 1 <= number <= len(found):
        what = f"{agent} {task}" if task else agent
        asked = "once" if len(found) == 1 else f"{len(found)} times, numbered from 1"
        raise UsageError(f"there is no number {number} of {what}", f"it was asked {asked}")
    return found[number - 1]


def retrace(record: Record, asked: AskedTask, library: Library) -> tuple[Task, RecordedDesk]:
    """The task as it was asked, in that library's wording, and the desk to answer it at. Raises LibraryError."""
    desk = RecordedDesk(record, asked, library)
    facts = dict(asked.facts)
    if asked.evidence:
        kept = {e.id: e for e in record.evidence}
        facts["evidence"] = [kept[i].model_dump(mode="json") for i in asked.evidence if i in kept]
    return Task(asked.task, desk.agent, library, facts), desk


def worded(library: Library, asked: AskedTask, prompt: str | None) -> Library:
    """The library with another text for that task's prompt. Raises LibraryError when it has a fault or an unknown hole."""
    return library if prompt is None else library.with_prompt(asked.task, prompt)


async def ask_again(
    record: Record, asked: AskedTask, responder: Responder, library: Library, *, prompt: str | None = None, label: str = ""
) -> Trial:
    """Ask the task as it was asked; looks come from the record. Raises LibraryError for a prompt that cannot be filled."""
    task, desk = retrace(record, asked, worded(library, asked, prompt))
    begun = time.perf_counter()
    answer = await responder.respond(task, ANSWERS[asked.task], desk)
    seconds = round(time.perf_counter() - begun, 3)
    signed = desk.signed[-1] if desk.signed else None
    return Trial(label or responder.name, asked, responder.name, answer, signed, tuple(desk.seen), seconds)


async def opening(record: Record, asked: AskedTask, library: Library, prompt: str | None = None) -> Opening | None:
    """What a model is sent first for that task; None where it is not asked, for the rules answer it alone.

    It is cut for a model with the default window. The word in the marks around data is `mark` here; in a conversation it is
    one that nobody can guess.
    """
    task, desk = retrace(record, asked, worded(library, asked, prompt))
    draft = await RulesResponder().respond(task, ANSWERS[asked.task], desk)
    part = PARTS[asked.task]
    return opening_of(task, part, draft, desk, FENCE) if part.worth(task, draft) else None


def read_prompt(path: Path, record: Record, asked: AskedTask, library: Library) -> str:
    """A file's text, as one for that task's prompt. Raises UsageError naming the file, the line and the hole that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "name a text file") from error
    for fault in form_faults(text, str(path), 1, FACTS[asked.task]):
        raise LibraryError(f"{fault.file}:{fault.line}: {fault.problem}", fault.remedy)
    Form(text, str(path)).fill(within(PARTS[asked.task].facts(retrace(record, asked, library)[0]), FENCE))
    return text


class RecordedDesk(Desk):
    """A desk whose looks are the record's: the task's own in their order, then any that was taken near to it.

    What nobody looked at is looked at in the record's world, as it was then; where there is none, it could not be looked at.
    """

    def __init__(self, record: Record, asked: AskedTask, library: Library) -> None:
        world = record.world(asked.at) if record.world else _closed(asked)
        acted = [e.at for e in record.events if e.kind is EventKind.ACTING and e.at <= asked.at]
        look = Look(
            world=world,
            at=asked.at,
            alert=Alert.model_validate(asked.facts["alert"]),
            window=timedelta(minutes=asked.window_minutes),
            marks=Marks(action=max(acted, default=None)),
        )
        agent, lap = library.agent(asked.agent), VirtualLap(asked.at)
        super().__init__(agent, look, lap, self._nowhere, "", vault=Vault(), recall=self._held, free=True)
        self._record = record
        self._asked = asked
        self._own = [e for e in record.evidence if e.agent == asked.agent and e.id.startswith(asked.looks)]
        self._left = list(self._own)

    async def _nowhere(self, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """Nothing is kept."""

    async def _held(self) -> Sequence[Evidence]:
        return [e for e in self._record.evidence if e.at <= self._asked.at and e not in self._own]

    async def _use(self, name: str, tool: str, arguments: dict[str, Any], look: Look) -> tuple[Evidence, dict[str, bytes]]:
        found = self._taken(tool, arguments)
        if found is None or (tool not in self.tools and not found.failed):
            return await super()._use(name, tool, arguments, look)
        if found in self._own:
            self.lap.spend(max(found.at - self.lap.now(), timedelta(0)))
        return found, {}

    def _taken(self, tool: str, arguments: Mapping[str, Any]) -> Evidence | None:
        """The record's look for that one."""
        own = same_looks(self._left, tool, arguments) or same_looks(self._own, tool, arguments)[-1:]
        if own:
            self._left = [e for e in self._left if e is not own[0]]
            return own[0]
        if self._record.world is not None:
            return None
        others = [e for e in same_looks(self._record.evidence, tool, arguments) if abs(e.at - self._asked.at) <= NEAR]
        return min(others, key=lambda e: abs(e.at - self._asked.at), default=None)

    async def _run(self, name: str, arguments: dict[str, Any], look: Look) -> tuple[str, dict[str, Any], dict[str, bytes]]:
        if name not in self.tools or (self._record.world is not None and self.tools[name] is TOOLS.get(name)):
            return await super()._run(name, arguments, look)
        raise ToolError(f"the record holds no such look: {name} {json.dumps(arguments, default=str)}", "go by what it holds")


def _closed(asked: AskedTask) -> World:
    """A world that can no longer be looked at: only the names of what there was are left."""
    services = tuple(Service(name=name, owner=owner) for name, owner in asked.catalog.items())
    return World(name="record", people=SimulatedPeople(), catalog=ServiceCatalog(services=services))


def same_looks(evidence: Sequence[Evidence], tool: str, arguments: Mapping[str, Any]) -> list[Evidence]:
    """The looks with that tool and those arguments; one that is empty counts as not given."""
    given = _given(tool, arguments)
    return [e for e in evidence if e.tool == tool and _given(tool, e.arguments) == given]


def _given(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    telling = _TELLING.get(tool, arguments.keys())
    return {name: value for name, value in arguments.items() if name in telling and value not in (None, "", (), [], {})}
