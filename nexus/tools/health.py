"""Health: `check_dependencies`, `check_databases` and `infrastructure_state`, each naming what is wrong by an enumerated word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nexus.tools.need import need, some
from nexus.tools.readings import DatabasesReading, DependenciesReading, DependencyEntry, InfrastructureReading, Problem
from nexus.tools.tool import Look, NoArguments, Seen, Tool
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.dependencies import DependencyHealth
from nexus.world.infrastructure import NodeState, Workload

DISK_FULL_PCT = 95.0
DISK_FILLING_PCT = 85.0


def is_failing(dependency: DependencyHealth) -> bool:
    """Down, failing more than one call in twenty, or three times slower than it normally is."""
    slow = dependency.normal_latency_ms > 0 and dependency.latency_ms >= 3 * dependency.normal_latency_ms
    return not dependency.up or dependency.error_rate >= 0.05 or slow


def database_problems(database: DatabaseHealth) -> Iterator[Problem]:
    """What is wrong with one database, worst first."""
    name, at_risk = database.name, not database.writable or database.corrupt
    if database.corrupt:
        yield Problem(component=name, problem="corrupt", detail=database.detail or "data fails its checks", data_at_risk=True)
    if not database.up:
        yield Problem(component=name, problem="down", detail=database.detail or "does not answer", data_at_risk=at_risk)
    if database.disk_pct >= DISK_FULL_PCT:
        yield Problem(component=name, problem="disk_full", detail=f"disk {database.disk_pct:.0f} % full", data_at_risk=True)
    elif database.disk_pct >= DISK_FILLING_PCT:
        yield Problem(component=name, problem="disk_filling", detail=f"disk {database.disk_pct:.0f} % full")
    if database.up and not database.writable:
        yield Problem(component=name, problem="not_writable", detail=database.detail or "refuses writes", data_at_risk=True)
    if database.max_connections and database.connections >= 0.95 * database.max_connections:
        who = f" ({database.detail})" if database.detail else ""
        detail = f"{database.connections} of {database.max_connections} connections in use{who}"
        yield Problem(component=name, problem="connections_exhausted", detail=detail)
    if database.replication_lag_s is not None and database.replication_lag_s >= 60:
        detail = f"standby is {database.replication_lag_s:.0f} s behind"
        yield Problem(component=name, problem="replication_lag", detail=detail, data_at_risk=not database.up)
    if database.slow_queries_per_min >= 20:
        detail = f"{database.slow_queries_per_min:.0f} slow queries a minute"
        yield Problem(component=name, problem="slow_queries", detail=detail)


def queue_problems(queue: QueueHealth) -> Iterator[Problem]:
    """A backlog: five times the normal depth and at least a hundred messages more than normal."""
    if queue.depth >= 5 * queue.normal_depth and queue.depth >= queue.normal_depth + 100:
        detail = f"{queue.depth} messages wait (normally {queue.normal_depth}), the oldest for {queue.oldest_s:.0f} s"
        yield Problem(component=queue.name, problem="queue_backlog", detail=detail)


def node_problems(node: NodeState) -> Iterator[Problem]:
    """What is wrong with one host; a host that is down has no other problem."""
    hosted = f"; runs {some(node.components)}" if node.components else ""
    if not node.ready:
        yield Problem(component=node.name, problem="node_down", detail=f"not ready{hosted}")
        return
    if node.cpu_pct >= 90:
        yield Problem(component=node.name, problem="cpu", detail=f"CPU {node.cpu_pct:.0f} %{hosted}")
    if node.memory_pct >= 92:
        yield Problem(component=node.name, problem="memory", detail=f"memory {node.memory_pct:.0f} %{hosted}")
    if node.disk_pct >= DISK_FULL_PCT:
        yield Problem(component=node.name, problem="disk_full", detail=f"disk {node.disk_pct:.0f} % full{hosted}")
    elif node.disk_pct >= DISK_FILLING_PCT:
        yield Problem(component=node.name, problem="disk_filling", detail=f"disk {node.disk_pct:.0f} % full{hosted}")


def workload_problems(workload: Workload) -> Iterator[Problem]:
    """What is wrong with one deployed service."""
    name, ready = workload.component, f"{workload.ready} of {workload.replicas} replicas ready"
    if workload.replicas > 0 and workload.ready == 0:
        yield Problem(component=name, problem="down", detail=ready)
    elif workload.ready < workload.replicas:
        yield Problem(component=name, problem="replicas_missing", detail=ready)
    if workload.restarts_15m >= 3:
        yield Problem(component=name, problem="crash_loop", detail=f"{workload.restarts_15m} restarts in 15 minutes")


def told(problems: Sequence[Problem]) -> str:
    """Problems as part of a sentence, four at most."""
    parts = [f"{p.component}: {p.detail}" for p in problems[:4]]
    rest = len(problems) - 4
    return "; ".join(parts) + (f"; and {rest} more" if rest > 0 else "")


async def _check_dependencies(look: Look, _: NoArguments) -> Seen:
    found = await need(look.world.dependencies, "probes of external dependencies").health(look.at)
    entries = sorted(
        (
            DependencyEntry(
                name=d.name,
                failing=is_failing(d),
                error_rate=d.error_rate,
                latency_ms=d.latency_ms,
                normal_latency_ms=d.normal_latency_ms,
                status_page=d.status_page,
                used_by=d.used_by,
                fallback=d.fallback,
                failing_since=d.failing_since,
            )
            for d in found
        ),
        key=lambda entry: (not entry.failing, -entry.error_rate, entry.name),
    )
    failing = [e for e in entries if e.failing]
    told_of = "; ".join(
        f"{e.name} fails {e.error_rate:.0%} of calls at {e.latency_ms:.0f} ms (used by {some(e.used_by)}; fallback {e.fallback})"
        for e in failing
    )
    summary = f"{told_of}." if failing else f"All {len(entries)} external dependencies answer as they normally do."
    return Seen(DependenciesReading(summary=summary, dependencies=tuple(entries)))


async def _check_databases(look: Look, _: NoArguments) -> Seen:
    source = need(look.world.databases, "view of databases")
    databases, queues = await source.health(look.at), await source.queues(look.at)
    problems = [p for d in databases for p in database_problems(d)] + [p for q in queues for p in queue_problems(q)]
    problems.sort(key=lambda p: not p.data_at_risk)
    looked_at = len(databases) + len(queues)
    summary = f"{told(problems)}." if problems else f"All {looked_at} databases and queues are healthy."
    return Seen(DatabasesReading(summary=summary, looked_at=looked_at, problems=tuple(problems)))


async def _infrastructure_state(look: Look, _: NoArguments) -> Seen:
    source = need(look.world.infrastructure, "view of nodes and workloads")
    nodes, workloads = await source.nodes(look.at), await source.workloads(look.at)
    problems = [p for n in nodes for p in node_problems(n)] + [p for w in workloads for p in workload_problems(w)]
    summary = f"{told(problems)}." if problems else f"All {len(nodes)} nodes and {len(workloads)} workloads are healthy."
    reading = InfrastructureReading(
        summary=summary,
        looked_at=len(nodes) + len(workloads),
        problems=tuple(problems),
        hosts={n.name: n.components for n in nodes},
        versions={w.component: w.version for w in workloads},
    )
    return Seen(reading)


CHECK_DEPENDENCIES = Tool(
    "check_dependencies",
    "Probe every third party: error rate, latency, its status page's word, who uses it, whether a fallback exists.",
    NoArguments,
    _check_dependencies,
)
CHECK_DATABASES = Tool(
    "check_databases",
    "Health of databases and queues: up, writable, disk, connections, replication, slow queries, backlog; is data at risk.",
    NoArguments,
    _check_databases,
)
INFRASTRUCTURE_STATE = Tool(
    "infrastructure_state",
    "Nodes and workloads: readiness, CPU, memory, disk, replicas, restarts, versions, and which component runs where.",
    NoArguments,
    _infrastructure_state,
)
