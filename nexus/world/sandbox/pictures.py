"""Pictures: a page of the shop as a user sees it, drawn with matplotlib's objects and no global state."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


@dataclass(frozen=True, slots=True)
class PageView:
    """What there is to see; `failing` is the share of requests behind the page that fail."""

    page: str
    at: datetime
    load_ms: float
    assets_failing: float
    failing: float
    script_error: str


def draw_page(view: PageView) -> bytes:
    """A PNG, 800 by 500."""
    figure = Figure(figsize=(8, 5), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 80)
    axes.set_ylim(0, 50)
    axes.set_axis_off()
    _box(axes, (0, 44), 80, 6, "#20303f")
    axes.text(2, 46.2, "Corner Shop", color="white", fontsize=15, weight="bold")
    axes.text(78, 46.2, view.page, color="#c8d6e0", fontsize=11, ha="right")
    if view.failing > 0.3:
        _broken(axes, view)
    else:
        _products(axes, view)
    if view.script_error:
        _box(axes, (0, 3.5), 80, 3.5, "#fbe3e0")
        axes.text(2, 4.6, f"console: {view.script_error}"[:110], color="#a3201a", fontsize=8, family="monospace")
    stamp = f"{view.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC   loaded in {view.load_ms / 1000:.1f} s"
    axes.text(2, 1.2, stamp, color="#555555", fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _box(axes: Axes, corner: tuple[float, float], width: float, height: float, colour: str) -> None:
    axes.add_patch(Rectangle(corner, width, height, facecolor=colour, edgecolor="none"))


def _broken(axes: Axes, view: PageView) -> None:
    axes.text(40, 28, "Something went wrong", fontsize=22, ha="center", color="#a3201a", weight="bold")
    axes.text(40, 23, "503 Service Unavailable", fontsize=13, ha="center", color="#444444")
    axes.text(40, 19, f"{view.failing:.0%} of requests fail", fontsize=10, ha="center", color="#777777")


def _products(axes: Axes, view: PageView) -> None:
    colours = ("#7fa7c9", "#c9a27f", "#8fc97f", "#c97fa0", "#9d8fd0", "#d0c88f")
    names = ("Kettle", "Lamp", "Plant pot", "Blanket", "Mug", "Notebook")
    for index, (colour, name) in enumerate(zip(colours, names, strict=True)):
        x, y = 4 + 25 * (index % 3), 26 - 18 * (index // 3)
        missing = index / len(names) < view.assets_failing
        _box(axes, (x, y + 3), 22, 12, "#e6e6e6" if missing else colour)
        if missing:
            axes.text(x + 11, y + 9, "image not loaded", fontsize=8, ha="center", color="#888888")
        axes.text(x, y + 1, name, fontsize=9)
        axes.text(x + 22, y + 1, f"{9 + 7 * index}.90", fontsize=9, ha="right", color="#333333")
