"""Secrets that are known, and where they occur in a text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain

from nexus.masking.views import Span

ANYWHERE = 8  # a known secret of so many characters is looked for inside words too
_FEW = 8  # beginnings, at most, that are looked for one by one
HEAD = 5  # characters by which a known secret is looked up, and the fewest that one has


class Known:
    """Secrets by their first characters, so that a text is read once however many there are."""

    def __init__(self) -> None:
        self._forms: dict[str, dict[int, dict[str, str]]] = {}

    def add(self, secret: str, kind: str) -> None:
        """A secret of at least HEAD characters, to be looked for as it is and as JSON writes it; the first kind stays."""
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            self._forms.setdefault(form[:HEAD], {}).setdefault(len(form), {}).setdefault(form, kind)

    def may_occur_in(self, text: str) -> bool:
        """Whether the text has the first characters of one."""
        if len(self._forms) <= _FEW:
            return any(head in text for head in self._forms)
        return not self._forms.keys().isdisjoint(text[at : at + HEAD] for at in range(len(text) - HEAD + 1))

    def occurrences(self, text: str) -> Iterator[Span]:
        """Where they occur: a short one as a word of its own, others inside words too."""
        for head, starts in self._places(text).items():
            for length, secrets in self._forms[head].items():
                many = length > 256 or len(starts) * 300 > len(secrets) * len(text)  # then reading the text again costs less
                for start in chain.from_iterable(_everywhere(text, secret) for secret in secrets) if many else starts:
                    end = start + length
                    kind = secrets.get(text[start:end])
                    if kind and (length >= ANYWHERE or not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())):
                        yield start, end, kind

    def _places(self, text: str) -> dict[str, list[int]]:
        """Where the first characters of one are."""
        heads = self._forms
        if len(heads) <= _FEW:
            return {head: starts for head in heads if (starts := list(_beginnings(text, head)))}
        places: dict[str, list[int]] = {}
        for at in [at for at in range(len(text) - HEAD + 1) if text[at : at + HEAD] in heads]:
            places.setdefault(text[at : at + HEAD], []).append(at)
        return places


def _beginnings(text: str, head: str) -> Iterator[int]:
    start = text.find(head)
    while start >= 0:
        yield start
        start = text.find(head, start + 1)


def _everywhere(text: str, secret: str) -> Iterator[int]:
    start = text.find(secret)
    while start >= 0:
        yield start
        start = text.find(secret, start + len(secret))
