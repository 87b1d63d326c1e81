"""PostgreSQL: one database server's health, read from its own statistics in a transaction that cannot write."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg.conninfo import conninfo_to_dict

from nexus.errors import Unavailable, WorldError
from nexus.world.connectors.contract import Connector, Proof, Site
from nexus.world.connectors.postgresql_server import Reading, opened, read, refusal_of
from nexus.world.connectors.postgresql_sessions import IdleSessions
from nexus.world.connectors.postgresql_settings import Settings
from nexus.world.databases import DatabaseHealth, QueueHealth
from nexus.world.gaps import note_gap

__all__ = ["Settings", "connect"]
_FORM = "write it as postgresql://USER:${PASSWORD}@HOST:PORT/DATABASE, with %-codes for signs like @ and / in the password"
_HINT = "Is the server running on that host and accepting TCP/IP connections?"


class Postgres:
    """The server, asked anew each time over a connection of its own."""

    def __init__(self, settings: Settings, folder: str, password: str) -> None:
        self._settings = settings
        self._disk = folder
        self._password = password
        self._limit = settings.max_connections

    async def health(self, at: datetime) -> list[DatabaseHealth]:  # noqa: ARG002 - its statistics are of now
        """The server as of now. Raises Unavailable where we are not let in, which says nothing about its health."""
        try:
            reading = await self._read()
        except psycopg.errors.QueryCanceled as error:
            raise self._unavailable("answers no question in time", "see what it is busy with") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise self._unavailable(self._said(error), "GRANT pg_monitor to its role") from error
        except (psycopg.Error, TimeoutError) as error:
            return [self._refused(error)]
        self._limit = reading.state["max_connections"]
        full, unknown = await self._disk_pct(reading)
        return [self._healthy(reading, full, unknown)]

    async def queues(self, at: datetime) -> list[QueueHealth]:  # noqa: ARG002 - same
        """It has none."""
        return []

    async def _read(self) -> Reading:
        settings = self._settings
        async with opened(settings.url.get_secret_value(), settings.timeout_s) as connection:
            return await read(connection, settings.slow_s, settings.timeout_s)

    async def _disk_pct(self, reading: Reading) -> tuple[float, str]:
        """How full its disk is in percent; 0 and why, where that cannot be seen."""
        path = self._disk or (reading.state["folder"] if reading.local else None)
        try:
            if path:
                usage = await asyncio.to_thread(shutil.disk_usage, path)
                return round(100 * (1 - usage.free / usage.total), 1), ""
        except OSError as error:
            return 0.0, f"how full its disk is cannot be seen ({error.strerror}: {path})"
        return 0.0, "how full its disk is cannot be seen from here"

    def _healthy(self, reading: Reading, disk_pct: float, unknown: str) -> DatabaseHealth:
        settings, state = self._settings, reading.state
        in_recovery = "it is a standby: writes are refused" if state["in_recovery"] else ""
        read_only = "default_transaction_read_only is on: writes are refused" if state["read_only"] else ""
        damaged = "checksum failures while reading pages, within a day" if state["corrupt"] else ""
        refused = in_recovery or read_only
        if unknown:
            note_gap(f"{settings.component}: {unknown}")
        return DatabaseHealth(
            name=settings.component,
            up=True,
            writable=settings.replica or not refused,
            connections=reading.connections,
            max_connections=state["max_connections"],
            disk_pct=disk_pct,
            replication_lag_s=None if reading.lag_s is None else round(reading.lag_s, 1),
            slow_queries_per_min=float(reading.slow),
            corrupt=bool(damaged),
            standby=settings.standby,
            detail="; ".join(word for word in (damaged, "" if settings.replica else refused, *reading.told, unknown) if word),
        )

    def _refused(self, error: psycopg.Error | TimeoutError) -> DatabaseHealth:
        """Health of a server that lets nobody in. Raises Unavailable where it is we who are not let in."""
        said = self._said(error)
        lost = isinstance(error, TimeoutError | psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown)
        meaning = "down" if lost else refusal_of(said)
        if meaning == "unreachable":
            raise self._unavailable(said, "check its url in the world file, and what the server lets in") from error
        up = meaning == "full"
        return DatabaseHealth(
            name=self._settings.component,
            up=up,
            writable=up,
            connections=self._limit if up else 0,
            max_connections=self._limit,
            disk_pct=0.0,
            standby=self._settings.standby,
            detail=said,
        )

    def _unavailable(self, said: str, remedy: str) -> Unavailable:
        return Unavailable(f"{self._settings.title}: {self._settings.component} cannot be looked at ({said})", remedy)

    def _said(self, error: psycopg.Error | TimeoutError) -> str:
        if isinstance(error, TimeoutError):
            return "no answer in time"
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        text = " ".join((primary or str(error).removeprefix("connection failed: ")).replace(_HINT, "").split())[:300]
        return text.replace(self._password, "…") if self._password else text


def _password_of(settings: Settings) -> str:
    """The password in the url; raises WorldError, without the url, for one that is none."""
    url = settings.url.get_secret_value()
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        given = None
    if given is None or not url.startswith(("postgresql://", "postgres://")):
        raise WorldError(f"{settings.title}: url: is no address of PostgreSQL", _FORM)
    return str(given.get("password") or "")


def connect(settings: Settings, site: Site) -> Connector:
    """One server. Raises WorldError for an address that is none."""
    password = _password_of(settings)
    disk = str(site.folder / settings.disk) if settings.disk else ""
    server = Postgres(settings, disk, password)

    sessions = IdleSessions(settings) if settings.end_idle_after_s is not None else None

    async def prove(at: datetime) -> Sequence[Proof]:
        try:
            (health,) = await server.health(at)
        except Unavailable as error:
            return [Proof(f"health of {settings.component}", ok=False, detail=error.what, remedy=error.remedy)]
        return [*_proofs(health), *([await sessions.prove()] if sessions else [])]

    secrets = (settings.url.get_secret_value(), *((password,) if password else ()))
    return Connector(name=settings.title, prove=prove, secrets=secrets, databases=server, actions=sessions)


def _proofs(health: DatabaseHealth) -> list[Proof]:
    told = f"{health.connections} of {health.max_connections} connections; {health.detail}"
    proofs = [Proof(f"health of {health.name}", health.up, told, "" if health.up else "start it, or mend its url")]
    if health.up and "cannot be seen" in health.detail:
        proofs.append(Proof(f"disk of {health.name}", ok=False, detail="not known", remedy="give `disk`, a path on its disk"))
    elif health.up:
        proofs.append(Proof(f"disk of {health.name}", ok=True, detail=f"{health.disk_pct:g} % full"))
    if "pg_monitor" in health.detail:
        proofs.append(Proof("who holds connections", ok=False, detail="hidden", remedy="GRANT pg_monitor to its role"))
    return proofs
