from datetime import UTC, datetime, timedelta

import pytest

from nexus.incident import Action, ActionKind
from nexus.world.sandbox import Sandbox, open_sandbox, scenario_names

NAMES = list(scenario_names())
HOUR = timedelta(minutes=60)
CURES = {
    "bad-deploy": [("edge-gateway", ActionKind.ROLLBACK)],
    "bad-flag": [("checkout", ActionKind.FLAG)],
    "cdn-down": [("cdn", ActionKind.FALLBACK)],
    "config-change": [("payment", ActionKind.ROLLBACK)],
    "connections-exhausted": [("catalog-db", ActionKind.SCALE)],
    "cpu-contention": [("node-2", ActionKind.FAILOVER)],
    "disk-after-deploy": [("orders-db", ActionKind.SCALE)],
    "disk-full": [("orders-db", ActionKind.SCALE)],
    "leaked-credential": [("accounts-db", ActionKind.ROTATE)],
    "memory-leak": [("inventory", ActionKind.ROLLBACK)],
    "metrics-down": [("inventory", ActionKind.ROLLBACK)],
    "payment-down": [("payment-provider", ActionKind.FALLBACK)],
    "queue-stuck": [("order-events", ActionKind.RESTART)],
    "relapse": [("session-cache", ActionKind.SCALE)],
    "retry-storm": [("checkout", ActionKind.ROLLBACK)],
    "third-party-outage-long": [("identity-provider", ActionKind.FALLBACK)],
    "traffic-flood": [("edge-gateway", ActionKind.LIMIT)],
    "two-faults": [("cart", ActionKind.ROLLBACK), ("catalog-db", ActionKind.SCALE)],
}
"""The component, and the kind of which the first option cures it."""


async def first(sandbox: Sandbox, component: str, kind: ActionKind, at: datetime) -> Action:
    assert sandbox.world.actions is not None
    return next(o for o in await sandbox.world.actions.options(component, at) if o.kind is kind)


async def worst(sandbox: Sandbox, at: datetime) -> float:
    """The highest share of requests that fail anywhere, but at the third parties themselves."""
    assert sandbox.world.calls is not None
    outside = {s.name for s in sandbox.world.catalog if s.kind == "external"}
    minute = [c for c in await sandbox.world.calls.between(at - timedelta(minutes=1), at) if c.callee not in outside]
    return max((c.errors or 0.0) / c.count for c in minute if c.count >= 1)


async def take(sandbox: Sandbox, action: Action, at: datetime) -> datetime:
    assert sandbox.world.actions is not None
    return at + (await sandbox.world.actions.apply(action, at, str(action))).took


async def rate(sandbox: Sandbox, caller: str, callee: str, at: datetime) -> float:
    """Calls a minute in the ten minutes before."""
    assert sandbox.world.calls is not None
    seen = await sandbox.world.calls.between(at - timedelta(minutes=9), at)
    return sum(c.count for c in seen if (c.caller, c.callee) == (caller, callee)) / 10


async def measured(sandbox: Sandbox, component: str, metric: str, at: datetime) -> float:
    """The last three samples' mean."""
    assert sandbox.world.metrics is not None
    series = await sandbox.world.metrics.series(at - timedelta(minutes=2), at, [component])
    return float(next(s for s in series if s.metric == metric).values.mean())


def test_every_shipped_scenario_has_a_title_and_there_are_at_least_twenty_two() -> None:
    assert len(NAMES) >= 22
    assert all(scenario_names().values())


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_brings_an_alert_that_starts_when_it_does(name: str) -> None:
    sandbox = open_sandbox(name)
    (alert,) = sandbox.alert_payload["alerts"]
    assert datetime.fromisoformat(alert["startsAt"]) == sandbox.starts_at == sandbox.world.clock.now()
    assert sandbox.world.catalog.get(alert["labels"]["service"]) is not None


async def test_a_scenario_moves_as_a_whole_to_the_time_it_is_given() -> None:
    began = datetime(2027, 6, 1, 0, 0, tzinfo=UTC)
    moved, own = open_sandbox("bad-deploy", starts_at=began), open_sandbox("bad-deploy")
    shift = began - own.starts_at
    assert moved.world.changes is not None
    assert own.world.changes is not None
    there = await moved.world.changes.between(began - HOUR, began)
    here = await own.world.changes.between(own.starts_at - HOUR, own.starts_at)
    assert [c.at for c in there] == [c.at + shift for c in here]
    assert await worst(moved, began) == await worst(own, own.starts_at)


@pytest.mark.parametrize("name", sorted(set(CURES) - {"leaked-credential", "queue-stuck", "cpu-contention", "cdn-down"}))
@pytest.mark.parametrize("seed", [7, 1234])
async def test_users_fail_before_the_cure_and_are_well_after_it(name: str, seed: int) -> None:
    sandbox = open_sandbox(name, seed=seed)
    at = sandbox.starts_at
    assert await worst(sandbox, at) > 0.3
    for component, kind in CURES[name]:
        at = await take(sandbox, await first(sandbox, component, kind, at), at)
    assert await worst(sandbox, at) < 0.02
    assert await worst(sandbox, at + timedelta(minutes=40)) < 0.02


async def test_a_crowded_host_slows_what_runs_there_until_it_moves() -> None:
    sandbox = open_sandbox("cpu-contention")
    assert sandbox.world.endpoints is not None
    before = {p.component: p for p in await sandbox.world.endpoints.probe(sandbox.starts_at)}
    assert before["catalog"].latency_ms > 10 * before["catalog"].normal_latency_ms
    at = await take(sandbox, await first(sandbox, "node-2", ActionKind.FAILOVER, sandbox.starts_at), sandbox.starts_at)
    after = {p.component: p for p in await sandbox.world.endpoints.probe(at)}
    assert after["catalog"].latency_ms < 1.3 * after["catalog"].normal_latency_ms


async def test_orders_are_accepted_and_not_stored_and_nothing_fails() -> None:
    sandbox = open_sandbox("silent-wrong-result")
    at, calm = sandbox.starts_at, sandbox.starts_at - timedelta(minutes=20)
    for callee in ("orders-db", "order-events"):
        assert await rate(sandbox, "orders", callee, at) < 0.02 * await rate(sandbox, "orders", callee, calm)
    for caller in ("checkout", "edge-gateway"):
        usual = await rate(sandbox, caller, "orders", calm)
        assert await rate(sandbox, caller, "orders", at) == pytest.approx(usual, rel=0.05)
    assert await worst(sandbox, at) < 0.01
    assert await measured(sandbox, "orders", "error_rate", at) < 0.01
    assert await measured(sandbox, "orders", "latency_p95_ms", at) < await measured(sandbox, "orders", "latency_p95_ms", calm)
    at = await take(sandbox, await first(sandbox, "orders", ActionKind.HOTFIX, at), at)
    assert await measured(sandbox, "storefront", "orders_placed_per_min", sandbox.starts_at) < 5
    assert await measured(sandbox, "storefront", "orders_placed_per_min", at) > 140


async def test_of_what_orders_write_only_the_line_of_what_they_no_longer_do_goes() -> None:
    sandbox = open_sandbox("silent-wrong-result")
    assert sandbox.world.logs is not None
    at, ten = sandbox.starts_at, timedelta(minutes=10)
    before = await sandbox.world.logs.search(at - 4 * ten, at - 3 * ten, "orders")
    since = await sandbox.world.logs.search(at - ten, at, "orders")
    stored = [sum("stored and announced" in line.message for line in lines) for lines in (before, since)]
    handled = [sum("handled request" in line.message for line in lines) for lines in (before, since)]
    assert (stored[0] > 20, stored[1]) == (True, 0)
    assert handled[0] == pytest.approx(handled[1], abs=2)
    everywhere = await sandbox.world.logs.search(at - HOUR, at)
    complaints = {line.message.split(" request ")[0] for line in everywhere if line.level in ("warning", "error")}
    assert complaints == {"slow", "client closed the connection before"}


async def test_all_that_call_the_catalog_wait_for_it_and_it_works_as_fast_as_ever_until_it_starts_afresh() -> None:
    sandbox = open_sandbox("network-delay")
    at, calm = sandbox.starts_at, sandbox.starts_at - timedelta(minutes=20)
    assert await measured(sandbox, "catalog", "latency_p95_ms", at) == pytest.approx(120, rel=0.1)
    assert await worst(sandbox, at) < 0.01
    assert await waiting(sandbox, at) == {"edge-gateway", "cart", "search", "recommendation"}
    for caller in ("edge-gateway", "cart"):
        usual = await measured(sandbox, caller, "latency_p95_ms", calm)
        assert await measured(sandbox, caller, "latency_p95_ms", at) > 2 * usual
    after = await take(sandbox, await first(sandbox, "catalog", ActionKind.RESTART, at), at)
    assert await waiting(sandbox, after + timedelta(minutes=2)) == set()


async def waiting(sandbox: Sandbox, at: datetime) -> set[str]:
    """Callers that record for a call to the catalog 200 ms more than the catalog does; no other call's two ends differ so."""
    assert sandbox.world.calls is not None
    minute = await sandbox.world.calls.between(at - timedelta(minutes=1), at)
    worked = {(c.at, c.caller, c.operation): c for c in minute if c.caller != c.callee}
    waited = {(c.at, c.caller, c.operation): c for c in minute if c.caller == c.callee}
    far = [worked[key] for key, c in waited.items() if c.p50_ms > worked[key].p50_ms + 200]
    assert {c.callee for c in far} <= {"catalog"}
    return {c.caller for c in far}


async def test_retries_keep_payment_overrun_long_after_the_provider_is_well() -> None:
    sandbox = open_sandbox("retry-storm")
    assert sandbox.world.dependencies is not None
    at, calm = sandbox.starts_at, sandbox.starts_at - timedelta(minutes=20)
    provider = next(d for d in await sandbox.world.dependencies.health(at) if d.name == "payment-provider")
    assert provider.error_rate < 0.01
    users, charges = [[await rate(sandbox, *edge, when) for when in (calm, at)] for edge in
                      (("edge-gateway", "checkout"), ("checkout", "payment"))]  # fmt: skip
    assert users[1] == pytest.approx(users[0], rel=0.05)
    assert charges[1] > 3 * charges[0]
    assert await measured(sandbox, "payment", "cpu_pct", at) > 90
    assert await measured(sandbox, "payment", "error_rate", at) > 0.7
    assert 0.1 < await measured(sandbox, "checkout", "error_rate", at) < 0.4


async def test_retries_do_no_harm_before_something_fails_and_the_later_release_is_innocent() -> None:
    sandbox = open_sandbox("retry-storm")
    quiet = sandbox.starts_at - timedelta(minutes=18)
    assert await worst(sandbox, quiet) < 0.01
    at = await take(sandbox, await first(sandbox, "inventory", ActionKind.ROLLBACK, sandbox.starts_at), sandbox.starts_at)
    assert await worst(sandbox, at) > 0.7


async def test_pages_come_without_pictures_until_the_fallback_is_on() -> None:
    sandbox = open_sandbox("cdn-down")
    assert sandbox.world.browser is not None
    before = (await sandbox.world.browser.pages(sandbox.starts_at))[0]
    assert before.assets_failing_share > 0.8
    assert before.load_ms > 5 * before.normal_load_ms
    at = await take(sandbox, await first(sandbox, "cdn", ActionKind.FALLBACK, sandbox.starts_at), sandbox.starts_at)
    after = (await sandbox.world.browser.pages(at))[0]
    assert after.assets_failing_share < 0.01
    assert after.load_ms < 1.3 * after.normal_load_ms


async def test_strangers_read_personal_data_until_the_credential_is_new() -> None:
    sandbox = open_sandbox("leaked-credential")
    assert sandbox.world.security is not None
    seen = await sandbox.world.security.signals(sandbox.starts_at - HOUR, sandbox.starts_at)
    assert {s.kind for s in seen} == {"credential_misuse", "data_access"}
    assert any(s.personal_data and (s.records_accessed or 0) > 1000 for s in seen)
    at = await take(sandbox, await first(sandbox, "accounts-db", ActionKind.ROTATE, sandbox.starts_at), sandbox.starts_at)
    assert await sandbox.world.security.signals(at, at + HOUR) == []


async def test_a_queue_grows_until_the_consumer_that_hangs_is_restarted() -> None:
    sandbox = open_sandbox("queue-stuck")
    assert sandbox.world.databases is not None
    before = (await sandbox.world.databases.queues(sandbox.starts_at))[0]
    assert before.depth > 10 * before.normal_depth
    action = await first(sandbox, "order-events", ActionKind.RESTART, sandbox.starts_at)
    assert action.target == "notifications"
    at = await take(sandbox, action, sandbox.starts_at)
    after = (await sandbox.world.databases.queues(at))[0]
    assert after.depth <= 2 * after.normal_depth


async def test_the_release_before_is_worse_and_the_one_before_that_is_sound() -> None:
    sandbox = open_sandbox("rollback-broken")
    assert sandbox.world.actions is not None
    at = sandbox.starts_at
    bad = await worst(sandbox, at)
    tried = await first(sandbox, "checkout", ActionKind.ROLLBACK, at)
    before = (await sandbox.world.actions.dry_run(tried, at)).before
    at = await take(sandbox, tried, at)
    assert await worst(sandbox, at) > bad + 0.2
    at += (await sandbox.world.actions.undo(before, at, "undo")).took
    assert await worst(sandbox, at) == pytest.approx(bad, abs=0.02)
    options = await sandbox.world.actions.options("checkout", at)
    older = next(o for o in options if o.kind is ActionKind.ROLLBACK and o.digest != tried.digest)
    assert await worst(sandbox, await take(sandbox, older, at)) < 0.02


async def test_a_restart_helps_for_a_while_and_the_trouble_comes_back_during_the_watch() -> None:
    sandbox = open_sandbox("relapse")
    at = await take(sandbox, await first(sandbox, "session-cache", ActionKind.RESTART, sandbox.starts_at), sandbox.starts_at)
    for minutes in (0, 5, 10, 15):
        assert await worst(sandbox, at + timedelta(minutes=minutes)) < 0.02
    assert await worst(sandbox, at + timedelta(minutes=26)) > 0.3


async def test_no_action_on_the_damaged_database_helps() -> None:
    sandbox = open_sandbox("nothing-fixes")
    assert sandbox.world.actions is not None
    at = sandbox.starts_at
    for action in await sandbox.world.actions.options("accounts-db", at):
        at = await take(sandbox, action, at)
        assert await worst(sandbox, at) > 0.5


async def test_patches_are_tested_before_release_and_only_the_right_one_helps() -> None:
    sandbox = open_sandbox("search-null")
    assert sandbox.world.code is not None
    at = sandbox.starts_at
    wrong, right = await sandbox.world.code.patches("search", at)
    assert not (await sandbox.world.code.test(wrong.id, at)).passed
    assert (await sandbox.world.code.test(right.id, at)).passed
    at = await take(sandbox, Action(kind=ActionKind.HOTFIX, target="search", arguments={"patch": wrong.id}), at)
    assert await worst(sandbox, at) > 0.3
    at = await take(sandbox, Action(kind=ActionKind.HOTFIX, target="search", arguments={"patch": right.id}), at)
    assert await worst(sandbox, at) < 0.02


async def test_an_alert_that_flapped_finds_nothing_wrong() -> None:
    for name in ("flapping", "typo"):
        sandbox = open_sandbox(name)
        assert await worst(sandbox, sandbox.starts_at) < 0.02


async def test_an_outside_failure_ends_by_itself_at_its_time() -> None:
    sandbox = open_sandbox("third-party-outage-long")
    assert sandbox.world.dependencies is not None
    for minutes, failing in ((0, True), (144, True), (146, False)):
        health = await sandbox.world.dependencies.health(sandbox.starts_at + timedelta(minutes=minutes))
        assert next(d for d in health if d.name == "identity-provider").up is not failing
