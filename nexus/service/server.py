"""Server: uvicorn with this house's patience, signals and logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from traceback import format_exception
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from nexus.errors import NexusError, SettingsError
from nexus.service.contract import ServiceSite
from nexus.service.patience import patient

GRACE_S = 10
"""Seconds that requests under way have to end when the service stops."""


async def listen(app: FastAPI, site: ServiceSite, ready: Callable[[str], None]) -> None:
    """Serve until `site.stopping` is set; `ready` is told the address. Raises SettingsError when it cannot be had."""
    config = uvicorn.Config(
        app,
        host=site.settings.host,
        port=site.settings.port,
        http=patient(site.settings.read_timeout),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # its lines would show what follows the `?`
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, ready)
    log = _Log(server)
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(log)
    logger.propagate = False
    ending = asyncio.create_task(_end(server, site.stopping))
    try:
        await server.serve()
    except SystemExit:
        where = f"{site.settings.host}:{site.settings.port}"
        raise SettingsError(
            f"the service cannot start on {where} ({log.last})", "free that port, or name another with --port"
        ) from None
    finally:
        ending.cancel()
        logger.removeHandler(log)
    failed = app.state.parts.failure()
    if failed is not None:
        structlog.get_logger().error("the reception failed", exception="".join(format_exception(failed)))
        raise NexusError(f"the reception failed ({failed})", "webhooks that came in are kept; start the service again")


async def _end(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """Tells its address once it listens, and leaves signals to whoever started it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: the process's own handler sets `stopping`."""
        yield

    async def startup(self, sockets: Any = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


class _Log(logging.Handler):
    """The server's words among the process's own; those from before it listened are kept for whoever tells why it does not."""

    def __init__(self, server: uvicorn.Server) -> None:
        super().__init__(logging.WARNING)
        self._server = server
        self.last = "see the log"

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on."""
        self.last = " ".join(record.getMessage().split())[:300]
        if self._server.started:
            more = {"exception": "".join(format_exception(*record.exc_info))} if record.exc_info else {}
            structlog.get_logger().log(record.levelno, self.last, **more)
