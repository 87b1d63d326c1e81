"""Server of the connector `postgresql`: what one look at it reads, and what it means when it lets nobody in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

STATE = """
SELECT pg_is_in_recovery() AS in_recovery,
       current_setting('default_transaction_read_only')::boolean AS read_only,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS max_connections,
       pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn() AS behind,
       extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8 AS replayed_s,
       (SELECT max(checksum_last_failure) > now() - interval '1 day' FROM pg_stat_database) AS corrupt,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS folder
"""
SESSIONS = """
SELECT coalesce(nullif(application_name, ''), usename, 'somebody') AS who,
       count(*)::int AS held,
       count(*) FILTER (WHERE state LIKE 'idle%%')::int AS idle,
       count(*) FILTER (WHERE state = 'active' AND now() - query_start > make_interval(secs => %(slow_s)s)
                              AND pid <> pg_backend_pid())::int AS slow,
       count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting,
       (max(extract(epoch FROM now() - state_change)) FILTER (WHERE state LIKE 'idle in transaction%%'))::float8 AS unfinished_s,
       count(*) FILTER (WHERE query = '<insufficient privilege>')::int AS hidden
FROM pg_stat_activity
WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)
GROUP BY 1 ORDER BY held DESC, who
"""
BLOCKERS = """
SELECT coalesce(nullif(a.application_name, ''), a.usename, 'somebody') AS who, count(DISTINCT w.pid)::int AS waiting
FROM pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) AS b(pid), pg_stat_activity a
WHERE w.wait_event_type = 'Lock' AND a.pid = b.pid AND cardinality(pg_blocking_pids(b.pid)) = 0
GROUP BY 1 ORDER BY waiting DESC, who
"""
STANDBYS = """
SELECT max(extract(epoch FROM replay_lag))::float8 AS lag_s, count(*)::int AS standbys FROM pg_stat_replication
"""
SLOTS = "SELECT slot_name FROM pg_replication_slots WHERE NOT active AND slot_type = 'physical' ORDER BY 1"

OURSELVES = "nexus"
UNFINISHED_S = 60.0
"""From when on a session that is idle in a transaction is told of."""
Refusal = Literal["full", "down", "unreachable"]
_REFUSALS: tuple[tuple[str, Refusal], ...] = (
    ("too many connections for role", "unreachable"),
    ("too many clients", "full"),
    ("too many connections", "full"),
    ("connection slots are reserved", "full"),
    ("starting up", "down"),
    ("shutting down", "down"),
    ("recovery mode", "down"),
    ("not accepting connections", "down"),
    ("not yet accepting connections", "down"),
    ("connection refused", "down"),
    ("no such file or directory", "down"),
    ("timeout expired", "down"),
    ("connection timeout", "down"),
    ("closed the connection unexpectedly", "down"),
    ("connection reset", "down"),
    ("no route to host", "down"),
)
"""What the server's or the network's English words mean: out of connections, down, or (anything else) that we cannot look."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look gave; sessions by who holds them, most first."""

    state: Mapping[str, Any]
    sessions: tuple[Mapping[str, Any], ...]
    blockers: tuple[Mapping[str, Any], ...]
    standbys: Mapping[str, Any]
    slots: tuple[str, ...]
    local: bool
    """Whether it runs on this machine: it was reached through a socket in the file system."""

    @property
    def connections(self) -> int:
        """How many clients are connected, ourselves among them."""
        return sum(s["held"] for s in self.sessions)

    @property
    def slow(self) -> int:
        """How many statements have run for longer than is normal."""
        return sum(s["slow"] for s in self.sessions)

    @property
    def lag_s(self) -> float | None:
        """How far a standby is behind, or this one itself where it is one; None where there is none."""
        if self.state["in_recovery"]:
            return float(self.state["replayed_s"] or 0.0) if self.state["behind"] else 0.0
        return float(self.standbys["lag_s"] or 0.0) if self.standbys["standbys"] else None

    @property
    def told(self) -> tuple[str, ...]:
        """What a person would want to know besides the numbers."""
        most = ", ".join(f"{s['who']} {s['held']} ({s['idle']} idle)" for s in self.sessions[:3])
        unfinished = [s for s in self.sessions if (s["unfinished_s"] or 0.0) >= UNFINISHED_S]
        waiting = sum(s["waiting"] for s in self.sessions)
        held_by = f", held by {', '.join(b['who'] for b in self.blockers[:3])}" if self.blockers else ""
        hidden = sum(s["hidden"] for s in self.sessions)
        return (
            f"connections are held by {most}",
            *(f"{s['who']} is idle in a transaction for {s['unfinished_s']:.0f} s" for s in unfinished[:3]),
            *([f"{waiting} wait for a lock{held_by}"] if waiting else []),
            *(f"replication slot {name} has no standby" for name in self.slots),
            *([f"{hidden} sessions show nothing of themselves: grant pg_monitor to see them"] if hidden else []),
        )


@asynccontextmanager
async def opened(url: str, timeout_s: float) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection whose transactions cannot write. Raises psycopg.Error, and TimeoutError where all of it takes too long."""
    async with asyncio.timeout(4 * timeout_s):
        given = make_conninfo(url, application_name=OURSELVES, connect_timeout=max(1, round(timeout_s)))
        async with await psycopg.AsyncConnection.connect(given) as connection:
            await connection.set_read_only(True)
            yield connection


async def limit(cursor: psycopg.AsyncCursor[Any], timeout_s: float) -> None:
    """From now on in this transaction no statement takes longer."""
    await cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{timeout_s * 1000:.0f}",))


async def read(connection: psycopg.AsyncConnection[Any], slow_s: float, timeout_s: float) -> Reading:
    """One look, in a transaction that cannot write. Raises psycopg.Error."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await limit(cursor, timeout_s)
        state = await (await cursor.execute(STATE)).fetchone()
        sessions = await (await cursor.execute(SESSIONS, {"slow_s": slow_s})).fetchall()
        waiting = any(s["waiting"] for s in sessions)
        blockers = await (await cursor.execute(BLOCKERS)).fetchall() if waiting else []
        standbys = await (await cursor.execute(STANDBYS)).fetchone()
        slots = [row["slot_name"] for row in await (await cursor.execute(SLOTS)).fetchall()]
    assert state is not None
    assert standbys is not None
    local = connection.info.host.startswith("/")
    return Reading(state, tuple(sessions), tuple(blockers), standbys, tuple(slots), local)


def refusal_of(text: str) -> Refusal:
    """What it means that a connection was refused with these words."""
    low = text.lower()
    return next((meaning for words, meaning in _REFUSALS if words in low), "unreachable")
