"""Processes: everything that runs on a game day, as a table for the supervisor: what, where, with which environment."""

from __future__ import annotations

import os
import pwd
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from programs import programs
from supervisor import Program

HERE = Path(__file__).parent
LISTENERS = (
    "shop", "web", "catalog", "checkout", "payment", "exporter", "database", "prometheus", "alertmanager", "blackbox", "nexus",
    "stakeholders",
)  # fmt: skip
DATABASE_SETTINGS = {
    "max_connections": "60",
    "superuser_reserved_connections": "3",
    "shared_buffers": "16MB",
    "fsync": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
}
"""Small enough for one job to take all connections; the last three are kept for operators and monitoring."""


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A port of loopback for each, all different."""
    held = {name: socket.socket() for name in names}
    for one in held.values():
        one.bind(("127.0.0.1", 0))
    ports = {name: int(one.getsockname()[1]) for name, one in held.items()}
    for one in held.values():
        one.close()
    return ports


def server_user() -> str | None:
    """Who PostgreSQL runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if "postgres" in {user.pw_name for user in pwd.getpwall()} else "nobody"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens."""

    ports: dict[str, int] = field(default_factory=lambda: free_ports(LISTENERS))

    def url(self, name: str) -> str:
        """Of one that speaks HTTP."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def database(self, user: str, name: str = "shop") -> str:
        """Of a database; `operator` is its superuser."""
        return f"postgresql://{user}@127.0.0.1:{self.ports['database']}/{name}"

    def environment(self) -> dict[str, str]:
        """What the world file asks for by `${GAMEDAY_…}`."""
        known = {f"GAMEDAY_{name.upper()}_URL": self.url(name) for name in LISTENERS if name != "database"}
        known["GAMEDAY_STAKEHOLDERS_URL"] = f"json://127.0.0.1:{self.ports['stakeholders']}"
        return {**known, "GAMEDAY_DATABASE_URL": self.database("operator"), "GAMEDAY_PYTHON": sys.executable}


@dataclass(frozen=True, slots=True)
class Processes:
    """The table of one folder. `approve`: who answers NEXUS' approvals."""

    folder: Path
    addresses: Addresses
    approve: str = "auto"

    def all(self, *, monitored: bool) -> list[Program]:
        """In the order in which they start; the customers and NEXUS wait until somebody asks for them."""
        monitoring = self._monitoring() if monitored else ()
        return [self._database(), *self._shop(), *monitoring, *(replace(one, waits=True) for one in self._later())]

    def _program(self, name: str, argv: list[str], cwd: Path | None = None, **env: str) -> Program:
        """What it prints goes to `logs/NAME.out`."""
        return Program(name, argv, str(cwd or self.folder), env, str(self.folder / "logs" / f"{name}.out"))

    def _database(self) -> Program:
        set_up = [item for name, value in DATABASE_SETTINGS.items() for item in ("-c", f"{name}={value}")]
        data, port = self.folder / "data", str(self.addresses.ports["database"])
        where = ["-D", str(data / "postgres"), "-h", "127.0.0.1", "-p", port, "-k", ""]
        started = self._program("database", [programs()["postgres"], *where, *set_up], data)
        return replace(started, user=server_user(), end="SIGINT", output=str(self.folder / "logs" / "database.log"))

    def _shop(self) -> Iterator[Program]:
        """The services, what they need, and nginx before them."""
        f, python, url = self.folder, sys.executable, self.addresses.url
        shared = {
            "DATABASE_URL": self.addresses.database("shop"),
            "CATALOG_URL": url("catalog"),
            "CHECKOUT_URL": url("checkout"),
            "PAYMENT_URL": url("payment"),
            "JOURNAL": str(f / "volume"),
            "FALLBACK": str(f / "flags" / "pay-later"),
            "REQUEST": str(f / "flags" / "report"),
            "MODE": str(f / "flags" / "payment-is"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

        def listening(name: str, script: str, cwd: Path, **env: str) -> Program:
            return self._program(name, [python, script], cwd, **{**shared, "PORT": str(self.addresses.ports[name]), **env})

        yield listening("payment", "payment.py", f / "third_party")
        for name in ("catalog", "checkout", "web"):
            config = f / "config" / name / "current" / f"{name}.toml"
            live, log = f / "releases" / name / "current", f / "logs" / f"{name}.log"
            yield listening(name, f"{name}.py", live, CONFIG=str(config), LOG=str(log))
        jobs = f / "releases" / "checkout" / "current"
        yield self._program("reports", [python, "reports.py"], jobs, **shared, LOG=str(f / "logs" / "reports.log"))
        yield listening("stakeholders", str(HERE / "stakeholders.py"), f, MAILBOX=str(f / "logs" / "stakeholders.jsonl"))
        yield listening("exporter", str(HERE / "exporter.py"), f, DATABASE_URL=self.addresses.database("operator"))
        yield self._program("nginx", [programs()["nginx"], "-p", str(f / "nginx"), "-c", str(f / "nginx" / "nginx.conf")])

    def _monitoring(self) -> Iterator[Program]:
        found, files, data = programs(), self.folder / "monitoring", self.folder / "data"

        def listen(name: str) -> str:
            return f"--web.listen-address=127.0.0.1:{self.addresses.ports[name]}"

        blackbox = [found["prometheus-blackbox-exporter"], f"--config.file={files / 'blackbox.yml'}", listen("blackbox")]
        alertmanager = [
            found["prometheus-alertmanager"],
            f"--config.file={files / 'alertmanager.yml'}",
            f"--storage.path={data / 'alertmanager'}",
            "--cluster.listen-address=",  # alone
            listen("alertmanager"),
        ]
        prometheus = [
            found["prometheus"],
            f"--config.file={files / 'prometheus.yml'}",
            f"--storage.tsdb.path={data / 'prometheus'}",
            "--rules.alert.resend-delay=5s",  # or an alert that fires in its first seconds is told a minute later
            listen("prometheus"),
        ]
        yield self._program("blackbox", blackbox)
        yield self._program("alertmanager", alertmanager)
        yield self._program("prometheus", prometheus)

    def _later(self) -> Iterator[Program]:
        python, mix = sys.executable, str(self.folder / "flags" / "mix")
        yield self._program("load", [python, str(HERE / "load.py"), self.addresses.url("shop"), "--mix", mix])
        flags = ["--world", "world.yaml", "--library", "library", "--approve", self.approve, "--out", "incidents"]
        env = {**self.addresses.environment(), "NEXUS_SERVICE__PORT": str(self.addresses.ports["nexus"])}
        serve = self._program("nexus", [python, "-m", "nexus.cli", "serve", *flags])
        yield replace(serve, env=env, patience_s=30)
