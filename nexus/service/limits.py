"""Limits: how large a body may be, how long it may take to arrive, and how much of all bodies is held at once."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.intake.read import LIMIT
from nexus.service.problems import Refused

HELD = 20 * LIMIT
"""Bytes of bodies that are held at once; what comes on top is to come again."""


class Limits:
    """An endpoint that reads its body meets the limits as Refused; one that reads none is not concerned.

    A body that says it is too large is refused before any of it is read, any other as soon as it is.
    """

    def __init__(self, app: ASGIApp, within_s: float, most: int = LIMIT) -> None:
        self._app = app
        self.within_s = within_s
        self.most = most
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the endpoint read through the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, receive, Headers(scope=scope).get("content-length", "0"))
        try:
            await self._app(scope, body.receive, send)
        finally:
            self.held -= body.taken


class _Body:
    """One request's body on its way in."""

    def __init__(self, limits: Limits, receive: Receive, length: str) -> None:
        self._limits = limits
        self._receive = receive
        self._said = int(length) if length.isdecimal() else 0
        self._ends = asyncio.get_running_loop().time() + limits.within_s
        self._whole = False
        self.taken = 0

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        if self._said > self._limits.most:
            raise self._too_large()
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408,
                f"the request did not arrive within {self._limits.within_s:g} s",
                "send it whole, at once",
                {"Connection": "close"},
            ) from None
        size = len(message.get("body", b""))
        self.taken += size
        self._limits.held += size
        self._whole = not message.get("more_body", False)
        if self.taken > self._limits.most:
            raise self._too_large()
        if self._limits.held > HELD:
            raise Refused(503, "too many large bodies are under way", "send it again in a moment", {"Retry-After": "5"})
        return message

    def _too_large(self) -> Refused:
        return Refused(413, f"the body holds more than {self._limits.most // 1024 // 1024} MB", "send only the alert itself")
