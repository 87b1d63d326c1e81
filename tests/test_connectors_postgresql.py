"""A real PostgreSQL looked at in health and out of it, alone and with a standby; and what the tool makes of it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from postgres_in_hand import PostgresServer, binaries, other_user
from world_in_hand import look

from nexus.errors import ActionFailed, Unavailable, WorldError
from nexus.incident import Action, ActionKind
from nexus.tools.health import CHECK_DATABASES
from nexus.tools.readings import DatabasesReading
from nexus.tools.tool import NoArguments
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.postgresql import Settings, connect
from nexus.world.connectors.postgresql_server import refusal_of
from nexus.world.connectors.postgresql_sessions import ARGUMENT
from nexus.world.databases import DatabaseHealth
from nexus.world.gaps import collecting
from nexus.world.journal import MemoryJournal

NOW = datetime.now(UTC)
ORDINARY = 57
"""Connections of the server in hand for whoever is no superuser: 60, less 3 that are reserved."""


def connected(url: str, folder: Path = Path(), **more: object) -> Connector:
    settings = Settings.model_validate({"component": "orders-db", "url": url, "timeout_s": 60, **more})
    return connect(settings, Site(folder, ServiceCatalog(), MemoryJournal(), NOW))


async def health(connector: Connector) -> DatabaseHealth:
    assert connector.databases is not None
    (found,) = await connector.databases.health(NOW)
    assert await connector.databases.queues(NOW) == []
    return found


async def health_when(connector: Connector, holds: Callable[[DatabaseHealth], bool]) -> DatabaseHealth:
    """Its health as soon as that holds: other sessions take a moment to get where they are going."""
    for _ in range(400):
        found = await health(connector)
        if holds(found):
            return found
        await asyncio.sleep(0.05)
    pytest.fail(f"it never held: {found}")


async def problems(connector: Connector) -> list[str]:
    seen = await CHECK_DATABASES.run(look(databases=connector.databases), NoArguments())
    assert isinstance(seen.reading, DatabasesReading)
    return [p.problem for p in seen.reading.problems]


@asynccontextmanager
async def session(url: str, name: str) -> AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]:
    async with await psycopg.AsyncConnection.connect(url, application_name=name, autocommit=True) as connection:
        yield connection


async def test_a_healthy_server_has_no_problem_and_says_who_holds_its_connections(postgres_url: str, tmp_path: Path) -> None:
    connector = connected(postgres_url, tmp_path, disk=".")
    async with session(postgres_url, "billing"), session(postgres_url, "billing"):
        found = await health(connector)
        told = await problems(connector)
    usage = shutil.disk_usage(tmp_path)
    assert (found.name, found.up, found.writable, found.max_connections) == ("orders-db", True, True, ORDINARY)
    assert found.connections == 3
    assert found.disk_pct == pytest.approx(100 * (1 - usage.free / usage.total), abs=2)
    assert found.detail == "connections are held by billing 2 (2 idle), nexus 1 (0 idle)"
    assert (found.replication_lag_s, found.corrupt, found.slow_queries_per_min) == (None, False, 0.0)
    assert [p for p in told if not p.startswith("disk")] == []


async def test_a_disk_that_cannot_be_seen_is_a_gap_and_over_a_socket_it_is_found(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    with collecting() as gaps:
        unseen = await health(connected(postgres_url))
        assert gaps == ["orders-db: how full its disk is cannot be seen from here"]
        elsewhere = await health(connected(postgres_url, disk="/no/such/place"))
        assert gaps[-1] == "orders-db: how full its disk is cannot be seen (No such file or directory: /no/such/place)"
    assert unseen.disk_pct == elsewhere.disk_pct == 0.0
    database = postgres_url.rpartition("/")[2]
    url = f"postgresql://nexus@/{database}?host={postgres_server.folder}&port={postgres_server.port}"
    with collecting() as gaps:
        found = await health(connected(url))
    assert not gaps
    assert found.disk_pct > 0


async def test_a_session_in_a_transaction_that_does_nothing_is_idle_too(postgres_url: str) -> None:
    async with session(postgres_url, "billing") as billing:
        await billing.execute("BEGIN")
        found = await health(connected(postgres_url))
    assert found.detail.startswith("connections are held by billing 1 (1 idle), nexus 1 (0 idle)")


async def test_slow_statements_locks_and_unfinished_transactions_are_told_with_their_holders(postgres_url: str) -> None:
    connector = connected(postgres_url, slow_s=0.01)
    async with AsyncExitStack() as stack:
        migration, checkout, report = [
            await stack.enter_async_context(session(postgres_url, name)) for name in ("migration", "checkout", "report")
        ]
        await migration.execute("CREATE TABLE orders (id int)")
        await migration.execute("BEGIN")
        await migration.execute("LOCK TABLE orders")
        running = [
            asyncio.create_task(checkout.execute("SELECT * FROM orders")),
            asyncio.create_task(report.execute("SELECT pg_sleep(600)")),
        ]
        try:
            found = await health_when(connector, lambda h: "wait for a lock" in h.detail and h.slow_queries_per_min == 2)
        finally:
            for connection in (checkout, report):
                await connection.cancel_safe()
            ended = await asyncio.gather(*running, return_exceptions=True)
    assert "; 1 wait for a lock, held by migration" in found.detail
    assert [type(error) for error in ended] == [psycopg.errors.QueryCanceled] * 2


async def test_a_server_without_free_connections_is_up_and_told_apart_from_one_that_is_down(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS shopper")
        owner.execute("CREATE ROLE shopper LOGIN")
    mine = postgres_server.url(postgres_url.rpartition("/")[2], "shopper")
    connector = connected(mine)
    assert (await health(connector)).max_connections == ORDINARY
    held = [psycopg.connect(mine, application_name="checkout") for _ in range(ORDINARY)]
    try:
        found = await health(connector)
        assert await problems(connector) == ["connections_exhausted"]
        privileged = await health(connected(postgres_url))
    finally:
        for connection in held:
            connection.close()
    assert (found.up, found.connections, found.max_connections) == (True, ORDINARY, ORDINARY)
    assert "connection slots are reserved" in found.detail
    assert (privileged.up, privileged.connections) == (True, ORDINARY + 1)
    assert f"held by checkout {ORDINARY}" in privileged.detail


async def test_a_role_that_may_not_look_counts_all_the_same_and_doctor_says_what_to_grant(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS stranger")
        owner.execute("CREATE ROLE stranger LOGIN")
    url = postgres_server.url(postgres_url.rpartition("/")[2], "stranger")
    async with session(postgres_url, "billing"):
        found = await health(connected(url))
        proofs = await connected(url).prove(NOW)
    assert found.connections == 2
    assert "1 sessions show nothing of themselves" in found.detail
    assert [(p.what, p.ok) for p in proofs] == [
        ("health of orders-db", True),
        ("disk of orders-db", False),
        ("who holds connections", False),
    ]
    assert proofs[-1].remedy == "GRANT pg_monitor to its role"


async def test_idle_sessions_of_one_application_are_ended_and_nobody_elses(postgres_url: str) -> None:
    connector = connected(postgres_url, end_idle_after_s=1)
    source = connector.actions
    assert source is not None
    assert connected(postgres_url).actions is None, "only where the world file says so"
    async with AsyncExitStack() as stack:
        leaking = [await stack.enter_async_context(session(postgres_url, "leaking app")) for _ in range(6)]
        others = [await stack.enter_async_context(session(postgres_url, "billing")) for _ in range(5)]
        await leaking[0].execute("BEGIN")
        await asyncio.sleep(1.1)
        await asyncio.gather(*(other.execute("SELECT 1") for other in others))  # they work, and so are not idle for long
        (action,) = [a for a in await source.options("orders-db", NOW) if a.arguments[ARGUMENT] == "leaking app"]
        dry = await source.dry_run(action, NOW)
        assert (source.owns(action), dry.ok, dry.before) == (True, True, {})
        assert dry.effect == "6 idle sessions of leaking app are ended; 1 of them lose a transaction that was not finished"
        assert await source.is_done(action) is False
        assert await source.carry_out(action) == "6 idle sessions of leaking app are ended"
        for lost in leaking:
            with pytest.raises(psycopg.OperationalError):
                await lost.execute("SELECT 1")
        assert await source.is_done(action) is True
        assert not (await source.dry_run(action, NOW)).ok
        for kept in others:
            await kept.execute("SELECT 1")
    assert await source.options("search", NOW) == []
    assert await source.take_back({}) == "nothing to restore"


async def test_who_may_not_end_sessions_fails_and_ends_none(postgres_url: str, postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS watcher")
        owner.execute("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
    connector = connected(postgres_server.url(postgres_url.rpartition("/")[2], "watcher"), end_idle_after_s=1)
    source, proof = connector.actions, (await connector.prove(NOW))[-1]
    assert (proof.ok, proof.remedy) == (False, "GRANT pg_signal_backend")
    assert (await connected(postgres_url, end_idle_after_s=1).prove(NOW))[-1].ok
    assert source is not None
    action = Action(kind=ActionKind.RESTART, target="orders-db", arguments={ARGUMENT: "billing"})
    async with session(postgres_url, "billing") as billing:
        await asyncio.sleep(1.1)
        with pytest.raises(ActionFailed, match="GRANT pg_signal_backend"):
            await source.carry_out(action)
        await billing.execute("SELECT 1")


async def test_a_server_that_refuses_writes_is_not_writable_and_nothing_is_ever_written(postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on".encode())
        try:
            found = await health(connected(postgres_url))
            told = await problems(connected(postgres_url))
        finally:
            owner.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only".encode())
    assert (found.up, found.writable) == (True, False)
    assert found.detail.startswith("default_transaction_read_only is on: writes are refused")
    assert told == ["not_writable"]


async def test_who_is_not_let_in_knows_nothing_of_its_health_and_tells_no_password(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS with_password")
        owner.execute("CREATE ROLE with_password LOGIN PASSWORD 'right'")
    database = postgres_url.rpartition("/")[2]
    connector = connected(postgres_server.url(database, "with_password:hush-hush"))
    with pytest.raises(Unavailable, match="password authentication failed") as caught:
        await health(connector)
    (proof,) = await connector.prove(NOW)
    assert not proof.ok
    assert "hush" not in f"{caught.value} {proof} {connector!r}".replace(str(connector.secrets), "")
    assert "hush-hush" in connector.secrets
    assert (await health(connected(postgres_server.url(database, "with_password:right")))).up


@pytest.mark.parametrize("url", ["mysql://me:hush@db/x", "postgresql://me:hu sh@db/x", "host=db password=hush"])
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(WorldError, match="url: is no address of PostgreSQL") as caught:
        connected(url)
    assert "hu" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("FATAL:  sorry, too many clients already", "full"),
        ('FATAL:  too many connections for database "shop"', "full"),
        ('FATAL:  too many connections for role "nexus"', "unreachable"),
        ("FATAL:  the database system is starting up", "down"),
        ("FATAL:  no pg_hba.conf entry for host", "unreachable"),
        ('could not translate host name "db" to address', "unreachable"),
    ],
)
def test_what_the_server_says_is_understood(said: str, meaning: str) -> None:
    assert refusal_of(said) == meaning


@dataclass
class Pair:
    """A primary and its standby; `standby_url` leads to the standby, which a test may stop."""

    primary: PostgresServer
    standby: PostgresServer


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    folder, programs = Path(tempfile.mkdtemp(prefix="nexus-pair-")), binaries()
    folder.chmod(0o755)
    servers = []
    for name in ("primary", "standby"):
        (folder / name).mkdir()
        servers.append(PostgresServer(folder / name, programs, other_user()))
    primary, standby = servers
    try:
        primary.create()
        with (primary.folder / "data" / "pg_hba.conf").open("a") as access:
            access.write("\nlocal replication all trust\n")
        primary.start()
        if standby.user:
            shutil.chown(standby.folder, standby.user)
        copied = ["-h", str(primary.folder), "-p", str(primary.port), "-U", "nexus", "-R", "-c", "fast", "-X", "stream"]
        subprocess.run(
            [programs / "pg_basebackup", *copied, "-C", "-S", "standby", "-D", standby.folder / "data", "--no-sync"],
            user=standby.user,
            cwd=standby.folder,
            check=True,
            timeout=60,
        )
        standby.start()
        yield Pair(primary, standby)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.xdist_group("postgresql-pair")
async def test_a_standby_is_seen_from_both_sides_and_missed_when_it_is_gone(pair: Pair) -> None:
    primary = connected(pair.primary.url("postgres"), standby="orders-db-2")
    found = await health_when(primary, lambda h: h.replication_lag_s is not None)
    assert (found.replication_lag_s or 0) < 60
    assert found.standby == "orders-db-2"
    mistaken, replica = connected(pair.standby.url("postgres")), connected(pair.standby.url("postgres"), replica=True)
    assert (await health(mistaken)).detail.startswith("it is a standby: writes are refused")
    assert await problems(mistaken) == ["not_writable"]
    assert await problems(replica) == []
    pair.standby.stop()
    gone = await health(replica)
    assert (gone.up, gone.writable) == (False, False)
    assert "Connection refused" in gone.detail
    assert await problems(replica) == ["down"]
    assert any(not p.ok for p in await replica.prove(NOW))
    found = await health_when(primary, lambda h: h.replication_lag_s is None)
    assert "replication slot standby has no standby" in found.detail
