"""Origin: keeps other sites' pages, in the browser of somebody who may reach the service, from using it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from nexus.service.access import Access, is_loopback
from nexus.service.problems import problem

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def objection(headers: Headers, *, is_open: bool) -> tuple[str, str] | None:
    """What speaks against a request with these headers, and what to do; None for nothing.

    An open service answers only to this machine's own names (a page may have its own name lead to 127.0.0.1), and to nobody for
    whom a proxy speaks.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if is_open and not is_loopback(_name(host)):
        return "the Host header names another machine than this", "ask for 127.0.0.1 or localhost, or set service.tokens"
    if is_open and any(name in headers for name in _PASSED_ON):
        return "a proxy passes requests on to a service that is open", "set service.tokens before others may reach it"
    if origin is not None and (origin == "null" or _authority(origin) != host.lower()):
        return "a page of another site sent this", "use the service from its own address, or from a program"
    return None


class Origin:
    """The check, before anything else looks at the request."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._open = access.open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it with 403."""
        against = objection(Headers(scope=scope), is_open=self._open) if scope["type"] == "http" else None
        if against is None:
            await self._app(scope, receive, send)
        else:
            await problem(403, *against)(scope, receive, send)


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    return origin.partition("://")[2].lower()
