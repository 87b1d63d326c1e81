"""Whoever receives traces, on loopback; a scenario whose log holds a secret; the command with an environment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

SECRET = "Tr0ub4dor-and-3"
SCENARIO = f"""
title: A release of the cart fails and logs a connection string
seed: 7
starts_at: 2026-03-02T10:00:00Z
changes:
  - {{at: -12m, component: cart, version: "1.20.0", previous: "1.19.0", author: k.mori, summary: "carts kept for a month"}}
faults:
  - what: bad_release
    where: cart
    version: "1.20.0"
    from: -11m
    size: 0.75
    error: "SQLException: no login with postgresql://shop:{SECRET}@orders-db/shop"
    file: CartStore.java
    line: 57
expect: {{severity: P1, outcome: resolved}}
"""
ALERT = {
    "version": "4",
    "alerts": [
        {
            "status": "firing",
            "startsAt": "2026-03-02T10:00:00Z",
            "labels": {"alertname": "CartErrorsHigh", "service": "cart", "severity": "critical"},
            "annotations": {"summary": "cart: most requests fail"},
        }
    ],
}


class Ended(NamedTuple):
    """How a command ended."""

    status: int | None
    out: str
    err: str


def leaky_scenario(folder: Path) -> Path:
    """A scenario folder; the agents' looks at the log find a secret."""
    folder.mkdir()
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "alert.json").write_text(json.dumps(ALERT))
    return folder


@asynccontextmanager
async def receiver(take: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server that gives every request to `take`, bodies as they come over the wire; its base URL."""
    app = web.Application(client_max_size=1024**3)
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


async def python(*arguments: str, given: Mapping[str, str]) -> Ended:
    """A Python with these arguments; of the variables that say where traces go, it has only what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LANGSMITH_", "LANGCHAIN_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=kept | dict(given), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return Ended(process.returncode, out.decode(), err.decode())
