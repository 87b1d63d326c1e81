"""The service in hand: with a reception that only looks, in this process or in one of its own, and clients for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
from fastapi import FastAPI

from nexus.answer_cli import Answers, InRecords
from nexus.incident import Opening
from nexus.records.store import Store
from nexus.records.stores import open_store
from nexus.service import ServiceSite, create_app
from nexus.service.server import listen
from nexus.settings import ServiceSettings

TOKENS = {role: f"{role}-0123456789abcdef" for role in ("viewer", "responder", "approver")}
HOOK = "hook-0123456789abcdef"
PROTECTED: dict[str, Any] = {
    "tokens": [{"name": name, "role": name, "token": token} for name, token in TOKENS.items()],
    "hooks": {"generic": {"token": HOOK}, "pagerduty": {"secret": HOOK}},
}


@dataclass
class LookingReception:
    """Sorts nothing: it notes that it was woken, and puts reports into the inbox."""

    records: Store
    woken: int = 0
    fails: Exception | None = None
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        told = [asyncio.ensure_future(one.wait()) for one in (stop, self.ends)]
        await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        for one in told:
            one.cancel()
        if self.fails is not None and not stop.is_set():
            raise self.fails

    def wake(self) -> None:
        self.woken += 1

    async def report(self, text: str, service: str | None, severity: str | None, by: str) -> str:
        return await self.records.inbox.put("report", f"{by}: {text} ({service}, {severity})", datetime.now(UTC), {})


def site_of(records: Store, **settings: Any) -> ServiceSite:
    """A service on these records, open unless the settings say otherwise."""

    async def answers(_opening: Opening) -> Answers:
        return InRecords(records)

    return ServiceSite(records, ServiceSettings.model_validate(settings), LookingReception(records), answers)


@asynccontextmanager
async def asked(app: FastAPI, token: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service, without a network between them."""
    given = {"Authorization": f"Bearer {token}", **headers} if token else headers
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8030", headers=given) as client,
    ):
        yield client


@asynccontextmanager
async def listening(site: ServiceSite) -> AsyncIterator[str]:
    """That service on a port of its own; its address."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(listen(create_app(site), site, address.set_result))
    serving.add_done_callback(lambda _: address.cancel())
    with suppress(asyncio.CancelledError):
        await address
    if serving.done():
        await serving
    try:
        yield address.result()
    finally:
        site.stopping.set()
        await serving


@dataclass
class Connection:
    """A sender that says byte for byte what it says, and when."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, url: str) -> Self:
        address = httpx.URL(url)
        return cls(*await asyncio.open_connection(address.host, address.port))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self) -> int:
        """The status of the next answer, which is read whole."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        await (self.reader.readexactly(int(length)) if length else self.reader.read())
        return int(head.split()[1])

    async def rest(self) -> bytes:
        """What still comes until the service closes the connection."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def read_by_service(self, url: str) -> None:
        """Wait until the service has read what was sent so far: it answers on another connection that came later."""
        await self.writer.drain()
        async with httpx.AsyncClient(base_url=url) as other:
            for _ in range(3):
                await other.get("/health")

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    sender = await Connection.to(url)
    try:
        yield sender
    finally:
        await sender.close()


def told(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


async def _serve(out: str, url: str) -> None:
    async with await open_store(Path(out), url or None) as records:
        site = site_of(records, port=0)
        await listen(create_app(site), site, told)


@asynccontextmanager
async def process(out: Path, url: str = "") -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """That service as a process, open, and its address. What is left of it is killed."""
    command = [sys.executable, __file__, str(out), url]
    started = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert started.stdout is not None
    try:
        yield started, (await started.stdout.readline()).decode().strip()
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
