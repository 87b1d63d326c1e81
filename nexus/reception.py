"""Reception: sorts what is in the inbox into incidents: an alert opens one, joins one that is open, or repeats what is known."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import assert_never

import structlog

from nexus.asked import approve_all
from nexus.correlation import AGAIN, Belongs, Known, Opens, Stray, place_of
from nexus.drive import Pending
from nexus.driving import Hands
from nexus.errors import AlertError, IncidentHeld, NexusError, UsageError
from nexus.hosting import Host
from nexus.incident import Alert, AlertState, Event, EventKind, Evidence, JoinedAlert, Surroundings
from nexus.incident.alert import identity_of
from nexus.incidents import masked, vault_of
from nexus.intake.read import read_delivery
from nexus.intake.report import report_body
from nexus.masking import Vault
from nexus.records.following import Following
from nexus.records.inbox import Delivered
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.run import DEFAULT_WORLD, whole_name
from nexus.settings import Settings
from nexus.view import View
from nexus.world.catalog import ServiceCatalog
from nexus.world.open import open_world

HELD = "intake"
"""What the one process holds that sorts: two would open two incidents for one outage."""
TURN = 5.0
"""Seconds between two tries to become that process."""
LOOK = 1.0
"""Seconds between two looks into the inbox without being woken."""
OURS = frozenset({"report", "watch"})
"""Sources that are NEXUS itself; they write the generic form."""
REMEMBERED = 500
"""Incidents that are looked through at the start for those that ended not long ago."""


@dataclass(slots=True)
class Reception:
    """One process at a time sorts, by order of arrival; each delivery is marked handled once its alerts are recorded."""

    records: Store
    host: Host
    catalog: ServiceCatalog
    vault: Vault
    _known: dict[str, Known] = field(default_factory=dict)
    _following: dict[str, Following] = field(default_factory=dict)
    _untold: set[str] = field(default_factory=set)
    _joined: list[tuple[Evidence, Event]] = field(default_factory=list)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something has come in: look now."""
        self._woken.set()

    async def report(self, text: str, service: str | None, severity: str | None, by: str) -> str:
        """Take in a person's report like an alert; the delivery's id once it is in the inbox. Raises AlertError, RecordsError."""
        names = (one.name for one in self.catalog)
        body = report_body(text, service, severity, by, datetime.now().astimezone(), names=names)
        name = await self.records.inbox.put("report", body, datetime.now(UTC), {})
        self.wake()
        return name

    async def run(self, stop: asyncio.Event) -> None:
        """Handle what waits, and what comes, until `stop` is set; while another process does, wait for its end.

        What keeps it from that for a while, such as records that do not answer, is told, and it begins again from the records.
        """
        self.host.stop = stop
        while not stop.is_set():
            try:
                async with self.records.hold(HELD):
                    await self.remember()
                    await self.host.resume_all()
                    while not stop.is_set():
                        await self.sort()
                        await self._wait(stop, LOOK)
            except IncidentHeld:
                await self._wait(stop, TURN)
            except NexusError as error:
                structlog.get_logger().error("alerts are not sorted", why=self.vault.mask(str(error)), again_in=TURN)
                await self._wait(stop, TURN)
        await self.host.ended()

    async def remember(self) -> None:
        """Look up what is open, and what ended not long ago; what was in mind before counts no more."""
        self._known, self._following, self._joined = {}, {}, []
        since = datetime.now(UTC) - AGAIN
        names = [name for name, _ in await self.records.page(REMEMBERED)]
        names += [o.incident for o in await self.records.unfinished() if o.incident not in names]
        for name in names:
            opening = await self.records.opening(name)
            if opening is not None:
                known = Known.of(opening)
                await self._refresh(known)
                if _counts(known, since):
                    self._known[name] = known
        self._untold = {name for name, known in self._known.items() if known.open}

    async def sort(self) -> list[str]:
        """Handle all that waits in the inbox now; what became of each delivery."""
        told: list[str] = []
        while waiting := await self.records.inbox.waiting():
            since = datetime.now(UTC) - AGAIN
            self._known = {name: known for name, known in self._known.items() if _counts(known, since)}
            await asyncio.gather(*(self._refresh(known) for known in self._known.values() if known.open))
            outcomes = []
            for delivered in waiting:
                outcomes.append(await self._sorted(delivered))
                await asyncio.sleep(0)  # who is posting comes first
            await self._write_joined()
            await self.records.inbox.handled([d.id for d in waiting], outcomes)
            told += outcomes
        await self._tell()
        return told

    async def _sorted(self, delivered: Delivered) -> str:
        """What became of one delivery, in words."""
        source = "generic" if delivered.source in OURS else delivered.source
        try:
            read = read_delivery(delivered.body, now=delivered.received_at, headers=delivered.headers, source=source)
        except AlertError as error:
            return f"not read: {error}"
        if not read.alerts:
            return f"no alert: {read.note}"
        lead = read.lead
        alerts = [lead, *(alert for alert in read.alerts if alert is not lead)]
        told = [await self._placed(masked(alert, self.vault), delivered.received_at) for alert in alerts]
        return "; ".join(dict.fromkeys(told))

    async def _placed(self, alert: Alert, at: datetime) -> str:
        place = place_of(alert, list(self._known.values()), self.catalog.edges(), at)
        match place:
            case Opens():
                incident = await self.host.begin(alert)
                opening = await self.records.opening(incident)
                assert opening is not None
                self._known[incident] = Known.of(opening)
                return f"opened {incident}"
            case Belongs("join", incident, because):
                self._join(incident, alert, because, at)
                return f"joined {incident}"
            case Belongs(_, incident, because):
                return f"repeats {incident}: {because}"
            case Stray(because):
                return f"over: {because}"
        assert_never(place)

    def _join(self, incident: str, alert: Alert, because: str, at: datetime) -> None:
        known = self._known[incident]
        _, evidence, event = joining(incident, alert, because, max(at, known.opened_at))
        known.take(alert, at)
        self._joined.append((evidence, event))

    async def _write_joined(self) -> None:
        """Record what joined, all at once; until then no delivery is ticked off."""
        joined, self._joined = self._joined, []
        await asyncio.gather(*(self.records.keep(event.incident, evidence, {}) for evidence, event in joined))
        for new in await self.records.append(*(event for _, event in joined)) if joined else ():
            self.host.hands.view.event(new)
        self._untold |= {event.incident for _, event in joined}

    async def _tell(self) -> None:
        """Tell incidents that further alerts are in their records; one that cannot be told now is told at the next look."""
        for incident in sorted(self._untold):
            try:
                await self.host.alerted(incident)
            except UsageError as error:
                structlog.get_logger().warning(
                    "an incident was not told of its alerts", incident=incident, why=self.vault.mask(str(error))
                )
                return
            self._untold.discard(incident)

    async def _refresh(self, known: Known) -> None:
        following = self._following.setdefault(known.incident, Following(self.records, known.incident))
        for _, event in await following.look():
            known.hear(event)

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._woken.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self._woken.clear()
        for each in waits:
            each.cancel()


def _counts(known: Known, since: datetime) -> bool:
    """Whether alerts may still have to do with it: it is open, or ended later than that."""
    return known.open or (known.ended_at is not None and known.ended_at > since)


def joining(incident: str, alert: Alert, because: str, at: datetime) -> tuple[JoinedAlert, Evidence, Event]:
    """What an alert that joins becomes in the record; the same alert again becomes exactly the same."""
    key = f"alert:{identity_of(alert)}:{alert.state.value}:{alert.starts_at.isoformat()}:{alert.level}"
    name = f"AL-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    over = alert.state is AlertState.RESOLVED
    said = f"{alert.source} says that it is over: {alert.title}" if over else f"{alert.source}: {alert.title}"
    values = alert.model_dump(
        mode="json", include={"title", "service", "state", "severity_label", "summary", "starts_at", "labels"}
    )
    evidence = Evidence(id=name, tool="alert", agent="nexus", at=at, summary=said, values={**values, "level": alert.level})
    joined = JoinedAlert(at=at, alert=alert, because=because, evidence=name)
    data = {"joined": joined.model_dump(mode="json")}
    event = Event(incident=incident, key=key, at=at, kind=EventKind.ALERTED, actor="NEXUS", text=f"{said} ({because})", data=data)
    return joined, evidence, event


async def wait_for_others(_pending: Pending) -> None:
    """Nobody is asked here: people answer over the service or on the command line, or the deadline passes."""
    await asyncio.Event().wait()


def open_reception(settings: Settings, records: Store, responder: Responder, view: View) -> Reception:
    """The reception that these settings describe. Raises UsageError."""
    named = DEFAULT_WORLD if settings.world is None else settings.world
    library = str(settings.library.resolve()) if settings.library else ""
    surroundings = Surroundings(world=whole_name(named), seed=settings.seed, library=library)
    world = open_world(named, seed=settings.seed).world
    answering = approve_all if settings.approve == "auto" else wait_for_others
    hands = Hands(settings, records, responder, view, answering)
    return Reception(records, Host(hands, surroundings), world.catalog, vault_of(world))
