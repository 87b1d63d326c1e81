"""Change webhook: changes and pipeline runs that CI/CD posts, kept one a line in a file that grows at its end."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from nexus.errors import AlertError, RecordsError, Unavailable
from nexus.incident.base import Moment, Word
from nexus.world.changes import Change, ChangeKind, PipelineRun
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site

AHEAD = timedelta(minutes=5)
"""A sender's clock may be this much ahead of ours."""
READ = 16 * 1024 * 1024
"""Bytes of the file's end that are read: what was posted before them is too old to matter."""


class Posted(Word):
    """What a sender may say: a change, or with `status` a run of CI/CD, whose later posts under its id replace earlier ones."""

    component: str = Field(min_length=1, max_length=200)
    kind: ChangeKind = "deployment"
    version: str = Field(default="", max_length=200)
    at: Moment = Field(default_factory=lambda: datetime.now(UTC))
    previous: str = Field(default="", max_length=200)
    author: str = Field(default="", max_length=200)
    summary: str = Field(default="", max_length=2000)
    id: str = Field(default="", max_length=200)
    status: Literal["passed", "failed", "running"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_an_id(cls, given: Any) -> Any:
        """A post without an id gets one of what it says, so that the same post sent again is the same change."""
        if not isinstance(given, Mapping) or given.get("id"):
            return given
        told = {"at": datetime.now(UTC).isoformat(), **given}
        spelt = json.dumps(told, sort_keys=True, default=str)
        return {**told, "id": f"post-{hashlib.sha256(spelt.encode()).hexdigest()[:10]}"}

    @property
    def change(self) -> Change:
        """It as a change."""
        return Change(self.id, self.at, self.component, self.kind, self.version, self.previous, self.author, self.summary)


def append_change(path: Path, payload: Mapping[str, Any]) -> Change:
    """Add what was posted to that file, to the disk, once: the same id again adds nothing. Raises AlertError, RecordsError.

    A run of CI/CD comes back as a change too, and is kept as a run.
    """
    try:
        posted = Posted.model_validate(dict(payload))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise AlertError(f"the change cannot be taken: {where}: {first['msg']}", "docs/changes.md shows what to post") from error
    if posted.at > datetime.now(UTC) + AHEAD:
        raise AlertError("the change cannot be taken: at lies in the future", "send when it was made, with its zone")
    try:
        _add(path, posted)
    except OSError as error:
        raise RecordsError(f"changes cannot be written to {path} ({error.strerror})", "check the folder and its disk") from error
    return posted.change


def _add(path: Path, posted: Posted) -> None:
    is_new = not path.exists()
    place = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        held = _end_of(place)
        if any((old.id, old.status) == (posted.id, posted.status) for old in _posts_in(held)):
            return
        line = posted.model_dump_json(exclude_none=True) + "\n"
        torn = b"\n" if held and not held.endswith(b"\n") else b""
        os.write(place, torn + line.encode())
        os.fsync(place)
    finally:
        os.close(place)
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _end_of(place: int) -> bytes:
    size = os.fstat(place).st_size
    begin = max(0, size - READ)
    held = os.pread(place, size - begin, begin)
    return held if begin == 0 else held.partition(b"\n")[2]


def _posts_in(held: bytes) -> Iterator[Posted]:
    """Every whole line that says when; one that a crash tore is passed over."""
    for line in held.split(b"\n"):
        try:
            told = json.loads(line)
            if isinstance(told, dict) and "at" in told:
                yield Posted.model_validate(told)
        except ValueError:
            continue


class Settings(ConnectorSettings):
    """The file that posted changes are kept in."""

    use: Literal["change-webhook"]
    file: Path = Field(description="where the service keeps them (its setting `changes`), from the world file's folder")
    components: dict[str, str] = Field(default_factory=dict, description="a sender's name for a component to the catalog's")


class PostedChanges:
    """Changes and pipeline runs as they were posted."""

    def __init__(self, path: Path, components: Mapping[str, str]) -> None:
        self._path = path
        self._components = components

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Changes made in [start, end], oldest first. Raises Unavailable where nothing was ever posted."""
        made = [replace(p.change, component=self._named(p)) for p in await self._posted() if p.status is None]
        return sorted((change for change in made if start <= change.at <= end), key=lambda change: change.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Runs begun in [start, end] as they stand now, oldest first."""
        runs: dict[str, PipelineRun] = {}
        for post in await self._posted():
            if post.status is not None:
                begun = min(post.at, runs[post.id].at) if post.id in runs else post.at
                runs[post.id] = PipelineRun(self._named(post), begun, post.version, post.status, post.summary)
        return sorted((run for run in runs.values() if start <= run.at <= end), key=lambda run: run.at)

    def _named(self, post: Posted) -> str:
        return self._components.get(post.component, post.component)

    async def _posted(self) -> list[Posted]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[Posted]:
        try:
            place = os.open(self._path, os.O_RDONLY)
            try:
                return list(_posts_in(_end_of(place)))
            finally:
                os.close(place)
        except OSError as error:
            what = f"posted changes cannot be read from {self._path} ({error.strerror})"
            raise Unavailable(what, "post one to the service's /hooks/changes, or check `file`") from error


def connect(settings: Settings, site: Site) -> Connector:
    """The changes of that file."""
    changes = PostedChanges(site.folder / settings.file, settings.components)

    async def prove(at: datetime) -> Sequence[Proof]:
        what = "changes of the last 30 days"
        try:
            found = await changes.between(at - timedelta(days=30), at)
            runs = await changes.pipelines(at - timedelta(days=30), at)
        except Unavailable as error:
            return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        if not found and not runs:
            return [Proof(what, ok=False, detail="none was posted", remedy="have CI/CD post to the service's /hooks/changes")]
        newest = max([change.at for change in found] + [run.at for run in runs])
        return [
            Proof(what, ok=True, detail=f"{len(found)} changes, {len(runs)} pipeline runs, the newest of {newest:%F %H:%M} UTC")
        ]

    return Connector(name=settings.title, prove=prove, changes=changes)
