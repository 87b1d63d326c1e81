"""Embedded: one incident driven inside this process, on LangGraph's checkpoints, in the world's own time."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from nexus.casework import Case
from nexus.drive import Driver, Leg, Pending, drive
from nexus.graph import STAGES, build
from nexus.incident import Alert, AskedTask, Event, Evidence, Incident, Outcome, Question, Severity
from nexus.library import Library
from nexus.masking import Vault
from nexus.records.document import assemble, to_json
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.spans import OUTCOME, SEVERITY, incident_span
from nexus.state import Context, State, dump, iso, severity_of, standing_of
from nexus.steps.escalate import escalate
from nexus.steps.inform import executive_brief, status_update
from nexus.timeline import Notice, Sent
from nexus.world import World

Answering = Callable[[Pending], Awaitable[Mapping[str, Any] | None]]
Listener = Callable[[Event], None]

MOST_STEPS = 5000
"""LangGraph's bound on steps in one leg: far above any incident, so that only a loop meets it."""


async def approve_all(pending: Pending) -> Mapping[str, Any] | None:
    """Every action is approved; questions wait for their deadline."""
    if pending.value["kind"] == "approval":
        return {"verdict": "approved", "digest": pending.value["digest"], "by": "policy: approve auto"}
    await asyncio.Event().wait()
    return None


async def approve_none(_pending: Pending) -> Mapping[str, Any] | None:
    """Nobody answers: the incident waits."""
    return None


class Heard:
    """A store that also tells listeners of each event as it is recorded."""

    def __init__(self, store: Store, listeners: Sequence[Listener]) -> None:
        self._store = store
        self._listeners = listeners

    async def append(self, *events: Event) -> None:
        """Record, then tell."""
        await self._store.append(*events)
        for event in events:
            for listener in self._listeners:
                listener(event)

    async def claim(self, incident: str) -> bool:
        """As the store says."""
        return await self._store.claim(incident)

    async def events(self, incident: str) -> list[Event]:
        """As the store has them."""
        return await self._store.events(incident)

    async def keep(self, incident: str, evidence: Evidence, pictures: dict[str, bytes]) -> None:
        """As the store keeps it."""
        await self._store.keep(incident, evidence, pictures)

    async def evidence(self, incident: str, ids: Sequence[str] | None = None) -> list[Evidence]:
        """As the store has it."""
        return await self._store.evidence(incident, ids)

    async def keep_task(self, incident: str, asked: AskedTask) -> None:
        """As the store keeps it."""
        await self._store.keep_task(incident, asked)

    async def tasks(self, incident: str) -> list[AskedTask]:
        """As the store has them."""
        return await self._store.tasks(incident)

    async def incidents(self) -> list[str]:
        """As the store has them."""
        return await self._store.incidents()

    async def save_document(self, incident: str, document: str) -> None:
        """As the store saves it."""
        await self._store.save_document(incident, document)

    async def document(self, incident: str) -> str | None:
        """As the store has it."""
        return await self._store.document(incident)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


def opening(incident: str, alert: Alert, opened_at: datetime, *, ask_always: bool = False) -> State:
    """The state that a graph begins with. `ask_always`: a person is asked for every action, whatever its risk."""
    return State(incident=incident, opened_at=iso(opened_at), alert=dump(alert), now=iso(opened_at), ask_always=ask_always)


def masked(alert: Alert, vault: Vault) -> Alert:
    """The alert as it may be recorded and shown: without the secrets that somebody put into it."""
    return Alert.model_validate(vault.masked(dump(alert)))


async def new_id(alert: Alert, records: Store) -> str:
    """An id that says when, is the same for the same alert, and is nobody else's, also not another process's."""
    exact = json.dumps([alert.fingerprint, alert.title, alert.service, iso(alert.starts_at)], default=str)
    base = f"INC-{alert.starts_at:%Y%m%d-%H%M}-{hashlib.sha256(exact.encode('utf-8', 'replace')).hexdigest()[:4]}"
    number, name = 1, base
    while not await records.claim(name):
        number += 1
        name = f"{base}-{number}"
    return name


@dataclass(slots=True)
class Embedded:
    """One incident's host: `invoke` and `publish` for `drive`, over one compiled graph."""

    context: Context
    graph: Any
    incident: str
    stop_after: tuple[str, ...] = ()
    values: State = field(default_factory=State)
    earlier: State = field(default_factory=State)
    posts: int = 0
    briefs: int = 0
    pending: tuple[Pending, ...] = ()
    begin: State | None = None

    @property
    def config(self) -> RunnableConfig:
        """The incident's id is the thread's."""
        return {"configurable": {"thread_id": self.incident}, "recursion_limit": MOST_STEPS}

    async def invoke(self, resume: Mapping[str, Any] | None) -> Leg:
        """One leg of the graph."""
        with self.context.world.clock.busy():
            given: Any = self.begin if resume is None else Command(resume=dict(resume))
            await self.graph.ainvoke(
                given, self.config, context=self.context, durability="sync", interrupt_after=list(self.stop_after) or None
            )
            snapshot = await self.graph.aget_state(self.config)
        self.earlier, self.values = self.values, cast("State", snapshot.values)
        self.pending = tuple(Pending(i.id, i.value) for i in snapshot.interrupts)
        threshold = self.context.library.runbook.limits.revenue_per_hour
        return Leg(standing_of(self.values, threshold), datetime.fromisoformat(self.values["now"]), self.pending)

    def publish(self, notice: Notice) -> Coroutine[Any, Any, None]:
        """Compose and send one notice, from what was known at its time."""
        since = self.values.get("status_since")
        later = since is not None and datetime.fromisoformat(since) > notice.at and bool(self.earlier)
        state = self.earlier if later else self.values
        roles = self.context.library.runbook.roles
        briefed = notice.rule is not None and roles.executive in notice.rule.to and severity_of(state) is not Severity.P0
        self.posts += notice.kind == "status"
        self.briefs += notice.kind == "brief" or briefed
        return self._publish(state, notice, self.posts, self.briefs if briefed or notice.kind == "brief" else None)

    async def _publish(self, state: State, notice: Notice, post: int, brief: int | None) -> None:
        with self.context.world.clock.busy():
            if notice.rule is not None:
                await escalate(Case(self.context, state, "escalation", 0, notice.at), notice.rule)
            if notice.kind == "status":
                assert notice.status is not None
                case = Case(self.context, state, "status", post, notice.at)
                await status_update(case, post, notice.status, notice.next_update)
            if brief is not None:
                assert notice.status is not None
                case = Case(self.context, state, "brief", brief, notice.at)
                await executive_brief(case, brief, notice.status, notice.next_update)

    async def document(self, outcome: Outcome | None) -> Incident:
        """The whole incident as it stands."""
        questions = [
            Question(
                id=p.id,
                kind=p.value["kind"],
                text=str(p.value.get("text") or p.value.get("action", "")),
                deadline=datetime.fromisoformat(p.value["deadline"]),
                detail=dict(p.value),
            )
            for p in self.pending
            if p.value["kind"] != "wait"
        ]
        state = {**self.values, "questions": [q.model_dump(mode="json") for q in questions]}
        if outcome is not None:
            state["outcome"] = outcome.value
        records = self.context.records
        events = await records.events(self.incident)
        evidence = await records.evidence(self.incident)
        return assemble(state, events, evidence)


async def handle(
    alert: Alert,
    *,
    library: Library,
    world: World,
    responder: Responder,
    records: Store,
    checkpointer: BaseCheckpointSaver[Any],
    answer: Answering = approve_all,
    listeners: Sequence[Listener] = (),
    until: str | None = None,
    ask_always: bool = False,
) -> Incident:
    """Take one alert to the incident's end, or to where a person is needed, or to the stage `until`.

    `answer` gives people's answers; `ask_always` asks for every action, also those that policy lets pass.
    """
    heard = Heard(records, listeners)
    clock = world.clock
    incident = await new_id(alert, records)
    opened_at = clock.now()
    context = Context(library, world, responder, heard)
    begin = opening(incident, masked(alert, context.vault), opened_at, ask_always=ask_always)
    graph = build(library).compile(checkpointer=checkpointer)
    host = Embedded(context, graph, incident, STAGES[until] if until else (), begin=begin)
    start = standing_of(begin, library.runbook.limits.revenue_per_hour)

    async def answered(pending: Pending) -> Mapping[str, Any] | None:
        if answer is approve_all:
            return await answer(pending)
        with clock.busy():
            return await answer(pending)

    driver = Driver(library.runbook, host.invoke, host.publish, clock.now, clock.sleep_until, answered, start, Sent())
    with incident_span(incident) as mark:
        ended = await drive(driver)
        document = await host.document(replace(ended).outcome)
        await records.save_document(incident, to_json(document))
        mark.set(OUTCOME, document.outcome.value)
        if document.severity is not None:
            mark.set(SEVERITY, document.severity.value)
    return document
