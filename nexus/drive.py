"""drive(): one incident over time: legs of the graph, waits, answers, the status cadence, escalations.

Ordinary asyncio without I/O of its own: `invoke`, `publish`, `now`, `sleep_until` and `answer` are given, so that the same
coroutine runs beside an embedded graph and as the body of a durable workflow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nexus.incident import Outcome
from nexus.runbook import Runbook
from nexus.timeline import Notice, Sent, Standing, after, due, next_beat, next_due


@dataclass(frozen=True, slots=True)
class Pending:
    """One interrupt of the graph: a wait, a question, or approvals of several actions at once."""

    id: str
    value: Mapping[str, Any]

    @property
    def asked(self) -> tuple[Pending, ...]:
        """Each thing that a person is asked on its own; nothing for a wait."""
        if self.value["kind"] == "approvals":
            return tuple(Pending(f"{self.id}-{n}", part) for n, part in enumerate(self.value["asked"], 1))
        return () if self.value["kind"] == "wait" else (self,)


@dataclass(frozen=True, slots=True)
class Leg:
    """Where the graph stopped: `pending` is empty when it ended or reached the stage it was asked to stop at."""

    standing: Standing
    now: datetime
    pending: Sequence[Pending] = ()


Invoke = Callable[[Mapping[str, Any] | None], Awaitable[Leg]]
"""Run the graph until it stops; None begins, a mapping of interrupt id to answer resumes."""
Publish = Callable[[Notice], Awaitable[None]]
"""Compose and send a notice from what is known when this is called; the words may take their time, the incident goes on."""
Answer = Callable[[Pending], Awaitable[Mapping[str, Any] | None]]
"""A person's answer to a pending approval or question; None when nobody will answer now."""


Heard = Callable[[Standing], Standing]
"""The standing in the light of what came in beside the graph; it may only have become worse."""


def nothing_heard(standing: Standing) -> Standing:
    """Nothing came in."""
    return standing


async def nothing_known(_pending: Pending) -> Mapping[str, Any] | None:
    """Nobody has answered before."""
    return None


@dataclass(slots=True)
class Driver:
    """The hands of `drive`, and where it stands.

    `known` is asked before `answer`: an answer that was given while nothing ran was in time. `news` is set when something came in
    beside the graph, and `heard` then says how the incident stands.
    """

    runbook: Runbook
    invoke: Invoke
    publish: Publish
    now: Callable[[], datetime]
    sleep_until: Callable[[datetime], Awaitable[None]]
    answer: Answer
    standing: Standing
    sent: Sent
    known: Answer = nothing_known
    news: asyncio.Event = field(default_factory=asyncio.Event)
    heard: Heard = nothing_heard
    going_out: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    async def catch_up(self) -> None:
        """Send all that is due by now, beside the incident: nothing waits for words, and words of one kind keep their order."""
        for notice in due(self.runbook, self.standing, self.sent, self.now()):
            self.send(notice)
        await asyncio.sleep(0)  # whatever goes out has begun before time may move on

    def send(self, notice: Notice) -> None:
        """Begin to send one notice."""
        earlier = self.going_out.get(notice.kind)
        if earlier is not None and earlier.done():
            earlier.result()
        self.going_out[notice.kind] = asyncio.ensure_future(_in_turn(earlier, self.publish(notice)))
        self.sent = after(self.sent, notice)

    async def all_sent(self) -> None:
        """Wait until everything has gone out."""
        await asyncio.gather(*self.going_out.values())

    async def attend(self, work: Awaitable[Any]) -> Any:
        """Wait for work, sending what falls due meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                moment = next_due(self.runbook, self.standing, self.sent)
                others = [self.news.wait(), *([self.sleep_until(moment)] if moment is not None else [])]
                waiting = [asyncio.ensure_future(_awaited(other)) for other in others]
                try:
                    await asyncio.wait({task, *waiting}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in waiting:
                        each.cancel()
                self._take_news()
                if not task.done():
                    await self.catch_up()
        finally:
            if not task.done():
                task.cancel()
        return task.result()

    async def until(self, moment: datetime) -> None:
        """Let time pass until `moment`, sending what is due before it; what is due just then is told as things then stand."""
        while self.now() < moment:
            upcoming = next_due(self.runbook, self.standing, self.sent)
            if upcoming is None or upcoming >= moment:
                if await self._sleep(moment):
                    await self.catch_up()
            else:
                await self._sleep(max(upcoming, self.now()))
                await self.catch_up()

    async def _sleep(self, moment: datetime) -> bool:
        """Until then, or until there is news: whether there was."""
        timer, told = asyncio.ensure_future(self.sleep_until(moment)), asyncio.ensure_future(self.news.wait())
        try:
            await asyncio.wait({timer, told}, return_when=asyncio.FIRST_COMPLETED)
            if timer.done():
                timer.result()
        finally:
            timer.cancel()
            told.cancel()
        return self._take_news()

    def _take_news(self) -> bool:
        if not self.news.is_set():
            return False
        self.news.clear()
        self.standing = self.heard(self.standing)
        return True

    async def adopt(self, leg: Leg) -> None:
        """Take on a leg's result: time passes under the old standing until the new one began."""
        since = leg.standing.since if leg.standing != self.standing else None
        if since is not None and since > self.now():
            await self.until(since)
        self.standing = self.heard(leg.standing)
        await self.catch_up()
        await self.until(leg.now)

    async def settle(self, pending: Sequence[Pending]) -> Mapping[str, Any] | None:
        """Answers to what the graph waits for; None when a person is needed and none will answer now."""
        for wait in (p for p in pending if p.value["kind"] == "wait"):
            await self.until(datetime.fromisoformat(wait.value["until"]))
        asked = [part for p in pending for part in p.asked]
        given = await self.attend(self._answers(asked)) if asked else {}
        if given is None:
            return None
        now = self.now().isoformat()
        return {
            p.id: {"answers": [given[part.id] for part in p.asked], "now": now}
            if p.value["kind"] == "approvals"
            else {**given.get(p.id, {}), "now": now}
            for p in pending
        }

    async def _answers(self, asked: Sequence[Pending]) -> dict[str, Mapping[str, Any]] | None:
        """Everybody's answers, each to its own question; None as soon as it is known that one will not be answered now."""
        waiting = {part.id: asyncio.ensure_future(self._answer_in_time(part)) for part in asked}
        try:
            open_still = list(waiting.values())
            while open_still:
                await asyncio.wait(open_still, return_when=asyncio.FIRST_COMPLETED)
                if any(w.done() and w.result() is None for w in open_still):
                    return None
                open_still = [w for w in open_still if not w.done()]
        finally:
            for each in waiting.values():
                each.cancel()
        return {name: given for name, each in waiting.items() if (given := each.result()) is not None}

    async def _answer_in_time(self, asked: Pending) -> Mapping[str, Any] | None:
        """The answer, or that nobody answered until the deadline."""
        known = await self.known(asked)
        if known is not None:
            return {**known, "now": self.now().isoformat()}
        deadline = datetime.fromisoformat(asked.value["deadline"])
        reply = asyncio.ensure_future(_awaited(self.answer(asked)))
        timer = asyncio.ensure_future(_awaited(self.sleep_until(deadline)))
        try:
            await asyncio.wait({reply, timer}, return_when=asyncio.FIRST_COMPLETED)
            given = reply.result() if reply.done() else {"verdict": "expired", "choice": "hand_over", "by": "the clock"}
            return None if given is None else {**given, "now": self.now().isoformat()}
        finally:
            reply.cancel()
            timer.cancel()


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


async def _in_turn(earlier: Awaitable[None] | None, work: Awaitable[None]) -> None:
    if earlier is not None:
        await earlier
    await work


async def drive(driver: Driver) -> Standing:
    """Take the incident to its end, or to where a person is needed; how it then stands."""
    try:
        standing = await _drive(driver)
        await driver.all_sent()
    finally:
        for post in driver.going_out.values():
            post.cancel()
    return standing


async def _drive(driver: Driver) -> Standing:
    resume: Mapping[str, Any] | None = None
    while True:
        leg: Leg = await driver.attend(driver.invoke(resume))
        await driver.adopt(leg)
        if not leg.pending:
            await driver.catch_up()
            break
        resume = await driver.settle(leg.pending)
        if resume is None:
            await driver.catch_up()
            return replace(driver.standing, outcome=Outcome.WAITING)
    handed_over = driver.standing.outcome is Outcome.HANDED_OVER and not driver.sent.handed_over
    if handed_over and driver.standing.status is not None:
        now = driver.now()
        promised = next_beat(driver.standing.opened_at, driver.runbook.clocks.status_every, now)
        driver.send(Notice("status", now, driver.standing.status, promised, number=driver.sent.posts + 1))
    return driver.standing
