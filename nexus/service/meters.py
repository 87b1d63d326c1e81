"""Meters: what Prometheus reads, in a registry of its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.records.inbox import Backlog
from nexus.service.census import Counted

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meters:
    """The figures of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "nexus_deliveries", "Webhooks by source and what became of them here.", ["source", "outcome"], registry=self.registry
        )
        self.requests = Histogram(
            "nexus_request_seconds",
            "From a request's first line to its answer's.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._waiting = Gauge("nexus_inbox_waiting", "Deliveries that nobody has sorted yet.", registry=self.registry)
        self._oldest = Gauge("nexus_inbox_oldest_seconds", "How long the oldest of them waits.", registry=self.registry)
        self._incidents = Gauge("nexus_incidents", "Incidents that have ended.", ["severity", "outcome"], registry=self.registry)
        self._open = Gauge("nexus_incidents_open", "Incidents that have not ended.", ["severity"], registry=self.registry)
        self._approvals = Gauge("nexus_approvals_waiting", "Actions that wait for a person's word.", registry=self.registry)

    def text(self, backlog: Backlog, counted: Counted) -> bytes:
        """All figures, with these of the records, in Prometheus's text format."""
        self._waiting.set(backlog.waiting)
        age = datetime.now(UTC) - backlog.oldest if backlog.oldest else None
        self._oldest.set(max(age.total_seconds(), 0) if age else 0)
        for labels, number in counted.ended.items():
            self._incidents.labels(*labels).set(number)
        self._open.clear()
        for severity, number in counted.open.items():
            self._open.labels(severity).set(number)
        self._approvals.set(counted.approvals)
        return generate_latest(self.registry)


class Observed:
    """Takes the time of every request, by the route's template: its parameters, and what follows `?`, are nobody's label."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._requests = meters.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on and look at the clock."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                labels = (_METHODS.get(scope["method"], "other"), route, str(message["status"]))
                self._requests.labels(*labels).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, timed)


_METHODS = {name: name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
