"""Impact: `assess_impact`, users affected, services hit, whether data is at risk, and the rubric's signals."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from nexus.errors import Unavailable
from nexus.incident import Impact
from nexus.tools.client import load_abnormal, script_errors_abnormal
from nexus.tools.health import database_problems, is_failing, node_problems, queue_problems, told, workload_problems
from nexus.tools.need import since, some
from nexus.tools.readings import ImpactReading, Problem
from nexus.tools.security import Gravity, gravity
from nexus.tools.standstill import from_traffic
from nexus.tools.toll import Toll, reckon
from nexus.tools.tool import Look, OfComponent, Seen, Tool
from nexus.tools.vitals import Vital, from_calls, from_metrics, from_pages, from_probes, merged, worsened
from nexus.world import ServiceCatalog

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Gathered:
    """Everything that answered, and the names of what did not."""

    vitals: dict[str, Vital] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    databases_seen: bool = False
    metrics_seen: bool = False
    tried: bool = False
    security: Gravity = "unknown"
    people_read: bool = False
    answered: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    async def ask(self, name: str, answer: Awaitable[Answer]) -> Answer | None:
        """What a source answers; None, and its name kept, when it does not."""
        try:
            got = await answer
        except Unavailable:
            self.silent.append(name)
            return None
        self.answered.append(name)
        return got

    @property
    def telemetry(self) -> str:
        """full: metrics, tried endpoints and everything else answered; none: nothing was measured at all.

        Without anybody trying the service from outside, quiet metrics do not prove that users are well.
        """
        if self.metrics_seen and self.tried and not self.silent:
            return "full"
        return "partial" if self.vitals or self.databases_seen or self.problems else "none"


def _span(look: Look) -> tuple[datetime, datetime]:
    """The time that counts as normal: up to ten minutes before the alert."""
    fired = min(look.alert.starts_at, look.at)
    return fired - timedelta(minutes=70), fired - timedelta(minutes=10)


async def _requests(look: Look, gathered: Gathered) -> None:
    """Vitals as servers, callers, probes and browsers saw them."""
    world, at = look.world, look.at
    start, end = _span(look)
    measured: dict[str, Vital] = {}
    if world.metrics is not None:
        series = await gathered.ask("metrics", world.metrics.series(start, at))
        baseline = await gathered.ask("baseline", world.metrics.baseline()) if series else None
        measured = from_metrics(series or (), baseline or (), at, start, end)
        gathered.metrics_seen = bool(measured)
        if look.alert.service is not None:
            measured = merged(measured, from_traffic(series or (), look.alert.service, at, start, end))
    called: dict[str, Vital] = {}
    if world.calls is not None:
        called = from_calls(await gathered.ask("calls", world.calls.between(start, at)) or (), at, start, end)
        gathered.edges |= set(await gathered.ask("topology", world.calls.topology()) or ())
    tried: dict[str, Vital] = {}
    if world.endpoints is not None:
        tried = from_probes(await gathered.ask("endpoints", world.endpoints.probe(at)) or ())
        gathered.tried = bool(tried)
    seen: dict[str, Vital] = {}
    if world.browser is not None:
        pages = await gathered.ask("browsers", world.browser.pages(at)) or ()
        seen = from_pages(pages, script_errors_abnormal, load_abnormal)
    gathered.vitals = worsened(merged(measured, called, tried), seen)


async def _state(look: Look, gathered: Gathered) -> None:
    """Problems of databases and queues, and of what runs them; what does not run is down."""
    world, at = look.world, look.at
    down: dict[str, Vital] = {}
    if world.databases is not None:
        databases = await gathered.ask("databases", world.databases.health(at))
        gathered.databases_seen = databases is not None
        for database in databases or ():
            gathered.problems += database_problems(database)
            if not database.up:
                down[database.name] = Vital(database.name, down=True)
        for queue in await gathered.ask("queues", world.databases.queues(at)) or ():
            gathered.problems += queue_problems(queue)
    if world.infrastructure is not None:
        for node in await gathered.ask("nodes", world.infrastructure.nodes(at)) or ():
            gathered.problems += node_problems(node)
        for workload in await gathered.ask("workloads", world.infrastructure.workloads(at)) or ():
            gathered.problems += workload_problems(workload)
            if workload.replicas > 0 and workload.ready == 0:
                down[workload.component] = Vital(workload.component, down=True)
    gathered.vitals = merged(gathered.vitals, down)


async def _third_parties(look: Look, gathered: Gathered) -> None:
    """Problems of external dependencies."""
    world, at = look.world, look.at
    if world.dependencies is not None:
        for dependency in await gathered.ask("dependencies", world.dependencies.health(at)) or ():
            if is_failing(dependency):
                detail = f"third party fails {dependency.error_rate:.0%} of calls"
                gathered.problems.append(Problem(component=dependency.name, problem="down", detail=detail))


async def _misuse(look: Look, gathered: Gathered) -> None:
    """How grave the security signals are, and whether records about people were read."""
    if look.world.security is None:
        return
    signals = await gathered.ask("security", look.world.security.signals(since(look), look.at))
    if signals is not None:
        gathered.security = gravity(signals)
        gathered.people_read = any(s.personal_data and s.records_accessed for s in signals)


def data_signal(gathered: Gathered, catalog: ServiceCatalog) -> tuple[str, bool]:
    """safe, at_risk, lost or unknown; and whether people's data is among what was lost."""
    if not gathered.databases_seen:
        return "unknown", False
    lost = {p.component for p in gathered.problems if p.problem == "corrupt"}
    at_risk = any(p.data_at_risk for p in gathered.problems)
    owners = {name for one in lost for name in (one, *catalog.callers_of(one))}
    personal = any(service.personal_data for name in owners if (service := catalog.get(name)) is not None)
    return ("lost" if lost else "at_risk" if at_risk else "safe"), personal


def _symptom(name: str, vital: Vital) -> str:
    if vital.down:
        return f"{name} does not run"
    if vital.bare and vital.parts > vital.excess:
        return f"{name} opens without {vital.parts:.0%} of its pictures, styles and scripts"
    if vital.failing:
        return f"{name} fails {vital.errors or 0.0:.0%} of requests (normally {vital.normal_errors:.1%})"
    if vital.slow:
        return f"{name} takes {vital.slowness:.1f} times as long as normal"
    if vital.stopped:
        return f"{name} hardly does any more of what it is there for, without saying that anything fails"
    return f"{name} reports more errors than normal"


def _told(toll: Toll, gathered: Gathered, data: str) -> str:
    parts = [_symptom(name, gathered.vitals[name]) for name in toll.lost[:4]]
    if not parts:
        parts.append("no service is beyond its normal" if gathered.vitals else "no service could be measured")
    if toll.users is not None:
        parts.append(f"about {toll.users} users a minute are affected ({toll.share or 0.0:.0%} of traffic)")
    if toll.revenue:
        parts.append(f"about {toll.revenue:.0f} USD an hour at risk")
    if gathered.problems:
        parts.append(told(gathered.problems))
    parts.append(
        {"safe": "data is safe", "at_risk": "data is at risk", "lost": "data is lost"}.get(
            data, "whether data is at risk is unknown"
        )
    )
    if gathered.security not in {"none", "unknown"}:
        parts.append(f"security: {gathered.security}")
    if gathered.silent:
        parts.append(f"no answer from {some(gathered.silent)}")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:] if toll.lost[:1] == () else text


async def _assess_impact(look: Look, arguments: OfComponent) -> Seen:
    gathered = Gathered()
    catalog = look.world.catalog
    await _requests(look, gathered)
    await _state(look, gathered)
    await _third_parties(look, gathered)
    await _misuse(look, gathered)
    service = arguments.component or look.alert.service
    toll = reckon(gathered.vitals, catalog, gathered.edges | set(catalog.edges()), service)
    data, personal = data_signal(gathered, catalog)
    wrong = bool(toll.hit or gathered.problems) or gathered.security not in {"none", "unknown"}
    safe = data != "unknown" and gathered.security != "unknown"
    now = "abnormal" if wrong else "normal" if gathered.telemetry == "full" else "unknown"
    signals = {
        "availability": toll.availability,
        "errors": toll.errors,
        "latency": toll.latency,
        "feature": toll.feature,
        "data": data,
        "workaround": toll.workaround,
        "alert": look.alert.level,
        "telemetry": gathered.telemetry,
        "now": now,
    }
    impact = Impact(
        users_affected=toll.users,
        share_of_traffic=toll.share,
        services=toll.lost or toll.hit,
        revenue_per_hour=toll.revenue if gathered.vitals else None,
        data_at_risk=None if data == "unknown" else data != "safe",
        user_data_affected=True if personal or gathered.people_read else False if safe else None,
        breach_suspected=None if gathered.security == "unknown" else gathered.security in {"suspected", "breach"},
    )
    return Seen(ImpactReading(summary=_told(toll, gathered, data), impact=impact, signals=signals, hit=toll.hit))


ASSESS_IMPACT = Tool(
    "assess_impact",
    "Scope and impact now: services hit, users, share of traffic, revenue and data at risk, and the signals for severity.",
    OfComponent,
    _assess_impact,
)
