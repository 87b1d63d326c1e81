"""HTTP on loopback for the model server: listening, sending an answer piece by piece, dropping a connection. Needs aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from nexus.testing.wire import Wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST = 64 * 1024**2
"""Bytes of a request's body: prompts are long."""

GRACE = 0.2
"""Seconds that closing waits for what has been dropped already."""


async def listen(complete: Handler, models: Handler) -> tuple[web.AppRunner, str]:
    """The server at work on a free port of 127.0.0.1, and its base URL. A request is cancelled when its client goes away."""
    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=GRACE)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"{site.name}/v1"


async def send(request: web.Request, wire: Wire) -> web.StreamResponse:
    """Writes the answer and returns it. Ends early when the client is gone, which `gone` tells."""
    await asyncio.sleep(wire.latency)
    response = web.StreamResponse(status=wire.status or 200, headers={"Content-Type": wire.content_type, **wire.headers})
    response.content_length = wire.length
    if wire.status is not None:
        with suppress(ConnectionError):  # aiohttp would log one that leaves the handler as a fault of the server
            await response.prepare(request)
            for piece in wire.pieces:
                await response.write(piece)
                if wire.pause is not None:
                    await asyncio.sleep(wire.pause)
    return response


def gone(request: web.BaseRequest) -> bool:
    """Whether the connection is lost or being closed."""
    return request.transport is None or request.transport.is_closing()


def drop(request: web.BaseRequest) -> None:
    """Closes the connection in the middle of the answer; what was written of it still goes out."""
    if request.transport is not None:
        request.transport.close()
