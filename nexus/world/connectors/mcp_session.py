"""McpServer: one server of the Model Context Protocol, reached at its first use, and again at the next use after it died."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

import anyio
from mcp import ClientSession, McpError
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolResult,
    Implementation,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from pydantic import ValidationError

from nexus.errors import Unavailable
from nexus.world.connectors.mcp_door import SESSION_OVER, Door, Murmur, why

Answer = TypeVar("Answer")

PAGES = 50
"""Pages of tools that are read at the most."""
PING = 2.0
"""Seconds in which a server that kept a call waiting must show that it lives."""
_NOT_SENT = (anyio.ClosedResourceError, anyio.BrokenResourceError)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds in which a session must be open, and for each answer."""

    start: float
    answer: float


class _Held:
    """One connection: a task of its own opens it and closes it again, as the SDK's task groups demand."""

    def __init__(self, door: Door, patience: float) -> None:
        self.murmur = Murmur()
        self.opened: asyncio.Future[ClientSession] = asyncio.get_running_loop().create_future()
        self.opened.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.failure: BaseException | None = None
        self._leave = asyncio.Event()
        self.keeper = asyncio.create_task(self._keep(door, patience))

    async def _keep(self, door: Door, patience: float) -> None:
        try:
            with self.murmur as murmur:
                me = Implementation(name="nexus", version=version("nexus-incident-response"))
                async with door(murmur) as (read, write), ClientSession(read, write, client_info=me) as session:
                    with anyio.fail_after(patience):
                        await session.initialize()
                    self.opened.set_result(session)
                    await self._leave.wait()
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            self.failure = error
            if not self.opened.done():
                self.opened.set_exception(error)
        finally:
            self.opened.cancel()

    async def close(self) -> None:
        if self.opened.done():
            self._leave.set()
        else:
            self.keeper.cancel()
        await asyncio.wait({self.keeper})


class McpServer:
    """Every method raises Unavailable where the server does not answer in time, with `check` as what to do.

    `hide` takes secrets out of what it says.
    """

    def __init__(self, title: str, door: Door, patience: Patience, hide: Callable[[str], str], check: str) -> None:
        self.title = title
        self._door, self._patience, self._hide, self._check = door, patience, hide, check
        self._held: _Held | None = None

    async def ready(self) -> None:
        """Be connected; a server that does not know pings answers all the same."""
        with suppress(McpError):
            await self._answer(lambda session: session.send_ping())

    async def tools(self) -> dict[str, Tool]:
        """Every tool that it offers, by name."""
        found: dict[str, Tool] = {}
        page: str | None = None
        for _ in range(PAGES):
            listed = await self._listed(PaginatedRequestParams(cursor=page) if page else None)
            found |= {tool.name: tool for tool in listed.tools}
            page = listed.nextCursor
            if not page:
                break
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """What the tool answers; an error that the server reports in another way is a result with `isError` too."""
        try:
            return await self._answer(lambda session: session.call_tool(tool, dict(arguments)))
        except (McpError, RuntimeError, ValidationError) as error:
            return CallToolResult(content=[TextContent(type="text", text=str(error))], isError=True)

    async def close(self) -> None:
        """End the session, and the program with it."""
        if self._held is not None:
            await self._drop(self._held)

    async def _listed(self, page: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            return await self._answer(lambda session: session.list_tools(params=page))
        except (McpError, ValidationError) as error:
            said = self._hide(" ".join(str(error).split())[:200])
            raise Unavailable(f"the MCP server {self.title} does not list its tools ({said})", "see what it offers") from error

    async def _answer(self, ask: Callable[[ClientSession], Awaitable[Answer]]) -> Answer:
        """The answer, after a new beginning where the session had died before anything was sent."""
        try:
            return await self._asked(ask)
        except _NOT_SENT:
            pass
        except McpError as error:
            if error.error.code != SESSION_OVER:
                raise
        if self._held is not None:
            await self._drop(self._held)
        try:
            return await self._asked(ask)
        except _NOT_SENT as error:
            raise self._unavailable("ended at once", self._held) from error

    async def _asked(self, ask: Callable[[ClientSession], Awaitable[Answer]]) -> Answer:
        if self._held is None or self._held.keeper.done():
            self._held = _Held(self._door, self._patience.start)
        held = self._held
        session = await self._opened(held)
        asking = asyncio.ensure_future(ask(session))
        try:
            await asyncio.wait({asking, held.keeper}, timeout=self._patience.answer, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        except McpError as error:
            if error.error.code != CONNECTION_CLOSED:
                raise
            await self._drop(held)
            raise self._unavailable("ended before it answered", held) from error
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        if held.keeper.done():
            raise self._unavailable(why(held.failure, self._patience.start, self._hide), held)
        if not await self._lives(session):
            await self._drop(held)
        late = f"the MCP server {self.title} gave no answer in {self._patience.answer:g} s"
        raise Unavailable(late, "ask it for less, or raise its `timeout` in the world file")

    async def _opened(self, held: _Held) -> ClientSession:
        try:
            return await asyncio.shield(held.opened)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not held.opened.cancelled() or (task is not None and task.cancelling()):
                raise
            raise self._unavailable("was closed", None) from None
        except Exception as error:
            raise self._unavailable(why(error, self._patience.start, self._hide), held) from error

    @staticmethod
    async def _lives(session: ClientSession) -> bool:
        try:
            async with asyncio.timeout(PING):
                await session.send_ping()
        except (TimeoutError, *_NOT_SENT):
            return False
        except McpError as error:
            return error.error.code != CONNECTION_CLOSED
        return True

    async def _drop(self, held: _Held) -> None:
        if self._held is held:
            self._held = None
        await held.close()

    def _unavailable(self, what: str, held: _Held | None) -> Unavailable:
        last = f": {self._hide(held.murmur.last)}" if held is not None and held.murmur.last else ""
        return Unavailable(f"the MCP server {self.title} {what}{last}", self._check)
