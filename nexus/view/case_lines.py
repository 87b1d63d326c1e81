"""CaseLines: recorded cases, a line each, cut to the width there is: what was found, after what was to be found if it differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nexus.records.wording import plain

Pair = tuple[str, str]
"""What was to be found, empty where it was found or is not told; and what was found."""

_ARROW = " → "
_LEAST = (7, 7)
"""The narrowest that service and cause are cut to."""


@dataclass(frozen=True, slots=True)
class CaseLines:
    """Cases of `nexus eval recordings --json`: mark, id, rank, service, cause, status with confidence, and seconds."""

    cases: Sequence[Mapping[str, Any]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, as wide as there is room for."""
        del console
        pairs = [(_pair(case, "service"), _pair(case, "cause")) for case in self.cases]
        services, causes = (max([least, *(_length(pair[n]) for pair in pairs)]) for n, least in enumerate(_LEAST))
        others = [_others(case) for case in self.cases]
        taken = sum(max([len(head), *(row[n].cell_len for row in others)]) + 1 for n, head in enumerate(_HEADS))
        services, causes = shared(options.max_width - taken - 2, services, causes)
        table = Table(header_style="dim", box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for head, width in zip(_COLUMNS, (None, None, None, services, causes, None, None), strict=True):
            side: Literal["left", "right"] = "right" if head in {"rank", "s"} else "left"
            table.add_column(head, width=width, no_wrap=True, overflow="ellipsis", justify=side)
        for (mark, name, rank, status, seconds), (service, cause) in zip(others, pairs, strict=True):
            table.add_row(mark, name, rank, told(service, services), told(cause, causes), status, seconds)
        yield table


_HEADS = ("", "case", "rank", "status", "s")
_COLUMNS = ("", "case", "rank", "service", "cause", "status", "s")


def _others(case: Mapping[str, Any]) -> tuple[Text, Text, Text, Text, Text]:
    """The cells that are not cut: mark, id, rank, status, seconds."""
    known = bool(case["expected"])
    mark = Text("✓", style="green") if case["passed"] else Text("✗", style="red") if known else Text("·")
    rank = "" if "service" not in case["expected"] else "-" if case["rank"] is None else str(case["rank"])
    got = case["got"]
    status = f"{got['status']} {got['confidence']:.2f}" if "status" in got else "cannot be read"
    return mark, Text(plain(case["id"])), Text(rank), Text(status), Text(f"{case['seconds']:.1f}")


def _pair(case: Mapping[str, Any], name: str) -> Pair:
    expected = case["expected"].get(name)
    accepted = [] if expected is None else [expected] if isinstance(expected, str) else list(expected)
    found = case["got"].get(name)
    wanted = "" if found in accepted else plain(" or ".join(map(str, accepted)))
    return wanted, plain("-" if found is None else str(found))


def _length(pair: Pair) -> int:
    wanted, found = map(cell_len, pair)
    return wanted + len(_ARROW) + found if wanted else found


def shared(room: int, one: int, other: int) -> tuple[int, int]:
    """Widths of two columns that want this much: all of it where there is room, else what is left by one that wants less."""
    if one + other <= room:
        return one, other
    half = room * 3 // 5
    first = one if one <= half else max(half, room - other)
    return max(_LEAST[0], first), max(_LEAST[1], min(other, room - first))


def told(pair: Pair, width: int) -> Text:
    """`expected → found` in that width, both cut where they must be; what was found alone where it was expected."""
    wanted, found = map(Text, pair)
    if wanted:
        room = width - len(_ARROW)
        half = room // 2
        left = min(wanted.cell_len, max(half, room - found.cell_len))
        wanted.truncate(left, overflow="ellipsis")
        found.truncate(room - left, overflow="ellipsis")
        return Text.assemble(wanted, (_ARROW, "dim"), (found.plain, "red"))
    found.truncate(width, overflow="ellipsis")
    return found
