"""Place: the folder that the operators' commands work on: its links, its change log, its supervisor and its database."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent.parent
"""The commands lie in `bin/` of the folder that they work on."""
SERVICES = ("web", "catalog", "checkout")
KINDS = {"release": ("releases", "deployment"), "config": ("config", "config")}
"""What can be switched: its folder, and what the change log calls it."""


def say(text: str) -> None:
    """One line for whoever called."""
    sys.stdout.write(f"{text}\n")


def stop(text: str) -> NoReturn:
    """Nothing was done; exit status 2."""
    sys.stderr.write(f"{text}\n")
    raise SystemExit(2)


def setting(name: str) -> str:
    """What the game day wrote down of this folder."""
    known: dict[str, str] = json.loads((HERE / "place.json").read_text(encoding="utf-8"))
    return known[name]


def link_of(kind: str, service: str) -> Path:
    """The symlink that says what is live."""
    return HERE / KINDS[kind][0] / service / "current"


def live(kind: str, service: str) -> str:
    """The version that is live."""
    return link_of(kind, service).readlink().name


def versions(kind: str, service: str) -> list[str]:
    """All that there are, oldest first."""
    found = [path for path in link_of(kind, service).parent.iterdir() if path.is_dir() and not path.is_symlink()]
    return [path.name for path in sorted(found, key=lambda path: (path.stat().st_mtime, path.name))]


def switch(kind: str, service: str, version: str) -> None:
    """Point the link at that version, in one step."""
    link = link_of(kind, service)
    fresh = link.with_name(f".{version}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(version)
    fresh.replace(link)


def changes() -> list[dict[str, Any]]:
    """The change log, oldest first."""
    return [json.loads(line) for line in (HERE / "changes.jsonl").read_text(encoding="utf-8").splitlines()]


def note(**made: str) -> None:
    """Append to the change log: component, kind, version, previous, author, summary."""
    line = json.dumps({"id": f"chg-{len(changes()) + 1}", "at": datetime.now(UTC).isoformat(timespec="seconds"), **made})
    with (HERE / "changes.jsonl").open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")


def ask_supervisor(**wish: str) -> dict[str, Any]:
    """One wish and its answer. The socket is reached from its folder, as its path may be longer than a socket's may be."""
    os.chdir(HERE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        try:
            channel.connect("control.sock")
        except OSError as error:
            stop(f"the supervisor of {HERE} does not answer ({error}); is the game day running?")
        channel.sendall(json.dumps(wish).encode() + b"\n")
        answer: dict[str, Any] = json.loads(channel.makefile(encoding="utf-8").readline())
    if "error" in answer:
        stop(answer["error"])
    return answer


def restart(names: Iterable[str]) -> None:
    """New lives for those processes."""
    for name in names:
        answer = ask_supervisor(do="restart", name=name)
        say(f"{name} restarted: process {answer['was']} ended, {answer['pid']} started")
