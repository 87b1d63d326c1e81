"""Stored: how many bytes of checkpoints a SQLite file holds, without the file's own overhead."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_LANGGRAPHS = (
    "SELECT (SELECT sum(length(checkpoint) + length(metadata)) FROM checkpoints) + (SELECT sum(length(value)) FROM writes)"
)
_OURS = """
    SELECT (SELECT sum(length(body) + length(metadata)) FROM nexus_checkpoints) + (SELECT sum(length(body)) FROM nexus_channels)
    + (SELECT sum(length(body)) FROM nexus_writes)
"""


def checkpoint_bytes(path: Path) -> int:
    """Checkpoints and pending writes of all threads, as LangGraph's own saver keeps them."""
    return _sum(path, _LANGGRAPHS)


def checkpoint_bytes_of_records(path: Path) -> int:
    """Checkpoints, channels and pending writes of all incidents, as the records keep them."""
    return _sum(path, _OURS)


def _sum(path: Path, query: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)
