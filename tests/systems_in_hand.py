"""Made-up systems, each with one fault whose place is known, as the cases that monitoring would have made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from system_flow_in_hand import ALERT, KINDS, STEPS, Flow, Graph, Kind, Trouble, flow_of, graph_of
from system_telemetry_in_hand import Spans, Style, calls_of, changes_of, lines_of, series_of

from nexus.analysis.case import Case
from nexus.incident import Cause
from nexus.world.catalog import ServiceKind
from nexus.world.metrics import Floats

T = TypeVar("T")

_DAY = 86_400.0
_BUG, _HOST = Cause.CODE_BUG, Cause.INFRASTRUCTURE
_CAUSES: dict[Kind, frozenset[Cause]] = {
    **dict.fromkeys(("cpu", "memory", "disk", "network", "loss"), frozenset({_HOST})),
    **dict.fromkeys(("failing", "silent", "retries"), frozenset({_BUG})),
    **dict.fromkeys(("delay", "earlier"), frozenset({_BUG, _HOST})),
    "config": frozenset({Cause.DEPLOYMENT}),
}


@dataclass(frozen=True, slots=True)
class System:
    """A case, and where its fault is; `service` None where there is none."""

    case: Case
    service: str | None
    causes: frozenset[Cause]
    kind: Kind
    step: int


def _fault(kind: Kind, graph: Graph, random: np.random.Generator, step: int) -> list[Trouble]:
    """The fault itself first."""
    size = len(graph.names)
    began = ALERT - float(random.uniform(min(300, max(30, step / 2)), 300))
    inner = [s for s in range(1, size) if graph.callees(s)]
    at = int(random.integers(1, size)) if kind not in {"silent", "retries"} else int(random.choice(inner or [0]))
    if kind in {"network", "loss"}:
        felt = [s for s in range(1, size) if len(graph.callers(s)) > 1]
        at = int(random.choice(felt or [at]))
    much = float(random.uniform(0.0, 1.0))
    long_ms = 60.0 * 16.0**much
    if kind == "earlier":
        other = int(random.choice([s for s in range(1, size) if s != at]))
        ended = ALERT - float(random.uniform(700, 1500))
        past = Trouble(other, slower=10.0, fails=0.3, cpu=2.0, began=ended - float(random.uniform(180, 400)), over=ended)
        return [Trouble(at, added_ms=long_ms, fails=0.1, began=began), past]
    if kind == "retries":
        callee = int(random.choice(graph.callees(at)))
        times = 2.5 + 5.0 * much
        return [
            Trouble(at, repeats=(callee, times), began=began),
            Trouble(callee, slower=2.0 + 4 * much, fails=0.1 * much, cpu=1.2, began=began),
        ]
    shapes: dict[str, Trouble] = {
        "cpu": Trouble(at, slower=1.5 + 5 * much, cpu=1.8 + 3 * much, fails=0.02 * much),
        "memory": Trouble(at, slower=1.3 + 2 * much, memory=1.4 + 1.2 * much, fails=0.08 * much),
        "disk": Trouble(at, slower=1.5 + 5 * much, disk=3 + 20 * much),
        "delay": Trouble(at, added_ms=long_ms),
        "network": Trouble(at, link_ms=long_ms),
        "loss": Trouble(at, link_ms=0.3 * long_ms, loss=0.04 + 0.2 * much),
        "failing": Trouble(at, fails=0.05 + 0.5 * much),
        "silent": Trouble(at, drops=1.0),
        "config": Trouble(at, added_ms=long_ms * (much < 0.5), fails=0.4 * (much >= 0.5)),
    }
    return [replace(shapes[kind], began=began)] if kind in shapes else []


def made_up(
    kind: Kind, seed: int, *, step: int | None = None, names: Sequence[str] | None = None, seconds: bool | None = None
) -> System:
    """One system; the same arguments give the same one, and `names` and `seconds` (the unit of latencies) change nothing else."""
    random = np.random.default_rng([seed, (*KINDS, "none").index(kind)])
    graph = graph_of(random, names)
    drawn = int(random.choice(STEPS))
    sampled = step or drawn
    shortest = 30.0 if kind == "earlier" else 10.0
    window = 60.0 * float(random.uniform(shortest, 60.0 if sampled > 5 else max(15.0, shortest + 5)))
    has_calls, has_lines, has_baseline, told = random.random(4) < [0.6, 0.6, 0.5, 0.5]
    spans: Spans = ("named", "method", "none")[int(random.choice(3, p=[0.4, 0.4, 0.2]))]
    style = Style(
        step=sampled,
        window_s=window,
        percent=random.random() < 0.5,
        seconds=bool(random.random() < 0.5) if seconds is None else seconds,
        success=random.random() < 0.3,
        waits=random.random() < 0.4,
        plain_stores=random.random() < 0.5,
        mean_s=float(max(sampled, random.choice([1, 60]))),
        missing=float(random.choice([0.0, 0.02, 0.08])),
        noise=float(random.uniform(0.03, 0.12)),
    )
    if kind in {"network", "loss"} and not has_calls:
        style = replace(style, waits=True)
    now = ALERT + float(random.uniform(60, 120))
    troubles = _fault(kind, graph, random, sampled)
    if kind != "none":
        bystander = int(random.choice([service for service in range(len(graph.names)) if service != troubles[0].at]))
        busy = ALERT - float(random.uniform(-60, 600))
        troubles.append(Trouble(bystander, cpu=1.5, disk=2.0, began=busy, over=busy + float(random.uniform(60, 240))))
    phase = float(random.uniform(0, 2 * np.pi))

    def flow(times: Floats, faults: Sequence[Trouble], span: float) -> Flow:
        return flow_of(graph, faults, times, span, 1 + 0.2 * np.sin(2 * np.pi * times / _DAY + phase))

    last = now - float(random.uniform(0, min(sampled, 30)))
    times = np.arange(last, ALERT - window, -float(sampled))[::-1].copy()
    spiky = troubles[0].at if kind != "none" else None
    series = series_of(graph, flow(times, troubles, style.mean_s), times, style, random, spikes=spiky)
    quiet_times = times[-1] - _DAY - float(sampled) * np.arange(min(600, int(7200 / sampled)))[::-1]
    baseline = (
        series_of(graph, flow(quiet_times, (), style.mean_s), quiet_times, style, random, spikes=spiky) if has_baseline else []
    )
    minutes: Floats = 60.0 * np.arange(np.ceil((ALERT - min(window, 1500)) / 60), np.floor(now / 60), dtype=np.float64)
    unseen = kind == "retries" and style.plain_stores and troubles[1].at in graph.stores
    forced = unseen or (kind == "silent" and not has_lines)
    calls = calls_of(graph, flow(minutes + 60, troubles, 60.0), minutes, random, spans) if has_calls or forced else []
    lines = lines_of(graph, kind, troubles, ALERT - min(window, 1200), now, random) if has_lines else []
    return System(
        case=Case(
            now=now,
            alert_at=ALERT,
            alert_service=graph.names[0] if told else None,
            window_s=window,
            series=series,
            baseline=baseline,
            calls=calls,
            lines=lines,
            changes=changes_of(graph, kind, troubles, random),
            edges=sorted((graph.names[i], graph.names[j]) for i, j in graph.edges),
            kinds={name: _kind(n in graph.stores) for n, name in enumerate(graph.names)},
        ),
        service=graph.names[troubles[0].at] if kind != "none" else None,
        causes=_CAUSES.get(kind, frozenset()),
        kind=kind,
        step=sampled,
    )


def _kind(store: bool) -> ServiceKind:
    return "database" if store else "backend"


def shuffled(case: Case, seed: int) -> Case:
    """The same case with everything in another order."""
    random = np.random.default_rng(seed)

    def mixed(held: Sequence[T]) -> list[T]:
        return [held[n] for n in random.permutation(len(held))]

    return replace(
        case,
        series=mixed(case.series),
        baseline=mixed(case.baseline),
        calls=mixed(case.calls),
        lines=mixed(case.lines),
        changes=mixed(case.changes),
        edges=mixed(case.edges),
    )
