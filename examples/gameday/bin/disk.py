"""disk: the size and use of checkout's volume; --to MB changes its size."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from place import HERE, say, stop

MB = 1024 * 1024
LARGEST_MB = 128


def folder() -> Path:
    """The volume: a disk in memory, or where nobody may mount one a folder whose quota the services keep themselves."""
    return HERE / "volume"


def size_mb() -> int:
    """What it can hold."""
    if folder().is_mount():
        disk = os.statvfs(folder())
        return disk.f_blocks * disk.f_frsize // MB
    return int((folder() / ".size").read_text(encoding="utf-8"))


def used_mb() -> float:
    """What it holds."""
    if folder().is_mount():
        disk = os.statvfs(folder())
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize / MB
    return sum(file.stat().st_size for file in folder().iterdir()) / MB


def resize(megabytes: int) -> None:
    """Give it that size."""
    if folder().is_mount():
        subprocess.run(["/bin/mount", "-o", f"remount,size={megabytes}m", folder()], check=True)  # noqa: S603 - a number, our path
    else:
        (folder() / ".size").write_text(str(megabytes), encoding="utf-8")


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=int, metavar="MB", help="the new size")
    parser.add_argument("--size", action="store_true", help="say its size in MB alone")
    parser.add_argument("--next", action="store_true", help="say the next larger size in MB alone; nothing where there is none")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    asked = parser.parse_args()
    before = size_mb()
    if asked.size:
        say(str(before))
    elif asked.next:
        if before * 4 <= LARGEST_MB:
            say(str(before * 4))
    elif asked.to is None:
        say(f"{used_mb():.1f} of {before} MB used")
    elif not used_mb() < asked.to <= LARGEST_MB:
        stop(f"{asked.to} MB is not possible: {used_mb():.1f} MB are used, and {LARGEST_MB} MB are the most")
    elif asked.dry_run:
        say(f"the volume would go from {before} to {asked.to} MB")
    else:
        resize(asked.to)
        say(f"the volume went from {before} to {asked.to} MB")


if __name__ == "__main__":
    main()
