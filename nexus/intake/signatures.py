"""Signatures: whether a body was signed with a secret, in each source's own way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

_Offered = Callable[[Mapping[str, str], bytes], tuple[bytes, list[str]]]
"""From headers (names in lower case) and body: what was signed, and the signatures offered in hexadecimal."""


def _pagerduty(headers: Mapping[str, str], body: bytes) -> tuple[bytes, list[str]]:
    """Several while a secret is being changed, each with its version."""
    offered = [part.strip() for part in headers.get("x-pagerduty-signature", "").split(",")]
    return body, [part.removeprefix("v1=") for part in offered if part.startswith("v1=")]


def _sentry(headers: Mapping[str, str], body: bytes) -> tuple[bytes, list[str]]:
    return body, [headers.get("sentry-hook-signature", "")]


def _grafana(headers: Mapping[str, str], body: bytes) -> tuple[bytes, list[str]]:
    """With a timestamp header, time and body are signed together."""
    stamp = headers.get("x-grafana-alerting-timestamp", "").encode("utf-8", "replace")
    return (stamp + b":" + body if stamp else body), [headers.get("x-grafana-alerting-signature", "")]


def _generic(headers: Mapping[str, str], body: bytes) -> tuple[bytes, list[str]]:
    """As GitHub signs its webhooks."""
    offered = headers.get("x-hub-signature-256", "")
    return body, [offered.removeprefix("sha256=")] if offered.startswith("sha256=") else []


_WAYS: dict[str, _Offered] = {"pagerduty": _pagerduty, "sentry": _sentry, "grafana": _grafana, "generic": _generic}
SIGNED: frozenset[str] = frozenset(_WAYS)
"""The sources that sign; the others can only send a token."""


def verify(source: str, secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether that body, exactly as it was received, is signed with that secret by HMAC-SHA256; never for an empty secret.

    False as well for a source that does not sign. Says nothing of replays: the same body signed once stays signed.
    """
    if source not in _WAYS or not secret:
        return False
    signed, offered = _WAYS[source]({name.lower(): value for name, value in headers.items()}, body)
    right = hmac.new(secret.encode("utf-8", "surrogatepass"), signed, hashlib.sha256).hexdigest().encode()
    matches = [hmac.compare_digest(right, given.strip().lower().encode("utf-8", "replace")) for given in offered]
    return any(matches)
