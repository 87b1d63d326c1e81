"""Supervisor: starts the game day's processes, restarts one when asked over a socket or when it died, ends all of them.

python supervisor.py FOLDER     FOLDER/processes.json says what to start, and what to run when all have ended;
                                FOLDER/control.sock takes a JSON object: {"do": "list"}, or start, restart or stop with a name

It ends, and all processes with it, when its standard input closes: whoever started it is gone then, however that came.
"""

# ruff: noqa: S603 - it starts what the folder says, that is all it is for

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAUSE_S = 1.0
"""Between the death of a process and its new life."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start; `cwd` is looked up at every start, so a symlink in it may have moved on.

    `end`: by which signal, and `patience_s` how long it may then take before it is killed. `waits`: it is started when
    somebody asks for it, and not before.
    """

    name: str
    argv: Sequence[str]
    cwd: str
    env: dict[str, str]
    output: str
    user: str | None = None
    end: str = "SIGTERM"
    patience_s: float = 8.0
    waits: bool = False


@dataclass(slots=True)
class Running:
    """One program in its present life."""

    program: Program
    process: subprocess.Popen[bytes]
    starts: int = 1
    deaths: tuple[float, ...] = ()
    """When it ended though nobody had asked for that, in this life and before."""


def begin(program: Program) -> subprocess.Popen[bytes]:
    """One life of a program, in a session of its own so that a Ctrl-C reaches it through us alone."""
    with Path(program.output).open("ab") as output:
        return subprocess.Popen(
            program.argv,
            cwd=program.cwd,
            env={**os.environ, **program.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=program.user,
            start_new_session=True,
        )


class Supervisor:
    """All programs of one folder."""

    def __init__(self, folder: Path, programs: Sequence[Program]) -> None:
        self.folder = folder
        self.running: dict[str, Running] = {}
        self.programs = {program.name: program for program in programs}
        self.over = asyncio.Event()
        self.asked: set[str] = set()
        """Processes that end because somebody asked: to be restarted, or for good."""

    async def run(self) -> None:
        """Start all, in order; answer the socket; end all, in reverse order."""
        server = await asyncio.start_unix_server(self._answer, self.folder / "control.sock")
        try:
            for program in self.programs.values():
                if not program.waits:
                    self.running[program.name] = Running(program, begin(program))
            watching = asyncio.create_task(self._watch())
            await self.over.wait()
            watching.cancel()
        finally:
            server.close()
            for one in reversed(list(self.running.values())):
                await self._end(one)

    async def _watch(self) -> None:
        """What died is started again."""
        while True:
            await asyncio.sleep(PAUSE_S)
            for name, one in list(self.running.items()):
                if one.process.poll() is not None and name not in self.asked:
                    self.running[name] = Running(one.program, begin(one.program), one.starts + 1, (*one.deaths, time.time()))

    async def _end(self, one: Running) -> None:
        if one.process.poll() is None:
            one.process.send_signal(signal.Signals[one.program.end])
            try:
                await asyncio.to_thread(one.process.wait, one.program.patience_s)
            except subprocess.TimeoutExpired:
                one.process.kill()
                await asyncio.to_thread(one.process.wait)

    def _start(self, name: str) -> dict[str, Any]:
        if name not in self.programs:
            return {"error": f"there is no process {name}; there are {', '.join(self.programs)}"}
        if name not in self.running:
            self.running[name] = Running(self.programs[name], begin(self.programs[name]))
        return {"name": name, "pid": self.running[name].process.pid}

    async def _restart(self, name: str) -> dict[str, Any]:
        one = self.running.get(name)
        if one is None:
            return {"error": f"there is no process {name}; there are {', '.join(self.running)}"}
        if name in self.asked:
            return {"error": f"{name} was stopped, or is being restarted already"}
        self.asked.add(name)
        try:
            await self._end(one)
            self.running[name] = Running(one.program, begin(one.program), one.starts + 1, one.deaths)
        finally:
            self.asked.discard(name)
        return {"name": name, "was": one.process.pid, "pid": self.running[name].process.pid}

    async def _stop(self, name: str) -> dict[str, Any]:
        one = self.running.get(name)
        if one is None:
            return {"error": f"there is no process {name}; there are {', '.join(self.running)}"}
        self.asked.add(name)
        await self._end(one)
        return {"name": name, "was": one.process.pid}

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wish = json.loads(await reader.readline())
        if wish["do"] == "restart":
            answer = await self._restart(wish["name"])
        elif wish["do"] == "start":
            answer = self._start(wish["name"])
        elif wish["do"] == "stop":
            answer = await self._stop(wish["name"])
        else:
            answer = {
                name: {"pid": one.process.pid, "runs": one.process.poll() is None, "starts": one.starts, "deaths": one.deaths}
                for name, one in self.running.items()
            }
        writer.write(json.dumps(answer).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


async def main(folder: Path) -> None:
    """Supervise until told to end."""
    told = json.loads((folder / "processes.json").read_text(encoding="utf-8"))
    programs = [Program(**one) for one in told["programs"]]
    supervisor, loop = Supervisor(folder, programs), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, supervisor.over.set)
    loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1) else supervisor.over.set())
    try:
        await supervisor.run()
    finally:
        for argv in told["at_end"]:
            await asyncio.to_thread(subprocess.run, argv, check=False)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
