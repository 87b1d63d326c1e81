"""Patience: connections that take too long over a request's head, or over what is left of a refused body, are closed."""

from __future__ import annotations

import asyncio

from h11 import DONE
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn has it, with an end to its waiting; bodies that are read have theirs in Limits."""

    within_s = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Part of a head or a body."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._in_time()
        elif self._deadline is None and (before is None or before.response_complete):
            self._expect()

    def on_response_complete(self) -> None:
        """What is left of the body is dropped as it comes."""
        super().on_response_complete()
        if self.conn.our_state is DONE and self.conn.their_state is not DONE:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is expected."""
        self._in_time()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._in_time()
        self._deadline = self.loop.call_later(self.within_s, self.transport.abort)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def patient(within_s: float) -> type[PatientProtocol]:
    """That protocol with so many seconds."""
    return type("PatientProtocol", (PatientProtocol,), {"within_s": within_s})
