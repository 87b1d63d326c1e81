"""Code of the connector `repository`: where an error arises, patches that exist, and whether they pass the tests."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nexus.errors import Unavailable
from nexus.world.code import CodeLocation, Patch, PatchTest
from nexus.world.connectors.command_process import NotStarted, Programs
from nexus.world.connectors.contract import Proof
from nexus.world.connectors.repository_git import Git
from nexus.world.connectors.repository_settings import TRAILER, Settings
from nexus.world.connectors.repository_trace import file_of, frames, is_beside, texts

LARGEST_DIFF = 200_000
"""Characters; nobody reads a larger one in an incident."""
LOST = "\ufffd"
"""Stands where a byte was no UTF-8: such a diff is not what git would apply."""
MOST_HITS = 10
"""A text that stands in more places than this says nothing of where an error arose."""
AROUND = 3
_HIT = re.compile(r"(.+?):(\d+):")
_TOUCHED = re.compile(r"^(?:(?:---|\+\+\+) [ab]/(.+?)(?:\t.*)?|diff --git a/.+ b/(.+))$", re.MULTILINE)
_REVERT = re.compile(r"revert-([0-9a-f]{10})-[0-9a-f]{8}")
_FILE = re.compile(r"file-([\w.-]+)-[0-9a-f]{8}")


def files_of(diff: str) -> list[str]:
    """The files that a diff changes."""
    return list(dict.fromkeys(plain or binary for plain, binary in _TOUCHED.findall(diff)))


def is_patch(name: object) -> bool:
    """Whether that could be the id of one of our patches."""
    return isinstance(name, str) and bool(_REVERT.fullmatch(name) or _FILE.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Found:
    """A patch, and the commit that it is made for."""

    patch: Patch
    base: str


class RepositoryCode:
    """One clone, read at the ref that is deployed; its working copy is neither read nor touched."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.git = Git((folder / settings.path).resolve(), settings.env, settings.secret_env)
        self._folder = folder
        self._located: dict[str, str] = {}
        self._reverts: dict[tuple[str, str], str | None] = {}
        self._testing = asyncio.Lock()

    async def close(self) -> None:
        """Nothing is held open; another event loop may use it from now on."""
        self._testing = asyncio.Lock()

    async def locate(self, component: str, error: str) -> CodeLocation | None:
        """Where that error arises: by its stack trace, else by where its words stand in the code."""
        if component not in self.settings.components or not error.strip():
            return None
        base = await self.git.commit_of(self.settings.ref)
        place = await self._by_frames(component, error, base) or await self._by_texts(component, error, base)
        if place is None:
            return None
        file, line, lines = place
        self._located[component] = file
        first = max(0, line - 1 - AROUND)
        snippet = "\n".join(f"{first + n + 1}: {text}" for n, text in enumerate(lines[first : line + AROUND]))
        return CodeLocation(component, file, line, snippet[:2000], await self._days(base, file, line))

    async def patches(self, component: str, at: datetime) -> list[Patch]:
        """Patch files for that component, newest first, then what would take back its recent commits, newest first."""
        if component not in self.settings.components:
            return []
        base = await self.git.commit_of(self.settings.ref)
        files = await asyncio.to_thread(self._files)
        ready = [patch for patch in map(self._of_file, files) if component in self.touched(patch.diff)]
        commits = await self._recent(component, base, at)
        await self._revert(base, [name for name, _ in commits])
        taken_back = [self._of_revert(base, name, subject) for name, subject in commits]
        return [*ready, *(p for p in taken_back if p is not None and component in self.touched(p.diff))]

    async def find(self, patch: str) -> Found | None:
        """The patch of that id, exactly as it was offered; None where there is none any more."""
        base = await self.git.commit_of(self.settings.ref)
        if _FILE.fullmatch(patch):
            ready = map(self._of_file, await asyncio.to_thread(self._files))
            found = next((p for p in ready if p.id == patch), None)
            return Found(found, base) if found else None
        matched = _REVERT.fullmatch(patch)
        told = await self.git.run("log", "-1", "--format=%H%x00%s", "--end-of-options", matched[1]) if matched else None
        if told is None or told.status != 0:
            return None
        name, _, subject = told.out.strip().partition("\0")
        await self._revert(base, [name])
        found = self._of_revert(base, name, subject)
        return Found(found, base) if found is not None and found.id == patch else None

    async def test(self, patch: str, at: datetime) -> PatchTest:  # noqa: ARG002 - the code of now
        """Apply it to a throw-away copy and run the declared tests there. Raises Unavailable for an unknown patch."""
        found = await self.find(patch)
        if found is None:
            raise Unavailable(f"{self.settings.title} has no patch {patch}", "take one that locate_error lists")
        if not self.settings.test:
            raise Unavailable(f"{self.settings.title} declares no tests", "give `test`, a command, in the world file")
        async with self._testing, self.git.copy(found.base) as copied:
            why = await copied.applied(found.patch.diff)
            if why:
                return PatchTest(patch, passed=False, detail=f"it does not apply to {found.base[:10]}: {why}")
            passed, detail = await self._tested(copied)
        return PatchTest(patch, passed=passed, detail=detail)

    async def prove_tests(self) -> Proof:
        """Whether the tests pass on what is deployed: where they do not, no patch can be told good from bad."""
        if not self.settings.test:
            remedy = "give `test`: an untested patch is never released"
            return Proof("the tests", ok=False, detail="none are declared", remedy=remedy)
        try:
            async with self._testing, self.git.copy(await self.git.commit_of(self.settings.ref)) as copied:
                passed, detail = await self._tested(copied)
        except Unavailable as error:
            return Proof("the tests", ok=False, detail=error.what, remedy=error.remedy)
        return Proof("the tests", passed, detail, "" if passed else "mend them, or `test`: as it is every patch fails")

    async def _tested(self, copied: Git) -> tuple[bool, str]:
        """Whether the declared tests pass there, and the last that they say. Raises Unavailable where they cannot be started."""
        programs = Programs(copied.folder, self.settings.env, {})
        try:
            ran = await programs.run(self.settings.test, seconds=self.settings.test_timeout_s, most=20_000)
        except NotStarted as error:
            raise Unavailable(f"the tests of {self.settings.title}: {error}", "correct `test`") from error
        last = next((line.strip()[:200] for line in reversed(ran.out.splitlines()) if line.strip()), "they printed nothing")
        return ran.status == 0, last if ran.status == 0 else f"the test command {ran.said}"

    def touched(self, diff: str) -> tuple[str, ...]:
        """The components whose folders a diff changes."""
        files = files_of(diff)
        return tuple(c for c, folder in self.settings.components.items() if any(_inside(file, folder) for file in files))

    def elsewhere(self, diff: str) -> list[str]:
        """Files that a diff changes and that belong to no component."""
        return [f for f in files_of(diff) if not any(_inside(f, folder) for folder in self.settings.components.values())]

    async def _by_frames(self, component: str, error: str, base: str) -> tuple[str, int, list[str]] | None:
        listed = (await self.git.out("ls-tree", "-r", "-z", "--name-only", base)).split("\0")
        files = [file for file in listed if file and _inside(file, self.settings.components[component])]
        for frame, line in frames(error):
            file = file_of(frame, files)
            lines = await self._lines(base, file) if file else []
            if file and 0 < line <= len(lines):
                return file, line, lines
        return None

    async def _by_texts(self, component: str, error: str, base: str) -> tuple[str, int, list[str]] | None:
        for text in texts(error):
            ran = await self.git.run("grep", "-n", "-I", "-F", "--full-name", "-e", text, base, "--", *self._pathspec(component))
            hits = [match for line in ran.out.splitlines() if (match := _HIT.match(line.removeprefix(f"{base}:")))]
            running = [(hit[1], int(hit[2])) for hit in hits if not is_beside(hit[1])]
            if running and len(running) <= MOST_HITS:
                file, line = running[0]
                return file, line, await self._lines(base, file)
        return None

    async def _lines(self, base: str, file: str) -> list[str]:
        return (await self.git.out("show", f"{base}:{file}")).splitlines()

    async def _days(self, base: str, file: str, line: int) -> float | None:
        ran = await self.git.run("blame", "--porcelain", "-L", f"{line},{line}", base, "--", file)
        told = re.search(r"^committer-time (\d+)$", ran.out, re.MULTILINE)
        return round((datetime.now(UTC).timestamp() - int(told[1])) / 86400, 2) if told else None

    async def _recent(self, component: str, base: str, at: datetime) -> list[tuple[str, str]]:
        """(name, subject) of recent commits to the file where the error arises, or to the component; newest first."""
        file = self._located.get(component)
        where = [f":(top,literal){file}"] if file else self._pathspec(component)
        since = int((at - timedelta(days=self.settings.since_days)).timestamp())
        told = await self.git.out(
            "log", "--min-parents=1", "--max-parents=1", f"--since=@{since}", f"--max-count={self.settings.most}",
            f"--format=%H%x00%s%x00%(trailers:key={TRAILER},valueonly,separator=%x2C)", base, "--", *where,
        )  # fmt: skip
        commits = [line.split("\0") for line in told.splitlines() if line.count("\0") == 2]
        return [(name, subject) for name, subject, ours in commits if not ours]

    def _pathspec(self, component: str) -> list[str]:
        folder = self.settings.components[component]
        return [f":(top,literal){folder}"] if folder else []

    async def _revert(self, base: str, names: Sequence[str]) -> None:
        """What would take those commits back, each alone, where git can tell."""
        missing = [name for name in names if (base, name) not in self._reverts]
        if not missing:
            return
        async with self.git.copy(base) as copied:
            for name in missing:
                ran = await copied.run("revert", "--no-commit", "--no-edit", name)
                diff = await copied.out("diff", "--cached", "--binary", "--no-color", "HEAD") if ran.status == 0 else None
                self._reverts[base, name] = diff if diff and len(diff) <= LARGEST_DIFF and LOST not in diff else None
                await copied.run("revert", "--quit")
                await copied.out("reset", "--quiet", "--hard", base)

    def _of_revert(self, base: str, name: str, subject: str) -> Patch | None:
        diff = self._reverts.get((base, name))
        if diff is None:
            return None
        component = next(iter(self.touched(diff)), "")
        return Patch(f"revert-{name[:10]}-{_digest(diff)}", component, f"take back {name[:10]}: {subject[:200]}", diff)

    def _files(self) -> list[tuple[str, str]]:
        """(name, diff) of every patch file, newest first."""
        if not self.settings.patches:
            return []
        folder = self._folder / self.settings.patches
        try:
            files = sorted(
                (f for f in folder.iterdir() if f.suffix in (".patch", ".diff") and f.stat().st_size <= LARGEST_DIFF),
                key=lambda f: (-f.stat().st_mtime, f.name),
            )
            told = [(file.stem, file.read_bytes().decode("utf-8", "replace")) for file in files]
        except OSError as error:
            raise Unavailable(
                f"{self.settings.title}: its patches cannot be read ({error.strerror}: {folder})", "correct `patches`"
            ) from error
        return [(name, diff) for name, diff in told if LOST not in diff]

    def _of_file(self, file: tuple[str, str]) -> Patch:
        name, diff = file
        safe = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)[:60]
        subject = re.search(r"^Subject: (?:\[[^\]]*\] )?(.+)$", diff, re.MULTILINE)
        component = next(iter(self.touched(diff)), "")
        return Patch(f"file-{safe}-{_digest(diff)}", component, subject[1][:200] if subject else f"the patch {name}", diff)


def _inside(file: str, folder: str) -> bool:
    return not folder or file == folder or file.startswith(folder + "/")


def _digest(diff: str) -> str:
    return hashlib.sha256(diff.encode()).hexdigest()[:8]
