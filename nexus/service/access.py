"""Access: who may do what, as the settings say; decided here, without a request in sight."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import SecretStr

from nexus.errors import SettingsError
from nexus.intake.signatures import SIGNED
from nexus.settings import Hook, HookSettings, Role, ServiceSettings

ROLES: tuple[Role, ...] = get_args(Role)
HOOKS: tuple[Hook, ...] = get_args(Hook)
SIGNING: Mapping[Hook, str] = {name: "generic" if name == "changes" else name for name in HOOKS if name in {*SIGNED, "changes"}}
"""Senders that can sign what they send, and whose way of signing is theirs."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: the token's name, which the record keeps."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether that role's rights are among this person's."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = Person("local", "approver")
"""Whoever reaches a service that is open on loopback."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a service that listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class Access:
    """Who may do what. `open`: on loopback, where the settings name neither a token nor a hook, everybody may do all.

    Raises SettingsError for a service that others could reach unprotected.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        loopback = is_loopback(settings.host)
        if not loopback and not settings.tokens:
            raise SettingsError(
                f"nexus serve listens on {settings.host}, and service.tokens names nobody who may use it",
                "add service.tokens with name, role and token, and service.hooks for each sender; or listen on 127.0.0.1",
            )
        unable = [name for name, hook in settings.hooks.items() if hook.secret is not None and name not in SIGNING]
        if unable:
            raise SettingsError(
                f"{unable[0]} does not sign what it sends", f"give service.hooks.{unable[0]}.token in place of secret"
            )
        self.open = loopback and not settings.tokens and not settings.hooks
        self._hooks = settings.hooks
        self._people = [(_digest(held.token.get_secret_value()), Person(held.name, held.role)) for held in settings.tokens]

    def person(self, token: str) -> Person | None:
        """Whose token it is; as long in finding out, whosever it is."""
        given = _digest(token)
        found = [person for held, person in self._people if hmac.compare_digest(held, given)]
        return found[0] if found else None

    def hook(self, name: Hook) -> HookSettings | None:
        """How that sender shows who it is; None where it is not set up."""
        return self._hooks.get(name)

    def __str__(self) -> str:
        """What is protected, on one line; names no secret."""
        if self.open:
            return "open to everybody on this machine: no tokens and no hooks are set"
        roles = [f"{sum(p.role == role for _, p in self._people)} {role}" for role in ROLES]
        hooks = [f"{name} ({'secret' if hook.secret else 'token'})" for name, hook in sorted(self._hooks.items())]
        return f"tokens: {', '.join(roles)}; webhooks: {', '.join(hooks) or 'none'}"


def same(held: SecretStr, given: str) -> bool:
    """Whether these are the same, in constant time."""
    return hmac.compare_digest(_digest(held.get_secret_value()), _digest(given))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
