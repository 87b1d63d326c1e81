"""A shop that is run by shell scripts, in hand: its release is a line in a file; and what a world file declares of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nexus.incident import Action
from nexus.world.catalog import Service, ServiceCatalog
from nexus.world.connectors.command_process import MARK
from nexus.world.connectors.commands import Settings, connect
from nexus.world.connectors.contract import ActionSource, Connector, Site
from nexus.world.journal import MemoryJournal

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CATALOG = ServiceCatalog(services=(Service(name="web"), Service(name="cart")))

SCRIPTS = {
    "releases": 'grep -v "^$(cat $1.release)$" all-releases',
    "current": "cat $1.release",
    "can-roll-back": "test -e $1.release",
    "switch": 'if [ "$1" = --dry-run ]; then echo "would switch $2 to $3"; else echo "$2" > $1.release; echo "$1 runs $2"; fi',
    "record": 'for a in "$@"; do printf "%s\\0" "$a" >> recorded; done; printf "%s\\0" end-of-call >> recorded',
}
ROLLBACK: dict[str, Any] = {
    "kind": "rollback",
    "name": "previous-release",
    "description": "switch to the release before",
    "targets": ["web", "cart"],
    "parameters": {"to": {"from": ["./bin/releases", "{target}"]}},
    "when": ["./bin/can-roll-back", "{target}"],
    "state": ["./bin/current", "{target}"],
    "becomes": "{to}",
    "run": ["./bin/switch", "{target}", "{to}"],
    "dry_run": ["./bin/switch", "--dry-run", "{target}", "{to}"],
    "undo": ["./bin/switch", "{target}", "{state}"],
    "settles": 0,
}
RESTART: dict[str, Any] = {"kind": "restart", "name": "restart", "description": "start it afresh", "targets": ["web"]}


def script(folder: Path, name: str, body: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def shop_in(folder: Path) -> Path:
    (folder / "bin").mkdir()
    for name, body in SCRIPTS.items():
        script(folder, name, body)
    (folder / "all-releases").write_text("v42\nv41\nv40\n")
    for component in ("web", "cart"):
        (folder / f"{component}.release").write_text("v42\n")
    return folder


def connected(folder: Path, **given: Any) -> Connector:
    told = Settings.model_validate({"use": "commands", **given})
    return connect(told, Site(folder, CATALOG, MemoryJournal(), NOW))


def acting(folder: Path, *changes: Mapping[str, Any]) -> ActionSource:
    source = connected(folder, actions=list(changes)).actions
    assert source is not None
    return source


def release(folder: Path, component: str = "web") -> str:
    return (folder / f"{component}.release").read_text().strip()


async def only(source: ActionSource, component: str = "web") -> Action:
    (action,) = await source.options(component, NOW)
    return action


def written(path: Path) -> None:
    """Until something stands in that file."""
    while not (path.exists() and path.read_text().strip()):
        time.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether it runs; one that has ended and waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left_of_group(pid: int) -> list[int]:
    """Who runs on of the process group that this process led; what was killed is given a moment to end."""
    for _ in range(200):
        found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _group_of(path) == pid and lives(int(path.name))]
        if not found:
            return []
        time.sleep(0.02)
    return found


def left_of_mark(mark: str) -> list[int]:
    """Who runs on with that mark in its environment; what was killed is given a moment to end."""
    for _ in range(200):
        found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_marked(path, mark) and lives(int(path.name))]
        if not found:
            return []
        time.sleep(0.02)
    return found


def _is_marked(path: Path, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in (path / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _group_of(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[2])
    except OSError:
        return 0


def left_over(shop: Path, action: Action) -> subprocess.Popen[bytes]:
    """A command of a process that died: in a group of its own, with the mark in its environment."""
    marked = {**os.environ, MARK: action.digest}
    return subprocess.Popen(["./bin/switch", "web", "v41"], cwd=shop, env=marked, process_group=0)


READ: dict[str, Any] = {"name": "look", "description": "Looks", "argv": ["true"]}


def without(change: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in change.items() if k not in names}
