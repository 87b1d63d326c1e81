"""Suspect picture: `picture_suspect`, one suspect with the series and the log lines that convinced, drawn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from nexus.analysis.case import Case, Periods, Suspicion
from nexus.analysis.rank import rank_suspects
from nexus.analysis.shift import Shift, shifts_of
from nexus.errors import Unavailable
from nexus.tools.gather import gather, periods_of
from nexus.tools.readings import PictureReading
from nexus.tools.suspects import SHORT, cut
from nexus.tools.tool import Look, Marks, OfComponent, Seen, Tool
from nexus.world.metrics import Series

MOST = 4
"""Series in one picture."""
OF_ANOTHER = 2
"""Series of one neighbour of the suspect's, so that others are seen too."""
LINES = 4
"""Log lines in one picture."""
_ENOUGH = 8
"""Samples from which it can be told what is usual."""


def shown_of(suspicion: Suspicion, shifts: Sequence[Shift], edges: Sequence[tuple[str, str]]) -> list[Shift]:
    """The series that its clues name; where they name none, what moved most at it and at those that it calls or that call it."""
    held = {(s.component, s.series.metric): s for s in shifts}
    named = dict.fromkeys(pair for clue in suspicion.clues for pair in clue.series if pair in held)
    if named:
        return [held[pair] for pair in named][:MOST]
    own = suspicion.component
    around = {a if b == own else b for a, b in edges if own in {a, b}}
    near = [s for s in shifts if s.moved and s.harmful and s.component in {own, *around}]
    chosen: list[Shift] = []
    taken: Counter[str] = Counter()
    for shift in sorted(near, key=lambda s: (s.component != own, -s.score, s.component, s.series.metric)):
        if taken[shift.component] < OF_ANOTHER:
            chosen.append(shift)
            taken[shift.component] += 1
    return chosen[:MOST]


def usual_of(shift: Shift, baseline: Series | None, periods: Periods) -> tuple[float, float] | None:
    """Between what a series is nineteen times of twenty when all is well; None where too little was sampled."""
    series = shift.series
    if baseline is not None:
        values = baseline.values
    else:
        values = series.values[series.times <= min(periods.alert_at - 300.0, shift.onset - 60.0)]
    values = values[np.isfinite(values)]
    if values.size < _ENOUGH:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def text_of(suspicion: Suspicion) -> list[str]:
    """What is written under the series: who, what kind of cause, the clues in words, and the log lines."""
    kind = suspicion.cause.value.replace("_", " ")
    how = f", {suspicion.mechanism}" if suspicion.mechanism else ""
    since = f", since {datetime.fromtimestamp(suspicion.onset, UTC):%H:%M} UTC" if suspicion.onset is not None else ""
    stands = "" if suspicion.strong else ", does not stand out from noise"
    told = [
        f"suspect  {suspicion.component} (score {suspicion.score:.2f}{stands})",
        f"cause    {kind}{how}{since}" + (f", change {suspicion.change}" if suspicion.change else ""),
        "clues",
        *(f"  {clue.kind + ':':<9}{clue.text.removeprefix('log: ')}" for clue in suspicion.clues),
    ]
    lines = list(dict.fromkeys(line for clue in suspicion.clues for line in clue.lines))[:LINES]
    return told + (["log lines that these rest on", *(f"  {line}" for line in lines)] if lines else [])


def marks_for(look: Look, case: Case, suspicion: Suspicion) -> Marks:
    """The incident's moments, with the change that the suspect's trouble is put down to."""
    made = next((c.at for c in case.changes if c.id == suspicion.change), look.marks.change)
    return replace(look.marks, change=made, alert=look.marks.alert or look.alert.starts_at)


async def _picture_suspect(look: Look, arguments: OfComponent) -> Seen:
    from nexus.pictures import draw_suspect  # noqa: PLC0415  # drawing costs half a second to import; few runs look at none

    case = await gather(look)
    ranked = rank_suspects(case).suspects
    wanted = arguments.component
    found = next((s for s in ranked if wanted is None or s.component == wanted), None)
    if found is None:
        who = "no component is suspect" if wanted is None else f"{wanted} is not among the suspects"
        raise Unavailable(f"{who}, so there is nothing to draw", "name one that rank_suspects lists")
    periods = periods_of(look)
    shown = shown_of(found, shifts_of(case.series, case.baseline, periods), case.edges)
    quiet = {(s.component, s.metric): s for s in case.baseline}
    usual = [usual_of(s, quiet.get((s.component, s.series.metric)), periods) for s in shown]
    title = f"Why {found.component}: {look.alert.title}"
    marks = marks_for(look, case, found)
    png = await asyncio.to_thread(draw_suspect, [s.series for s in shown], usual, marks, title, text_of(found))
    why = "; ".join(cut(reason, SHORT) for reason in found.reasons[:3])
    summary = f"What points to {found.component}, as of {look.at:%H:%M} UTC: {why}."
    return Seen(
        PictureReading(summary=summary, shows=tuple(f"{s.component} {s.series.metric}" for s in shown)), {"suspect.png": png}
    )


PICTURE_SUSPECT = Tool(
    "picture_suspect",
    "Draws what points to a suspect, by default the first.",
    OfComponent,
    _picture_suspect,
)
