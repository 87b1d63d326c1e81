"""One incident over time: scripted legs of a graph, driven through waits, answers, the cadence and the matrix."""

# ruff: noqa: ARG001 - answers are stated, whatever the question

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.drive import Answer, Driver, Leg, Pending, drive
from nexus.incident import Outcome, Severity, Status
from nexus.library import Library
from nexus.timeline import Notice, Sent, Standing
from nexus.world.clock import VirtualClock

RUNBOOK = Library.default().runbook
OPENED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
INVESTIGATING, IDENTIFIED, MONITORING, RESOLVED = Status
Step = Leg | Callable[[VirtualClock], Awaitable[Leg]]


def at(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def stand(status: Status | None, since: float = 0, severity: Severity = Severity.P1, **more: Any) -> Standing:
    return Standing(OPENED, severity, status, at(since) if status else None, **more)


def wait(minutes: float, name: str = "w") -> Pending:
    return Pending(name, {"kind": "wait", "until": at(minutes).isoformat()})


def approval(deadline: float, name: str = "a") -> Pending:
    return Pending(name, {"kind": "approval", "digest": "d", "deadline": at(deadline).isoformat()})


def question(deadline: float, name: str = "q") -> Pending:
    return Pending(name, {"kind": "question", "deadline": at(deadline).isoformat()})


def working(minutes: float, leg: Leg) -> Callable[[VirtualClock], Awaitable[Leg]]:
    """A leg whose work takes until that minute, while time goes on, as real work does."""

    async def work(clock: VirtualClock) -> Leg:
        await clock.sleep_until(at(minutes))
        return leg

    return work


async def nobody(pending: Pending) -> Mapping[str, Any] | None:
    return None


async def silence(pending: Pending) -> Mapping[str, Any] | None:
    await asyncio.Event().wait()
    return None


@dataclass
class Stage:
    """The hands that `drive` is given, and all that it did with them."""

    legs: list[Step]
    answer: Answer = nobody
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(OPENED))
    sent: list[Notice] = field(default_factory=list)
    resumed: list[Mapping[str, Any] | None] = field(default_factory=list)
    ended: Standing | None = None

    async def invoke(self, resume: Mapping[str, Any] | None) -> Leg:
        self.resumed.append(resume)
        step = self.legs.pop(0)
        return step if isinstance(step, Leg) else await step(self.clock)

    async def publish(self, notice: Notice) -> None:
        self.sent.append(notice)

    async def play(self) -> Stage:
        driver = Driver(
            RUNBOOK, self.invoke, self.publish, self.clock.now, self.clock.sleep_until, self.answer, Standing(OPENED), Sent()
        )
        self.ended = await drive(driver)
        assert not self.legs
        return self

    def posts(self, kind: str = "status") -> list[tuple[float, Status | None]]:
        return [((n.at - OPENED).total_seconds() / 60, n.status) for n in self.sent if n.kind == kind]

    @property
    def escalated(self) -> list[tuple[str, float]]:
        return [(n.rule.id, (n.at - OPENED).total_seconds() / 60) for n in self.sent if n.rule]


async def test_while_the_graph_waits_the_beats_go_out_each_at_its_time() -> None:
    stage = await Stage([Leg(stand(INVESTIGATING), at(0), [wait(50)]), Leg(stand(RESOLVED, 50), at(50))]).play()
    assert stage.posts() == [(0, INVESTIGATING), (15, INVESTIGATING), (30, INVESTIGATING), (45, INVESTIGATING), (50, RESOLVED)]
    assert [n.next_update for n in stage.sent] == [at(15), at(30), at(45), at(60), None]
    assert stage.resumed == [None, {"w": {"now": at(50).isoformat()}}]


async def test_a_change_of_status_is_posted_when_it_began_and_the_time_before_belongs_to_the_old_one() -> None:
    stage = await Stage(
        [
            Leg(stand(INVESTIGATING), at(0), [wait(10)]),
            Leg(stand(IDENTIFIED, 38), at(50), [wait(50)]),
            Leg(stand(RESOLVED, 52), at(52)),
        ]
    ).play()
    assert stage.posts() == [
        (0, INVESTIGATING), (15, INVESTIGATING), (30, INVESTIGATING), (38, IDENTIFIED), (45, IDENTIFIED), (52, RESOLVED),
    ]  # fmt: skip


async def test_a_p0_of_three_hours_is_told_as_the_runbook_asks() -> None:
    stage = await Stage(
        [
            Leg(stand(INVESTIGATING, 0, Severity.P0), at(0), [wait(20)]),
            Leg(stand(IDENTIFIED, 22, Severity.P0), at(25), [wait(140)]),
            Leg(stand(MONITORING, 150, Severity.P0), at(150), [wait(180)]),
            Leg(stand(RESOLVED, 180, Severity.P0), at(180), [wait(181)]),
            Leg(stand(RESOLVED, 180, Severity.P0, outcome=Outcome.RESOLVED), at(240)),
        ]
    ).play()
    expected = [*sorted({*range(0, 180, 15), 22, 150}), 180]
    assert [minute for minute, _ in stage.posts()] == expected
    assert stage.posts("brief") == stage.posts()
    assert [n.kind for n in stage.sent if n.next_update is None] == ["escalation", "status", "brief"]
    assert stage.escalated == [("p0-30m", 30)]


async def test_after_resolution_nothing_goes_out_however_long_the_learning_takes() -> None:
    stage = await Stage(
        [
            Leg(stand(INVESTIGATING, 0, Severity.P0), at(0), [wait(10)]),
            Leg(stand(RESOLVED, 10, Severity.P0), at(10), [wait(100)]),
            Leg(stand(RESOLVED, 10, Severity.P0, outcome=Outcome.RESOLVED), at(400)),
        ]
    ).play()
    assert stage.posts() == [(0, INVESTIGATING), (10, RESOLVED)]
    assert stage.escalated == []
    assert stage.ended is not None
    assert stage.ended.outcome is Outcome.RESOLVED


@pytest.mark.parametrize(
    ("severity", "expected"), [(Severity.P0, [("p0-30m", 30)]), (Severity.P1, [("p1-2h", 120)]), (Severity.P2, [])]
)
async def test_time_escalates_during_one_long_leg(severity: Severity, expected: list[tuple[str, float]]) -> None:
    first = Leg(stand(INVESTIGATING, 0, severity), at(0), [wait(1)])
    stage = await Stage(
        [first, Leg(stand(INVESTIGATING, 0, severity), at(300), [wait(301)]), Leg(stand(RESOLVED, 301, severity), at(301))]
    ).play()
    assert stage.escalated == expected


async def test_a_signal_escalates_at_once_and_once() -> None:
    breach = frozenset({"breach_suspected"})
    stage = await Stage(
        [Leg(stand(INVESTIGATING, signals=breach), at(0), [wait(60)]), Leg(stand(RESOLVED, 60, signals=breach), at(60))]
    ).play()
    assert stage.escalated == [("breach", 0)]


async def test_what_never_becomes_public_is_never_posted() -> None:
    stage = await Stage([Leg(stand(None, severity=Severity.P3, outcome=Outcome.BACKLOGGED), at(2))]).play()
    assert stage.sent == []


async def test_an_approval_is_handed_back_under_its_id_with_the_time() -> None:
    async def ada(pending: Pending) -> Mapping[str, Any] | None:
        return {"verdict": "approved", "digest": pending.value["digest"], "by": "ada"}

    stage = await Stage([Leg(stand(IDENTIFIED), at(3), [approval(33)]), Leg(stand(RESOLVED, 4), at(4))], ada).play()
    assert stage.resumed[1] == {"a": {"verdict": "approved", "digest": "d", "by": "ada", "now": at(3).isoformat()}}


async def test_beats_go_out_while_a_person_thinks() -> None:
    clock = VirtualClock(OPENED)

    async def slow(pending: Pending) -> Mapping[str, Any] | None:
        await clock.sleep_until(at(20))
        return {"verdict": "approved", "by": "ada"}

    stage = await Stage([Leg(stand(IDENTIFIED), at(0), [approval(30)]), Leg(stand(RESOLVED, 21), at(21))], slow, clock).play()
    assert stage.posts() == [(0, IDENTIFIED), (15, IDENTIFIED), (21, RESOLVED)]
    assert stage.resumed[1] == {"a": {"verdict": "approved", "by": "ada", "now": at(20).isoformat()}}


async def test_an_approval_that_nobody_gives_expires_at_its_absolute_deadline() -> None:
    stage = await Stage([Leg(stand(IDENTIFIED), at(7), [approval(37)]), Leg(stand(RESOLVED, 40), at(40))], silence).play()
    assert stage.resumed[1] == {"a": {"verdict": "expired", "choice": "hand_over", "by": "the clock", "now": at(37).isoformat()}}
    assert stage.posts() == [(0, IDENTIFIED), (15, IDENTIFIED), (30, IDENTIFIED), (40, RESOLVED)]


async def test_a_deadline_that_passed_during_an_outage_is_not_counted_anew() -> None:
    clock = VirtualClock(at(90))
    stage = await Stage([Leg(stand(IDENTIFIED), at(7), [approval(37)]), Leg(stand(RESOLVED, 91), at(91))], silence, clock).play()
    given = stage.resumed[1]
    assert given is not None
    assert (given["a"]["verdict"], given["a"]["now"]) == ("expired", at(90).isoformat())
    assert stage.posts() == [(90, IDENTIFIED), (91, RESOLVED)]


async def test_where_nobody_will_answer_the_incident_waits() -> None:
    stage = await Stage([Leg(stand(IDENTIFIED), at(3), [approval(33)])], nobody).play()
    assert stage.ended is not None
    assert (stage.ended.outcome, stage.ended.status) == (Outcome.WAITING, IDENTIFIED)
    assert stage.posts() == [(0, IDENTIFIED)]


async def test_a_question_that_a_person_answers() -> None:
    async def ada(pending: Pending) -> Mapping[str, Any] | None:
        return {"choice": "deployment", "component": "checkout", "by": "ada"}

    stage = await Stage([Leg(stand(INVESTIGATING), at(3), [question(18)]), Leg(stand(RESOLVED, 4), at(4))], ada).play()
    assert stage.resumed[1] == {"q": {"choice": "deployment", "component": "checkout", "by": "ada", "now": at(3).isoformat()}}


async def test_silence_to_a_question_means_handing_over() -> None:
    stage = await Stage([Leg(stand(INVESTIGATING), at(3), [question(18)]), Leg(stand(RESOLVED, 19), at(19))], silence).play()
    given = stage.resumed[1]
    assert given is not None
    assert (given["q"]["choice"], given["q"]["now"]) == ("hand_over", at(18).isoformat())


async def test_two_that_wait_at_once_are_answered_each_by_its_id() -> None:
    async def ada(pending: Pending) -> Mapping[str, Any] | None:
        return {"verdict": "approved" if pending.id == "a1" else "rejected", "by": "ada"}

    both = [approval(30, "a1"), approval(30, "a2"), wait(10, "w1")]
    stage = await Stage([Leg(stand(IDENTIFIED), at(0), both), Leg(stand(RESOLVED, 12), at(12))], ada).play()
    given = stage.resumed[1]
    assert given is not None
    assert {key: value.get("verdict") for key, value in given.items()} == {"a1": "approved", "a2": "rejected", "w1": None}
    assert {value["now"] for value in given.values()} == {at(10).isoformat()}


async def test_two_waits_end_with_the_later_one() -> None:
    stage = await Stage(
        [Leg(stand(INVESTIGATING), at(0), [wait(20, "w1"), wait(5, "w2")]), Leg(stand(RESOLVED, 20), at(20))]
    ).play()
    assert stage.resumed[1] == {name: {"now": at(20).isoformat()} for name in ("w1", "w2")}


async def test_while_real_work_is_under_way_beats_are_sent_under_the_standing_known() -> None:
    stage = await Stage(
        [
            Leg(stand(INVESTIGATING, 0, Severity.P0), at(0), [wait(1)]),
            working(40, Leg(stand(IDENTIFIED, 40, Severity.P0), at(40), [wait(41)])),
            working(42, Leg(stand(RESOLVED, 42, Severity.P0), at(42))),
        ]
    ).play()
    assert stage.posts() == [(0, INVESTIGATING), (15, INVESTIGATING), (30, INVESTIGATING), (40, IDENTIFIED), (42, RESOLVED)]
    assert stage.escalated == [("p0-30m", 30)]


async def test_while_triage_itself_is_slow_nothing_is_said_that_nobody_knows() -> None:
    stage = await Stage([working(20, Leg(stand(INVESTIGATING, 20), at(20), [wait(21)])), Leg(stand(RESOLVED, 21), at(21))]).play()
    assert stage.posts() == [(20, INVESTIGATING), (21, RESOLVED)]


async def test_handing_over_posts_a_last_update_that_promises_the_next() -> None:
    stage = await Stage(
        [
            Leg(stand(IDENTIFIED, 0, Severity.P0), at(0), [wait(50)]),
            Leg(stand(IDENTIFIED, 0, Severity.P0, outcome=Outcome.HANDED_OVER), at(50)),
        ]
    ).play()
    assert stage.posts()[-1] == (50, IDENTIFIED)
    assert [n.next_update for n in stage.sent if n.kind == "status"][-1] == at(60)
    assert stage.escalated == [("p0-30m", 30)]


async def test_handing_over_at_the_moment_of_a_beat_is_told_once() -> None:
    over = stand(IDENTIFIED, 0, outcome=Outcome.HANDED_OVER)
    stage = await Stage([Leg(stand(IDENTIFIED), at(0), [wait(45)]), Leg(over, at(45))]).play()
    assert stage.posts() == [(0, IDENTIFIED), (15, IDENTIFIED), (30, IDENTIFIED), (45, IDENTIFIED)]
    assert stage.sent[-1].next_update == at(60)


async def test_a_beat_at_the_moment_at_which_the_incident_starts_to_wait_for_a_person_is_not_lost() -> None:
    stage = await Stage([Leg(stand(IDENTIFIED), at(0), [wait(15)]), Leg(stand(IDENTIFIED), at(15), [approval(45)])]).play()
    assert stage.posts() == [(0, IDENTIFIED), (15, IDENTIFIED)]


async def test_a_false_alarm_that_was_public_is_closed_publicly() -> None:
    stage = await Stage(
        [
            Leg(stand(INVESTIGATING), at(0), [wait(5)]),
            Leg(stand(RESOLVED, 5, outcome=Outcome.FALSE_ALARM), at(5)),
        ]
    ).play()
    assert stage.posts() == [(0, INVESTIGATING), (5, RESOLVED)]
    assert stage.sent[-1].next_update is None


async def test_a_leg_that_fails_is_not_swallowed_and_leaves_no_timer_behind() -> None:
    async def fails(clock: VirtualClock) -> Leg:
        await clock.sleep_until(at(20))
        raise ConnectionError("the database is gone")

    stage = Stage([Leg(stand(INVESTIGATING), at(0), [wait(1)]), fails])
    with pytest.raises(ConnectionError):
        await stage.play()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert stage.posts() == [(0, INVESTIGATING), (15, INVESTIGATING)]


async def test_a_post_that_fails_stops_the_work_it_was_sent_beside() -> None:
    stage = Stage([Leg(stand(INVESTIGATING), at(0), [wait(1)]), working(40, Leg(stand(RESOLVED, 40), at(40)))])

    async def publish(notice: Notice) -> None:
        if notice.at == at(15):
            raise ConnectionError("the record is gone")

    stage.publish = publish  # type: ignore[method-assign]  # this stage's page fails
    with pytest.raises(ConnectionError):
        await stage.play()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_answer_that_was_given_while_nothing_ran_is_in_time_though_its_deadline_has_passed() -> None:
    async def earlier(pending: Pending) -> Mapping[str, Any] | None:
        return {"verdict": "approved", "digest": "d", "by": "ada"}

    stage = Stage([Leg(stand(IDENTIFIED), at(0), [approval(5)]), Leg(stand(RESOLVED, 50), at(50))], silence)
    await stage.clock.sleep_until(at(47))
    hands = stage.invoke, stage.publish, stage.clock.now, stage.clock.sleep_until, stage.answer
    await drive(Driver(RUNBOOK, *hands, Standing(OPENED), Sent(), earlier))
    assert stage.resumed[1] == {"a": {"verdict": "approved", "digest": "d", "by": "ada", "now": at(47).isoformat()}}


@pytest.mark.parametrize("waits", [True, False], ids=["while the graph waits", "while a leg works"])
async def test_news_that_makes_it_worse_moves_the_clocks_at_once(waits: bool) -> None:
    """A P1 whose further alerts make it a P0 at minute 7: stakeholders are told then, and from then on the beats."""
    last = Leg(stand(RESOLVED, 40, Severity.P0), at(40))
    legs: list[Step] = [Leg(stand(INVESTIGATING), at(0), [wait(40 if waits else 1)]), last if waits else working(40, last)]
    stage = Stage(legs)
    driver = Driver(
        RUNBOOK, stage.invoke, stage.publish, stage.clock.now, stage.clock.sleep_until, nobody, Standing(OPENED), Sent()
    )
    worse = asyncio.Event()
    driver.heard = lambda standing: replace(standing, severity=Severity.P0) if worse.is_set() else standing

    async def alerted() -> None:
        await stage.clock.sleep_until(at(7))
        worse.set()
        driver.news.set()

    told = asyncio.create_task(alerted())
    await drive(driver)
    await told
    assert stage.posts("brief") == [(7, INVESTIGATING), (15, INVESTIGATING), (30, INVESTIGATING), (40, RESOLVED)]
    assert stage.posts() == [(0, INVESTIGATING), (15, INVESTIGATING), (30, INVESTIGATING), (40, RESOLVED)]


async def test_a_clock_that_fails_is_not_waited_for_again_and_again() -> None:
    class Broken(VirtualClock):
        async def sleep_until(self, moment: datetime) -> None:  # noqa: ARG002 - whatever it is
            raise ConnectionError("the timer is gone")

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(Stage([Leg(stand(INVESTIGATING), at(0), [wait(50)])], clock=Broken(OPENED)).play(), 5)
