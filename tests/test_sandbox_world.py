import asyncio
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.errors import ActionFailed, Unavailable
from nexus.incident import Action, ActionKind
from nexus.world.sandbox import ActionLog, Sandbox, open_sandbox
from nexus.world.simulated_people import SimulatedPeople

HOUR = timedelta(minutes=60)
PLACES = (
    "edge-gateway",
    "checkout",
    "orders-db",
    "catalog-db",
    "session-cache",
    "payment-provider",
    "node-2",
    "order-events",
    "search",
)


async def numbers(sandbox: Sandbox, minutes: int = 1) -> np.ndarray:
    assert sandbox.world.metrics is not None
    at = sandbox.starts_at + timedelta(minutes=minutes)
    return np.concatenate([s.values for s in await sandbox.world.metrics.series(at - HOUR, at)])


async def test_the_same_seed_gives_the_same_numbers_and_another_seed_does_not() -> None:
    first, again, other = [await numbers(open_sandbox("bad-deploy", seed=s)) for s in (3, 3, 4)]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


async def test_what_was_read_before_an_action_reads_the_same_after_it() -> None:
    sandbox = open_sandbox("bad-deploy")
    assert sandbox.world.actions is not None
    before = await numbers(sandbox)
    later = sandbox.starts_at + timedelta(minutes=2)
    (action, *_) = await sandbox.world.actions.options("edge-gateway", later)
    await sandbox.world.actions.apply(action, later, "1")
    assert np.array_equal(before, await numbers(sandbox))
    assert not np.array_equal(await numbers(open_sandbox("bad-deploy"), 20), await numbers(sandbox, 20))


async def test_a_world_opened_anew_on_the_same_log_is_the_same_world() -> None:
    log = ActionLog()
    first = open_sandbox("disk-full", log=log)
    assert first.world.actions is not None
    (action, *_) = await first.world.actions.options("orders-db", first.starts_at)
    await first.world.actions.apply(action, first.starts_at, "1")
    second = open_sandbox("disk-full", log=ActionLog(log.entries()))
    assert np.array_equal(await numbers(first, 30), await numbers(second, 30))


async def test_an_hour_of_all_series_is_read_within_a_tenth_of_a_second() -> None:
    sandbox = open_sandbox("two-faults")
    assert sandbox.world.metrics is not None
    await numbers(sandbox)
    begun = time.perf_counter()
    series = await sandbox.world.metrics.series(sandbox.starts_at - 3 * HOUR, sandbox.starts_at)
    assert time.perf_counter() - begun < 0.1
    assert len(series) > 100


async def test_the_baseline_has_the_same_series_and_no_fault() -> None:
    sandbox = open_sandbox("bad-deploy")
    assert sandbox.world.metrics is not None
    now = await sandbox.world.metrics.series(sandbox.starts_at - HOUR, sandbox.starts_at)
    baseline = await sandbox.world.metrics.baseline()
    assert [(s.component, s.metric) for s in now] == [(s.component, s.metric) for s in baseline]
    assert all(s.values.max() < 0.01 for s in baseline if s.metric == "error_rate")


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(["bad-deploy", "disk-full", "search-null", "cpu-contention", "traffic-flood"]),
    picks=st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 30)), min_size=1, max_size=5),
)
def test_actions_undone_in_reverse_order_leave_the_state_as_it_was(name: str, picks: list[tuple[str, int]]) -> None:
    asyncio.run(there_and_back(name, picks))


async def there_and_back(name: str, picks: list[tuple[str, int]]) -> None:
    sandbox = open_sandbox(name)
    actions, at = sandbox.world.actions, sandbox.starts_at
    assert actions is not None
    states, undos = [await actions.state(at)], []
    for number, (place, pick) in enumerate(picks):
        options = await actions.options(place, at)
        if not options:
            continue
        action = options[pick % len(options)]
        dry_run = await actions.dry_run(action, at)
        assert dry_run.ok
        assert await actions.state(at) == states[-1]
        receipt = await actions.apply(action, at, f"do {number}")
        changed = await actions.state(at)
        assert (await actions.apply(action, at, f"do {number}")) == receipt
        assert await actions.state(at) == changed
        assert {k for k in changed if changed[k] != states[-1][k]} <= set(dry_run.before)
        undos.append(dry_run.before)
        states.append(changed)
        at += receipt.took
    for number, undo in reversed(list(enumerate(undos))):
        assert await actions.state(at) == states.pop()
        at += (await actions.undo(undo, at, f"undo {number}")).took
    assert await actions.state(at) == states[0]


@pytest.mark.parametrize(
    "action",
    [
        Action(kind=ActionKind.ROLLBACK, target="edge-gateway", arguments={"to_version": "9.9.9"}),
        Action(kind=ActionKind.ROLLBACK, target="nobody", arguments={"to_version": "4.1.9"}),
        Action(kind=ActionKind.SCALE, target="orders-db", arguments={"volume_gb": 10}),
        Action(kind=ActionKind.SCALE, target="checkout", arguments={"replicas": "many"}),
        Action(kind=ActionKind.SCALE, target="checkout"),
        Action(kind=ActionKind.FAILOVER, target="orders-db", arguments={"to": "elsewhere"}),
        Action(kind=ActionKind.FALLBACK, target="checkout", arguments={"on": True}),
        Action(kind=ActionKind.HOTFIX, target="search", arguments={"patch": "none"}),
        Action(kind=ActionKind.ROTATE, target="orders-db", arguments={"credential": "other"}),
        Action(kind=ActionKind.RESTART, target="payment-provider"),
        Action(kind=ActionKind.RESTART, target="checkout", arguments={"now": True}),
    ],
    ids=str,
)
async def test_an_action_that_cannot_be_done_fails_and_changes_nothing(action: Action) -> None:
    sandbox = open_sandbox("bad-deploy")
    assert sandbox.world.actions is not None
    before = await sandbox.world.actions.state(sandbox.starts_at)
    dry_run = await sandbox.world.actions.dry_run(action, sandbox.starts_at)
    assert not dry_run.ok
    with pytest.raises(ActionFailed):
        await sandbox.world.actions.apply(action, sandbox.starts_at, "1")
    assert await sandbox.world.actions.state(sandbox.starts_at) == before


async def test_undo_refuses_controls_that_do_not_exist() -> None:
    sandbox = open_sandbox("bad-deploy")
    assert sandbox.world.actions is not None
    with pytest.raises(ActionFailed, match="gravity"):
        await sandbox.world.actions.undo({"gravity": 0}, sandbox.starts_at, "1")


async def test_a_metrics_backend_that_is_down_says_so_while_logs_still_answer() -> None:
    sandbox = open_sandbox("metrics-down")
    assert sandbox.world.metrics is not None
    assert sandbox.world.logs is not None
    with pytest.raises(Unavailable, match="metrics"):
        await sandbox.world.metrics.series(sandbox.starts_at - HOUR, sandbox.starts_at)
    lines = await sandbox.world.logs.search(sandbox.starts_at - HOUR, sandbox.starts_at, "inventory", "IllegalArgument")
    assert lines
    assert lines == sorted(lines, key=lambda line: line.at)


async def test_logs_keep_to_their_limit_and_give_the_newest() -> None:
    sandbox = open_sandbox("bad-deploy")
    assert sandbox.world.logs is not None
    every = await sandbox.world.logs.search(sandbox.starts_at - HOUR, sandbox.starts_at)
    assert await sandbox.world.logs.search(sandbox.starts_at - HOUR, sandbox.starts_at, limit=10) == every[-10:]


async def test_a_screenshot_is_a_picture_and_shows_the_trouble() -> None:
    broken, well = open_sandbox("bad-deploy"), open_sandbox("typo")
    assert broken.world.browser is not None
    assert well.world.browser is not None
    bad = await broken.world.browser.screenshot("home", broken.starts_at)
    good = await well.world.browser.screenshot("home", broken.starts_at)
    assert bad.startswith(b"\x89PNG")
    assert bad != good
    with pytest.raises(Unavailable, match="cellar"):
        await well.world.browser.screenshot("cellar", well.starts_at)


async def test_a_failover_to_a_standby_that_lags_loses_writes(tmp_path: Path) -> None:
    source = open_sandbox("disk-full")
    text = (
        "title: lag\nstarts_at: 2026-03-02T10:00:00Z\nfaults:\n"
        "  - {what: replication_lag, where: orders-db, from: -10m, seconds: 90}\nexpect: {severity: P2, outcome: resolved}\n"
    )
    (tmp_path / "scenario.yaml").write_text(text)
    (tmp_path / "alert.json").write_text("{}")
    sandbox = open_sandbox(tmp_path)
    assert sandbox.world.actions is not None
    assert sandbox.world.databases is not None
    action = Action(kind=ActionKind.FAILOVER, target="orders-db", arguments={"to": "orders-db-standby"})
    receipt = await sandbox.world.actions.apply(action, sandbox.starts_at, "1")
    health = await sandbox.world.databases.health(sandbox.starts_at + receipt.took)
    assert "90 s of writes were lost" in next(d for d in health if d.name == "orders-db").detail
    assert source.world.name != sandbox.world.name


async def test_people_are_told_once_for_each_key() -> None:
    sandbox = open_sandbox("typo")
    people = sandbox.world.people
    assert isinstance(people, SimulatedPeople)
    for _ in range(2):
        await people.post_status("INC-1", "all is well", sandbox.starts_at, "status/1")
        await people.notify("INC-1", "Studio Producer", "help", sandbox.starts_at, "notice/1")
        assert await people.open_channel("INC-1", "typo", sandbox.starts_at) == "#incident-inc-1"
    assert [m.kind for m in people.messages] == ["status", "notice", "channel"]
