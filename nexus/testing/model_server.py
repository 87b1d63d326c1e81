"""A scripted model server: OpenAI's chat completions over real HTTP on loopback, for tests of whatever talks to a model.

    async with ModelServer([Say(calls=(Call("look", {"at": "db"}),)), Say("It is the database.")]) as server:
        client = AsyncOpenAI(base_url=server.url, api_key="any")

It needs aiohttp, which comes with the extra `llm`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from nexus.errors import UsageError
from nexus.testing.replies import Call, CutOff, Drip, Endless, Fail, Garbage, Hang, Refuse, Reply, Say, Script
from nexus.testing.wire import Wire, models_of, wire_of

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """One request for a completion: body, headers (in any case), when it came (monotonic seconds), whether it is to stream."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    at: float
    stream: bool


class ModelServer:
    """Answers by its script from `async with` to its end, at `url`.

    A sequence is served in order, its last reply again and again; an empty one refuses. A callable decides by the request's body.
    `requests` are all that came, in order; `abandoned` are those whose client went away before the answer was complete;
    `in_flight_most` is the most that were served at once. What still hangs when the server is left is dropped: its client sees a
    connection that broke. What a script raises is answered with status 500 and raised again on leaving, so that an assertion
    in it counts. Raises UsageError where aiohttp is not installed.
    """

    def __init__(self, script: Script = (), *, models: Sequence[str] = ("scripted",)) -> None:
        self.script = script
        self.models = tuple(models)
        self.url = ""
        self.requests: list[Asked] = []
        self.abandoned: list[Asked] = []
        self.in_flight_most = 0
        self._in_flight: dict[int, web.BaseRequest] = {}
        self._runner: web.AppRunner | None = None
        self._errors: list[Exception] = []

    async def __aenter__(self) -> Self:
        require_aiohttp()
        from nexus.testing.serving import listen  # noqa: PLC0415 - needs an extra

        self._runner, self.url = await listen(self._complete, self._list)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._runner is not None
        runner, self._runner = self._runner, None
        for request in self._in_flight.values():
            if request.transport is not None:
                request.transport.abort()
        await runner.cleanup()
        for raised in self._errors:
            if error is None:
                raise raised
            error.add_note(f"the model server's script raised {raised!r}")

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        from nexus.testing.serving import drop, gone, send  # noqa: PLC0415 - needs an extra

        with self._flight(request):
            at = time.monotonic()
            body = await read_object(request)
            if body is None:
                return await send(request, wire_of(Fail(400, "The body is not a JSON object."), {}, 0, 0))
            asked = Asked(body, request.headers.copy(), at, bool(body.get("stream")))
            self.requests.append(asked)
            try:
                wire = await self._wire(body, len(self.requests))
                response = await send(request, wire)
            finally:
                if gone(request) and self._runner is not None:
                    self.abandoned.append(asked)
            if wire.drops:
                drop(request)
            return response

    async def _list(self, request: web.Request) -> web.StreamResponse:
        from nexus.testing.serving import send  # noqa: PLC0415 - needs an extra

        return await send(request, models_of(self.models))

    async def _wire(self, body: dict[str, Any], number: int) -> Wire:
        """The answer to the `number`th request. What goes wrong in making it is the script's fault, and kept."""
        try:
            return wire_of(checked(await self._reply(body, number)), body, number, int(time.time()))
        except Exception as error:
            self._errors.append(error)
            raise

    async def _reply(self, body: dict[str, Any], number: int) -> object:
        if callable(self.script):
            answer = self.script(body)
            return await answer if inspect.isawaitable(answer) else answer
        return self.script[min(number, len(self.script)) - 1] if self.script else Refuse()

    @contextmanager
    def _flight(self, request: web.BaseRequest) -> Iterator[None]:
        self._in_flight[id(request)] = request  # requests are mappings, which no set takes
        self.in_flight_most = max(self.in_flight_most, len(self._in_flight))
        try:
            yield
        finally:
            del self._in_flight[id(request)]


def refused_url() -> str:
    """A base URL on loopback where nothing listens. Raises UsageError where aiohttp is not installed."""
    require_aiohttp()
    from aiohttp.test_utils import unused_port  # noqa: PLC0415 - needs an extra

    return f"http://127.0.0.1:{unused_port()}/v1"


def require_aiohttp() -> None:
    """Raises UsageError where aiohttp is not installed."""
    if find_spec("aiohttp") is None:
        raise UsageError("the model server needs aiohttp", "pip install 'nexus-incident-response[llm]'")


def checked(reply: object) -> Reply:
    """The reply, as one of those there are. Raises UsageError."""
    if isinstance(reply, Reply):
        return reply
    raise UsageError(f"the script replied {reply!r}", "reply with Say, Fail or another of nexus.testing.replies")


async def read_object(request: web.Request) -> dict[str, Any] | None:
    """The request's body, None when it is no JSON object."""
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


__all__ = [
    "Asked",
    "Call",
    "CutOff",
    "Drip",
    "Endless",
    "Fail",
    "Garbage",
    "Hang",
    "ModelServer",
    "Refuse",
    "Reply",
    "Say",
    "Script",
    "refused_url",
]
