"""Programs of Debian's packages for the tests: found, or installed where this may be done; a test fails without its program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

PACKAGES = (
    "postgresql",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "nginx-light",
    "chromium",
    "openssl",
    "systemd",
)
"""Whatever one test or another runs: installed at once, for each installation by itself takes as long as all of them."""
LOCK = Path("/tmp/nexus-tests-apt.lock")
ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def program(name: str, package: str) -> str:
    """Where that program is; its package is installed where it is missing and this may be done."""
    found = _found(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install(lambda: _found(name) is not None)
        found = _found(name)
    if found is None:
        pytest.fail(f"this test runs {name}: install it, on Debian and Ubuntu by apt-get install {package}", pytrace=False)
    return found


def _found(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(ELSEWHERE))


def install(there: Callable[[], bool]) -> None:
    """Install all of them, unless another process has; what that could not do is told by whoever then looks for a program."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with FileLock(LOCK):
        if there():
            return
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(command, env=quiet, capture_output=True, timeout=300, check=False)
