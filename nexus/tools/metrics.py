"""Metrics: `query_metrics`, the series that moved, judged against their own past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from nexus.analysis.shift import Shift
from nexus.tools.gather import moved
from nexus.tools.need import some
from nexus.tools.readings import MetricChange, MetricsReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool

_MOST = 40


def told(shift: Shift) -> MetricChange:
    """A shift as a reading's entry."""
    return MetricChange(
        component=shift.component,
        metric=shift.series.metric,
        kind=shift.series.kind.value,
        unit=shift.series.unit,
        before=round(shift.before, 6),
        after=round(shift.after, 6),
        score=round(min(shift.score, 1e4), 2),
        direction=shift.direction,
        onset=datetime.fromtimestamp(shift.onset, UTC),
    )


def _sentence(looked_at: int, changed: Sequence[MetricChange]) -> str:
    if looked_at == 0:
        return "no series could be judged: too few samples"
    if not changed:
        return f"none of {looked_at} series left its normal range"
    first = changed[0]
    size = f"{first.before:.3g} to {first.after:.3g} {first.unit}".rstrip()
    step = f"{first.component} {first.metric} went {first.direction} from {size}"
    where = some(c.component for c in changed)
    return f"{len(changed)} of {looked_at} series moved, at {where}; strongest: {step} since {first.onset:%H:%M}"


async def _query_metrics(look: Look, arguments: OfComponent) -> Seen:
    shifts = await moved(look, None if arguments.component is None else (arguments.component,))
    strong = [s for s in shifts if s.moved]
    strong.sort(key=lambda s: (not s.harmful, not s.now, -s.score))
    changed = tuple(told(s) for s in strong[:_MOST])
    reading = MetricsReading(summary=_sentence(len(shifts), changed), looked_at=len(shifts), changed=changed)
    return Seen(reading)


QUERY_METRICS = Tool(
    name="query_metrics",
    description="Series that left their normal range, strongest first: CPU, memory, disk, connections, errors, latency, traffic.",
    arguments=OfComponent,
    run=_query_metrics,
)
