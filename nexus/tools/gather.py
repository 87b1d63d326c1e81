"""Gather: everything the world can tell about the trouble, as one Case; what the world lacks or cannot answer is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import TypeVar

from nexus.analysis.case import Case, Periods, Sign
from nexus.analysis.shift import Shift, onset_of, shifts_of
from nexus.errors import Unavailable
from nexus.incident import Cause
from nexus.tools.health import database_problems, is_failing, node_problems, queue_problems, workload_problems
from nexus.tools.need import CHANGES_BACK, since
from nexus.tools.readings import Problem
from nexus.tools.tool import Look

Held = TypeVar("Held")

_MECHANISMS: dict[str, tuple[str, float]] = {
    "corrupt": ("data", 0.95), "down": ("errors", 0.55), "disk_full": ("disk", 0.95), "not_writable": ("disk", 0.9),
    "disk_filling": ("disk", 0.4), "connections_exhausted": ("connections", 0.9), "replication_lag": ("data", 0.5),
    "slow_queries": ("latency", 0.35), "queue_backlog": ("queue", 0.45), "node_down": ("network", 0.95), "cpu": ("cpu", 0.85),
    "memory": ("memory", 0.8), "crash_loop": ("errors", 0.4), "replicas_missing": ("errors", 0.3),
}  # fmt: skip
"""What a problem says: mechanism, and how far it alone makes its component the culprit."""
_MISUSE = {"credential_misuse": ("credential", 0.97), "data_access": ("credential", 0.9), "login_failures": ("credential", 0.5)}


async def _try(looking: Awaitable[Held], otherwise: Held) -> Held:
    try:
        return await looking
    except Unavailable:
        return otherwise


def periods_of(look: Look) -> Periods:
    """What counts as healthy past and as trouble for this look."""
    acted = look.marks.action.timestamp() if look.marks.action is not None else None
    return Periods(min(look.alert.starts_at, look.at).timestamp(), look.at.timestamp(), acted)


async def moved(look: Look, components: Sequence[str] | None = None) -> list[Shift]:
    """Every series as judged against its past, strongest first; none without metrics. Raises Unavailable."""
    metrics = look.world.metrics
    if metrics is None:
        raise Unavailable("this world has no metrics", "go by the other checks, or connect a source")
    series, baseline = await asyncio.gather(metrics.series(since(look), look.at, components), metrics.baseline(components))
    return shifts_of(series, baseline, periods_of(look))


async def begun_at(look: Look) -> float:
    """When the trouble began as far as metrics tell, else five minutes before the alert; unix seconds."""
    shifts = await _try(moved(look), [])
    found = onset_of(shifts)
    return found if found is not None else min(look.alert.starts_at, look.at).timestamp() - 300


def _of_problem(problem: Problem) -> Sign:
    mechanism, strength = _MECHANISMS[problem.problem]
    return Sign(problem.component, Cause.INFRASTRUCTURE, mechanism, strength, problem.detail)


async def _database_signs(look: Look) -> list[Sign]:
    if look.world.databases is None:
        return []
    databases = await _try(look.world.databases.health(look.at), [])
    queues = await _try(look.world.databases.queues(look.at), [])
    return [_of_problem(p) for d in databases for p in database_problems(d)] + [
        _of_problem(p) for q in queues for p in queue_problems(q)
    ]


async def _infrastructure_signs(look: Look) -> list[Sign]:
    if look.world.infrastructure is None:
        return []
    nodes = await _try(look.world.infrastructure.nodes(look.at), [])
    workloads = await _try(look.world.infrastructure.workloads(look.at), [])
    return [_of_problem(p) for n in nodes for p in node_problems(n)] + [
        _of_problem(p) for w in workloads for p in workload_problems(w)
    ]


async def _dependency_signs(look: Look) -> list[Sign]:
    if look.world.dependencies is None:
        return []
    signs = []
    for one in await _try(look.world.dependencies.health(look.at), []):
        if is_failing(one):
            begun = one.failing_since.timestamp() if one.failing_since else None
            detail = f"probes fail {one.error_rate:.0%}, {one.latency_ms:.0f} ms (normally {one.normal_latency_ms:.0f} ms)"
            signs.append(Sign(one.name, Cause.EXTERNAL_DEPENDENCY, "dependency", 0.92, detail, begun))
    return signs


async def _security_signs(look: Look) -> list[Sign]:
    if look.world.security is None:
        return []
    start = look.marks.action or look.alert.starts_at - timedelta(minutes=30)
    signals = await _try(look.world.security.signals(min(start, look.at), look.at), [])
    signs = []
    for one in signals:
        mechanism, strength = ("flood", 0.95) if one.kind == "traffic_flood" else _MISUSE[one.kind]
        signs.append(Sign(one.component, Cause.INFRASTRUCTURE, mechanism, strength, one.detail, one.at.timestamp()))
    return signs


async def _page_signs(look: Look) -> list[Sign]:
    if look.world.browser is None:
        return []
    signs = []
    for page in await _try(look.world.browser.pages(look.at), []):
        if page.script_errors_per_min >= 3 * page.normal_script_errors_per_min + 5:
            detail = f"{page.page}: {page.script_errors_per_min:.0f} script errors a minute: {page.top_error}"
            signs.append(Sign(page.component, Cause.CODE_BUG, "client", 0.6, detail))
    return signs


async def signs(look: Look) -> tuple[Sign, ...]:
    """What health reads, probes and detectors say directly; capabilities that do not answer are left out."""
    found = await asyncio.gather(
        _database_signs(look), _infrastructure_signs(look), _dependency_signs(look), _security_signs(look), _page_signs(look)
    )
    return tuple(sign for some in found for sign in some)


async def _hosts(look: Look) -> dict[str, tuple[str, ...]]:
    nodes = await _try(look.world.infrastructure.nodes(look.at), []) if look.world.infrastructure else []
    return {node.name: node.components for node in nodes}


async def gather(look: Look) -> Case:
    """The Case as of `look.at`; raises nothing: what cannot be looked at is left out."""
    world, at, start = look.world, look.at, since(look)
    series = await _try(world.metrics.series(start, at), []) if world.metrics else []
    baseline = await _try(world.metrics.baseline(), []) if world.metrics else []
    calls = await _try(world.calls.between(start, at), []) if world.calls else []
    edges = await _try(world.calls.topology(), ()) if world.calls else ()
    lines = await _try(world.logs.search(start, at, limit=20000), []) if world.logs else []
    changes = await _try(world.changes.between(since(look, CHANGES_BACK), at), []) if world.changes else []
    periods = periods_of(look)
    return Case(
        now=periods.now,
        alert_at=periods.alert_at,
        alert_service=look.alert.service,
        window_s=look.window.total_seconds(),
        series=series,
        baseline=baseline,
        calls=calls,
        lines=lines,
        changes=changes,
        edges=tuple(dict.fromkeys((*edges, *world.catalog.edges()))),
        kinds={service.name: service.kind for service in world.catalog},
        hosts=await _hosts(look),
        signs=await signs(look),
        acted_at=periods.acted_at,
    )
