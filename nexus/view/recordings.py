"""Recordings: what `nexus eval recordings` prints: a line a case, then a system at a time who names the culprit how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nexus.records.wording import plain
from nexus.view.case_lines import CaseLines
from nexus.view.cells import share_of, text_of

Row = Mapping[str, Any]
"""A case, system, run or line of `nexus eval recordings --json`."""

PEERS: Mapping[str, str] = {
    "baro": "BARO",
    "n_sigma": "N-sigma",
    "last_change": "last change before the alert",
    "commonest_cause": "commonest cause, from the labels",
}
"""How each peer is called in a table."""


def render_recordings(evaluation: Row) -> RenderableType:
    """The cases, what could not be read, and each system for itself."""
    cases = evaluation["cases"]
    parts: list[RenderableType] = [CaseLines(cases)]
    parts += [Text.assemble((f"{plain(case['id'])}: ", "red"), text_of(why)) for case in cases for why in case["wrong"]]
    labelled = [case for case in cases if case["expected"]]
    if labelled:
        parts.append(Text(f"{sum(case['passed'] for case in labelled)} of {len(labelled)} as labelled"))
    if evaluation["without"]:
        parts += [Text(), Text(f"Hidden: {', '.join(evaluation['without'])}.", style="bold")]
    for system, figures in evaluation["summary"].items():
        parts += [Text(), *_system(system, figures)]
    return Group(*parts)


def render_ablation(ablation: Row) -> RenderableType:
    """The run with everything, then the accuracy at rank 1 without each kind of evidence, by system and fault."""
    kinds = list(ablation["without"])
    parts: list[RenderableType] = [render_recordings(ablation["everything"]), Text()]
    parts.append(Text("The labelled service at rank 1, with all evidence and with one kind hidden; -: there was none to hide."))
    rows = ablation["rows"]
    for system in dict.fromkeys(row["system"] for row in rows):
        table = _figures(plain(system), "n", "all", *kinds)
        for row in rows:
            if row["system"] == system:
                fault = "every fault" if row["fault"] is None else f"  {plain(row['fault']) or 'not told'}"
                shares = (_beside(row["without"][kind], row["everything"]) for kind in kinds)
                table.add_row(Text(fault), str(row["n"]), share_of(row["everything"]), *shares)
        parts += [Text(), table]
    return Group(*parts)


def _beside(value: float | None, everything: float | None) -> Text:
    """A share, coloured where it differs from that with all evidence."""
    if value is None or everything is None or value == everything:
        return Text(share_of(value))
    return Text(share_of(value), style="red" if value < everything else "green")


def _figures(title: str, *columns: str) -> Table:
    """A table whose first column gives way where it is narrow; the others are figures."""
    table = Table(header_style="dim", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(Text(title, style="bold"), overflow="ellipsis", min_width=12)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, min_width=max(5, len(column)))
    return table


def _system(system: str, figures: Row) -> list[RenderableType]:
    judged = "" if figures["labelled"] == figures["n"] else f", {figures['labelled']} of them labelled"
    count = "1 case" if figures["n"] == 1 else f"{figures['n']} cases"
    parts: list[RenderableType] = [Text(f"{plain(system)}: {count}{judged}", style="bold")]
    if figures["labelled"]:
        accuracy = _figures("", "at 1", "at 3", "at 5", "cause", "both")
        for name, row in (("NEXUS", figures["nexus"]), *((PEERS[peer], row) for peer, row in figures["peers"].items())):
            accuracy.add_row(name, *(share_of(row[measure]) for measure in ("at1", "at3", "at5", "cause", "both")))
        parts += [accuracy, _calibration(figures["calibration"])]
    return [*parts, *_cost(figures)]


def _calibration(calibration: Row) -> Table:
    """How often each status was right about the component, and about the kind of cause too."""
    table = _figures("", "cases", "right", "", "both", "")
    for status, row in calibration.items():
        both = row["both"] / row["n"] if row["n"] else None
        counts = (str(row["right"]), share_of(row["share"]), str(row["both"]), share_of(both)) if row["n"] else ("-", "", "-", "")
        table.add_row(f"NEXUS said {status}", str(row["n"]), *counts)
    return table


def _cost(figures: Row) -> list[Text]:
    told = [
        f"{what}: {spread['median']:.{digits}f} median, {spread['most']:.{digits}f} most"
        for what, spread, digits in (("seconds a case", figures["seconds"], 1), ("MiB held", figures["peak_mib"], 0))
        if spread
    ]
    return [Text("; ".join(told), style="dim")] if told else []
