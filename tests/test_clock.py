"""Virtual time jumps from wait to wait, stands still while work is under way, and gives each agent its own lap."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from nexus.world.clock import VirtualClock, WallClock

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


async def test_a_sleeper_alone_wakes_at_its_moment() -> None:
    clock = VirtualClock(START)
    await clock.sleep_until(at(180))
    assert clock.now() == at(180)


async def test_time_never_runs_backwards() -> None:
    clock = VirtualClock(START)
    await clock.sleep_until(at(30))
    await clock.sleep_until(at(10))
    assert clock.now() == at(30)


async def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    clock, woken = VirtualClock(START), list[tuple[str, datetime]]()

    async def sleeper(name: str, minutes: float) -> None:
        await clock.sleep_until(at(minutes))
        woken.append((name, clock.now()))

    await asyncio.gather(sleeper("late", 30), sleeper("early", 5), sleeper("middle", 15))
    assert woken == [("early", at(5)), ("middle", at(15)), ("late", at(30))]


async def test_of_two_that_wait_for_one_moment_the_first_to_come_wakes_first() -> None:
    clock, woken = VirtualClock(START), list[str]()

    async def sleeper(name: str) -> None:
        await clock.sleep_until(at(5))
        woken.append(name)

    await asyncio.gather(sleeper("first"), sleeper("second"))
    assert woken == ["first", "second"]


async def test_time_stands_still_while_work_is_under_way() -> None:
    clock, seen, finish = VirtualClock(START), list[datetime](), asyncio.Event()

    async def work() -> None:
        with clock.busy():
            await finish.wait()
            seen.append(clock.now())

    task = asyncio.ensure_future(work())
    timer = asyncio.ensure_future(clock.sleep_until(at(15)))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not timer.done()
    finish.set()
    await asyncio.gather(task, timer)
    assert seen == [START]
    assert clock.now() == at(15)


async def test_work_within_work_holds_time_until_the_outer_one_ends() -> None:
    clock = VirtualClock(START)
    with clock.busy():
        with clock.busy():
            pass
        timer = asyncio.ensure_future(clock.sleep_until(at(15)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not timer.done()
    await timer
    assert clock.now() == at(15)


async def test_a_sleeper_that_was_cancelled_holds_nobody_up() -> None:
    clock = VirtualClock(START)
    early = asyncio.ensure_future(clock.sleep_until(at(5)))
    await asyncio.sleep(0)
    early.cancel()
    await clock.sleep_until(at(15))
    assert clock.now() == at(15)
    assert early.cancelled()


async def test_whoever_wakes_may_go_to_sleep_again_before_the_next_one_wakes() -> None:
    clock, woken = VirtualClock(START), list[tuple[str, datetime]]()

    async def beats() -> None:
        for minutes in (5, 10, 15):
            await clock.sleep_until(at(minutes))
            woken.append(("beat", clock.now()))

    async def end() -> None:
        await clock.sleep_until(at(12))
        woken.append(("end", clock.now()))

    await asyncio.gather(beats(), end())
    assert woken == [("beat", at(5)), ("beat", at(10)), ("end", at(12)), ("beat", at(15))]


async def test_what_a_sleeper_woke_for_is_done_before_time_moves_on_whenever_the_others_lay_down() -> None:
    for turns in range(60):
        clock, woken = VirtualClock(START), list[tuple[str, datetime]]()

        async def beats(clock: VirtualClock = clock, woken: list[tuple[str, datetime]] = woken) -> None:
            for minutes in (5, 10):
                await clock.sleep_until(at(minutes))
                for _ in range(10):
                    await asyncio.sleep(0)
                woken.append(("beat", clock.now()))

        async def end(turns: int = turns, clock: VirtualClock = clock, woken: list[tuple[str, datetime]] = woken) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await clock.sleep_until(at(12))
            woken.append(("end", clock.now()))

        await asyncio.gather(beats(), end())
        assert woken == [("beat", at(5)), ("beat", at(10)), ("end", at(12))]


def test_each_agent_has_a_lap_of_its_own_and_the_clock_does_not_move() -> None:
    clock = VirtualClock(START)
    one, other = clock.lap(at(3)), clock.lap(at(3))
    one.spend(timedelta(seconds=20))
    one.spend(timedelta(seconds=20))
    assert one.now() == at(3) + timedelta(seconds=40)
    assert other.now() == at(3)
    assert clock.now() == START


async def test_real_time_passes_by_itself() -> None:
    clock = WallClock()
    before = datetime.now(UTC)
    lap = clock.lap(START)
    lap.spend(timedelta(hours=5))
    await clock.sleep_until(START)
    with clock.busy():
        assert clock.now() - before < timedelta(minutes=1)
    assert lap.now() - before < timedelta(minutes=1)
    assert not clock.simulated
    assert VirtualClock.simulated
