"""Environment: which of a process's environment variables hold secrets, judged by their names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nexus.masking.keys import key_of


def secrets_of(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The secrets in it, each with its kind."""
    for name, value in environment.items():
        key = key_of(name)
        if key is not None and key.fits(value):
            yield value, key.kind
