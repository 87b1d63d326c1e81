"""Temporal in hand: real servers on free ports, real worker processes, and the sandbox's incidents on them.

Run as a program it is a worker: `python temporal_in_hand.py ADDRESS RECORDS RESPONDER HEARTBEAT`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from nexus.embedded import resume
from nexus.graph import VERSION
from nexus.incident import Event, EventKind, Incident, Opening, Surroundings, Word
from nexus.incidents import world_of
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.document import from_json
from nexus.records.store import Store
from nexus.records.stores import MemoryStore, SqliteStore
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Responder, Task
from nexus.responder.desk import Desk
from nexus.responder.rules import RulesResponder
from nexus.settings import TemporalSettings
from nexus.temporal import serve, submit
from nexus.world.open import open_world

LIBRARY = Library.default()
HEARTBEAT = 2.0
FASTEST = 1_000_000
PATIENCE = 60.0
"""Seconds after which a test that waits has failed."""
RECORDS = "records.sqlite"
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED

Answer = TypeVar("Answer", bound=Word)


def program(name: str) -> str:
    """A program of a package in the development group, beside this Python."""
    path = Path(sys.executable).with_name(name)
    assert path.is_file(), f"{path} is missing: install the development group"
    return str(path)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait until `holds()` is true; what it gave."""
    ends = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited {patience} s in vain"
        await asyncio.sleep(0.02)
    return found


@dataclass
class Server:
    """A server with its state in one file, so that it can be killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        where = ["--headless", "--ip", "127.0.0.1", "--port", str(self.port), "--log-level", "error"]
        kept = ["--db-filename", str(self.folder / "temporal.sqlite")]
        fast = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        with (self.folder / "server.log").open("ab") as log:
            command = [program("temporal"), "server", "start-dev", *where, *kept, *fast]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def client(self) -> Client:
        """A client, as soon as the server answers."""
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                return await Client.connect(self.address)
            except RuntimeError:
                assert time.monotonic() < ends, (self.folder / "server.log").read_text()
                await asyncio.sleep(0.05)


@dataclass
class Hand:
    """A worker process."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """It dies at once."""
        self.process.kill()
        self.process.wait()

    async def stopped(self) -> int:
        """Tell it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait)


@dataclass
class Fleet:
    """Workers of one server, and the records they share."""

    folder: Path
    client: Client
    address: str
    records: Store
    hands: dict[str, Hand] = field(default_factory=dict)
    heartbeat: float = HEARTBEAT

    async def hire(self, *names: str, responder: str = "rules") -> None:
        """Start workers and wait until they are ready."""
        for name in names:
            log = self.folder / f"{name}.log"
            command = [sys.executable, __file__, self.address, str(self.folder / RECORDS), responder]
            command.append(str(self.heartbeat))
            with log.open("wb") as out:
                self.hands[name] = Hand(name, log, subprocess.Popen(command, stdout=out, stderr=out))  # noqa: ASYNC220
        await until(lambda: all("ready" in self.hands[name].log.read_text() for name in names))

    async def begin(self, opening: Opening) -> str:
        """Its id, when it is recorded and on Temporal."""
        assert await self.records.begin(opening)
        await submit(self.client, TemporalSettings(address=self.address, heartbeat=self.heartbeat), opening, LIBRARY)
        return opening.incident

    async def ended(self, incident: str) -> Incident:
        """The incident, when it has come to its end."""
        await asyncio.wait_for(self.client.get_workflow_handle(incident).result(), PATIENCE)
        document = await self.records.document(incident)
        assert document is not None
        return from_json(document)

    async def said(self, incident: str, kind: EventKind) -> list[Event]:
        """The incident's events of that kind, in order."""
        return [event for event in await self.records.events(incident) if event.kind is kind]

    async def faults(self, incident: str) -> list[str]:
        """What was lost or doubled in an incident that has ended: document, posts, actions in the sandbox's own log."""
        document = await self.records.document(incident)
        if document is None:
            return [f"{incident}: no document"]
        known = from_json(document)
        published = [event.data.get("status_update") for event in await self.said(incident, EventKind.PUBLISHED)]
        posts = [post["number"] for post in published if post is not None]
        log = [key for _, key, _ in await self.records.journal(incident).since() if key.startswith("action")]
        found = [] if known.outcome.value in {"resolved", "backlogged"} else [f"{incident}: {known.outcome.value}"]
        found += [] if posts == list(range(1, len(posts) + 1)) else [f"{incident}: posts {posts}"]
        return found + ([] if len(log) == len(set(log)) == len(known.actions) else [f"{incident}: actions {log}"])

    async def working(self, incident: str, node: str, *, besides: int = 0) -> Hand:
        """The worker that is doing that node now; not the one with the process id `besides`."""
        handle, ends = self.client.get_workflow_handle(incident), time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            about = (await handle.describe()).raw_description
            for doing in about.pending_activities:
                number = int(doing.last_worker_identity.partition("@")[0] or 0)
                if node in doing.activity_type.name and doing.state == STARTED and number != besides:
                    return next(hand for hand in self.hands.values() if hand.process.pid == number)
            await asyncio.sleep(0.02)
        raise AssertionError(f"nobody does {node} of {incident}\n{self.logs()}")

    def logs(self) -> str:
        """What the workers said, for a test that fails."""
        return "\n".join(f"--- {hand.name}\n{hand.log.read_text()[-3000:]}" for hand in self.hands.values())

    def dismiss(self) -> None:
        for hand in self.hands.values():
            if hand.process.poll() is None:
                hand.kill()


@asynccontextmanager
async def a_fleet(
    folder: Path, client: Client, *names: str, responder: str = "rules", heartbeat: float = HEARTBEAT
) -> AsyncIterator[Fleet]:
    """Workers of these names on that client's server."""
    async with await SqliteStore.open(folder / RECORDS) as records:
        fleet = Fleet(folder, client, client.service_client.config.target_host, records, heartbeat=heartbeat)
        try:
            await fleet.hire(*names, responder=responder)
            yield fleet
        finally:
            fleet.dismiss()


@asynccontextmanager
async def a_server(folder: Path) -> AsyncIterator[Server]:
    """A server of its own."""
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def an_opening(scenario: str, incident: str, **more: Any) -> Opening:
    """One of the sandbox's incidents, as the command line would begin it, in as little time as there is."""
    around = Surroundings(world=f"sandbox:{scenario}", seed=7)
    opened = open_world(around.world, seed=7)
    alert = read_alert(json.dumps(opened.alert), now=datetime.now(UTC))
    given = {"approve": "auto", "pace": FASTEST, "engine": "temporal", "graph": VERSION, "simulated": True, **more}
    return Opening(incident=incident, alert=alert, opened_at=opened.world.clock.now(), surroundings=around, **given)


async def in_one_process(opening: Opening) -> tuple[Incident, list[Event]]:
    """The same incident, embedded; its events."""
    records = MemoryStore()
    assert await records.begin(opening)
    world = world_of(opening, records)
    incident = await resume(opening.incident, library=LIBRARY, world=world, responder=RulesResponder(), records=records)
    return incident, await records.events(opening.incident)


class TwoActions:
    """Rules that plan another of the world's options beside the best one: two actions that a person is asked about at once."""

    name = "two actions"

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        answer = await RulesResponder().respond(task, schema, desk)
        if not isinstance(answer, PlanAnswer) or answer.plan is None:
            return answer
        step = next(s for s in answer.plan.steps if s.action is not None)
        assert step.action is not None
        assert desk.look.world.actions is not None
        options = await desk.look.world.actions.options(step.action.target, desk.look.at)
        other = next(o for o in options if o.kind is step.action.kind and o.digest != step.action.digest)
        more = step.model_copy(update={"action": other})
        plan = answer.plan.model_copy(update={"steps": (*answer.plan.steps, more)})
        return cast("Answer", answer.model_copy(update={"plan": plan}))


class Slow:
    """Rules that take their time to plan and where all agents investigate: long enough to be killed."""

    name = "slow"

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        if task.name == "plan" or (task.name, task.agent.name) == ("investigate", "infrastructure-maintainer"):
            await asyncio.sleep(1.5)
        return await RulesResponder().respond(task, schema, desk)


async def work() -> None:
    """Be a worker until SIGTERM."""
    address, records, named, heartbeat = sys.argv[1:]
    responders: dict[str, type[Responder]] = {"rules": RulesResponder, "two": TwoActions, "slow": Slow}
    responder = responders[named]()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def say(word: str) -> None:
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()

    async with await SqliteStore.open(Path(records)) as store:
        settings = TemporalSettings(address=address, heartbeat=float(heartbeat))
        await serve(settings, library=LIBRARY, responder=responder, records=store, stop=stop, ready=lambda: say("ready"))
    say("drained")


if __name__ == "__main__":
    asyncio.run(work())
    os._exit(0)  # the client's own threads may still hold results, and an ordinary exit then aborts
