"""Correlation: which open incident an alert belongs to, if any; pure, and each answer says why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Self

from nexus.incident import Alert, AlertState, Event, EventKind, JoinedAlert, Opening
from nexus.incident.alert import Level, identity_of

WINDOW = timedelta(minutes=30)
"""After an incident's last firing alert, a neighbour's alert still counts as the same outage for this long."""
CLOSE = timedelta(minutes=5)
"""Two alerts of which one names no known service count as one outage when they come this close together."""
AGAIN = timedelta(hours=24)
"""The end of an incident is remembered for this long, for alerts that only repeat what it was about."""


Episode = tuple[AlertState, datetime, Level]
"""Whether the trouble goes on, since when, and how bad its source finds it."""


@dataclass(slots=True)
class Known:
    """An incident as correlation sees it: all its alerts by identity, and every component that it is known to concern.

    `outcome` is empty while it is open. `take` and `hear` keep it up to date.
    """

    incident: str
    opened_at: datetime
    last_at: datetime
    episodes: dict[str, set[Episode]] = field(default_factory=dict)
    groups: set[tuple[str, str]] = field(default_factory=set)
    components: set[str] = field(default_factory=set)
    outcome: str = ""
    ended_at: datetime | None = None

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """An incident as it was begun."""
        known = cls(opening.incident, opening.opened_at, opening.opened_at)
        known.take(opening.alert, opening.opened_at)
        return known

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return not self.outcome

    def take(self, alert: Alert, at: datetime) -> None:
        """One more of its alerts."""
        self.episodes.setdefault(identity_of(alert), set()).add(episode_of(alert))
        if alert.group:
            self.groups.add((alert.source, alert.group))
        if alert.service is not None:
            self.components.add(alert.service)
        if alert.state is AlertState.FIRING:
            self.last_at = max(self.last_at, at)

    def hear(self, event: Event) -> None:
        """One more of its events."""
        match event.kind:
            case EventKind.ALERTED:
                joined = JoinedAlert.model_validate(event.data["joined"])
                self.take(joined.alert, joined.at)
            case EventKind.CLASSIFIED:
                self.components |= set(event.data["classification"]["impact"]["services"])
            case EventKind.DIAGNOSED if event.data["diagnosis"]["cause"]["component"]:
                self.components.add(event.data["diagnosis"]["cause"]["component"])
            case EventKind.CLOSED:
                self.outcome, self.ended_at = str(event.data.get("outcome", "ended")), event.at
            case _:
                pass


class Belongs(NamedTuple):
    """Join: it is taken into that open incident. Repeat: that incident has it already, and nothing is to be done."""

    how: Literal["join", "repeat"]
    incident: str
    because: str


class Opens(NamedTuple):
    """It is the first of an outage that nobody handles."""

    because: str


class Stray(NamedTuple):
    """It says that something is over of which nobody knows."""

    because: str


Place = Belongs | Opens | Stray


def place_of(alert: Alert, known: Sequence[Known], edges: Collection[tuple[str, str]], at: datetime) -> Place:
    """Where the alert goes: by its identity, its group, its service, the call graph; each within its time."""
    open_now = [one for one in known if one.open]
    identity = identity_of(alert)
    found = _same(alert, identity, open_now) or _repeats_ended(alert, identity, known, at)
    if found is not None:
        return found
    grouped = _same_group(alert, open_now)
    if alert.state is AlertState.RESOLVED:
        return grouped or Stray("no open incident has this alert")
    near = (grouped, _same_service(alert, open_now), _neighbour(alert, open_now, edges, at))
    found = next((one for one in near if one is not None), None) or _close(alert, open_now, edges, at)
    return found or Opens("no open incident has its group, its service or a neighbour of it")


def episode_of(alert: Alert) -> Episode:
    """The same for two notifications of one trouble that say the same of it."""
    return alert.state, alert.starts_at, alert.level


def _same(alert: Alert, identity: str, known: Iterable[Known]) -> Belongs | None:
    for one in known:
        held = one.episodes.get(identity)
        if held is not None:
            return Belongs("repeat" if episode_of(alert) in held else "join", one.incident, "the same alert")
    return None


def _repeats_ended(alert: Alert, identity: str, known: Iterable[Known], at: datetime) -> Belongs | None:
    """An ended incident's own alert: it resolves, or it still fires though nobody was to do anything about it now."""
    for one in known:
        if one.open or one.ended_at is None or at - one.ended_at > AGAIN:
            continue
        held = one.episodes.get(identity, set())
        if held and alert.state is AlertState.RESOLVED:
            return Belongs("repeat", one.incident, "the alert of an incident that has ended is over")
        if one.outcome != "resolved" and episode_of(alert) in held:
            return Belongs("repeat", one.incident, f"it still fires; the incident ended as {one.outcome}")
    return None


def _same_group(alert: Alert, known: Iterable[Known]) -> Belongs | None:
    if not alert.group:
        return None
    for one in known:
        if (alert.source, alert.group) in one.groups:
            return Belongs("join", one.incident, "the same group of its source")
    return None


def _same_service(alert: Alert, known: Iterable[Known]) -> Belongs | None:
    if alert.service is None:
        return None
    for one in known:
        if alert.service in one.components:
            return Belongs("join", one.incident, f"the incident concerns {alert.service}")
    return None


def _neighbour(alert: Alert, known: Iterable[Known], edges: Collection[tuple[str, str]], at: datetime) -> Belongs | None:
    if alert.service is None:
        return None
    beside = {b for a, b in edges if a == alert.service} | {a for a, b in edges if b == alert.service}
    for one in known:
        met = sorted(beside & one.components)
        if met and at - one.last_at <= WINDOW:
            return Belongs("join", one.incident, f"{alert.service} and {met[0]} call each other")
    return None


def _close(alert: Alert, known: Iterable[Known], edges: Collection[tuple[str, str]], at: datetime) -> Belongs | None:
    """By time alone: only where nothing better is known of one of the two, and never a critical one."""
    if alert.level == "critical":
        return None
    drawn = {name for edge in edges for name in edge}
    for one in known:
        vague = alert.service not in drawn or not one.components & drawn
        if vague and at - one.last_at <= CLOSE:
            minutes = int(CLOSE.total_seconds() // 60)
            return Belongs("join", one.incident, f"within {minutes} minutes of its last alert, and the call graph tells nothing")
    return None
