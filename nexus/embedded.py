"""Embedded: one incident driven inside this process, on the records' checkpoints, in the world's own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt

from nexus.asked import Answering, answered, answered_before, approve_all
from nexus.delivery import deliver_what_is_left
from nexus.drive import Driver, Leg, Pending, drive
from nexus.errors import RecordsError, UsageError
from nexus.graph import STAGES, VERSION, compiled
from nexus.incident import Alert, Event, EventKind, Incident, Opening, Outcome, Surroundings
from nexus.incidents import document_of, first_state, opened, opening_of, vault_of
from nexus.library import Library
from nexus.masking import Vault
from nexus.notices import known_at, tell
from nexus.raising import Assessed, as_raised, standing_as_raised
from nexus.records.document import to_json
from nexus.records.following import Following
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.spans import OUTCOME, SEVERITY, incident_span
from nexus.state import Context, State, standing_of
from nexus.steps.reassess import reassess
from nexus.timeline import Notice, Sent, Standing, sent_of
from nexus.world import World

Listener = Callable[[Event], None]

MOST_STEPS = 5000
"""LangGraph's bound on steps in one leg: far above any incident, so that only a loop meets it."""
NEWS_EVERY = 2.0
"""Seconds between two looks for further alerts."""
GRACE = 20.0
"""Seconds that a step and the words on their way out have to end when the incident is to stop; what has not ended runs again."""


@dataclass(slots=True)
class Embedded:
    """One incident's host: `invoke` and `publish` for `drive`, over one compiled graph."""

    context: Context
    graph: Any
    begin: State
    stop_after: tuple[str, ...] = ()
    values: State = field(default_factory=State)
    earlier: State = field(default_factory=State)
    pending: tuple[Pending, ...] = ()
    assessed: Assessed | None = None
    control: RunControl = field(default_factory=RunControl)
    leg: asyncio.Future[Leg] | None = None

    @property
    def incident(self) -> str:
        """The incident's id."""
        return self.begin["incident"]

    @property
    def config(self) -> RunnableConfig:
        """The incident's id is the thread's."""
        return {"configurable": {"thread_id": self.incident}, "recursion_limit": MOST_STEPS}

    async def invoke(self, resume: Mapping[str, Any] | None) -> Leg:
        """One leg of the graph; the first goes on from where an earlier process left it, if there was one."""
        self.leg = asyncio.ensure_future(self._leg(resume))
        leg = await self.leg
        if self.control.drain_requested:
            with self.context.world.clock.busy():
                await asyncio.Event().wait()  # the driver is about to be stopped: no further leg begins, and no time passes
        return leg

    async def _leg(self, resume: Mapping[str, Any] | None) -> Leg:
        with self.context.world.clock.busy():
            if resume is not None:
                await self._answers_kept(resume)
            given: Any = Command(resume=dict(resume)) if resume is not None else await self._left()
            try:
                if given is False:
                    await self.look()
                else:
                    out = await self.graph.ainvoke(
                        given,
                        self.config,
                        context=self.context,
                        durability="sync",
                        interrupt_after=list(self.stop_after) or None,
                        control=self.control,
                        version="v2",
                    )
                    self._take_in(out.value, out.interrupts)
            except GraphDrained:
                await self.look()
        threshold = self.context.library.runbook.limits.revenue_per_hour
        return Leg(standing_of(self.values, threshold), datetime.fromisoformat(self.values["now"]), self.pending)

    async def follow_alerts(self, driver: Driver) -> None:
        """As long as the incident is driven: further alerts that came in may show that it is worse."""
        following, unassessed = Following(self.context.records, self.incident), False
        while True:
            with suppress(RecordsError):  # the driver meets it too; alerts that came in meanwhile are still there
                came = await following.look()
                unassessed = unassessed or any(event.kind is EventKind.ALERTED for _, event in came)
                if unassessed and self.values:
                    self.assessed = await reassess(self.context, self.values)
                    unassessed = False
                    driver.news.set()
            await asyncio.sleep(NEWS_EVERY)

    def heard(self, standing: Standing) -> Standing:
        """How it stands in the light of all its alerts."""
        return standing_as_raised(standing, self.assessed)

    async def _answers_kept(self, resume: Mapping[str, Any]) -> None:
        """What was asked is answered from now on, whoever answered, the clock too."""
        for pending in self.pending:
            replies = resume[pending.id].get("answers", [resume[pending.id]])
            for asked, reply in zip(pending.asked, replies, strict=False):  # a wait asks nobody
                await self.context.records.questions.answer(self.incident, asked.id, dict(reply))

    async def _left(self) -> State | bool | None:
        """What the graph is given first: its beginning, None to go on, False where it waits for answers or has ended."""
        snapshot = await self.graph.aget_state(self.config)
        if snapshot.created_at is None:
            return self.begin
        goes_on = snapshot.tasks and not snapshot.interrupts  # `next` would leave out what is done and not yet taken in
        return None if goes_on else False

    async def look(self) -> None:
        """Take in how the graph stands."""
        snapshot = await self.graph.aget_state(self.config)
        if "incident" in snapshot.values:  # before its first step a graph has kept what it is given, and holds nothing
            self._take_in(snapshot.values, snapshot.interrupts)

    def _take_in(self, values: Any, interrupts: Iterable[Interrupt]) -> None:
        self.earlier, self.values = self.values, cast("State", values)
        self.pending = tuple(Pending(i.id, i.value) for i in interrupts)

    def publish(self, notice: Notice) -> Coroutine[Any, Any, None]:
        """Compose and send one notice, from what was known at its time."""
        return self._publish(as_raised(known_at(notice.at, self.earlier, self.values), self.assessed), notice)

    async def _publish(self, state: State, notice: Notice) -> None:
        with self.context.world.clock.busy():
            await tell(self.context, state, notice)

    async def document(self, outcome: Outcome | None) -> Incident:
        """The whole incident as it stands."""
        state = as_raised(self.values or self.begin, self.assessed)
        return await document_of(self.context.records, state, self.pending, outcome)


def _standing_then(standing: Standing, sent: Sent, now: datetime) -> Standing:
    """How it stood at `now`: a status that begins later has not begun."""
    if standing.since is None or standing.since <= now:
        return standing
    return replace(standing, status=sent.status, since=sent.status_at, outcome=None)


async def _driven(driver: Driver, host: Embedded, stop: asyncio.Event | None) -> Standing | None:
    """Drive to the end; None when it was stopped on the way, with everything saved."""
    work = asyncio.ensure_future(drive(driver))
    news = asyncio.ensure_future(host.follow_alerts(driver)) if not host.context.world.clock.simulated else None
    told = asyncio.ensure_future((stop or asyncio.Event()).wait())
    others = [told, *([news] if news is not None else [])]
    try:
        await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
        if news is not None and news.done():
            news.result()
        if not work.done():
            host.control.request_drain("the process was told to stop")
            ending = {f for f in (host.leg, *driver.going_out.values()) if f is not None and not f.done()}
            if ending:
                await asyncio.wait(ending, timeout=GRACE)
        if work.done():
            return work.result()
    finally:
        work.cancel()
        for each in others:
            each.cancel()
        await asyncio.gather(work, *others, return_exceptions=True)
    await host.look()
    return None


async def _carry_on(
    opening: Opening, context: Context, answer: Answering, *, until: str | None, stop: asyncio.Event | None
) -> Incident:
    """Drive an incident from wherever it stands, as the only process that does. Raises IncidentHeld."""
    records, library, clock = context.records, context.library, context.world.clock
    threshold = library.runbook.limits.revenue_per_hour
    async with records.hold(opening.incident):
        await context.world.refresh()
        await deliver_what_is_left(context, opening.incident)
        events = await records.events(opening.incident)
        sent = sent_of(library.runbook, events)
        begin = first_state(opening.incident, opening.alert, opening.opened_at, ask_always=opening.approve == "never")
        graph = compiled(library, records.checkpoints, version=opening.graph)
        host = Embedded(context, graph, begin, STAGES[until] if until else ())
        await clock.sleep_until(_reached(opening, events))
        await host.look()
        standing = _standing_then(standing_of(host.values or begin, threshold), sent, clock.now())

        async def known(pending: Pending) -> Mapping[str, Any] | None:
            return await answered_before(context, opening.incident, pending)

        async def answered_now(pending: Pending) -> Mapping[str, Any] | None:
            return await answered(context, opening.incident, pending, answer)

        driver = Driver(
            library.runbook, host.invoke, host.publish, clock.now, clock.sleep_until, answered_now, standing, sent, known
        )
        driver.heard = host.heard
        with incident_span(opening.incident) as mark:
            ended = await _driven(driver, host, stop)
            outcome = Outcome.WAITING if ended is None else ended.outcome
            document = await host.document(outcome)
            over = document.outcome is not Outcome.WAITING
            await records.save_document(opening.incident, to_json(document), ended=over)
            mark.set(OUTCOME, document.outcome.value)
            if document.severity is not None:
                mark.set(SEVERITY, document.severity.value)
    return document


def _reached(opening: Opening, events: Sequence[Event]) -> datetime:
    """The moment that simulated time had reached for certain: steps run ahead of it, what was sent does not."""
    told = (EventKind.PUBLISHED, EventKind.ESCALATED)
    return max((e.at for e in events if e.kind in told), default=opening.opened_at)


def _heard(listeners: Sequence[Listener]) -> Callable[[Event], None]:
    def heard(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return heard


async def handle(
    alert: Alert,
    *,
    library: Library,
    world: World,
    responder: Responder,
    records: Store,
    answer: Answering = approve_all,
    listeners: Sequence[Listener] = (),
    until: str | None = None,
    ask_always: bool = False,
    surroundings: Surroundings | None = None,
    stop: asyncio.Event | None = None,
) -> Incident:
    """Take one alert to the incident's end, or to where a person is needed, or to the stage `until`.

    `answer` gives people's answers; `ask_always` asks for every action, also those that policy lets pass. `surroundings`: how
    another process opens the same world and library, to go on after this one. When `stop` is set, the incident stops where
    it is, saved, and its outcome is `waiting`.
    """
    vault = vault_of(world)
    around, approve = surroundings or Surroundings(), "never" if ask_always else "ask"
    opening = opening_of(alert, vault, world.clock, surroundings=around, graph=VERSION, approve=approve)
    context = Context(library, world, responder, records, vault, _heard(listeners))
    return await _carry_on(await opened(records, opening), context, answer, until=until, stop=stop)


async def resume(
    incident: str,
    *,
    library: Library,
    world: World,
    responder: Responder,
    records: Store,
    answer: Answering = approve_all,
    listeners: Sequence[Listener] = (),
    until: str | None = None,
    stop: asyncio.Event | None = None,
    vault: Vault | None = None,
) -> Incident:
    """Go on with an incident that a process left, for whatever reason, where it stopped.

    What was done stays done, what was asked is asked again, and of what fell due meanwhile the latest is sent, once. `vault`:
    secrets that are known already. Raises UsageError when there is no such incident, IncidentHeld when another process has it.
    """
    opening = await records.opening(incident)
    if opening is None:
        raise UsageError(f"there is no incident {incident} to go on with", "nexus list names them")
    context = Context(library, world, responder, records, vault or vault_of(world), _heard(listeners))
    return await _carry_on(opening, context, answer, until=until, stop=stop)
