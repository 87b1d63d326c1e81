"""Estate: the shop and its monitoring as one folder: its files, its ports, its processes, brought up and taken down whole."""

# ruff: noqa: S603 - PostgreSQL's own programs and mount, on paths of our own

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import httpx
import psycopg
from history import write_history
from processes import Addresses, Processes, server_user
from programs import programs

HERE = Path(__file__).parent
VOLUME_MB = 16
PATIENCE_S = 90.0


class NotHealthy(Exception):
    """Something did not come up in time."""


def until(ready: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for it. Raises NotHealthy."""
    ends = time.monotonic() + patience_s
    while not ready():
        if time.monotonic() > ends:
            raise NotHealthy(f"{what} did not come up within {patience_s:.0f} s")
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Whether that address answers well."""
    try:
        return httpx.get(url, timeout=5).status_code < 400
    except httpx.HTTPError:
        return False


@dataclass
class Estate:
    """One game day's world in `folder`, which has to be empty.

    `monitored`: with Prometheus, Alertmanager and blackbox exporter. `approve`: who answers NEXUS' approvals.
    """

    folder: Path
    monitored: bool = True
    approve: str = "auto"
    addresses: Addresses = field(default_factory=Addresses)
    mounted: bool = False
    supervisor: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """Where that listener is."""
        return self.addresses.url(name)

    # --- files

    def write(self) -> None:
        """Everything that a start needs, except the database's own files."""
        self.folder.chmod(0o755)  # the database's user passes through it
        for name in ("logs", "flags", "volume", "monitoring", "data", "nginx/temp"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "flags" / "pay-later").write_text("off", encoding="utf-8")
        write_history(self.folder)
        shutil.copytree(HERE / "bin", self.folder / "bin", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(HERE / "third_party", self.folder / "third_party", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "monitoring" / "rules.yml", self.folder / "monitoring")
        shutil.copy(HERE / "world.yaml", self.folder)
        self._fill("catalog.yaml", "catalog.yaml")
        for name in ("prometheus.yml", "alertmanager.yml", "blackbox.yml"):
            self._fill(f"monitoring/{name}", f"monitoring/{name}")
        self._fill("monitoring/nginx.conf", "nginx/nginx.conf")
        (self.folder / "place.json").write_text(json.dumps({"database": self.addresses.database("operator")}), encoding="utf-8")
        self.mounted = self._mount()
        table = Processes(self.folder, self.addresses, self.approve)
        at_end = [["/bin/umount", "--lazy", str(self.folder / "volume")]] if self.mounted else []
        processes = {"programs": [asdict(program) for program in table.all(monitored=self.monitored)], "at_end": at_end}
        (self.folder / "processes.json").write_text(json.dumps(processes, indent=1), encoding="utf-8")

    def _fill(self, source: str, target: str) -> None:
        values = {f"{name.upper()}_PORT": port for name, port in self.addresses.ports.items()}
        text = Template((HERE / source).read_text(encoding="utf-8")).substitute(values)
        (self.folder / target).write_text(text, encoding="utf-8")

    def _mount(self) -> bool:
        """A disk in memory where that may be done; else the folder gets a quota that the services keep themselves."""
        volume = self.folder / "volume"
        command: list[str | Path] = ["/bin/mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m", "gameday", volume]
        if os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return True
        (volume / ".size").write_text(str(VOLUME_MB), encoding="utf-8")
        return False

    # --- up and down

    def start(self) -> None:
        """Bring all up and wait until it answers. Raises NotHealthy, programs.Missing."""
        self.write()
        self._create_database()
        with (self.folder / "logs" / "supervisor.out").open("ab") as output:
            self.supervisor = subprocess.Popen(
                [sys.executable, HERE / "supervisor.py", self.folder],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(self._database_is_up, "the database")
        self._fill_database()
        until(lambda: answers(f"{self.url('shop')}/products/1"), "the shop")
        until(lambda: answers(f"{self.url('checkout')}/health"), "checkout")
        until(lambda: answers(f"{self.url('payment')}/health"), "the payment provider's stand-in")
        if self.monitored:
            for name in ("prometheus", "alertmanager", "blackbox"):
                until(lambda name=name: answers(f"{self.url(name)}/-/healthy"), name)  # type: ignore[misc]

    def stop(self) -> None:
        """Take all down, and the volume off."""
        if self.supervisor is not None:
            assert self.supervisor.stdin is not None
            self.supervisor.stdin.close()
            self.supervisor.wait()
            self.supervisor = None
        elif self.mounted:  # written and never started
            subprocess.run(["/bin/umount", "--lazy", self.folder / "volume"], check=False, capture_output=True)
        self.mounted = False

    def _create_database(self) -> None:
        data, user = self.folder / "data", server_user()
        if user:
            shutil.chown(data, user)
        initdb = Path(programs()["postgres"]).with_name("initdb")
        options = ["-U", "operator", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        subprocess.run([initdb, "-D", data / "postgres", *options], user=user, cwd=data, check=True, capture_output=True)

    def _database_is_up(self) -> bool:
        try:
            psycopg.connect(self.addresses.database("operator", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _fill_database(self) -> None:
        """The shop's database and its user, who is no superuser: the reserved connections are not for services."""
        with psycopg.connect(self.addresses.database("operator", "postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE shop LOGIN")
            connection.execute("CREATE DATABASE shop OWNER shop")
        with psycopg.connect(self.addresses.database("shop")) as connection:
            connection.execute((HERE / "shop" / "schema.sql").read_bytes())

    # --- looking at it

    def command(self, name: str, *arguments: str) -> str:
        """What one of the operators' commands prints. Raises CalledProcessError where it refuses."""
        argv: list[str | Path] = [sys.executable, self.folder / "bin" / f"{name}.py", *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def ask_supervisor(self, **wish: str) -> dict[str, Any]:
        """One wish and its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.connect(str(self.folder / "control.sock"))
            channel.sendall(json.dumps(wish).encode() + b"\n")
            answer: dict[str, Any] = json.loads(channel.makefile(encoding="utf-8").readline())
        return answer

    def state(self) -> dict[str, Any]:
        """All that the operators' commands can change."""
        told: dict[str, Any] = json.loads(self.command("state"))
        return told

    def query(self, expression: str) -> dict[str, float]:
        """What Prometheus says now, by service."""
        answer = httpx.get(f"{self.url('prometheus')}/api/v1/query", params={"query": expression}, timeout=10).raise_for_status()
        return {one["metric"].get("service", ""): float(one["value"][1]) for one in answer.json()["data"]["result"]}

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager holds."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url('alertmanager')}/api/v2/alerts", timeout=10).raise_for_status().json()
        return found
