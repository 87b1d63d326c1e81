"""Temporal in hand: real servers on free ports, real worker processes, and incidents that run on them.

Run as a program it is a worker: `python temporal_in_hand.py ADDRESS QUEUE RECORDS HEARTBEAT`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nexus.embedded import approve_all, resume
from nexus.graph import VERSION
from nexus.incident import Event, EventKind, Incident, Opening, Surroundings
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.document import from_json
from nexus.records.stores import SqliteStore
from nexus.records.store import Store
from nexus.responder.rules import RulesResponder
from nexus.settings import TemporalSettings
from nexus.temporal import connect, serve, standing, submit
from nexus.world.clock import FASTEST
from nexus.world.open import open_world
from temporalio.client import Client

LIBRARY = Library.default()
QUEUE = "nexus"
HEARTBEAT = timedelta(seconds=3)
PATIENCE = 40.0
"""Seconds after which a test that waits has failed."""


def program(name: str) -> str:
    """A program beside this Python's, from a package of the development group."""
    path = Path(sys.executable).parent / name
    assert path.is_file(), f"{path} is missing: install the development group"
    return str(path)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait until `holds()` is true; what it gave."""
    ends = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < ends, f"waited {patience} s in vain"
        await asyncio.sleep(0.05)
    return found


@dataclass
class Server:
    """A Temporal server whose state is in one file, so that it can be killed and started again."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        pragmas = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        command = ["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port), "--log-level", "error"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [program("temporal"), *command, "--db-filename", str(self.folder / "temporal.sqlite"), *pragmas],
                stdout=log, stderr=log,
            )  # fmt: skip

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

    folder: Path
    address: str
    name: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def kill(self) -> None:
        """It dies at once."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """It is told to end."""
        self.process.send_signal(signal.SIGTERM)


def hire(folder: Path, address: str, name: str, queue: str = QUEUE, heartbeat: timedelta = HEARTBEAT) -> Hand:
    """Start a worker process on the records in that folder."""
    arguments = [__file__, address, queue, str(folder / "records.sqlite"), str(heartbeat.total_seconds())]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log)  # noqa: S603 - our own command
    return Hand(folder, address, name, process)


@dataclass
class Fleet:
    """A server, its workers and the records they share."""

    server: Server
    client: Client
    records: Store
    folder: Path
    hands: list[Hand] = field(default_factory=list)

    @property
    def settings(self) -> TemporalSettings:
        return TemporalSettings(address=self.server.address, task_queue=QUEUE)

    async def hire(self, *names: str) -> list[Hand]:
        """Start workers and wait until they are ready."""
        new = [hire(self.folder, self.server.address, name) for name in names]
        self.hands += new
        for hand in new:
            await until(lambda hand=hand: "ready" in hand.log)  # type: ignore[misc]  # bound now
        return new

    def close(self) -> None:
        for hand in self.hands:
            if hand.process.poll() is None:
                hand.kill()
        if self.server.process is not None and self.server.process.poll() is None:
            self.server.kill()


@asynccontextmanager
async def a_fleet(folder: Path, *names: str) -> AsyncIterator[Fleet]:
    """A server with workers of these names."""
    server = Server(folder)
    server.start()
    async with await SqliteStore.open(folder / "records.sqlite") as records:
        fleet = None
        try:
            fleet = Fleet(server, await server.client(), records, folder)
            await fleet.hire(*names)
            yield fleet
        finally:
            (fleet or Fleet(server, None, records, folder)).close()  # type: ignore[arg-type]  # there is none yet


def an_opening(scenario: str, incident: str, **more: Any) -> Opening:
    """An incident of a sandbox's, as the command line would begin it."""
    world = f"sandbox:{scenario}"
    opened = open_world(world, seed=7)
    import json

    alert = read_alert(json.dumps(opened.alert), now=datetime.now(UTC))
    given = {"approve": "auto", "pace": FASTEST, "engine": "temporal", "graph": VERSION, **more}
    return Opening(
        incident=incident,
        alert=alert,
        opened_at=opened.world.clock.now(),
        surroundings=Surroundings(world=world, seed=7),
        **given,
    )


async def submitted(fleet: Fleet, opening: Opening, *, simulated: bool = True) -> str:
    """Its id, when it is on Temporal."""
    assert await fleet.records.begin(opening)
    await submit(fleet.client, fleet.settings, opening, LIBRARY, simulated=simulated, heartbeat=HEARTBEAT)
    return opening.incident


async def ended(fleet: Fleet, incident: str, patience: float = PATIENCE) -> Incident:
    """The incident, when it has come to its end."""
    await asyncio.wait_for(fleet.client.get_workflow_handle(incident).result(), patience)
    document = await fleet.records.document(incident)
    assert document is not None
    return from_json(document)


async def serve_here() -> None:
    """Be a worker."""
    address, queue, records, heartbeat = sys.argv[1:]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await SqliteStore.open(Path(records)) as store:
        await serve(
            TemporalSettings(address=address, task_queue=queue),
            library=LIBRARY, responder=RulesResponder(), records=store, stop=stop,
            heartbeat=timedelta(seconds=float(heartbeat)), ready=lambda: print("ready", flush=True),
        )  # fmt: skip
    print("drained", flush=True)


if __name__ == "__main__":
    asyncio.run(serve_here())
    sys.stdout.flush()
    os._exit(0)
