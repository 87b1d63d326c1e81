"""Real journal files for the tests: written by systemd-journal-remote from systemd's export format, with any times.

Where that program is not installed, its package is unpacked into a folder and nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from filelock import FileLock

UNPACKED = Path("/tmp/nexus-tests-journal-remote")
WRITER = "lib/systemd/systemd-journal-remote"
PACKAGES = ("systemd-journal-remote", "libmicrohttpd12")
BOOT = "0123456789abcdef0123456789abcdef"


def write_journal(path: Path, entries: Iterable[tuple[float, Mapping[str, str | bytes]]]) -> None:
    """A journal file with those entries: unix seconds, and fields."""
    writer, libraries = _writer()
    exported = b"".join(_exported(at, number, fields) for number, (at, fields) in enumerate(entries, 1))
    made = subprocess.run(
        [writer, f"--output={path}", "-"],
        input=exported,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )
    assert made.returncode == 0, made.stderr.decode()


def _exported(at: float, number: int, fields: Mapping[str, str | bytes]) -> bytes:
    head = f"__REALTIME_TIMESTAMP={round(at * 1e6)}\n__MONOTONIC_TIMESTAMP={number}\n_BOOT_ID={BOOT}\n".encode()
    told = []
    for name, value in fields.items():
        held = value.encode() if isinstance(value, str) else value
        told.append(name.encode() + b"\n" + len(held).to_bytes(8, "little") + held + b"\n")
    return head + b"".join(told) + b"\n"


def _writer() -> tuple[str, str]:
    """The program, and where its libraries are."""
    for root in ("/", "/usr/"):
        if Path(root + WRITER).exists():
            return root + WRITER, ""
    with FileLock(f"{UNPACKED}.lock"):
        if not (UNPACKED / WRITER).exists() and shutil.which("apt-get"):
            _unpack()
    if not (UNPACKED / WRITER).exists():
        pytest.fail("this test writes a journal: install systemd-journal-remote", pytrace=False)
    return str(UNPACKED / WRITER), ":".join(map(str, (UNPACKED / "usr/lib").glob("*-linux-gnu")))


def _unpack() -> None:
    UNPACKED.mkdir(exist_ok=True)
    for package in PACKAGES:
        if subprocess.run(
            ["apt-get", "download", package], cwd=UNPACKED, capture_output=True, timeout=120, check=False
        ).returncode:
            subprocess.run(["apt-get", "update"], capture_output=True, timeout=240, check=False)
            subprocess.run(["apt-get", "download", package], cwd=UNPACKED, capture_output=True, timeout=120, check=False)
    for archive in UNPACKED.glob("*.deb"):
        subprocess.run(["dpkg", "--extract", str(archive), str(UNPACKED)], capture_output=True, timeout=60, check=False)
