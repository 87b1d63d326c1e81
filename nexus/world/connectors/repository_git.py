"""Git of the connector `repository`: reading one clone, and throw-away copies of it to try things in."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from nexus.errors import Unavailable
from nexus.world.connectors.command_process import NotStarted, Programs, Ran
from nexus.world.connectors.git_history import QUIET

PATIENCE = 60.0
LARGEST = 8_000_000
"""Characters of git's output."""
AUTHOR = {
    "GIT_AUTHOR_NAME": "NEXUS", "GIT_AUTHOR_EMAIL": "nexus@localhost",
    "GIT_COMMITTER_NAME": "NEXUS", "GIT_COMMITTER_EMAIL": "nexus@localhost",
}  # fmt: skip
PLAIN = ("--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", "-c", "core.quotePath=false")
"""No hook of the repository runs, and nobody is asked for a key."""

_IN_ADDRESS = re.compile(r"//[^/@\s']+@")
"""User and password in a remote's address, which git repeats in its errors."""


class Git:
    """Commands in one repository."""

    def __init__(self, folder: Path, env: Mapping[str, str], secret_env: Mapping[str, SecretStr]) -> None:
        self.folder = folder
        self._env, self._secret_env = env, secret_env
        self._programs = Programs(folder, {**QUIET, **AUTHOR, **env}, secret_env)

    async def run(self, *arguments: str) -> Ran:
        """How that ended. Raises Unavailable where git cannot be started there."""
        try:
            ran = await self._programs.run(["git", *PLAIN, *arguments], seconds=PATIENCE, most=LARGEST)
        except NotStarted as error:
            raise Unavailable(f"the repository {self.folder.name}: {error}", "install git, and check `path`") from error
        return replace(ran, err=_IN_ADDRESS.sub("//…@", ran.err))

    async def out(self, *arguments: str) -> str:
        """What it printed. Raises Unavailable where it failed."""
        ran = await self.run(*arguments)
        if ran.status != 0 or ran.left_out:
            how = ran.said if ran.status != 0 else "printed too much"
            raise Unavailable(f"the repository {self.folder.name}: git {arguments[0]} {how}", "check `path` and `ref`")
        return ran.out

    async def commit_of(self, ref: str) -> str:
        """The commit that a branch, tag or name stands for. Raises Unavailable."""
        return (await self.out("rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")).strip()

    @asynccontextmanager
    async def copy(self, commit: str) -> AsyncIterator[Git]:
        """A copy with that commit checked out, gone afterwards; it borrows objects, and nothing done in it gets out."""
        place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-patch-"))
        try:
            work = place / "work"
            await self.out("clone", "--quiet", "--shared", "--no-checkout", "--", str(self.folder), str(work))
            copied = Git(work, self._env, self._secret_env)
            await copied.out("checkout", "--quiet", "--detach", commit)
            yield copied
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    async def applied(self, diff: str) -> str:
        """Apply a diff here; empty, or why it does not apply."""
        file = self.folder.parent / "nexus.patch"
        await asyncio.to_thread(file.write_bytes, diff.encode())
        ran = await self.run("apply", "--index", "--whitespace=nowarn", str(file))
        return "" if ran.status == 0 else ran.said
