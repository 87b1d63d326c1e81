"""Sessions of the connector `postgresql`: ending those that an application left idle, when no connection is left for others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from nexus.errors import ActionFailed, ActionUnknown
from nexus.incident import Action, ActionKind, DryRun, Risk
from nexus.world.connectors.contract import Proof
from nexus.world.connectors.postgresql_server import OURSELVES, limit, opened
from nexus.world.connectors.postgresql_settings import Settings

ARGUMENT = "end_idle_sessions_of"
FEWEST = 5
"""Idle sessions of one application that are worth ending."""
_IDLE = """
SELECT pid, coalesce(nullif(application_name, ''), usename, 'somebody') AS who, state <> 'idle' AS unfinished
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state LIKE 'idle%%' AND now() - state_change >= make_interval(secs => %(idle_s)s)
  AND pid <> pg_backend_pid() AND application_name <> %(ourselves)s
"""
_BY_HOLDER = (
    f"SELECT who, count(*)::int AS held, count(*) FILTER (WHERE unfinished)::int AS unfinished FROM ({_IDLE}) s GROUP BY 1"  # noqa: S608 - a constant
)
_END = f"SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS ended FROM ({_IDLE}) s WHERE who = %(who)s"  # noqa: S608 - same

_MAY = "SELECT pg_has_role('pg_signal_backend', 'USAGE') AS may"


class IdleSessions:
    """One action for each application that holds idle sessions. Ending them leaves nothing to take back: pools connect anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._values = {"idle_s": settings.end_idle_after_s, "ourselves": OURSELVES}

    async def options(self, component: str, at: datetime) -> list[Action]:  # noqa: ARG002 - the sessions of now
        """Applications that hold several, most first."""
        if component != self._settings.component:
            return []
        holders = sorted(await self._asked(_BY_HOLDER), key=lambda row: (-row["held"], row["who"]))
        return [
            Action(
                kind=ActionKind.RESTART,
                target=component,
                arguments={ARGUMENT: row["who"]},
                risk=Risk.MEDIUM,
                reason=f"{row['who']} holds {row['held']} connections that do nothing",
            )
            for row in holders
            if row["held"] >= FEWEST
        ]

    def owns(self, action: Action) -> bool:
        """Whether it ends sessions of this server."""
        ours = action.kind is ActionKind.RESTART and action.target == self._settings.component
        return ours and set(action.arguments) == {ARGUMENT} and isinstance(action.arguments[ARGUMENT], str)

    async def dry_run(self, action: Action, at: datetime) -> DryRun:  # noqa: ARG002 - same
        """How many would be ended."""
        who, row = action.arguments[ARGUMENT], await self._held(action)
        if row is None:
            return DryRun(ok=False, effect=f"{who} holds no session that has been idle for {self._settings.end_idle_after_s:g} s")
        lost = f"; {row['unfinished']} of them lose a transaction that was not finished" if row["unfinished"] else ""
        return DryRun(ok=True, effect=f"{row['held']} idle sessions of {who} are ended{lost}", touches=(action.target,))

    async def carry_out(self, action: Action) -> str:
        """End them. Raises ActionFailed where none was, ActionUnknown where the connection was lost on the way."""
        who = action.arguments[ARGUMENT]
        (row,) = await self._asked(_END, who=who, ending=True)
        return f"{row['ended']} idle sessions of {who} are ended"

    async def take_back(self, before: Mapping[str, Any]) -> str:  # noqa: ARG002 - there is nothing in it
        """Nothing."""
        return "nothing to restore"

    async def is_done(self, action: Action) -> bool | None:
        """Whether none is left; where some are, ending them once more harms nothing."""
        try:
            return await self._held(action) is None
        except ActionFailed:
            return None

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:  # noqa: ARG002 - same
        """Always."""
        return True

    async def state(self, at: datetime) -> dict[str, Any]:  # noqa: ARG002 - same
        """None: sessions come and go."""
        return {}

    async def prove(self) -> Proof:
        """Whether its role may end others' sessions."""
        what = f"ending idle sessions of {self._settings.component}"
        try:
            (row,) = await self._asked(_MAY)
        except ActionFailed as error:
            return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
        return Proof(what, row["may"], "it may" if row["may"] else "it may not", "" if row["may"] else "GRANT pg_signal_backend")

    async def _held(self, action: Action) -> dict[str, Any] | None:
        rows = await self._asked(_BY_HOLDER)
        return next((row for row in rows if row["who"] == action.arguments[ARGUMENT]), None)

    async def _asked(self, question: str, who: str = "", *, ending: bool = False) -> list[dict[str, Any]]:
        settings, reached = self._settings, False
        try:
            async with (
                opened(settings.url.get_secret_value(), settings.timeout_s) as connection,
                connection.transaction(),
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await limit(cursor, settings.timeout_s)
                reached = True
                return await (await cursor.execute(question.encode(), {**self._values, "who": who})).fetchall()
        except (psycopg.Error, TimeoutError) as error:
            what = f"{settings.title}: {settings.component} ends no sessions ({_said(error)})"
            refused = isinstance(error, psycopg.errors.InsufficientPrivilege)
            if ending and reached and not refused:
                raise ActionUnknown(what, "look at pg_stat_activity by hand") from error
            raise ActionFailed(what, "GRANT pg_signal_backend, pg_monitor to its role, or check its url") from error


def _said(error: psycopg.Error | TimeoutError) -> str:
    """The server's own words; what a failed connection says is left out, as it may name more than it should."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return "it does not let us in" if isinstance(error, psycopg.OperationalError) else "no answer in time"
