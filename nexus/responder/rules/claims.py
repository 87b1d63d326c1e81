"""Claims: what the values of each tool mean, in a sentence, with what they rule out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from nexus.incident import Evidence
from nexus.tools.readings import (
    ChangesReading,
    CommunicationReading,
    DatabasesReading,
    DependenciesReading,
    ErrorRatesReading,
    InfrastructureReading,
    LogsReading,
    MetricsReading,
    PagesReading,
    PipelineReading,
    Reading,
    SuspectsReading,
)

R = TypeVar("R", bound=Reading)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about one piece of evidence."""

    text: str
    abnormal: bool = False
    component: str | None = None
    ruled_out: tuple[str, ...] = ()


def reading(evidence: Evidence, kind: type[R]) -> R:
    """The typed reading that evidence holds."""
    return kind.model_validate({"summary": evidence.summary, **evidence.values})


def _metrics(evidence: Evidence) -> Claim:
    found = reading(evidence, MetricsReading)
    if not found.changed:
        return Claim("no series moved", ruled_out=("resource saturation",) if found.looked_at else ())
    first = found.changed[0]
    return Claim(evidence.summary, abnormal=True, component=first.component)


TELLING = 1.0
"""More lines a minute than before from which an error says that something is wrong now; fewer is the noise of any day."""


def _logs(evidence: Evidence) -> Claim:
    found = reading(evidence, LogsReading)
    if not found.patterns:
        lost = found.silent[0].component if found.silent else None
        return Claim(evidence.summary if lost else "no new or more frequent errors in the logs", component=lost)
    grave = [p for p in found.patterns if p.level in ("error", "critical") and p.rate_after - p.rate_before >= TELLING]
    return Claim(evidence.summary, abnormal=bool(grave), component=(grave or found.patterns)[0].component)


def _changes(evidence: Evidence) -> Claim:
    found = reading(evidence, ChangesReading)
    if not found.changes:
        return Claim("nothing was changed in the window", ruled_out=("recent deployment or configuration change",))
    return Claim(evidence.summary, component=found.changes[0].component)


def _dependencies(evidence: Evidence) -> Claim:
    found = reading(evidence, DependenciesReading)
    failing = [d for d in found.dependencies if d.failing]
    if not failing:
        return Claim("all external dependencies answer normally", ruled_out=("external dependency",))
    return Claim(evidence.summary, abnormal=True, component=failing[0].name)


def _databases(evidence: Evidence) -> Claim:
    found = reading(evidence, DatabasesReading)
    if not found.problems:
        return Claim("databases and queues are healthy", ruled_out=("databases and queues",) if found.looked_at else ())
    return Claim(evidence.summary, abnormal=True, component=found.problems[0].component)


def _infrastructure(evidence: Evidence) -> Claim:
    found = reading(evidence, InfrastructureReading)
    if not found.problems:
        return Claim("nodes and workloads are healthy", ruled_out=("nodes and workloads",) if found.looked_at else ())
    return Claim(evidence.summary, abnormal=True, component=found.problems[0].component)


def _rates(evidence: Evidence) -> Claim:
    found = reading(evidence, ErrorRatesReading)
    abnormal = [e for e in found.entries if e.abnormal]
    return Claim(evidence.summary, bool(abnormal), abnormal[0].component if abnormal else None)


def _edges(evidence: Evidence) -> Claim:
    found = reading(evidence, CommunicationReading)
    parts = [*(b.component for b in found.broken_off), *(r.caller for r in found.repeats), *(w.component for w in found.waits)]
    parts += [e.callee for e in found.edges if e.abnormal]
    return Claim(evidence.summary, bool(parts), parts[0] if parts else None)


def _suspects(evidence: Evidence) -> Claim:
    found = reading(evidence, SuspectsReading)
    if not found.suspects:
        return Claim("no component stands out")
    first = found.suspects[0]
    return Claim(evidence.summary, abnormal=first.strong, component=first.component)


def _pages(evidence: Evidence) -> Claim:
    found = reading(evidence, PagesReading)
    abnormal = [p for p in found.pages if p.abnormal]
    if not abnormal:
        return Claim(evidence.summary, ruled_out=(evidence.tool.replace("_", " "),))
    return Claim(evidence.summary, abnormal=True, component=abnormal[0].component)


def _pipelines(evidence: Evidence) -> Claim:
    found = reading(evidence, PipelineReading)
    failed = [r for r in found.runs if r.status == "failed"]
    return Claim(evidence.summary, bool(failed), failed[0].component if failed else None)


CLAIMS: dict[str, Callable[[Evidence], Claim]] = {
    "query_metrics": _metrics,
    "search_logs": _logs,
    "list_changes": _changes,
    "check_dependencies": _dependencies,
    "check_databases": _databases,
    "infrastructure_state": _infrastructure,
    "api_error_rates": _rates,
    "service_communication": _edges,
    "rank_suspects": _suspects,
    "client_errors": _pages,
    "page_load": _pages,
    "asset_delivery": _pages,
    "pipeline_status": _pipelines,
}
