"""Sheet: rows under columns, as a terminal, a notebook and plain text show them; for whatever shows itself as sheets."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nexus.records.wording import plain

WIDTH = 100
"""Columns of characters of a sheet in plain text."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Every row has a cell for each of the head's columns, the first naming the row.

    `even`: the others are of one width, as for what is compared. `apart`: with a blank line between rows.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    even: bool = False
    apart: bool = False

    def __rich__(self) -> RenderableType:
        headed = any(self.head)
        table = Table(
            box=box.SIMPLE_HEAD if headed else None,
            show_header=headed,
            padding=(0, 1),
            leading=int(self.apart),
            expand=self.even,
        )
        for number, name in enumerate(self.head):
            ratio = (4 if number else 2) if self.even else None
            table.add_column(Text(plain(name)), ratio=ratio, overflow="fold", style="" if number else "dim")
        for row in self.rows:
            table.add_row(*(Text("\n".join(map(plain, cell.split("\n")))) for cell in row))
        return Group(Text(plain(self.title), style="bold"), table)

    def html(self) -> str:
        """The same as a table in HTML."""
        title = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        head = f"<tr>{''.join(map(_heading, self.head))}</tr>" if any(self.head) else ""
        rows = (f"<tr>{_heading(name)}{''.join(map(_cell, cells))}</tr>" for name, *cells in self.rows)
        return f"<table>{title}{head}{''.join(rows)}</table>"


def _heading(text: str) -> str:
    return f'<th style="text-align:left;vertical-align:top">{html.escape(text)}</th>'


def _cell(text: str) -> str:
    return f'<td style="text-align:left;vertical-align:top">{html.escape(text).replace(chr(10), "<br>")}</td>'


class Shown(ABC):
    """Whatever shows itself as sheets: at a terminal, in a notebook and as text."""

    @abstractmethod
    def sheets(self) -> Sequence[Sheet]:
        """The sheets, in order."""

    def __rich__(self) -> RenderableType:
        return Group(*self.sheets())

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=WIDTH, color_system=None, force_jupyter=False)
        with console.capture() as text:
            console.print(self)
        return "\n".join(line.rstrip() for line in text.get().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(sheet.html() for sheet in self.sheets())
