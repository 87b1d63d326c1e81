"""Webhooks at a rate: the service as a process, 500 a second for a minute, each answered one looked for in the inbox afterwards.

    python tests/bench/webhooks.py                          SQLite
    python tests/bench/webhooks.py --postgres               a server of its own, with fsync
    python tests/bench/webhooks.py --kill                   SIGKILL half way, started again, and the senders try again
    python tests/bench/webhooks.py --reception              `nexus serve` itself, which sorts what comes into incidents

Senders keep to the clock: a latency counts from when the webhook was due, also where all connections were busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import postgres_in_hand
from service_in_hand import process

from nexus.records.stores import open_store

CONNECTIONS = 64
LATE = 1.05
"""How much longer than planned the sending may take to have kept the pace."""
TARGET = "500 a second for 60 s, none lost that was answered 2xx"
HEAD = ("POST /hooks/alertmanager HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json")
SERVE = "import typer, nexus.serving; typer.run(nexus.serving.serve)"


@dataclass
class Told:
    """What the senders saw."""

    sent: int = 0
    answered: dict[str, float] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    took: float = 0.0

    def quantile(self, part: float) -> float:
        """Seconds within which that part was answered."""
        ordered = sorted(self.answered.values())
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def body(number: int) -> bytes:
    """A group of one, as Alertmanager sends it."""
    labels = {"alertname": "HighErrorRate", "service": f"service-{number % 40}", "severity": "critical", "instance": f"{number}"}
    texts = {"summary": "more than half of all requests fail", "runbook_url": "https://runbooks.example.com/errors"}
    entry = {
        "status": "firing",
        "labels": labels,
        "annotations": texts,
        "startsAt": "2026-03-02T10:15:00Z",
        "fingerprint": f"{number:x}",
    }
    group = {
        "version": "4",
        "status": "firing",
        "receiver": "nexus",
        "groupLabels": {"alertname": "HighErrorRate"},
        "alerts": [entry],
    }
    return json.dumps(
        {**group, "commonLabels": labels, "commonAnnotations": texts, "externalURL": "http://127.0.0.1:9093"}
    ).encode()


async def sender(port: list[int], due: asyncio.Queue[tuple[int, float]], told: Told) -> None:
    """One connection that is kept, and opened again where it breaks; what was not answered is sent again."""
    while True:
        number, at = await due.get()
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port[0])
            except OSError:
                await asyncio.sleep(0.1)
                continue
            try:
                while True:
                    await _post(reader, writer, number, at, told)
                    due.task_done()
                    number, at = await due.get()
            except (OSError, asyncio.IncompleteReadError):
                told.broken += 1
            finally:
                writer.close()


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, at: float, told: Told) -> None:
    content = body(number)
    told.sent += 1
    lines = (*HEAD, f"Content-Length: {len(content)}", "", "")
    writer.write("\r\n".join(lines).encode() + content)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    said = await reader.readexactly(int(answer.partition("content-length: ")[2].partition("\r\n")[0]))
    status = int(answer.split()[1])
    if status == 202:
        told.answered[json.loads(said)["delivery"]] = time.perf_counter() - at
    else:
        told.refused[status] = told.refused.get(status, 0) + 1


async def storm(port: list[int], rate: int, seconds: float, told: Told) -> None:
    """Send so many a second, and wait until each was answered."""
    due: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    senders = [asyncio.create_task(sender(port, due, told)) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        at = begun + number / rate
        await asyncio.sleep(max(at - time.perf_counter(), 0))
        due.put_nowait((number, at))
    await due.join()
    told.took = time.perf_counter() - begun
    for each in senders:
        each.cancel()
    await asyncio.gather(*senders, return_exceptions=True)


@asynccontextmanager
async def with_reception(out: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`nexus serve` as it is, and its address."""
    command = [
        sys.executable,
        "-c",
        SERVE,
        "--port",
        "0",
        "--out",
        str(out),
        "--approve",
        "never",
        "--world",
        "sandbox:bad-deploy",
    ]
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, stderr=pipe, cwd=out)
    assert started.stderr is not None
    try:
        yield started, (await started.stderr.readline()).decode().split()[3].rstrip(";")
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def measured(out: Path, url: str, arguments: argparse.Namespace) -> bool:
    """Run it once and print what was seen; whether none was lost."""
    told, port = Told(), [0]

    def start() -> AbstractAsyncContextManager[tuple[asyncio.subprocess.Process, str]]:
        return with_reception(out) if arguments.reception else process(out, url)

    async with start() as (service, address):
        port[0] = int(address.rsplit(":", 1)[1])
        storming = asyncio.create_task(storm(port, arguments.rate, arguments.seconds, told))
        if arguments.kill:
            await asyncio.sleep(arguments.seconds / 2)
            service.kill()
            await service.wait()
        else:
            await storming
            used = _cpu(service.pid)
    if arguments.kill:
        async with start() as (service, address):
            port[0] = int(address.rsplit(":", 1)[1])
            await storming
            used = _cpu(service.pid)
    async with await open_store(out, url or None) as records:
        (rows,) = await records._database.run(("SELECT id FROM nexus_deliveries", ()))
    kept = {name for (name,) in rows}
    lost = told.answered.keys() - kept
    p50, p99, most = (told.quantile(part) * 1000 for part in (0.5, 0.99, 1))
    print(f"records      {'PostgreSQL' if url else 'SQLite'}{', killed half way' if arguments.kill else ''}")
    print(f"sent         {told.sent}: {arguments.rate} a second for {arguments.seconds:g} s; {told.broken} broke off, sent again")
    print(f"answered 2xx {len(told.answered)} in {told.took:.1f} s, otherwise {told.refused or 'none'}")
    print(f"latency      p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {most:.0f} ms")
    print(f"in the inbox {len(kept)}; answered 2xx and not there: {len(lost)}")
    print(f"processor    {used:.1f} s, {used / max(len(told.answered), 1) * 1000:.2f} ms each")
    kept_pace = arguments.kill or told.took < arguments.seconds * LATE
    print(f"machine      {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print(f"target       {TARGET}: {'met' if kept_pace and not lost and not told.refused else 'MISSED'}")
    return not lost


def _cpu(pid: int) -> float:
    """Seconds of processor time that process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def postgres(wanted: bool) -> Iterator[str]:
    """The address of a server that keeps what it says it has kept; empty where none is wanted."""
    if not wanted:
        yield ""
        return
    postgres_in_hand.SETTINGS.update(fsync="on", full_page_writes="on")
    folder = Path(tempfile.mkdtemp(prefix="nexus-bench-postgres-"))
    server = postgres_in_hand.PostgresServer(folder, postgres_in_hand.binaries(), postgres_in_hand.other_user())
    try:
        server.create()
        server.start()
        yield server.database()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--reception", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nexus-bench-") as folder, postgres(arguments.postgres) as url:
        return 0 if asyncio.run(measured(Path(folder), url, arguments)) else 1


if __name__ == "__main__":
    sys.exit(main())
