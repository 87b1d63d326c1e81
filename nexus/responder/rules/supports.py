"""Supports: what each tool's look independently says for a suspect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nexus.incident import Cause, Evidence
from nexus.responder.rules.claims import reading
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
    SecurityReading,
    SuspectEntry,
)

MECHANISM = {"deployment": "release", "config": "config", "flag": "flag"}
"""How a kind of change is named as a mechanism."""


@dataclass(frozen=True, slots=True)
class Support:
    """One independent piece of evidence for or against a suspect."""

    evidence: str
    tool: str
    text: str


def latest(evidence: Iterable[Evidence]) -> dict[str, Evidence]:
    """The newest look of each tool that could look."""
    found: dict[str, Evidence] = {}
    for item in sorted((e for e in evidence if not e.failed), key=lambda e: e.at):
        found[item.tool] = item
    return found


def _on_changes(entry: SuspectEntry, item: Evidence) -> str | None:
    if entry.cause is not Cause.DEPLOYMENT:
        return None
    changes = [c for c in reading(item, ChangesReading).changes if c.component == entry.component and c.minutes_before >= 0]
    guilty = next((c for c in changes if c.id == entry.change), None)
    if guilty is None:
        return None
    return f"{MECHANISM.get(guilty.kind, guilty.kind)} {guilty.version} {guilty.minutes_before:.0f} min before the alert"


def _on_problems(entry: SuspectEntry, item: Evidence) -> str | None:
    databases = item.tool == "check_databases"
    found = reading(item, DatabasesReading).problems if databases else reading(item, InfrastructureReading).problems
    problems = [p for p in found if p.component == entry.component]
    return problems[0].detail if problems else None


def _on_dependencies(entry: SuspectEntry, item: Evidence) -> str | None:
    failing = [d for d in reading(item, DependenciesReading).dependencies if d.failing and d.name == entry.component]
    return f"probes fail at {failing[0].error_rate:.0%}; its status page says: {failing[0].status_page}" if failing else None


def _on_logs(entry: SuspectEntry, item: Evidence) -> str | None:
    found = reading(item, LogsReading)
    own = [p for p in found.patterns if p.component == entry.component]
    if own:
        return f"its log says: {own[0].template}"
    lost = [s for s in found.silent if s.component == entry.component]
    return f"it stopped writing lines like: {lost[0].example[:100]}" if lost else None


def _measured(value: float, unit: str) -> str:
    """A share as a percentage, anything else with its unit."""
    return f"{value:.1%}" if unit == "share" else f"{value:.3g} {unit}".rstrip()


def _on_metrics(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [c for c in reading(item, MetricsReading).changed if c.component == entry.component]
    if not own:
        return None
    first = own[0]
    name, way = first.metric.replace("_", " "), "rose" if first.direction == "up" else "fell"
    return f"{name} {way} from {_measured(first.before, first.unit)} to {_measured(first.after, first.unit)}"


def _on_rates(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [e for e in reading(item, ErrorRatesReading).entries if e.component == entry.component and e.abnormal]
    if not own:
        return None
    rate, normal = own[0].error_rate, own[0].normal_error_rate or 0.0
    if rate is not None and rate > normal + 0.01:
        return f"its error rate is {rate:.1%}, normally {normal:.1%}"
    return f"its latency is {own[0].latency_ms or 0:.0f} ms, normally {own[0].normal_latency_ms or 0:.0f} ms"


def _on_edges(entry: SuspectEntry, item: Evidence) -> str | None:
    """What it does to those around it speaks for it before what is done to it; what its caller does to it does not."""
    found, name = reading(item, CommunicationReading), entry.component
    for end in found.broken_off:
        if end.component == name:
            return f"it is called as before but its calls to {' and '.join(end.callees[:3])} have run dry"
    for repeat in found.repeats:
        if repeat.caller == name:
            return f"it calls {repeat.callee} {repeat.times:.1f} times as often for the same number of requests"
    for wait in found.waits:
        if wait.component == name:
            usual = f"{wait.usual_ms:.0f} ms are usual"
            return f"{', '.join(wait.callers[:3])} wait {wait.ms:.0f} ms more on a call than was worked on it; {usual}"
    theirs = {e.component for e in found.broken_off} | {r.caller for r in found.repeats if r.callee == name}
    own = [e for e in found.edges if e.callee == name and e.abnormal and e.caller not in theirs]
    if not own:
        return None
    caller = own[0].caller or "users"
    return f"calls from {caller} to it {'have run dry' if own[0].dry else 'fail or are slow'}"


def _on_pages(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [p for p in reading(item, PagesReading).pages if p.component == entry.component and p.abnormal]
    return f"browsers report on {own[0].page}: {own[0].top_error or 'slow or missing assets'}" if own else None


def _on_security(entry: SuspectEntry, item: Evidence) -> str | None:
    own = [s for s in reading(item, SecurityReading).signals if s.component == entry.component]
    return own[0].detail if own else None


TESTS = {
    "list_changes": _on_changes,
    "check_databases": _on_problems,
    "infrastructure_state": _on_problems,
    "check_dependencies": _on_dependencies,
    "search_logs": _on_logs,
    "query_metrics": _on_metrics,
    "api_error_rates": _on_rates,
    "service_communication": _on_edges,
    "client_errors": _on_pages,
    "page_load": _on_pages,
    "asset_delivery": _on_pages,
    "security_signals": _on_security,
}


def supports(entry: SuspectEntry, looks: Mapping[str, Evidence]) -> list[Support]:
    """What other tools independently say about that suspect."""
    found = []
    for tool, test in TESTS.items():
        if tool in looks and (text := test(entry, looks[tool])) is not None:
            found.append(Support(looks[tool].id, tool, text))
    return found
