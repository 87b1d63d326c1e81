"""Auth: the token of a request, and the role that an endpoint asks for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from nexus.service.access import LOCAL, Person, same
from nexus.service.parts import Parts, PartsDep
from nexus.service.problems import Refused
from nexus.settings import Hook, HookSettings, Role

ASKS = {"WWW-Authenticate": "Bearer"}
_BEARER = HTTPBearer(auto_error=False, description="A token of the setting service.tokens; on an open loopback service, none.")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def _needs(role: Role) -> Callable[[Parts, HTTPAuthorizationCredentials | None], Awaitable[Person]]:
    async def person(parts: PartsDep, given: Given) -> Person:
        if parts.access.open:
            return LOCAL
        if given is None:
            raise Refused(401, "this needs a token", "send Authorization: Bearer TOKEN", ASKS)
        found = parts.access.person(given.credentials)
        if found is None:
            raise Refused(401, "the token is not known", "send one that the setting service.tokens names", ASKS)
        if not found.may(role):
            raise Refused(403, f"{found.name} is {found.role}, and this needs {role}", f"use the token of a {role}")
        return found

    return person


Viewer = Annotated[Person, Depends(_needs("viewer"))]
Responder = Annotated[Person, Depends(_needs("responder"))]
Approver = Annotated[Person, Depends(_needs("approver"))]


def admit(parts: Parts, name: Hook, request: Request) -> HookSettings | None:
    """Let a webhook's sender in by its token; one that signs is let in so far, None where everybody is. Raises Refused."""
    if parts.access.open:
        return None
    hook = parts.access.hook(name)
    if hook is None:
        raise Refused(403, f"webhooks of {name} are not taken here", f"set service.hooks.{name} with a token or a secret")
    if hook.token is not None and not any(same(hook.token, given) for given in _tokens(request)):
        raise Refused(
            401,
            f"the token of {name} is missing or wrong",
            f"send the one of service.hooks.{name} as Authorization: Bearer",
            ASKS,
        )
    return hook


def _tokens(request: Request) -> list[str]:
    """What may be the token: of the Bearer, of basic authentication the password, of the address `token`."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    given = [request.query_params["token"]] if "token" in request.query_params else []
    match scheme.lower():
        case "bearer":
            given.append(rest.strip())
        case "basic":
            given.append(_password(rest.strip()))
    return given


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
