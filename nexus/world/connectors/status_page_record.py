"""Status page's record: what `status.json` holds, and, purely, what one more update makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from nexus.incident import Moment, Status
from nexus.incident.base import Word
from nexus.world.connectors.contract import Message
from nexus.world.connectors.messages import Bulletin, named_in, read

State = Literal["affected", "recovering", "well"]


class PageUpdate(Word):
    """One update as it was published; `key` makes publishing it again harmless. `status` None: its text says none."""

    key: str
    at: Moment
    status: Status | None
    lines: tuple[tuple[str, str], ...] = Field(description="label, empty where there is none, and text")


class PageIncident(Word):
    """One incident with its updates, oldest first; `resolved` None: it is open."""

    id: str
    title: str
    status: Status
    opened: Moment
    resolved: Moment | None = None
    components: tuple[str, ...] = ()
    updates: tuple[PageUpdate, ...] = ()

    @property
    def lasted(self) -> timedelta | None:
        """From the first update to the resolution."""
        return self.resolved - self.opened if self.resolved else None


class PageComponent(Word):
    """One component as the page lists it."""

    name: str
    title: str
    state: State = "well"


class PageRecord(Word):
    """The whole page; incidents newest first."""

    page: str
    updated: Moment | None = None
    components: tuple[PageComponent, ...] = ()
    incidents: tuple[PageIncident, ...] = ()

    def find(self, incident: str) -> PageIncident | None:
        """The incident of that id."""
        return next((found for found in self.incidents if found.id == incident), None)

    def has(self, message: Message) -> bool:
        """Whether that update was published."""
        found = self.find(message.incident)
        return found is not None and any(update.key == message.key for update in found.updates)


def with_update(record: PageRecord, message: Message, components: Mapping[str, str]) -> PageRecord:
    """The record with that update in it, once, and every component's state as it is then; `components`: name to public name."""
    incidents = list(record.incidents)
    if not record.has(message):
        bulletin = read(message.text)
        found = record.find(message.incident)
        told = _told(found or _opened(bulletin, message, components), bulletin, message, components)
        incidents = [told, *incidents] if found is None else [told if i.id == told.id else i for i in incidents]
    states = component_states(incidents, components)
    return PageRecord(
        page=record.page,
        updated=max(update.at for incident in incidents for update in incident.updates),
        components=tuple(PageComponent(name=name, title=title, state=states[name]) for name, title in components.items()),
        incidents=tuple(incidents),
    )


def _opened(bulletin: Bulletin, message: Message, components: Mapping[str, str]) -> PageIncident:
    service = components.get(bulletin.service, bulletin.service) if bulletin.service else None
    title = f"{service} incident" if service else bulletin.heading or message.incident
    return PageIncident(id=message.incident, title=title, status=Status.INVESTIGATING, opened=message.at)


def _told(incident: PageIncident, bulletin: Bulletin, message: Message, components: Mapping[str, str]) -> PageIncident:
    """With that update: one that says no status leaves it as it was, one that says another than Resolved opens it again."""
    lines = [line for line in bulletin.lines if line[0] != "Status"]
    if bulletin.service is None:
        lines.insert(0, ("", bulletin.heading))
    status = bulletin.status
    update = PageUpdate(key=message.key, at=message.at, status=status, lines=tuple(lines))
    resolved = {None: incident.resolved, Status.RESOLVED: message.at}.get(status)
    named = sorted({*incident.components, *named_in(bulletin, components)})
    return incident.model_copy(
        update={
            "status": status or incident.status,
            "resolved": resolved,
            "components": tuple(named),
            "updates": (*incident.updates, update),
        }
    )


def component_states(incidents: Sequence[PageIncident], components: Mapping[str, str]) -> dict[str, State]:
    """Each component's state by the open incidents that name it."""
    states: dict[str, State] = dict.fromkeys(components, "well")
    for incident in incidents:
        if incident.resolved is None:
            for name in states.keys() & set(incident.components):
                watched = incident.status is Status.MONITORING and states[name] != "affected"
                states[name] = "recovering" if watched else "affected"
    return states


def duration_text(lasted: timedelta) -> str:
    """How long, in whole minutes: `1 h 23 min`; from a day on in whole hours."""
    minutes = max(1, round(lasted.total_seconds() / 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest} min" if rest and not days else ""]
    return " ".join(part for part in parts if part)


def moment_text(at: datetime) -> str:
    """A time as people read it, with its zone: `2 Mar 2026, 12:00 UTC`."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
