"""McpDoor: the two ways to an MCP server, a program started here or an address, and in words why there was none."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import anyio
import httpx
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import McpError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import CONNECTION_CLOSED

Streams: TypeAlias = "tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]"
Door: TypeAlias = "Callable[[Murmur], AbstractAsyncContextManager[Streams]]"
"""One way to the server, held open while it is used."""

SESSION_OVER = 32600
"""What the SDK says of a 404, at an address that is none or after the server forgot the session: nothing was done."""
IDLE = 300.0
"""Seconds that an HTTP stream may be silent."""
logging.getLogger("mcp").addHandler(logging.NullHandler())  # what the SDK logs goes where a program sends it, or nowhere


class Murmur:
    """The end of what a server writes to its standard error, so that its last words can be told."""

    def __init__(self) -> None:
        self._kept = b""

    def __enter__(self) -> Self:
        self._end, begin = os.pipe()
        os.set_blocking(self._end, False)
        self.file = os.fdopen(begin, "w")
        asyncio.get_running_loop().add_reader(self._end, self._read)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        self.file.close()
        self._read()
        os.close(self._end)

    def _read(self) -> None:
        try:
            while part := os.read(self._end, 65536):
                self._kept = (self._kept + part)[-2000:]
        except BlockingIOError:
            return

    @property
    def last(self) -> str:
        """The last line, on one line."""
        lines = [" ".join(line.split()) for line in self._kept.decode(errors="replace").splitlines()]
        return next((line[:200] for line in reversed(lines) if line), "")


def started(command: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Door:
    """A program of our own that speaks over its standard streams; of our environment it gets only what the SDK passes on."""
    given = StdioServerParameters(command=command, args=list(arguments), env=dict(environment), cwd=folder)
    return lambda murmur: stdio_client(given, errlog=murmur.file)


def reached(url: str, headers: Mapping[str, str], patience: float) -> Door:
    """A server elsewhere, over streamable HTTP."""

    @asynccontextmanager
    async def streams(_murmur: Murmur) -> AsyncIterator[Streams]:
        timeout = httpx.Timeout(patience, read=IDLE)
        async with (
            httpx.AsyncClient(headers=dict(headers), timeout=timeout) as client,
            streamable_http_client(url, http_client=client) as (read, write, _),
        ):
            yield read, write

    return streams


def why(error: BaseException | None, patience: float, hide: Callable[[str], str]) -> str:
    """Why no session is open, in words that hold nothing of the settings; None: nothing went wrong, it ended."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, httpx.HTTPError):
        return _of_http(error)
    closed = isinstance(error, McpError) and error.error.code == CONNECTION_CLOSED
    if closed or isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError):
        return "ended before a session was open"
    if isinstance(error, McpError) and error.error.code == SESSION_OVER:
        return "answers 404"
    if isinstance(error, McpError | RuntimeError):
        return f"opens no session ({hide(' '.join(str(error).split())[:200])})"
    return "ended" if error is None else _of_process(error, patience)


def _of_http(error: httpx.HTTPError) -> str:
    if not isinstance(error, httpx.HTTPStatusError):
        return f"does not answer ({type(error).__name__})"
    status = error.response.status_code
    return f"refuses us ({status})" if status in {401, 403} else f"answers {status}"


def _of_process(error: BaseException, patience: float) -> str:
    match error:
        case FileNotFoundError():
            return "cannot be started: there is no such program"
        case TimeoutError():
            return f"opened no session in {patience:g} s"
        case OSError(strerror=said):
            return f"cannot be started ({said})"
    return f"opens no session ({type(error).__name__})"
