"""What monitoring would have recorded of a made-up system: series, calls, log lines and changes, with all their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from system_flow_in_hand import ALERT, Flow, Graph, Kind, Trouble

from nexus.world.calls import CallStats
from nexus.world.changes import Change
from nexus.world.logs import LogLine
from nexus.world.metrics import Floats, Series
from nexus.world.recording.names import kind_of, unit_of

Spans = Literal["named", "method", "none"]
"""What the callers' own spans say of an operation."""

_NORMAL = np.sort(np.random.default_rng(0).standard_normal(400))
_TELLS = ("accepted request {}", "loaded page {} from cache", "handled item {}", "stored document {}", "sent answer {}")


@dataclass(frozen=True, slots=True)
class Style:
    """How one system is monitored."""

    step: int
    window_s: float
    percent: bool
    seconds: bool
    success: bool
    waits: bool
    """Whether callers record what they wait for."""
    plain_stores: bool
    """Whether databases tell no more than how full they are."""
    mean_s: float
    """Seconds over which a sample is taken."""
    missing: float
    noise: float

    def latency(self, values: Floats, name: str) -> tuple[str, Floats]:
        return (f"{name}_s", values / 1000) if self.seconds else (f"{name}_ms", values)


def _noise(random: np.random.Generator, size: int, spread: float) -> Floats:
    """Around 1, now and then far from it."""
    found: Floats = np.exp(np.clip(spread * random.standard_t(4, size) / 1.3, -1.2, 1.2))
    return found


def _measured(graph: Graph, flow: Flow, service: int, style: Style, random: np.random.Generator) -> dict[str, Floats]:
    """The series of one service by name."""
    size, asked = flow.rps.shape[1], np.maximum(flow.rps[service] * style.mean_s, 1.0)
    wide = float(np.exp(1.645 * graph.tail[service]))
    middle = flow.latency[service] * _noise(random, size, style.noise)
    slowest = (
        flow.latency[service]
        * wide
        * _noise(random, size, 1.6 * style.noise)
        * np.exp(0.6 * random.standard_normal(size) / np.sqrt(asked))
    )
    busy = 0.35 + 0.65 * flow.rps[service] / max(1e-9, float(np.median(flow.rps[service])))
    cpu = graph.cpu[service] * busy * flow.factor(service, "cpu") * _noise(random, size, style.noise)
    memory = (2e8 + 7e8 * random.random()) * flow.factor(service, "memory")
    memory = memory * (1 + 0.1 * flow.pending(service)) * (1 + 0.004 * random.standard_normal(size))
    share = random.binomial(asked.astype(np.int64), flow.errors[service]) / np.maximum(1, asked.astype(np.int64))
    disk = 3e5 * flow.factor(service, "disk") * _noise(random, size, 2 * style.noise)
    middle, slowest = (np.where(flow.rps[service] > 1e-6, values, np.nan) for values in (middle, slowest))
    latencies = dict((style.latency(middle, "latency_p50"), style.latency(slowest, "latency_p95")))
    if style.waits and graph.callees(service):
        edges = [(service, callee) for callee in graph.callees(service)]
        heap = sum(flow.calls[e] * (flow.latency[e[1]] + flow.link[e]) for e in edges)
        mean = heap / np.maximum(1e-9, sum(flow.calls[e] for e in edges))
        latencies.update((style.latency(mean * _noise(random, size, style.noise), "client_latency_p50"),))
    full = {
        ("cpu_pct" if style.percent else "cpu"): np.minimum(cpu, 99.0) if style.percent else cpu / 50,
        "mem_bytes": memory,
        "disk_write_bytes": disk,
    }
    if service in graph.stores and style.plain_stores:
        busy_with = 2 + 0.002 * flow.rps[service] * flow.latency[service]
        return {**full, "connections": np.round(busy_with * _noise(random, size, style.noise))}
    return {
        **full,
        **latencies,
        ("success_share" if style.success else "error_rate"): 1 - share if style.success else share,
        "rps": flow.rps[service] * _noise(random, size, style.noise),
    }


def series_of(
    graph: Graph, flow: Flow, times: Floats, style: Style, random: np.random.Generator, *, spikes: int | None
) -> list[Series]:
    """Every service's series; single samples stray, but not at the service `spikes`, and some are missing."""
    found = []
    for service, name in enumerate(graph.names):
        for metric, values in _measured(graph, flow, service, style, random).items():
            strays, size, when, lost = (
                random.random(),
                random.uniform(2, 7),
                random.integers(times.size),
                random.random(times.size),
            )
            if strays < 0.04 and service != spikes and "share" not in metric:
                values[when] *= 1 + size * min(1.0, 15.0 / style.step)
            values[lost < style.missing] = np.nan
            found.append(Series(name, metric, kind_of(metric), unit_of(metric), times, values))
    return found


def _row(
    at: float, ends: tuple[str, str], operation: str, count: float, spread: tuple[float, float, float], errors: float | None
) -> CallStats:
    return CallStats(datetime.fromtimestamp(at, UTC), *ends, operation, count, *spread, errors)


def calls_of(graph: Graph, flow: Flow, minutes: Floats, random: np.random.Generator, spans: Spans) -> list[CallStats]:
    """What was served, by caller, and what the callers' own spans took."""
    found = []
    for service, name in enumerate(graph.names):
        heap: list[tuple[Floats, Floats]] = []
        for callee in graph.callees(service):
            edge = service, callee
            served = flow.latency[callee][:, None] * np.exp(graph.tail[callee] * random.choice(_NORMAL, (minutes.size, 60)))
            waited = served + (flow.link[edge] * _noise(random, minutes.size, 0.1))[:, None]
            counts = np.floor(random.poisson(60 * flow.calls[edge] * 0.3)).astype(float)
            failing = np.clip(flow.errors[callee] + flow.lost[edge], 0, 1)
            heap.append((waited, counts))
            ends = (name, graph.names[callee])
            for n in np.flatnonzero(counts):
                failed = float(random.binomial(int(counts[n]), failing[n]))
                found.append(_row(minutes[n], ends, f"POST /v{callee}", counts[n], _spread(served[n]), failed))
                if spans == "named":
                    found.append(_row(minutes[n], (name, name), f"POST /v{callee}", counts[n], _spread(waited[n]), failed))
        for m in range(minutes.size if heap and spans == "method" else 0):
            total = float(sum(c[m] for _, c in heap))
            if total:
                mixed = np.concatenate([w[m][: max(1, int(60 * c[m] / total))] for w, c in heap])
                found.append(_row(float(minutes[m]), (name, name), "HTTP GET", total, _spread(mixed), None))
    return sorted(found, key=lambda c: (c.at, c.caller, c.callee, c.operation))


def _spread(values: Floats) -> tuple[float, float, float]:
    ordered = np.sort(values)
    return ordered.item(ordered.size // 2), ordered.item(int(0.95 * (ordered.size - 1))), ordered.item(-1)


def lines_of(
    graph: Graph, kind: Kind, troubles: Sequence[Trouble], since: float, now: float, random: np.random.Generator
) -> list[LogLine]:
    """What services tell in passing; what a failing or a silent one says, or no longer says; what callers complain of."""
    found: list[LogLine] = []
    fault = troubles[0] if kind != "none" else None

    def say(service: int, level: str, text: str, rate: float, between: tuple[float, float]) -> None:
        held = np.sort(random.uniform(*between, random.poisson(max(0.0, rate * (between[1] - between[0]) / 60))))
        for at in held:
            message = text.format(int(random.integers(100_000)))
            found.append(LogLine(datetime.fromtimestamp(float(at), UTC), graph.names[service], level, message))

    for service in range(len(graph.names)):
        stops = fault is not None and kind == "silent" and service == fault.at
        for n, text in enumerate(random.permutation(_TELLS)[:3]):
            until = fault.began if fault is not None and stops and n == 0 else now
            say(service, "info", str(text), 8.0 if stops else float(random.uniform(0.5, 4)), (since, until))
        if random.random() < 0.25:
            say(service, "warning", "slow answer, {} ms", 0.6, (since, now))
        if random.random() < 0.1:
            say(service, "error", "IllegalArgumentException: no such item {}", 0.5, (since, now))
    if fault is not None and (fault.fails > 0.05 or fault.loss > 0.1):
        if fault.fails and kind != "memory":
            say(fault.at, "error", "IllegalStateException: cannot finish step {}", 25 * fault.fails, (fault.began, now))
        for caller in graph.callers(fault.at):
            text = f"call to {graph.names[fault.at]} failed after {{}} ms"
            say(caller, "error", text, 12 * (fault.fails + fault.loss) * random.random(), (fault.began, now))
    return sorted(found, key=lambda e: (e.at, e.component, e.message))


def changes_of(graph: Graph, kind: Kind, troubles: Sequence[Trouble], random: np.random.Generator) -> list[Change]:
    """The one that brought the fault, and others that did nothing."""
    made = [(int(random.integers(len(graph.names))), ALERT - float(random.uniform(400, 7000)), "deployment") for _ in range(2)]
    if kind == "config":
        made.append((troubles[0].at, troubles[0].began - float(random.uniform(5, 180)), "config"))
    return [
        Change(f"chg-{n}", datetime.fromtimestamp(at, UTC), graph.names[service], what, f"v{n + 2}")  # type: ignore[arg-type]
        for n, (service, at, what) in enumerate(made)
    ]
