"""Runs: one incident in a hostile world, and everything that it left behind or sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from model_in_hand import responder_at

from hostile.payloads import Payload
from hostile.world import hostile
from nexus.asked import Answering, approve_all
from nexus.embedded import handle
from nexus.incident import AskedTask, Event, Evidence, Incident
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.folder import write_folder
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Responder
from nexus.responder.rules import RulesResponder
from nexus.testing.model_server import ModelServer, Script
from nexus.world import World
from nexus.world.sandbox import open_sandbox
from nexus.world.sandbox.control import Entry
from nexus.world.simulated_people import SimulatedPeople

HERE = Path(__file__).parent
LIBRARY = Library.default()


@dataclass(frozen=True)
class Run:
    """One incident with what went out, what a model was sent, what was changed and which files it wrote."""

    incident: Incident
    events: Sequence[Event]
    evidence: Sequence[Evidence]
    tasks: Sequence[AskedTask]
    people: SimulatedPeople
    requests: Sequence[dict[str, Any]]
    changes: Sequence[Entry]
    files: Mapping[str, str]

    @property
    def outgoing(self) -> list[str]:
        """Every text that left the house, each with whom it went to."""
        sent = [f"{m.kind} {m.to}\n{m.text}" for m in self.people.messages]
        return [*sent, *(f"{item.kind} {item.owner}\n{item.title}" for item in self.people.backlog.values())]

    @property
    def ending(self) -> tuple[Any, ...]:
        """How it went: outcome, cause and what was done."""
        i = self.incident
        did = tuple((str(a.action), a.result) for a in i.actions)
        return i.outcome, i.cause.cause, i.cause.component, i.cause.status, did

    def everything(self) -> Iterator[tuple[str, str]]:
        """Whatever was sent or kept, by what it is."""
        yield from ((f"request {n}", json.dumps(body, ensure_ascii=False)) for n, body in enumerate(self.requests))
        yield from ((f"event {e.key}", e.model_dump_json()) for e in self.events)
        yield from ((f"evidence {e.id}", e.model_dump_json()) for e in self.evidence)
        yield from ((f"task {t.key}", t.model_dump_json()) for t in self.tasks)
        yield from ((f"message {n}", text) for n, text in enumerate(self.outgoing))
        yield from self.files.items()


def alert_with(payload: Mapping[str, Any], held: Sequence[Payload]) -> str:
    """Monitoring's payload with the strangers' labels and annotations in it."""
    changed = json.loads(json.dumps(payload))
    for entry in changed["alerts"]:
        for number, p in enumerate(held):
            if p.where == "annotation":
                entry["annotations"][f"note{number}"] = p.text
            elif p.where in ("label", "title", "service"):
                name = {"title": "alertname", "service": "service"}.get(p.where, f"note{number}")
                entry["labels"][name] = p.text
    return json.dumps(changed)


async def run_in(
    scenario: str | Path = HERE,
    held: Sequence[Payload] = (),
    responder: Responder | None = None,
    *,
    answer: Answering = approve_all,
    ask_always: bool = False,
    adapt: Callable[[World], World] = lambda world: world,
    requests: Sequence[dict[str, Any]] = (),
) -> Run:
    """One incident of that scenario with those payloads in its world; thought by rules unless told otherwise."""
    opened = open_sandbox(scenario)
    world = adapt(hostile(opened.world, held))
    store = MemoryStore()
    incident = await handle(
        read_alert(alert_with(opened.alert_payload, held), now=world.clock.now()),
        library=LIBRARY,
        world=world,
        responder=responder or RulesResponder(),
        records=store,
        answer=answer,
        ask_always=ask_always,
    )
    with TemporaryDirectory() as out:
        folder = write_folder(Path(out), incident, LIBRARY.template, await store.pictures(incident.id))
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".png"]
        written = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}
    people = cast("SimulatedPeople", world.people)
    events, evidence = await store.events(incident.id), await store.evidence(incident.id)
    return Run(incident, events, evidence, await store.tasks(incident.id), people, requests, opened.log.entries(), written)


async def fooled_run(script: Script, scenario: str | Path = HERE, held: Sequence[Payload] = (), **more: Any) -> Run:
    """The same with a model that follows the script; also the backlog is its to estimate."""
    policy = {"tries": 1, "tasks": {"backlog": "m"}, **more.pop("policy", {})}
    requests: list[dict[str, Any]] = []
    async with ModelServer(script) as server, responder_at(server.url, policy) as responder:
        run = await run_in(scenario, held, responder, requests=requests, **more)
        requests += [asked.body for asked in server.requests]
    return run
