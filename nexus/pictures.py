"""Pictures: metrics that moved, and a suspect with what convinced; the incident's moments marked, the same bytes each time."""

from __future__ import annotations

import re
import textwrap
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from math import ceil
from typing import Literal, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nexus.world.metrics import Series

MOST_PANELS = 6
MOST_OF_A_SUSPECT = 4
"""Panels above the text that tells of a suspect."""
MOST_LINES = 22
"""Lines of that text."""
COLUMNS = 136
"""Characters in a line of it."""
WIDTH_PX = 1200

_INK, _QUIET, _LINE = "#1c2430", "#5b6675", "#24527a"
_LOOKS: tuple[tuple[str, str, Literal[":", "-", "--", "-."]], ...] = (
    ("change", "#7b3fa0", ":"),
    ("alert", "#c62828", "-"),
    ("action", "#e08600", "--"),
    ("recovery", "#2e7d32", "-."),
)
_SPACE = re.compile(r"\s")
_LINE_IN = 0.178
"""Height of a line of text in inches."""
_DRAWING = threading.Lock()


class Moments(Protocol):
    """What is marked on every panel; None where it did not happen or is not known."""

    @property
    def change(self) -> datetime | None:
        """When the change held responsible was made."""
        ...

    @property
    def alert(self) -> datetime | None:
        """When the alert began."""
        ...

    @property
    def action(self) -> datetime | None:
        """When the last action was taken."""
        ...

    @property
    def recovery(self) -> datetime | None:
        """When the verifiers first saw recovery."""
        ...


def draw_before_after(series: Sequence[Series], marks: Moments, title: str) -> bytes:
    """A PNG, 1200 px wide, with one small panel for each of the first six series over one time axis in UTC.

    Raises ValueError when there is no series.
    """
    shown = series[:MOST_PANELS]
    if not shown:
        raise ValueError("a picture needs at least one series")
    columns = 1 if len(shown) <= 3 else 2
    with _DRAWING:  # fonts and locators are shared by all figures and are not made for several threads
        figure, panels = _sheet(len(shown), columns, 0.0)
        for panel, one in zip(panels, shown, strict=False):
            _panel(panel, one, marks)
        _words_around(figure, shown, marks, title)
        return _png(figure)


def draw_suspect(
    series: Sequence[Series], usual: Sequence[tuple[float, float] | None], marks: Moments, title: str, text: Iterable[str]
) -> bytes:
    """A PNG, 1200 px wide: the first four series, each over the band of its usual values, and under them what else tells.

    `text` is a line an entry; long ones are folded. Raises ValueError where there is neither a series nor a line.
    """
    shown = series[:MOST_OF_A_SUSPECT]
    lines = folded(text)
    if not shown and not lines:
        raise ValueError("a picture needs a series or a line of text")
    columns = 1 if len(shown) <= 2 else 2
    with _DRAWING:
        room = 0.15 + _LINE_IN * len(lines)
        figure, panels = _sheet(len(shown), columns, room)
        for panel, one, band in zip(panels, shown, usual, strict=False):
            if band is not None:
                panel.axhspan(*band, color=_LINE, alpha=0.10, linewidth=0)
            _panel(panel, one, marks)
        _text_block(figure, lines, room / figure.get_figheight())
        _words_around(figure, shown, marks, title)
        return _png(figure)


def _text_block(figure: Figure, lines: Sequence[str], top: float) -> None:
    font = FontProperties(family="DejaVu Sans Mono", size=9.5)
    figure.text(0.02, top, "\n".join(lines), va="top", fontproperties=font, linespacing=1.3, color=_INK, parse_math=False)


def folded(text: Iterable[str]) -> list[str]:
    """The lines of a monospaced block: each entry in at most two, the second deeper; cut where there are too many."""
    lines: list[str] = []
    for one in text:
        indent = one[: len(one) - len(one.lstrip(" "))]
        plain = "".join(c if ord(c) in _glyphs("DejaVu Sans Mono") else "□" for c in _SPACE.sub(" ", one).strip())
        lines += textwrap.wrap(
            plain, COLUMNS, initial_indent=indent, subsequent_indent=indent + "  ", max_lines=2, placeholder=" …"
        )
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "…"]


def _sheet(number: int, columns: int, below: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels over one time axis, and `below` inches free under them."""
    rows = ceil(number / columns)
    height = (1.2 if number else 0.75) + 2.2 * rows + below
    figure = Figure(figsize=(WIDTH_PX / 100, height), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    if not number:
        return figure, []
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
    figure.subplots_adjust(
        left=0.075, right=0.985, top=1 - 0.75 / height, bottom=(0.85 + below) / height, hspace=0.36, wspace=0.17
    )
    _time_axis(panels[0, 0])
    for panel in panels.flat[number:]:
        panel.set_visible(False)
        panels[rows - 2, columns - 1].tick_params(labelbottom=True)
    return figure, list(panels.flat[:number])


def _words_around(figure: Figure, shown: Sequence[Series], marks: Moments, title: str) -> None:
    """The title above the panels, and under them the day and what each mark means."""
    height = figure.get_figheight()
    figure.suptitle(_drawable(title), fontsize=13, fontweight="bold", color=_INK, y=1 - 0.12 / height, parse_math=False)
    bottom = min((panel.get_position().y0 for panel in figure.axes), default=0.0)
    if not shown:
        return
    days = " to ".join(dict.fromkeys(f"{moment:%Y-%m-%d}" for moment in _times(shown)))
    named = f"time (UTC), {days}" if days else "time (UTC)"
    figure.text(0.01, bottom - 0.63 / height, named, fontsize=10, color=_QUIET)
    handles = _legend(marks, shown)
    if handles:
        place = (0.99, bottom - 0.58 / height)
        figure.legend(handles=handles, loc="center right", bbox_to_anchor=place, ncols=len(handles), frameon=False, fontsize=10)


def _png(figure: Figure) -> bytes:
    png = BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _panel(panel: Axes, series: Series, marks: Moments) -> None:
    times = np.array([datetime.fromtimestamp(t, UTC) for t in series.times], dtype=object)
    values = np.where(np.isfinite(series.values), series.values, np.nan)
    panel.plot(times, values, color=_LINE, linewidth=1.6, marker="." if times.size <= 40 else "", markersize=4)
    for name, colour, style in _LOOKS:
        moment = getattr(marks, name)
        if moment is not None and _within(moment, series):
            panel.axvline(moment, color=colour, linestyle=style, linewidth=1.8)
    if marks.alert is not None and times.size and _within(marks.alert, series):
        until = marks.recovery if marks.recovery is not None and marks.recovery > marks.alert else times[-1]
        start, end = date2num([marks.alert, min(until, times[-1])])  # type: ignore[no-untyped-call]  # matplotlib's own
        panel.axvspan(start, end, color="#c62828", alpha=0.07, linewidth=0)
    panel.set_title(
        _drawable(f"{series.component}: {series.metric}"), fontsize=11, loc="left", y=1.0, color=_INK, parse_math=False
    )
    panel.set_ylabel(_drawable(series.unit) or series.kind.value, fontsize=10, color=_QUIET, parse_math=False)
    panel.yaxis.set_major_locator(MaxNLocator(4))
    panel.tick_params(labelsize=9, colors=_QUIET)
    panel.grid(visible=True, color="#e3e7ec", linewidth=0.7)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.01)


def _time_axis(panel: Axes) -> None:
    """Hours and minutes for all panels, which share one axis."""
    panel.xaxis.set_major_locator(AutoDateLocator(tz=UTC, minticks=3, maxticks=8))  # type: ignore[no-untyped-call]  # matplotlib's own
    panel.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))  # type: ignore[no-untyped-call]  # matplotlib's own


def _within(moment: datetime, series: Series) -> bool:
    return bool(series.times.size) and series.times[0] - 600 <= moment.timestamp() <= series.times[-1] + 600


def _times(series: Sequence[Series]) -> list[datetime]:
    held = [one.times for one in series if one.times.size]
    ends = [min(float(t[0]) for t in held), max(float(t[-1]) for t in held)] if held else []
    return [datetime.fromtimestamp(t, UTC) for t in ends]


def _legend(marks: Moments, series: Sequence[Series]) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, linestyle=style, linewidth=1.8, label=f"{name} {moment:%H:%M}")
        for name, colour, style in _LOOKS
        if (moment := getattr(marks, name)) is not None and any(_within(moment, one) for one in series)
    ]


@cache
def _glyphs(font: str = "DejaVu Sans") -> frozenset[int]:
    return frozenset(get_font(findfont(font)).get_charmap())


def _drawable(text: str) -> str:
    """At most 90 characters, with a box for each that the font does not have."""
    short = text if len(text) <= 90 else text[:89] + "…"
    return "".join(c if ord(c) in _glyphs() else "□" for c in " ".join(short.split()))
