"""The incident's document: the whole Incident put together from state, events and evidence; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from nexus.errors import RecordsError
from nexus.incident import (
    Authorship,
    Diagnosis,
    Escalation,
    Event,
    EventKind,
    Evidence,
    ExecutiveBrief,
    Incident,
    JoinedAlert,
    Opening,
    Outcome,
    Status,
    StatusUpdate,
    TimelineEntry,
    Word,
)
from nexus.incident.incident import usage_of
from nexus.records.packing import clean, pack

Said = TypeVar("Said", bound=Word)

_STRAIGHT = ("team", "findings", "absences", "plan", "actions", "post_mortem", "backlog", "handed_over_to", "ended_at")


def assemble(state: Mapping[str, Any], events: Sequence[Event], evidence: Sequence[Evidence]) -> Incident:
    """Everything about one incident. Raises RecordsError when the state does not hold what an incident needs."""
    diagnosis = state.get("diagnosis") or {}
    classification = state.get("classification")
    authorship = _said(events, EventKind.AUTHORED, "authorship", Authorship)
    escalations = sorted(_said(events, EventKind.ESCALATED, "escalation", Escalation), key=lambda e: e.at)
    try:
        known = Diagnosis.model_validate(clean(diagnosis))
        return Incident.model_validate(
            {
                "id": state["incident"],
                "alert": clean(state["alert"]),
                "joined": tuple(_said(events, EventKind.ALERTED, "joined", JoinedAlert)),
                "opened_at": state["opened_at"],
                "status": state.get("status") or Status.INVESTIGATING,
                "severity": classification["severity"] if classification else None,
                "classification": clean(classification) if classification else None,
                "cause": known.cause,
                "hypotheses": known.hypotheses,
                "suspects": known.suspects,
                "verification": clean(state.get("verifications") or ()),
                "status_updates": _numbered(_said(events, EventKind.PUBLISHED, "status_update", StatusUpdate)),
                "briefs": _numbered(_said(events, EventKind.PUBLISHED, "brief", ExecutiveBrief)),
                "escalations": escalations,
                "evidence": tuple(evidence),
                "timeline": timeline(events),
                "open_questions": clean(state.get("questions") or ()),
                "authorship": tuple(authorship),
                "usage": usage_of(authorship),
                "outcome": state.get("outcome") or Outcome.WAITING,
            }
            | {name: clean(state[name]) for name in _STRAIGHT if state.get(name) is not None}
        )
    except KeyError as error:
        raise RecordsError(f"the incident's state lacks {error}", "resume or run the incident again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordsError(f"the incident's state does not fit: {where}: {first['msg']}", "run the incident again") from error


_LATEST = {
    EventKind.CLASSIFIED: ("classification", "team"),
    EventKind.STATUS: ("status",),
    EventKind.DIAGNOSED: ("diagnosis",),
    EventKind.PLANNED: ("plan",),
    EventKind.POST_MORTEM: ("post_mortem",),
    EventKind.CLOSED: ("outcome",),
}
_EVERY = {EventKind.FINDING: "finding", EventKind.ABSENT: "absence", EventKind.VERIFIED: "verification"}
_LISTS = {"finding": "findings", "absence": "absences", "verification": "verifications"}


def state_in(opening: Opening, events: Sequence[Event]) -> dict[str, Any]:
    """How an incident stands that has no document yet, as far as its events say; whoever drives it knows more."""
    state: dict[str, Any] = {
        "incident": opening.incident,
        "alert": opening.alert.model_dump(mode="json"),
        "opened_at": opening.opened_at.isoformat(),
        **{name: [] for name in _LISTS.values()},
    }
    for event in events:
        state |= {name: event.data[name] for name in _LATEST.get(event.kind, ()) if name in event.data}
        said = _EVERY.get(event.kind)
        if said is not None and said in event.data:
            state[_LISTS[said]].append(event.data[said])
        if event.kind is EventKind.BACKLOG:
            state["backlog"] = event.data["items"]
    return state


def timeline(events: Iterable[Event]) -> tuple[TimelineEntry, ...]:
    """What people want to read of the log, in order.

    Looks at the world are left out unless they gave a picture, and who answered unless the rules took a model's task over.
    """
    return tuple(TimelineEntry(at=e.at, actor=e.actor, kind=e.kind.value, text=e.text) for e in events if _worth_a_line(e))


def _worth_a_line(event: Event) -> bool:
    if event.kind is EventKind.EVIDENCE:
        return bool(event.data.get("pictures"))
    return event.kind is not EventKind.AUTHORED or bool(event.data["authorship"]["why"])


def to_json(incident: Incident) -> str:
    """`incident.json`: strict JSON that people can read too."""
    return pack(incident, indent=2) + "\n"


def from_json(text: str) -> Incident:
    """The incident that `to_json` wrote. Raises RecordsError for anything else."""
    try:
        return Incident.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordsError(f"this is no incident document: {where}: {first['msg']}", "name one that this NEXUS wrote") from error


def schema() -> dict[str, Any]:
    """The JSON schema of `incident.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Incident.model_json_schema(mode="serialization")


def _said(events: Iterable[Event], kind: EventKind, name: str, word: type[Said]) -> list[Said]:
    return [word.model_validate(e.data[name]) for e in events if e.kind is kind and name in e.data]


def _numbered(bulletins: Iterable[Said]) -> list[Said]:
    return sorted(bulletins, key=lambda b: getattr(b, "number", 0))
