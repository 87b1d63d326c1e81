"""Cells: foreign text and plain tables, as every rendering shows them."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from nexus.records.wording import plain


def text_of(value: Any) -> Text:
    """A value on one line, without control characters and without markup; nothing for None."""
    return Text(plain("" if value is None else str(value)))


def table_of(*columns: str) -> Table:
    """A table without lines, whose cells fold rather than lose anything."""
    table = Table(header_style="dim", box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def share_of(value: float | None) -> str:
    """A share in percent; a dash where there is none."""
    return "-" if value is None else f"{value:.0%}"
