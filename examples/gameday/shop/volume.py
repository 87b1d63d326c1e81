"""Volume: the small disk that checkout's journal and the reports' exports share."""

from __future__ import annotations

import errno
import os
from pathlib import Path

MB = 1024 * 1024
SIZE = ".size"
"""Holds the size in MB where the folder is no disk of its own: then the quota is kept here and not by the kernel."""


class Volume:
    """A folder that can be full: a mounted disk, or a folder with a quota."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def mounted(self) -> bool:
        """Whether the folder is a disk of its own."""
        return self.folder.is_mount()

    def size(self) -> int:
        """Bytes that it can hold."""
        if self.mounted:
            disk = os.statvfs(self.folder)
            return disk.f_blocks * disk.f_frsize
        return int((self.folder / SIZE).read_text(encoding="utf-8")) * MB

    def used(self) -> int:
        """Bytes that it holds."""
        if self.mounted:
            disk = os.statvfs(self.folder)
            return (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        return sum(file.stat().st_size for file in self.folder.iterdir() if file.name != SIZE)

    def append(self, name: str, line: str) -> None:
        """Add a line to a file of it. Raises OSError when the volume is full."""
        content = f"{line}\n".encode()
        if not self.mounted and self.used() + len(content) > self.size():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / name))
        with (self.folder / name).open("ab", buffering=0) as file:
            file.write(content)
