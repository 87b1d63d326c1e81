"""Pictures are the same bytes each time, readable PNGs, and show what moved."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from world_in_hand import Browsers, Measured, errors, look

from nexus.analysis.case import Clue, Periods, Suspicion
from nexus.analysis.shift import shifts_of
from nexus.errors import Unavailable
from nexus.incident import Cause
from nexus.pictures import COLUMNS, MOST_LINES, MOST_PANELS, WIDTH_PX, draw_before_after, draw_suspect, folded
from nexus.tools.pictures import MOST, OF_ONE, PICTURE_METRICS, SCREENSHOT, Page, choose
from nexus.tools.readings import PictureReading
from nexus.tools.suspect_picture import PICTURE_SUSPECT, shown_of, text_of, usual_of
from nexus.tools.tool import Marks, OfComponent
from nexus.world.metrics import MetricKind, Series

ALERT = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
MARKS = Marks(
    change=ALERT - timedelta(minutes=4), alert=ALERT, action=ALERT + timedelta(minutes=20), recovery=ALERT + timedelta(minutes=25)
)


def series(component: str, metric: str = "error_rate", low: float = 0.01, high: float = 0.6, unit: str = "share") -> Series:
    times = np.arange(ALERT.timestamp() - 3600, ALERT.timestamp() + 2400, 60.0)
    trouble = (times > ALERT.timestamp() - 120) & (times < ALERT.timestamp() + 1300)
    values = np.asarray(np.where(trouble, high, low) * (1 + 0.05 * np.sin(times)), dtype=np.float64)
    values[5:9] = np.nan
    return Series(component, metric, MetricKind.ERRORS, unit, times, values)


@dataclass(frozen=True)
class Size:
    width: int
    height: int


def size_of(png: bytes) -> Size:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return Size(int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big"))


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_picture_is_as_wide_as_promised_and_grows_with_its_panels(number: int) -> None:
    size = size_of(draw_before_after([series(f"s{n}") for n in range(number)], MARKS, "Before and after"))
    assert size.width == WIDTH_PX
    assert 300 <= size.height <= 900


def test_the_same_series_give_the_same_bytes() -> None:
    shown = [series("basket"), series("gateway")]
    assert draw_before_after(shown, MARKS, "t") == draw_before_after(shown, MARKS, "t")


def test_threads_draw_the_same_as_one() -> None:
    alone = draw_before_after([series("basket")], MARKS, "t")
    with ThreadPoolExecutor(3) as threads:
        drawn = list(threads.map(lambda _: draw_before_after([series("basket")], MARKS, "t"), range(3)))
    assert drawn == [alone] * 3


def test_a_mark_changes_the_picture_and_no_mark_is_needed() -> None:
    shown = [series("basket")]
    assert draw_before_after(shown, Marks(), "t") != draw_before_after(shown, MARKS, "t")


def test_no_more_panels_than_can_be_read() -> None:
    many = [series(f"s{n}") for n in range(MOST_PANELS + 3)]
    assert size_of(draw_before_after(many, MARKS, "t")).height <= 900


@pytest.mark.parametrize("name", ["漢字", "a $x^2$ b", "$", "\\frac", "x" * 500, "line\nline", ""])
def test_any_name_can_be_drawn(name: str) -> None:
    assert size_of(draw_before_after([series(name, metric=name, unit=name[:5])], MARKS, name)).width == WIDTH_PX


@pytest.mark.parametrize("values", [[], [float("nan")] * 3, [float("inf"), 1.0, 2.0], [5.0, 5.0, 5.0], [1e300, -1e300, 0.0]])
def test_any_values_can_be_drawn(values: list[float]) -> None:
    times = np.asarray(ALERT.timestamp() + 60.0 * np.arange(len(values)), dtype=np.float64)
    odd = Series("basket", "m", MetricKind.OTHER, "", times, np.array(values, dtype=np.float64))
    assert size_of(draw_before_after([odd], MARKS, "t")).width == WIDTH_PX


def test_a_mark_far_from_the_series_does_not_stretch_the_time() -> None:
    long_ago = Marks(change=ALERT - timedelta(days=400), alert=ALERT)
    assert draw_before_after([series("basket")], long_ago, "t") == draw_before_after([series("basket")], Marks(alert=ALERT), "t")


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least one series"):
        draw_before_after([], MARKS, "t")


def test_what_moved_is_chosen_and_no_component_takes_all_the_room() -> None:
    loud = [series("loud", f"m{n}", high=0.9) for n in range(5)]
    others = [series(f"other{n}", high=0.3) for n in range(6)]
    still = [series("still", high=0.01)]
    shifts = shifts_of([*loud, *others, *still], [], Periods(ALERT.timestamp(), ALERT.timestamp() + 2000))
    chosen = choose(shifts)
    assert len(chosen) == MOST
    assert sum(s.component == "loud" for s in chosen) == OF_ONE
    assert "still" not in {s.component for s in chosen}


def test_when_nothing_moved_the_little_that_did_is_shown() -> None:
    shifts = shifts_of([series(f"s{n}", high=0.01) for n in range(5)], [], Periods(ALERT.timestamp(), ALERT.timestamp() + 2000))
    assert len(choose(shifts)) == 3
    assert choose([]) == []


async def test_the_tool_draws_what_moved_and_says_it() -> None:
    seen = await PICTURE_METRICS.run(
        look(metrics=Measured([errors("checkout", 0.01, 0.6), errors("search", 0.01, 0.01)])), OfComponent()
    )
    assert size_of(seen.pictures["metrics.png"]).width == WIDTH_PX
    assert isinstance(seen.reading, PictureReading)
    assert seen.reading.shows == ("checkout errors",)
    assert "checkout errors 0.01 to 0.6 (still there)" in seen.reading.summary


async def test_a_series_that_is_not_sampled_any_more_is_not_said_to_be_still_there() -> None:
    seen_at_the_alert = look(metrics=Measured([errors("checkout", 0.01, 0.6)]))
    seen = await PICTURE_METRICS.run(replace(seen_at_the_alert, at=seen_at_the_alert.at + timedelta(minutes=4)), OfComponent())
    assert isinstance(seen.reading, PictureReading)
    assert "checkout errors 0.01 to 0.6 (not measured since)" in seen.reading.summary


async def test_the_tool_says_when_nothing_moved() -> None:
    seen = await PICTURE_METRICS.run(look(metrics=Measured([errors("search", 0.01, 0.01)])), OfComponent())
    assert seen.reading.summary.startswith("Nothing moved")
    assert seen.pictures


@pytest.mark.parametrize("metrics", [None, Measured(), Measured(down=True)])
async def test_without_metrics_there_is_no_picture_but_a_reason(metrics: Measured | None) -> None:
    with pytest.raises(Unavailable):
        await PICTURE_METRICS.run(look(metrics=metrics), OfComponent())


async def test_a_screenshot_is_kept_as_the_page() -> None:
    seen = await SCREENSHOT.run(look(browser=Browsers()), Page())
    assert list(seen.pictures) == ["page.png"]
    assert "/" in seen.reading.summary


async def test_without_a_browser_there_is_no_screenshot_but_a_reason() -> None:
    with pytest.raises(Unavailable):
        await SCREENSHOT.run(look(), Page(page="/checkout"))


async def test_a_component_without_metrics_of_its_own_is_pictured_by_those_who_use_it() -> None:
    class Narrowed(Measured):
        async def series(self, start: datetime, end: datetime, components: Sequence[str] | None = None) -> list[Series]:
            return [s for s in await super().series(start, end) if components is None or s.component in components]

    at = look(metrics=Narrowed([errors("checkout", 0.01, 0.6)]))
    seen = await PICTURE_METRICS.run(at, OfComponent(component="payment-provider"))
    assert isinstance(seen.reading, PictureReading)
    assert seen.reading.shows == ("checkout errors",)


@pytest.mark.parametrize("number", [0, 1, 2, 4, 7])
def test_a_suspect_is_drawn_over_what_is_written_of_it(number: int) -> None:
    shown = [series(f"s{n}") for n in range(number)]
    text = ["suspect  s0", "  logs:    it failed"]
    png = draw_suspect(shown, [(0.0, 0.02)] * number, MARKS, "Why s0", text)
    assert size_of(png).width == WIDTH_PX
    assert 100 <= size_of(png).height <= 900
    assert png == draw_suspect(shown, [(0.0, 0.02)] * number, MARKS, "Why s0", text)
    assert png != draw_suspect(shown, [(0.0, 0.02)] * number, MARKS, "Why s0", [*text, "more"])


def test_a_suspect_of_whom_nothing_is_known_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="a series or a line"):
        draw_suspect([], [], MARKS, "t", [])


def test_text_is_folded_and_cut_and_holds_no_control_characters() -> None:
    lines = folded(["  a\x1b[31m\tb\x00 漢", "  " + "word " * 200, "y" * 999, *["more"] * 99])
    assert len(lines) == MOST_LINES
    assert lines[-1] == "…"
    assert all(len(line) <= COLUMNS for line in lines)
    assert lines[0] == "  a□[31m b□ □"
    assert lines[1].startswith("  word word")
    assert lines[2].startswith("    word word")
    assert lines[2].endswith("…")
    assert not any(ord(c) < 32 for line in lines for c in line)


def suspicion(component: str = "basket", **more: object) -> Suspicion:
    held = {"score": 3.0, "cause": Cause.CODE_BUG, "cause_confidence": 0.4, "onset": None, "mechanism": None, "change": None}
    return Suspicion(component=component, **({**held, "clues": ()} | more))  # type: ignore[arg-type]


PERIODS = Periods(ALERT.timestamp(), ALERT.timestamp() + 1200)


def test_the_series_that_clues_name_are_shown_and_else_what_moved_around_the_suspect() -> None:
    shifts = shifts_of([series(n, high=h) for n, h in (("basket", 0.01), ("web", 0.9), ("far", 0.9))], [], PERIODS)
    edges = [("web", "basket"), ("web", "far")]
    clue = Clue("metrics", "so", (("far", "error_rate"), ("nobody", "error_rate")))
    assert [s.component for s in shown_of(suspicion(clues=(clue,)), shifts, edges)] == ["far"]
    assert [s.component for s in shown_of(suspicion(), shifts, edges)] == ["web"]


def test_what_is_usual_is_taken_from_the_time_before_or_from_the_baseline() -> None:
    shift = shifts_of([series("basket")], [], PERIODS)[0]
    before = usual_of(shift, None, PERIODS)
    assert before is not None
    assert 0.009 < before[0] < before[1] < 0.011
    assert usual_of(shift, series("basket", low=0.3, high=0.3), PERIODS) != before


def test_what_is_written_names_the_cause_the_clues_and_their_lines() -> None:
    clues = (Clue("logs", "log: boom", lines=("boom 1",)), Clue("calls", "calls fail", lines=("boom 1", "boom 2")))
    text = text_of(suspicion(clues=clues, mechanism="errors", onset=ALERT.timestamp(), change="chg-1"))
    assert text == [
        "suspect  basket (score 3.00)",
        "cause    code bug, errors, since 10:15 UTC, change chg-1",
        "clues",
        "  logs:    boom",
        "  calls:   calls fail",
        "log lines that these rest on",
        "  boom 1",
        "  boom 2",
    ]


async def test_the_tool_draws_the_first_suspect_or_the_one_that_is_named() -> None:
    there = look(metrics=Measured([errors("checkout", 0.01, 0.6), errors("search", 0.01, 0.01)]))
    seen = await PICTURE_SUSPECT.run(there, OfComponent())
    assert isinstance(seen.reading, PictureReading)
    assert seen.reading.shows == ("checkout errors",)
    assert seen.reading.summary.startswith("What points to checkout")
    assert seen.pictures == (await PICTURE_SUSPECT.run(there, OfComponent(component="checkout"))).pictures
    with pytest.raises(Unavailable, match="search is not among the suspects"):
        await PICTURE_SUSPECT.run(there, OfComponent(component="search"))
