"""Board: who is doing what, how bad it is and what is due, as the events so far tell it; no terminal in it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nexus.incident import Event, EventKind
from nexus.records.wording import plain
from nexus.view.view import by_model

LINES = 12
"""Latest lines of the timeline that are kept."""

_WORKING = frozenset({EventKind.STARTED, EventKind.EVIDENCE, EventKind.STRUCK, EventKind.AUTHORED})
_QUIET = frozenset({EventKind.EVIDENCE, EventKind.STARTED})


class Work(StrEnum):
    """How an agent's latest task stands."""

    BUSY = "at work"
    DONE = "done"
    FAILED = "no answer"


@dataclass(slots=True)
class Desk:
    """One agent: its latest task, how that stands, how often it looked and what it said last."""

    task: str
    work: Work = Work.BUSY
    looks: int = 0
    said: str = ""


@dataclass(slots=True)
class Board:
    """Changed by `take` only."""

    incident: str = ""
    title: str = ""
    severity: str = ""
    status: str = ""
    outcome: str = ""
    opened_at: datetime | None = None
    now: datetime | None = None
    next_update: datetime | None = None
    agents: dict[str, Desk] = field(default_factory=dict)
    lines: deque[Event] = field(default_factory=lambda: deque(maxlen=LINES))
    seen: set[str] = field(default_factory=set)

    def take(self, event: Event) -> bool:
        """Take one event in; False when it was taken before."""
        if event.key in self.seen:
            return False
        self.seen.add(event.key)
        self.incident = event.incident
        self.now = max(self.now or event.at, event.at)
        self._headline(event)
        self._agents(event)
        if event.kind not in _QUIET and not by_model(event):
            self.lines.append(event)
        return True

    def _headline(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case EventKind.OPENED:
                self.opened_at = event.at
                self.title = plain(str((data.get("alert") or {}).get("title") or event.text))
            case EventKind.CLASSIFIED:
                self.severity = str(data.get("severity", ""))
            case EventKind.STATUS:
                self.status = str(data.get("status", ""))
            case EventKind.PUBLISHED if "status_update" in data:
                due = data["status_update"].get("next_update")
                self.next_update = datetime.fromisoformat(due) if due else None
            case EventKind.CLOSED:
                self.outcome = str(data.get("outcome", ""))
                self.next_update = None
            case _:
                pass

    def _agents(self, event: Event) -> None:
        if event.kind is EventKind.STARTED:
            if "agent" in event.data:
                self.agents[event.actor] = Desk(task=plain(str(event.data.get("task", ""))).replace("_", " "))
            return
        desk = self.agents.get(event.actor)
        if desk is not None:
            desk.looks += event.kind is EventKind.EVIDENCE
            desk.said = desk.said if event.kind is EventKind.AUTHORED else plain(event.text)
            if event.kind not in _WORKING:
                desk.work = Work.FAILED if event.kind is EventKind.ABSENT else Work.DONE
        if event.kind is EventKind.CLOSED:
            for other in self.agents.values():
                other.work = Work.DONE if other.work is Work.BUSY else other.work
