"""View: whoever watches an incident being handled; the plain one writes a line an event, the quiet one nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Protocol

from nexus.incident import Author, Event, EventKind
from nexus.records.wording import duration, plain, said
from nexus.responder.llm.budget import Spent

WIDEST = 240
"""Characters of an event's text in one line."""


def by_model(event: Event) -> bool:
    """Whether it only says that a model answered, as it was meant to."""
    return event.kind is EventKind.AUTHORED and event.data["authorship"]["by"] == Author.MODEL


class View(Protocol):
    """`event` is given each event once or more, in any order within a step; it returns at once and never raises."""

    def event(self, event: Event) -> None:
        """One event was recorded."""
        ...

    def recall(self, events: Sequence[Event]) -> None:
        """What an earlier process recorded of an incident that now goes on; it is not told again."""
        ...

    def status(self, text: str) -> None:
        """A passing word that is no part of the record, such as what is being waited for."""
        ...

    def said(self, agent: str, task: str, piece: str) -> None:
        """A model wrote a piece of text for that agent."""
        ...

    def spent(self, spent: Spent) -> None:
        """What models have cost the incident so far."""
        ...

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While held, the terminal belongs to somebody else."""
        yield

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While held, the view is on."""
        yield


class QuietView:
    """Shows nothing."""

    def recall(self, events: Sequence[Event]) -> None:
        """Nothing."""

    def event(self, event: Event) -> None:
        """Nothing."""

    def status(self, text: str) -> None:
        """Nothing."""

    def said(self, agent: str, task: str, piece: str) -> None:
        """Nothing."""

    def spent(self, spent: Spent) -> None:
        """Nothing."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing to pause."""
        yield

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Nothing to show."""
        yield


class PlainView:
    """One line an event, without colour codes: for pipes, logs and CI."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream: IO[str] | None = stream
        self._opened_at: dict[str, datetime] = {}
        self._seen: set[tuple[str, str]] = set()
        self._last = ""

    def recall(self, events: Sequence[Event]) -> None:
        """Times count from its opening; of several incidents each line names its own."""
        for event in events:
            self._opened_at.setdefault(event.incident, event.at)
            self._seen.add((event.incident, event.key))

    def event(self, event: Event) -> None:
        """Its time, the time since the opening, who, what kind, and its text."""
        if (event.incident, event.key) in self._seen or event.kind is EventKind.EVIDENCE or by_model(event):
            return  # a look's meaning follows as its agent's finding; the look itself is in the incident's folder
        self._seen.add((event.incident, event.key))
        opened_at = self._opened_at.setdefault(event.incident, event.at)
        since = f"+{duration(event.at - opened_at)}"
        text = plain(said(event.actor, event.text))
        short = text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
        whose = f"{event.incident}  " if len(self._opened_at) > 1 else ""
        self._write(f"{whose}{event.at:%H:%M:%S} {since:>11}  {event.kind.value.replace('_', ' '):<11} {short}")

    def status(self, text: str) -> None:
        """The word, once while it stays the same."""
        line = plain(text)
        if line != self._last:
            self._last = line
            self._write(f"... {line}")

    def said(self, agent: str, task: str, piece: str) -> None:
        """Nothing: a line is written when something is recorded."""

    def spent(self, spent: Spent) -> None:
        """Nothing: the report at the end says it."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Lines need no pause."""
        yield

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Lines need no beginning or end."""
        yield

    def _write(self, line: str) -> None:
        if self._stream is None:
            return
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = None  # its reader has gone; an incident does not stop because nobody watches
