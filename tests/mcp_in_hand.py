"""The MCP connector on the server of mcp_server_in_hand, started here or over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mcp_server_in_hand
from mcp_server_in_hand import TOKEN

from nexus.world import Service, ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.mcp import Settings, connect
from nexus.world.journal import MemoryJournal

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(services=(Service(name="basket"), Service(name="search")))


def settings(folder: Path, **more: Any) -> Settings:
    """The server over standard streams."""
    (folder / "switches.json").write_text(json.dumps({"basket": "new", "search": "new"}))
    environment = {"SWITCHES": str(folder / "switches.json"), "API_TOKEN": TOKEN, "REGION": "eu-central-1"}
    given = {
        "use": "mcp",
        "name": "cluster",
        "command": sys.executable,
        "args": [mcp_server_in_hand.__file__],
        "env": environment,
    }
    return Settings.model_validate({**given, "env": environment, **more})


def connected(given: Settings, folder: Path) -> Connector:
    return connect(given, Site(folder, CATALOG, MemoryJournal(), NOW))


@contextmanager
def over_http(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a process of its own that wants a token, once it listens."""
    process = subprocess.Popen([sys.executable, mcp_server_in_hand.__file__, str(port)])
    try:
        ends = time.monotonic() + 60
        while True:
            assert process.poll() is None
            assert time.monotonic() < ends
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
