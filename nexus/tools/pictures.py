"""Picture tools: the metrics that moved, drawn, and a page as its users see it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from pydantic import Field

from nexus.analysis.case import Periods
from nexus.analysis.shift import Shift, shifts_of
from nexus.errors import Unavailable
from nexus.incident import Word
from nexus.tools.need import need, since
from nexus.tools.readings import PictureReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool

MOST = 6
"""Series in one picture."""
OF_ONE = 2
"""Series of one component in one picture, so that others are seen too."""


class Page(Word):
    """Which page."""

    page: str | None = Field(default=None, max_length=200, description="the first watched one when not named")


def choose(shifts: Sequence[Shift]) -> list[Shift]:
    """Those that moved, harmfully before otherwise, strongest first, few of one component; else the three that moved most."""
    moved = sorted((s for s in shifts if s.moved), key=lambda s: (not s.harmful, -s.score, s.component, s.series.metric))
    chosen: list[Shift] = []
    taken: Counter[str] = Counter()
    for shift in moved:
        if taken[shift.component] < OF_ONE:
            chosen.append(shift)
            taken[shift.component] += 1
    return chosen[:MOST] or list(shifts[:3])


async def _chosen(look: Look, component: str | None) -> list[Shift]:
    metrics = need(look.world.metrics, "metrics")
    components = None if component is None else [component]
    series = await metrics.series(since(look, timedelta(minutes=30)), look.at, components)
    baseline = await metrics.baseline(components)
    return choose(shifts_of(series, baseline, Periods(look.alert.starts_at.timestamp(), look.at.timestamp())))


async def _picture_metrics(look: Look, arguments: OfComponent) -> Seen:
    from nexus.pictures import draw_before_after  # noqa: PLC0415  # drawing costs half a second to import; few runs look at none

    chosen = await _chosen(look, arguments.component)
    if not chosen and arguments.component is not None:  # another company's system, say: it shows in those who use it
        chosen = await _chosen(look, None)
    if not chosen:
        raise Unavailable("no metric was sampled both before and after", "widen the window or name another component")
    names = tuple(f"{s.component} {s.series.metric}" for s in chosen)
    moved = any(s.moved for s in chosen)
    what = "Before and after" if moved else "Nothing moved"
    title = f"{what}: {arguments.component or look.alert.service or look.world.name}, {look.alert.title}"
    png = await asyncio.to_thread(draw_before_after, [s.series for s in chosen], look.marks, title)
    summary = f"{what}, as of {look.at:%H:%M} UTC: " + ", ".join(_told(s, look.at.timestamp()) for s in chosen) + "."
    return Seen(PictureReading(summary=summary, shows=names), {"metrics.png": png})


_SILENT_S = 120.0
"""A series without a sample for that long says nothing of now."""


def _told(shift: Shift, now: float) -> str:
    unit = "" if shift.series.unit in ("", "1", "share") else f" {shift.series.unit}"
    sampled = shift.series.times[np.isfinite(shift.series.values)]
    silent = now - float(sampled[-1]) > max(_SILENT_S, 3 * float(sampled[-1] - sampled[-2]))
    last = "not measured since" if silent else "still there" if shift.now else "back"
    change = f"{shift.before:.3g} to {shift.after:.3g}{unit}"
    return f"{shift.component} {shift.series.metric} {change}" + (f" ({last})" if shift.moved else "")


async def _screenshot(look: Look, arguments: Page) -> Seen:
    browser = need(look.world.browser, "browser")
    page = arguments.page or next((p.page for p in await browser.pages(look.at)), "/")
    png = await browser.screenshot(page, look.at)
    summary = f"The page {page} as a user sees it at {look.at:%H:%M:%S} UTC."
    return Seen(PictureReading(summary=summary, shows=(page,)), {"page.png": png})


PICTURE_METRICS = Tool(
    "picture_metrics",
    "Draws the metrics that moved, before and after, with the change, the alert, the action and recovery marked.",
    OfComponent,
    _picture_metrics,
)
SCREENSHOT = Tool("screenshot", "A picture of a page as its users see it now.", Page, _screenshot)
