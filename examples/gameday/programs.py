"""Programs: where Debian's programs are that the game day starts, and what to install where one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

PACKAGES = {
    "nginx": "nginx-light",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "postgres": "postgresql",
    "git": "git",
}
"""Program to Debian's package."""


class Missing(Exception):
    """Programs that are not installed."""

    def __init__(self, names: list[str]) -> None:
        packages = " ".join(sorted({PACKAGES[name] for name in names}))
        super().__init__(f"not installed: {', '.join(names)}; apt-get install --no-install-recommends {packages}")


def _postgres() -> str | None:
    """The newest server: Debian keeps it off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which("postgres")


def programs() -> Mapping[str, str]:
    """Program to its path. Raises Missing."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = {name: _postgres() if name == "postgres" else shutil.which(name, path=places) for name in PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise Missing(missing)
    return {name: path for name, path in found.items() if path is not None}
