"""Address: where a PostgreSQL server is, how it may be named, and what its errors mean; never its password."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nexus.errors import RecordsError, SettingsError

PATIENCE_S = 30.0
"""How long a server that went away is waited for."""
_DEFAULTS: dict[str, str | int] = {
    "application_name": "nexus",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""So that a server that vanished without a word is noticed in seconds; the address may say otherwise."""
_INTRODUCTION = """
    SELECT set_config('application_name', %s, false), set_config('idle_in_transaction_session_timeout', '15s', false),
        set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
        set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '10000', false)
"""
_FORM = "write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %-codes for signs like @ and / in the password"
_REMEDIES = (
    ("connection slots", "raise max_connections on the server, or run fewer processes"),
    ("too many", "raise max_connections on the server, or the limit of that user, or run fewer processes"),
    ("connection refused", "start the server, or correct host and port"),
    ("no such file or directory", "start the server, or correct host and port"),
    ("starting up", "try again in a moment"),
    ("shutting down", "try again when it is back"),
    ("name or service not known", "correct the host's name"),
    ("failed to resolve", "correct the host's name"),
    ("password", "correct user and password in the records' address"),
    ("pg_hba.conf", "let this machine in: see pg_hba.conf on the server"),
    ("role", "create that user, or correct the records' address"),
    ("3d000", "create it: CREATE DATABASE, or correct the records' address"),
    ("does not exist", "create it: CREATE DATABASE, or correct the records' address"),
    ("3f000", "let that user in: GRANT USAGE, CREATE ON SCHEMA"),
    ("42501", "GRANT that user rights on the schema and its tables; its first start must create tables: GRANT CREATE ON SCHEMA"),
    ("permission denied", "GRANT that user the right to connect"),
    ("25006", "name the primary server, or several with target_session_attrs=read-write"),
    ("read-only", "name the primary server, or several with target_session_attrs=read-write"),
    ("certificate", "correct sslmode and sslrootcert in the records' address"),
    ("ssl", "correct sslmode in the records' address"),
    ("53100", "free some space on the server"),
    ("timeout", "check that the server can be reached from here"),
)
_PASSING = frozenset({"08000", "08003", "08006", "25006", "25P03", "40001", "40P01", "53300", "57P01", "57P02", "57P03"})
"""SQLSTATEs that another try may not meet: connection lost, server restarting or not yet primary, deadlock."""


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is for people: database, host and port."""

    conninfo: str = field(repr=False)
    name: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """From `postgresql://…` or `postgres://…`; raises SettingsError, without the address: it may hold a password."""
        if not url.startswith(("postgresql://", "postgres://")):
            raise SettingsError("the records' address is not one of PostgreSQL", _FORM)
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise SettingsError("the records' address cannot be read", _FORM) from None
        port, database = str(given.get("port", "")), str(given.get("dbname", ""))
        if not set(port) <= set("0123456789,") or set(database) & set("@/"):  # or a part of a password would be a name
            raise SettingsError("the records' address cannot be read", _FORM)
        where = f"{given.get('host', 'the default host')}{port and f':{port}'}"
        name = f"{database or 'the default database'} on {where}"
        return cls(make_conninfo("", **(_DEFAULTS | given)), name, str(given.get("password", "")))

    def explained(self, error: psycopg.Error) -> RecordsError:
        """What is wrong, as one line with what to do."""
        text = " ".join((error.diag.message_primary or str(error)).split())[:400]
        if self.password:
            text = text.replace(self.password, "…")
        searched = f"{error.sqlstate} {text}".lower()
        remedy = next((remedy for word, remedy in _REMEDIES if word in searched), "check the server and the records' address")
        return RecordsError(f"the records in {self.name} do not answer ({text})", remedy)


async def introduce(connection: psycopg.AsyncConnection[Any], name: str) -> None:
    """Say who it is, and that the server is to end it within seconds when its process or its machine is gone without a word."""
    await connection.execute(_INTRODUCTION, (name,))


def passing(error: psycopg.Error) -> bool:
    """Whether another try may go better."""
    return error.sqlstate in _PASSING if error.sqlstate else isinstance(error, psycopg.OperationalError)


def key_of(name: str) -> int:
    """The number that an advisory lock knows that name by."""
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8, person=b"nexus").digest()
    return int.from_bytes(digest, signed=True)


class Patience:
    """A bounded time of trying again, with pauses that grow."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + PATIENCE_S
        self._pause = 0.05

    @property
    def left_s(self) -> float:
        """How much of it is left; one second at least."""
        return max(1.0, self._ends - self._loop.time())

    async def pause(self) -> bool:
        """Wait before the next try; False when there should be none."""
        if self._loop.time() + self._pause > self._ends:
            return False
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, 1.0)
        return True
