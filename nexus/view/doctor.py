"""Doctor: an examination at a terminal: what was tried and seen, what to do next, and what agents could not do."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from nexus.examining import Examination
from nexus.records.wording import count, plain
from nexus.view.cells import table_of, text_of


def render_examination(examination: Examination) -> RenderableType:
    """Everything in two tables, the verdict last."""
    where = " (simulated: nothing of it is real)" if examination.simulated else ""
    parts: list[RenderableType] = [Text(plain(f"world {examination.world}{where}"), style="bold"), _tried(examination)]
    if examination.gaps:
        parts += [Text(), Text("What agents could not do", style="bold"), _gaps(examination)]
    failed, all_ = len(examination.failed), len(examination.tried)
    verdict = f"{failed} of {count(all_, 'proof')} failed" if failed else f"{count(all_, 'proof')}, none failed"
    return Group(*parts, Text(), Text(verdict, style="red" if failed else "green"))


def _tried(examination: Examination) -> RenderableType:
    table = table_of("", "Of", "Tried", "Seen", "Next")
    for one in examination.tried:
        proof = one.proof
        mark = Text("ok", style="green") if proof.ok else Text("no", style="red")
        table.add_row(mark, text_of(one.source), text_of(proof.what), text_of(proof.detail), text_of(proof.remedy))
    for column in table.columns[:2]:
        column.no_wrap = True
    return table


def _gaps(examination: Examination) -> RenderableType:
    table = table_of("Agent", "Could not look with", "Could not do")
    for gap in examination.gaps:
        table.add_row(text_of(gap.agent), text_of(_told(gap.tools)), text_of(_told(gap.actions)))
    return table


def _told(missing: Mapping[str, str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for name, reason in missing.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()) or "-"
