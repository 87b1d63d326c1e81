"""A real Prometheus for the tests: its data is written as blocks before it starts, so nothing is scraped and nobody waits."""

from __future__ import annotations

import math
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from debian_in_hand import program

PACKAGE = "prometheus"
PATIENCE = 60.0

Curve = Callable[[float], float | None]
"""The value at so many minutes after the beginning; None: not sampled then."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One time series to be written."""

    name: str
    labels: Mapping[str, str]
    curve: Curve


def openmetrics(metrics: Sequence[Metric], begins: datetime, minutes: int, every_s: int = 30) -> str:
    """The samples in OpenMetrics' words, untyped; series of one name stand together, as it asks."""
    lines = []
    for name in dict.fromkeys(metric.name for metric in metrics):
        lines.append(f"# TYPE {name} unknown")
        for metric in (one for one in metrics if one.name == name):
            labels = ",".join(f'{key}="{value}"' for key, value in metric.labels.items())
            for second in range(0, minutes * 60 + 1, every_s):
                value = metric.curve(second / 60)
                if value is not None and not math.isnan(value):
                    lines.append(f"{name}{{{labels}}} {value} {begins.timestamp() + second:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def prometheus_with(metrics: Sequence[Metric], begins: datetime, minutes: int, folder: Path) -> Iterator[str]:
    """The address of a Prometheus that holds those series from `begins` on, while the block runs."""
    samples, blocks = folder / "samples.txt", folder / "blocks"
    samples.write_text(openmetrics(metrics, begins, minutes))
    made = subprocess.run(
        [program("promtool", PACKAGE), "tsdb", "create-blocks-from", "openmetrics", str(samples), str(blocks)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    port = _free_port()
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={blocks}",
        "--storage.tsdb.retention.time=50y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen([program("prometheus", PACKAGE), *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        _until_ready(url, server, folder / "prometheus.log")
        yield url
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def _until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/-/ready", timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"Prometheus was not ready in {PATIENCE:.0f} s: {log.read_text()}")
