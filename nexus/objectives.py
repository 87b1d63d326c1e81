"""Objectives: what the catalog holds services to, checked against their metrics; pure, each breach is an alert of NEXUS's own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from nexus.world.catalog import Objective, Service, ServiceCatalog
from nexus.world.metrics import MetricKind, Series

FEWEST = 2
"""Samples that a breach rests on at least."""
_SHARES = {"%": 0.01, "pct": 0.01, "percent": 0.01, "share": 1.0, "ratio": 1.0, "fraction": 1.0, "rate": 1.0, "1": 1.0}
_MILLISECONDS = {"ms": 1.0, "milliseconds": 1.0, "s": 1000.0, "seconds": 1000.0, "us": 0.001, "µs": 0.001}


@dataclass(frozen=True, slots=True)
class Breach:
    """An objective that did not hold for as long as it allows; `value` is the latest, in the objective's unit."""

    service: str
    objective: Objective
    metric: str
    value: float
    since: datetime

    @property
    def key(self) -> str:
        """The same as long as it is the same trouble."""
        return f"watch:{self.service}:{self.objective.kind}:{self.metric}"


def longest_of(catalog: ServiceCatalog) -> timedelta:
    """How far back has to be looked: twice the longest patience, so that a breach's beginning is seen."""
    minutes = [objective.for_minutes for service in catalog for objective in service.objectives]
    return timedelta(minutes=2 * max(minutes, default=0.0) + 5)


def breaches_of(catalog: ServiceCatalog, series: Sequence[Series], now: datetime) -> list[Breach]:
    """Every objective that is broken now, in the catalog's order."""
    found = (
        breach
        for service in catalog
        for objective in service.objectives
        for one in series
        if (breach := _breach(service, objective, one, now)) is not None
    )
    return list({breach.key: breach for breach in found}.values())


def _breach(service: Service, objective: Objective, series: Series, now: datetime) -> Breach | None:
    """Whether every sample of the objective's last minutes breaks it; since when without a break."""
    factor = _factor(objective, series)
    if series.component != service.name or factor is None:
        return None
    sampled = ~np.isnan(series.values) & (series.times <= now.timestamp())
    times, values = series.times[sampled], series.values[sampled] * factor
    broken = values > objective.at_most if objective.at_most is not None else values < (objective.at_least or 0.0)
    held = np.flatnonzero(~broken)
    first = int(held[-1]) + 1 if held.size else 0
    patience = objective.for_minutes * 60
    run = times[first:]
    if run.size < FEWEST or now.timestamp() - run[-1] > patience or run[-1] - run[0] < patience * (1 - 1 / max(run.size, FEWEST)):
        return None
    return Breach(service.name, objective, series.metric, float(values[-1]), datetime.fromtimestamp(float(run[0]), UTC))


def _factor(objective: Objective, series: Series) -> float | None:
    """What makes the objective's unit of the series'; None where the series says nothing about it."""
    if objective.metric and series.metric != objective.metric:
        return None
    if series.kind is not MetricKind(objective.kind):
        return None
    unit = series.unit.lower()
    match objective.kind:
        case "errors" | "availability":
            return _SHARES.get(unit)
        case "latency":
            return _MILLISECONDS.get(unit)
        case _:
            return 1.0


def alert_body(breach: Breach, *, over: bool = False) -> str:
    """The breach, or its end, as the generic form has it."""
    objective = breach.objective
    bound = f"at most {objective.at_most:g}" if objective.at_most is not None else f"at least {objective.at_least:g}"
    told = {
        "title": f"{breach.service}: {objective.kind} not within its objective",
        "summary": f"{breach.metric} is {breach.value:g}, to be {bound}, for {objective.for_minutes:g} minutes or longer",
        "service": breach.service,
        "severity": objective.severity,
        "status": "resolved" if over else "firing",
        "starts_at": breach.since.isoformat(),
        "fingerprint": breach.key,
        "source": "watch",
        "labels": {"objective": objective.kind, "metric": breach.metric},
    }
    return json.dumps(told, sort_keys=True)


def news_of(before: dict[str, Breach], now: Iterable[Breach]) -> tuple[list[str], dict[str, Breach]]:
    """The bodies to send for what began and what ended since the last check, and what is broken now."""
    found = {breach.key: breach for breach in now}
    begun = [alert_body(breach) for key, breach in found.items() if key not in before]
    ended = [alert_body(breach, over=True) for key, breach in before.items() if key not in found]
    return [*begun, *ended], {key: before.get(key, breach) for key, breach in found.items()}
