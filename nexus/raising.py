"""Raising: how bad an incident is in the light of all its alerts, read from its events; it only ever becomes worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nexus.incident import Alert, AlertState, Classification, Event, EventKind, JoinedAlert, Severity
from nexus.state import Context, State, dump
from nexus.timeline import Standing

_LEVELS = {"critical": 0, "high": 1, "medium": 2, "unknown": 3, "low": 4}


@dataclass(frozen=True, slots=True)
class Assessed:
    """The worst classification so far with its team, and how many further alerts were taken into account."""

    classification: Classification
    team: tuple[str, ...]
    alerts: int


def assessed_in(events: Iterable[Event]) -> Assessed | None:
    """How bad the incident is by its events; None before triage."""
    worst: Assessed | None = None
    for event in events:
        if event.kind is EventKind.CLASSIFIED:
            found = Classification.model_validate(event.data["classification"])
            this = Assessed(found, tuple(event.data["team"]), int(event.data.get("assessed", 0)))
            if worst is None or found.severity.rank < worst.classification.severity.rank:
                worst = this
            worst = replace(worst, alerts=max(worst.alerts, this.alerts))
    return worst


def joined_in(events: Iterable[Event]) -> list[JoinedAlert]:
    """Further alerts of the incident, in their order."""
    return [JoinedAlert.model_validate(e.data["joined"]) for e in events if e.kind is EventKind.ALERTED]


def news_for(opening: Alert, joined: Sequence[JoinedAlert], assessed: Assessed) -> Alert | None:
    """The worst alert that triage has not seen and that may change its answer: worse than all before, or of another service."""
    firing = [j.alert for j in joined if j.alert.state is AlertState.FIRING]
    unseen = [j.alert for j in joined[assessed.alerts :] if j.alert.state is AlertState.FIRING]
    before = [opening, *firing[: len(firing) - len(unseen)]]
    worst = min(_LEVELS[alert.level] for alert in before)
    known = {*(alert.service for alert in before), *assessed.classification.impact.services, None}
    telling = [alert for alert in unseen if _LEVELS[alert.level] < worst or alert.service not in known]
    return min(telling, key=lambda alert: _LEVELS[alert.level], default=None)


def raised(current: Classification, answer: Classification) -> Classification:
    """The worse of the two; what was measured of either counts."""
    if answer.severity.rank >= current.severity.rank:
        return current
    impact, before = answer.impact, current.impact
    services = tuple(dict.fromkeys((*before.services, *impact.services)))
    return answer.model_copy(update={"impact": impact.model_copy(update={"services": services}), "false_alarm": False})


def as_raised(state: State, assessed: Assessed | None) -> State:
    """The state with that classification, where it is worse than the state's own."""
    own = state.get("classification")
    if assessed is None or own is None or Severity(own["severity"]).rank <= assessed.classification.severity.rank:
        return state
    return {**state, **_told(assessed)}


def standing_as_raised(standing: Standing, assessed: Assessed | None) -> Standing:
    """The standing with that severity, where it is worse."""
    if assessed is None or standing.severity is None or standing.severity.rank <= assessed.classification.severity.rank:
        return standing
    return replace(standing, severity=assessed.classification.severity)


async def taken_in(context: Context, state: State) -> State:
    """What further alerts have raised since the state was written, as an update of it; nothing where nothing was."""
    own = state.get("classification")
    assessed = assessed_in(await context.records.events(state["incident"])) if own is not None else None
    return _told(assessed) if assessed is not None and as_raised(state, assessed) is not state else State()


def _told(assessed: Assessed) -> State:
    return State(classification=dump(assessed.classification), team=list(assessed.team))
