"""Backlog file: work as lines of a file of ours, JSON or Markdown, each item once by its key."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import Field

from nexus.errors import ToolError, WorldError
from nexus.incident import BacklogItem
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.messages import markdown_text

SUFFIXES = (".jsonl", ".md")
PATIENCE = 10.0
"""Seconds that another process may hold the file."""
_KEY = re.compile(r"<!-- nexus-key: (?P<key>\S+) -->")
_HEADING = "# Backlog\n\n"


class Settings(ConnectorSettings):
    """Where the file is; its suffix says what its lines are."""

    use: Literal["backlog-file"]
    path: Path = Field(description=".jsonl: a JSON object a line; .md: a Markdown list of tasks. Relative to the world file")


class BacklogFile:
    """A `BacklogTarget`. The whole file is written anew beside the old one and takes its place at once.

    What others have written into it stays as it is: a person may tick a task, move it or add words to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def add(self, item: BacklogItem) -> bool:
        """Add it, unless an item with its key is there; whether it was new. Raises ToolError."""
        return await asyncio.to_thread(self._add, item)

    def _add(self, item: BacklogItem) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock", timeout=PATIENCE):
                text = self.path.read_bytes().decode() if self.path.exists() else ""
                if item.key in self._keys(text):
                    return False
                self._write(text, item)
                return True
        except Timeout as error:
            raise ToolError(f"{self.path} is held by another process", f"end it, or remove {self.path}.lock") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"{self.path} cannot be written ({error})", "check the folder and its permissions") from error

    def _keys(self, text: str) -> set[str]:
        if self.path.suffix == ".md":
            return {_unquoted(found["key"]) for found in _KEY.finditer(text)}
        return {str(line["key"]) for line in self._objects(text)}

    def _objects(self, text: str) -> list[dict[str, object]]:
        objects = []
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except ValueError as error:
                raise ToolError(f"{self.path} line {number} is no JSON", "mend that line; nothing was added") from error
            if not isinstance(found, dict) or "key" not in found:
                raise ToolError(f"{self.path} line {number} has no key", "mend that line; nothing was added")
            objects.append(found)
        return objects

    def _write(self, text: str, item: BacklogItem) -> None:
        line = markdown_line(item) if self.path.suffix == ".md" else json.dumps(item.model_dump(mode="json"), ensure_ascii=False)
        if not text and self.path.suffix == ".md":
            text = _HEADING
        whole = text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(whole.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(self.path.stat().st_mode & 0o777 if self.path.exists() else 0o644)
            Path(name).replace(self.path)
        finally:
            Path(name).unlink(missing_ok=True)

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a file is as it is now
        """Whether it can be read, and written by this process; changes nothing."""
        return [await asyncio.to_thread(self._proof)]

    def _proof(self) -> Proof:
        what = f"the backlog in {self.path}"
        folder = next(folder for folder in self.path.parents if folder.exists())
        if not os.access(folder, os.W_OK | os.X_OK) or (self.path.exists() and not os.access(self.path, os.R_OK)):
            return Proof(what, ok=False, detail=f"{folder} cannot be written by this user", remedy="change its owner or mode")
        if not self.path.exists():
            return Proof(what, ok=True, detail="it is not there yet and can be made")
        try:
            keys = self._keys(self.path.read_bytes().decode())
        except (ToolError, OSError, UnicodeDecodeError) as error:
            remedy = error.remedy if isinstance(error, ToolError) else "mend the file"
            return Proof(what, ok=False, detail=getattr(error, "what", str(error)), remedy=remedy)
        return Proof(what, ok=True, detail=f"it can be written; {len(keys)} items of ours are in it")


def markdown_line(item: BacklogItem) -> str:
    """One task: what, who, until when, how urgent; its key in a comment that no reader sees."""
    until = f" by {item.deadline:%Y-%m-%d}" if item.deadline else ""
    said = f"{item.severity.value} · {item.owner}{until} · {item.incident} · {item.kind}"
    return f"- [ ] **{markdown_text(item.title)}** ({markdown_text(said)}) <!-- nexus-key: {_quoted(item.key)} -->"


def _quoted(key: str) -> str:
    return "".join(c if c.isalnum() or c in ":./_" else "".join(f"%{byte:02X}" for byte in c.encode()) for c in key)


def _unquoted(key: str) -> str:
    whole = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), key.encode())
    return whole.decode("utf-8", "replace")


def connect(settings: Settings, site: Site) -> Connector:
    """The file. Raises WorldError for a suffix that says neither."""
    if settings.path.suffix not in SUFFIXES:
        raise WorldError(f"{settings.title}: {settings.path} is neither of {', '.join(SUFFIXES)}", "choose one of these suffixes")
    backlog = BacklogFile(site.folder / settings.path)
    return Connector(name=settings.title, prove=backlog.prove, backlog=backlog)
