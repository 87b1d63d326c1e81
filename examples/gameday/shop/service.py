"""What the shop's services share: settings, structured logs, metrics, the database pool and the application around them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
import tomllib
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Gauge, Histogram, make_asgi_app
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import NullConnectionPool

WORK_S = 0.06, 0.18
"""Seconds of a request in each service itself: with a few ms of it, whatever else this machine does would look like a fault."""
SLOWNESS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2.5, 5, 10)

REQUESTS = Counter("http_requests_total", "Requests answered", ["service", "route", "code"])
DURATION = Histogram("http_request_duration_seconds", "Time to answer", ["service"], buckets=SLOWNESS)
POOL_USED = Gauge("db_pool_used_ratio", "Share of the database pool in use", ["service"])

Pool = NullConnectionPool[Connection[DictRow]]
log = logging.getLogger("shop")


def settings() -> dict[str, Any]:
    """The configuration that is current where this process starts: `CONFIG` names the file."""
    return tomllib.loads(Path(os.environ["CONFIG"]).read_text(encoding="utf-8"))


class JsonLines(logging.Formatter):
    """One JSON object a line; an exception is told in full, with its stack."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "service": self.service, "message": record.getMessage()}
        if record.exc_info:
            line["stack"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def log_to_file(service: str) -> None:
    """Everything from warnings on, and the shop's own information, goes to the file that `LOG` names."""
    handler = logging.FileHandler(os.environ["LOG"], encoding="utf-8")
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    log.setLevel(logging.INFO)


def database(service: str) -> Pool:
    """The pool as the configuration sizes it. A request gets a new connection: none is kept idle."""
    sizes = settings()["database"]
    pool: Pool = NullConnectionPool(
        os.environ["DATABASE_URL"],
        connection_class=Connection[DictRow],
        kwargs={"row_factory": dict_row, "application_name": service, "connect_timeout": 2},
        max_size=sizes["pool_size"],
        timeout=sizes["wait_s"],
        open=True,
    )

    def used() -> float:
        stats = pool.get_stats()
        return float(stats["pool_size"] - stats["pool_available"] + stats["requests_waiting"]) / float(sizes["pool_size"])

    POOL_USED.labels(service).set_function(used)
    return pool


def application(service: str) -> FastAPI:
    """An application that measures each request and logs each failure; `/metrics` and `/health` are there already."""
    app = FastAPI(title=service)
    app.mount("/metrics", make_asgi_app())

    @app.middleware("http")
    async def observe(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        try:
            if request.url.path.rstrip("/") not in {"/metrics", "/health"}:
                await asyncio.sleep(random.uniform(*WORK_S))  # noqa: S311 - a delay, no secret
            response = await call_next(request)
        except Exception as error:  # whatever it is, the customer gets an answer and the log gets the stack
            what = f"{type(error).__name__}: {error}"
            log.exception("%s %s failed: %s", request.method, request.url.path, what)
            response = JSONResponse({"error": "internal error"}, 500)
        route = getattr(request.scope.get("route"), "path", "none")
        if route not in {"/metrics", "/health"}:
            REQUESTS.labels(service, route, response.status_code).inc()
            DURATION.labels(service).observe(time.perf_counter() - began)
        return response

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"service": service, "status": "up"}

    return app


def serve(app: FastAPI) -> None:
    """Answer on loopback until told to end; `PORT` says where."""
    log.info("%s starts, release %s", app.title, Path.cwd().resolve().name)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_config=None)
