"""How skipped calls, delays on the way and retries spread through the shop."""

from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from nexus.world.calls import CallStats
from nexus.world.sandbox import Sandbox, open_sandbox

HEAD = "title: t\nstarts_at: 2026-03-02T10:00:00Z\nexpect: {severity: P1, outcome: resolved}\n"
SKIPS = "faults: [{what: code_bug, where: catalog, from: -10m, size: 0.5, skips: [catalog-db]}]"
DELAY = "client_spans: true\nfaults: [{what: network_delay, where: session-cache, from: -10m, ms: 200}]"
STORM = (
    "changes: [{at: -30m, component: checkout, kind: config, key: payment.timeout, version: c-13, previous: c-12}]\n"
    "faults:\n"
    "  - {what: dependency_down, where: payment-provider, from: -20m, until: -15m, size: 0.5, slower: 1}\n"
    "  - {what: retry_storm, where: checkout, to: payment, key: payment.timeout, version: c-13, tries: 3, from: -8m, size: 0.5}\n"
)


def shop_with(folder: Path, text: str) -> Sandbox:
    (folder / "scenario.yaml").write_text(HEAD + text)
    (folder / "alert.json").write_text('{"alerts": []}')
    return open_sandbox(folder)


async def minutes(sandbox: Sandbox, first: int, last: int) -> list[CallStats]:
    """The calls of those minutes, counted from the alert."""
    assert sandbox.world.calls is not None
    at = sandbox.starts_at
    return await sandbox.world.calls.between(at + timedelta(minutes=first), at + timedelta(minutes=last))


async def counted(sandbox: Sandbox, first: int, last: int) -> dict[tuple[str, str], float]:
    """Calls a minute by caller and callee."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for call in await minutes(sandbox, first, last):
        found[call.caller, call.callee] += call.count / (last - first + 1)
    return found


async def level(sandbox: Sandbox, component: str, metric: str, first: int, last: int) -> float:
    """The mean of a series over those minutes."""
    assert sandbox.world.metrics is not None
    at = sandbox.starts_at
    series = await sandbox.world.metrics.series(at + timedelta(minutes=first), at + timedelta(minutes=last), [component])
    return float(next(s for s in series if s.metric == metric).values.mean())


async def test_half_of_the_requests_that_skip_a_callee_make_half_of_the_calls_and_none_fails(tmp_path: Path) -> None:
    sandbox = shop_with(tmp_path, SKIPS)
    before, now = await counted(sandbox, -40, -20), await counted(sandbox, -5, 0)
    assert now["catalog", "catalog-db"] == pytest.approx(0.5 * before["catalog", "catalog-db"], rel=0.05)
    assert now["edge-gateway", "catalog"] == pytest.approx(before["edge-gateway", "catalog"], rel=0.05)
    assert all((call.errors or 0.0) <= 0.003 * call.count for call in await minutes(sandbox, -5, 0))


async def test_a_request_that_skips_a_callee_does_not_wait_for_it(tmp_path: Path) -> None:
    sandbox = shop_with(tmp_path, SKIPS)
    before, now = [await level(sandbox, "catalog", "latency_p95_ms", *span) for span in ((-40, -20), (-5, 0))]
    assert 0.8 * before < now < before


async def test_the_trouble_of_a_callee_that_is_skipped_reaches_nobody(tmp_path: Path) -> None:
    silent = SKIPS.replace("0.5", "1.0").replace("]}]", "]}, {what: slow_queries, where: catalog-db, from: -10m, size: 0.9}]")
    sandbox = shop_with(tmp_path, silent)
    assert await level(sandbox, "catalog", "error_rate", -5, 0) < 0.01
    assert await level(sandbox, "catalog-db", "error_rate", -5, 0) > 0.5
    assert sandbox.world.logs is not None
    at = sandbox.starts_at
    assert await sandbox.world.logs.search(at - timedelta(minutes=5), at, "catalog", "catalog-db") == []


async def test_on_a_slow_way_callers_wait_and_the_callee_works_as_fast_as_ever(tmp_path: Path) -> None:
    sandbox = shop_with(tmp_path, DELAY)
    now = [call for call in await minutes(sandbox, -5, 0) if call.caller == "cart"]
    served = [call.p50_ms for call in now if call.callee == "session-cache"]
    waited = [call.p50_ms for call in now if call.callee == "cart" and call.operation == "GET cart"]
    assert max(served) < 3
    assert len(waited) == len(served)
    assert all(wait - work == pytest.approx(200, rel=0.3) for wait, work in zip(waited, served, strict=True))
    assert await level(sandbox, "session-cache", "latency_p95_ms", -5, 0) == pytest.approx(3, rel=0.1)
    assert await level(sandbox, "cart", "latency_p95_ms", -5, 0) == pytest.approx(95 + 200, rel=0.1)


async def test_callers_own_spans_are_there_before_the_trouble_and_only_where_they_are_asked_for(tmp_path: Path) -> None:
    well = await minutes(shop_with(tmp_path, DELAY), -60, -20)
    own = [call for call in well if call.caller == call.callee]
    passed_on = [call for call in well if call.caller not in ("", call.callee)]
    assert Counter((c.at, c.caller, c.operation) for c in own) == Counter((c.at, c.caller, c.operation) for c in passed_on)
    assert all(call.caller != call.callee for call in await minutes(open_sandbox("bad-deploy"), -60, 0))


async def test_only_calls_that_fail_are_made_again(tmp_path: Path) -> None:
    """Half of the calls fail: of three tries each call takes 1 + 1/2 + 1/4."""
    sandbox = shop_with(tmp_path, STORM)
    calm, provider_fails, over, storm = [
        (await counted(sandbox, *span))["checkout", "payment"] for span in ((-60, -40), (-18, -16), (-13, -10), (-5, 0))
    ]
    assert provider_fails == pytest.approx(1.75 * calm, rel=0.06)
    assert over == pytest.approx(calm, rel=0.05)
    assert storm == pytest.approx(1.75 * calm, rel=0.05)


async def test_a_request_fails_only_when_every_try_does(tmp_path: Path) -> None:
    sandbox = shop_with(tmp_path, STORM)
    assert await level(sandbox, "payment", "error_rate", -5, 0) == pytest.approx(0.5, abs=0.03)
    assert await level(sandbox, "checkout", "error_rate", -5, 0) == pytest.approx(0.5**3, abs=0.02)


async def test_a_business_count_follows_the_calls_it_counts_and_no_other_series_changes(tmp_path: Path) -> None:
    text = "measures: [{component: storefront, metric: baskets_per_min, caller: edge-gateway, callee: cart}]"
    counting, plain = shop_with(tmp_path, text), open_sandbox("typo", seed=7)
    calls = (await counted(counting, -30, 0))["edge-gateway", "cart"]
    assert await level(counting, "storefront", "baskets_per_min", -30, 0) == pytest.approx(calls, rel=0.05)
    baselines = [await s.world.metrics.baseline() for s in (counting, plain) if s.world.metrics is not None]
    names = [{(s.component, s.metric): s.values.tolist() for s in baseline} for baseline in baselines]
    assert names[0].pop(("storefront", "baskets_per_min"))
    assert names[0] == names[1]
