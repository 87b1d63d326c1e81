"""A real PostgreSQL for the tests: one server for a test process, an empty database for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from debian_in_hand import install

INSTALL = "these tests start PostgreSQL: install its server, on Debian and Ubuntu by apt-get install postgresql"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",
}
"""Fast, and safe against the death of every process; only the machine's own would lose something."""
OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
ACCESS = """
local all all trust
host all locked_out 127.0.0.1/32 reject
host all with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


def binaries() -> Path:
    """The folder of the newest server's programs; installs them where this may be done."""
    found = _installed()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install(lambda: _installed() is not None)
        found = _installed()
    if found is None:
        pytest.fail(INSTALL, pytrace=False)
    return found


def _installed() -> Path | None:
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]), reverse=True)
    on_path = shutil.which("initdb")
    programs = [Path(on_path).resolve(), *by_version] if on_path else by_version
    return next((program.parent for program in programs if (program.parent / "postgres").exists()), None)


def other_user() -> str | None:
    """Who the server runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class PostgresServer:
    """A server in a folder of its own, on a port of loopback."""

    folder: Path
    programs: Path
    user: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def create(self) -> None:
        if self.user:
            shutil.chown(self.folder, self.user)
        options = ["-U", "nexus", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions", "--locale=C"]
        if self._version() >= 15:
            options += ["--locale-provider=icu", "--icu-locale=en-US"]  # orders letters otherwise than SQLite
        command: list[str | Path] = [self.programs / "initdb", "-D", self.folder / "data", *options]
        made = subprocess.run(command, user=self.user, cwd=self.folder, capture_output=True, check=False)
        if made.returncode:
            pytest.fail(f"initdb failed: {made.stderr.decode()}", pytrace=False)
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)

    def _version(self) -> int:
        told = subprocess.run([self.programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return int(told.split()[2].partition(".")[0].removesuffix("devel"))

    def url(self, database: str, user: str = "nexus") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": self.port}.items()]
        folders: list[str | Path] = ["-D", self.folder / "data", "-k", self.folder, "-h", "127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", *folders, *options], user=self.user, cwd=self.folder, stdout=log, stderr=log
            )
        ends = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < ends:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        pytest.fail(f"PostgreSQL does not start: {(self.folder / 'log').read_text()}", pytrace=False)

    def kill(self) -> None:
        """As if its machine had stopped: no process of it says goodbye."""
        assert self.process is not None
        children = [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]
        for pid in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        self.process = None

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """At once, unless SIGINT: that says goodbye to everyone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def database(self) -> str:
        """The address of a new database."""
        name = f"records_{next(self.numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def emptied(url: str) -> str:
    """That database, empty and left by whoever used it: a new one for each test would be thousands of files."""
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(OTHERS).fetchall():
            time.sleep(0.005)
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    return url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that tests share; who stops it starts it again."""
    programs = binaries()
    folder = Path(tempfile.mkdtemp(prefix="nexus-postgres-"))
    server = PostgresServer(folder, programs, other_user())
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> str:
    """The address of the one database that tests use in turn."""
    return postgres_server.database()


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """The address of an empty database that nobody else uses."""
    return emptied(postgres_database)
