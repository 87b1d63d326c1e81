"""Paths: where an incident's files lie, and writing them whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path, PurePosixPath

from nexus.errors import RecordsError

_SAFE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?")


def incident_folder(root: Path, incident: str) -> Path:
    """`root/incident`; raises RecordsError for an id that is no plain folder name."""
    if not _SAFE.fullmatch(incident):
        raise RecordsError(f"{incident[:80]!r} is not an incident id", "ids are letters, digits, '.', '_' and '-'")
    return root / incident


def inside(folder: Path, path: str) -> Path:
    """`folder/path`; raises RecordsError for a path that leads out of the folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or "\0" in path or any(part in ("..", ".") for part in parts):
        raise RecordsError(f"{path[:80]!r} is not a path inside the incident's folder", "use a relative path without '..'")
    return folder.joinpath(*parts)


def write(path: Path, content: str | bytes) -> None:
    """Write the whole file or nothing: readers never see half of it. Raises RecordsError when it cannot be written."""
    raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
            part.chmod(0o644)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RecordsError(
            f"{path} cannot be written ({error.strerror})", "choose a folder that you may write with --out"
        ) from error
