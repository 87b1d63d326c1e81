"""Service: which of a source's labels or tags says what the trouble was seen on."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = ("service", "component", "app", "job", "deployment")


def service_in(labels: Mapping[str, str], *more: str) -> str | None:
    """The value of the first label that names a service; `more`: the source's own names, after the common ones."""
    return next((labels[name] for name in (*_NAMES, *more) if labels.get(name)), None)
