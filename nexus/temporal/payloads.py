"""Payloads: what travels between clients, workflows and activities, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from nexus.raising import Assessed
from nexus.runbook import Runbook
from nexus.state import Json
from nexus.timeline import Notice

_ASSESSED: TypeAdapter[Assessed] = TypeAdapter(Assessed)
_NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)


@dataclass
class Task:
    """All that must not change while an incident is open: its opening, and the runbook with its clocks.

    `simulated`: its world's work takes the time that it declares, and its clock stands still meanwhile. `heartbeat`: seconds
    after which a silent worker is dead.
    """

    opening: Json
    runbook: Json
    simulated: bool
    heartbeat: float


@dataclass
class Telling:
    """A notice that fell due, and the state as it was then."""

    state: Json
    notice: Json


@dataclass
class Asking:
    """What the graph waits for: interrupts by id, and the state that they came from."""

    state: Json
    pending: Json


@dataclass
class Answers:
    """What was answered, by question."""

    incident: str
    answers: Json


@dataclass
class Ending:
    """How an incident stands when its workflow ends."""

    state: Json
    outcome: str | None


def runbook_json(runbook: Runbook) -> Json:
    """A runbook as it travels; Runbook.model_validate reads it."""
    return _plain(runbook.model_dump())


def notice_json(notice: Notice) -> Json:
    """A notice as it travels."""
    return _plain(_NOTICE.dump_python(notice))


def notice_of(written: Json) -> Notice:
    """The notice that arrived."""
    return _NOTICE.validate_python(written)


def assessed_json(assessed: Assessed) -> Json:
    """How bad an incident is, as it travels."""
    return _plain(_ASSESSED.dump_python(assessed, mode="json"))


def assessed_of(written: Json) -> Assessed:
    """How bad the incident is, as it arrived."""
    return _ASSESSED.validate_python(written)


def _plain(value: Any) -> Json:
    plain: Json = json.loads(json.dumps(value, default=_written))
    return plain


def _written(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return f"{int(value.total_seconds())}s"
        case _:
            raise TypeError(f"{value!r} does not travel")
