"""exporter: what the shop's services cannot say of themselves: the database's connections, and the host's data volume."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

HOST = "shop-1"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


def gauge(name: str, about: str, service: str, value: float) -> Metric:
    """One number of one component."""
    family = GaugeMetricFamily(name, about, labels=["service"])
    family.add_metric([service], value)
    return family


class Database(Collector):
    """Counted by the superuser, for whom connections are kept free when all others are taken."""

    def __init__(self, url: str) -> None:
        self.url = url

    def collect(self) -> Iterator[Metric]:
        """Up, taken and possible connections."""
        try:
            with psycopg.connect(self.url, connect_timeout=2, application_name="exporter") as connection:
                used = connection.execute(CONNECTIONS).fetchone()
                most = connection.execute("SHOW max_connections").fetchone()
        except psycopg.OperationalError:
            yield gauge("database_up", "Whether it answers", "database", 0)
            return
        assert used is not None
        assert most is not None
        yield gauge("database_up", "Whether it answers", "database", 1)
        yield gauge("database_connections", "Client connections", "database", used[0])
        yield gauge("database_max_connections", "Client connections that there may be", "database", float(most[0]))


class Disk(Collector):
    """The host's data volume, which checkout's journal is on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterator[Metric]:
        """Size and use."""
        quota = self.folder / ".size"
        if quota.exists():
            size = int(quota.read_text(encoding="utf-8")) * 1024 * 1024
            used = sum(file.stat().st_size for file in self.folder.iterdir())
        else:
            size, used, _ = shutil.disk_usage(self.folder)
        yield gauge("disk_size_bytes", "What the volume can hold", HOST, size)
        yield gauge("disk_used_bytes", "What the volume holds", HOST, used)


if __name__ == "__main__":
    for collector in (Database(os.environ["DATABASE_URL"]), Disk(Path(os.environ["JOURNAL"]))):
        REGISTRY.register(collector)
    start_http_server(int(os.environ["PORT"]), "127.0.0.1")
    while threading.main_thread().is_alive():
        time.sleep(60)
