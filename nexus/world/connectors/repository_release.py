"""Releasing of the connector `repository`: a patch becomes a branch, a pull request, a deployment, and goes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nexus.errors import ActionFailed, ActionUnknown, Unavailable
from nexus.incident import Action, ActionKind, DryRun
from nexus.world.connectors.command_process import NotStarted, Programs, Ran
from nexus.world.connectors.command_template import BadValue, CommandTemplate
from nexus.world.connectors.repository_code import Found, RepositoryCode, is_patch
from nexus.world.connectors.repository_pull_request import PullRequests
from nexus.world.connectors.repository_settings import TRAILER, Command, Release

HOLES = ("patch", "branch", "commit", "target")
MOST_SAID = 20_000


class RepositoryReleases:
    """Hotfixes. The branch of a patch is named after it, so that the remote itself says which are released."""

    def __init__(self, code: RepositoryCode, release: Release) -> None:
        self._code, self._release = code, release
        self._pulls = PullRequests(release) if release.pull_request else None
        settings = code.settings
        self._programs = Programs(code.git.folder, settings.env, settings.secret_env)
        for name in ("deploy", "undo", "is_deployed"):
            command: Command = getattr(release, name)
            if command:
                CommandTemplate.read(command, f"{settings.title}: release.{name}", HOLES)

    async def close(self) -> None:
        """Let go of connections."""
        if self._pulls:
            await self._pulls.close()

    async def options(self, component: str, at: datetime) -> list[Action]:
        """Patches for that component that are not released yet, best first."""
        if component not in self._code.settings.components:
            return []
        try:
            patches, released = await self._code.patches(component, at), await self._branches()
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        return [
            Action(kind=ActionKind.HOTFIX, target=component, arguments={"patch": patch.id}, reason=patch.summary)
            for patch in patches
            if self._branch(patch.id) not in released
        ]

    def owns(self, action: Action) -> bool:
        """A hotfix of a component of ours, by a patch that could be ours."""
        ours = action.kind is ActionKind.HOTFIX and action.target in self._code.settings.components
        return ours and set(action.arguments) == {"patch"} and is_patch(action.arguments["patch"])

    async def dry_run(self, action: Action, at: datetime) -> DryRun:  # noqa: ARG002 - the code of now
        """Whether the patch is there, applies, and changes that component."""
        release, branch = self._release, self._branch(action.arguments["patch"])
        found = await self._found(action)
        touched = self._code.touched(found.patch.diff)
        if action.target not in touched:
            return DryRun(ok=False, effect=f"{found.patch.id} changes nothing of {action.target}")
        try:
            async with self._code.git.copy(found.base) as copied:
                why = await copied.applied(found.patch.diff)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        if why:
            return DryRun(ok=False, effect=f"{found.patch.id} does not apply: {why}")
        then = " and a pull request opened" if self._pulls else ""
        last = f", then it runs {' '.join(release.deploy)}" if release.deploy else "; deploying it is left to people"
        others = self._code.elsewhere(found.patch.diff)
        more = f"; it changes {', '.join(others[:3])} too, of no component" if others else ""
        effect = f"{found.patch.summary}: {branch} is pushed to {release.remote}{then}{last}{more}"
        before = {"patch": found.patch.id, "target": action.target, "branch": branch}
        return DryRun(ok=True, effect=effect, touches=(action.target, *(c for c in touched if c != action.target)), before=before)

    async def carry_out(self, action: Action) -> str:
        """Push the branch, open the pull request, deploy. What was done of it by an earlier try is not done again."""
        found, branch = await self._found(action), self._branch(action.arguments["patch"])
        try:
            commit = (await self._branches()).get(branch) or await self._pushed(found, branch)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        told = f"{branch} is pushed to {self._release.remote} ({commit[:10]})"
        if self._pulls:
            text = f"Released by NEXUS for {action.target}.\n\n{found.patch.summary}\n\n{TRAILER}: {found.patch.id}"
            try:
                told += f", pull request {await self._pulls.open(branch, found.patch.summary, text)}"
            except Unavailable as error:
                raise ActionUnknown(f"{told}, and {error.what}", error.remedy) from error
        if self._release.deploy:
            ran = await self._ran(self._release.deploy, self._holes(action.target, found.patch.id, branch, commit))
            if ran.status != 0:
                raise ActionUnknown(f"{told}, and deploying it {ran.said}", "look at what is in production by hand")
            told += ", deployed: " + (" ".join(ran.out.split())[-200:] or "the command said nothing")
        return told

    async def take_back(self, before: Mapping[str, Any]) -> str:
        """Take it out of production, and delete the branch, with which its pull request closes."""
        patch, target, branch = self._earlier(before)
        try:
            commit = (await self._branches()).get(branch, "")
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        told = []
        if self._release.undo:
            ran = await self._ran(self._release.undo, self._holes(target, patch, branch, commit))
            if ran.status != 0:
                raise ActionUnknown(f"taking {patch} out of production {ran.said}", "look at what is in production by hand")
            told.append("undone: " + (" ".join(ran.out.split())[-200:] or "the command said nothing"))
        if commit:
            removed = await self._push(await self._remote(), f":refs/heads/{branch}")
            if removed.status != 0:
                raise ActionUnknown(f"deleting {branch} {removed.said}", "delete the branch by hand")
        return "; ".join([*told, f"{branch} is deleted" if commit else f"{branch} is not there"])

    async def is_done(self, action: Action) -> bool | None:
        """Whether the branch, its pull request and the deployment are there; None where the last cannot be told."""
        patch, branch = action.arguments["patch"], self._branch(action.arguments["patch"])
        try:
            commit = (await self._branches()).get(branch)
            if commit is None or (self._pulls and not await self._pulls.is_open(branch)):
                return False  # they come before the deployment
            return True if not self._release.deploy else await self._is_deployed(action.target, patch, branch, commit)
        except (Unavailable, ActionFailed):
            return None

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        """Whether branch and deployment are gone; None where the last cannot be told."""
        patch, target, branch = self._earlier(before)
        try:
            if branch in await self._branches():
                return False  # it goes last
            deployed = await self._is_deployed(target, patch, branch, "") if self._release.deploy else False
        except (Unavailable, ActionFailed):
            return None
        return None if deployed is None else not deployed

    async def state(self, at: datetime) -> dict[str, Any]:  # noqa: ARG002 - the remote of now
        """The branches that releases made, with their commits."""
        try:
            return dict(await self._branches())
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error

    def _branch(self, patch: object) -> str:
        return f"{self._release.prefix}{patch}"

    def _earlier(self, before: Mapping[str, Any]) -> tuple[str, str, str]:
        patch, target = before.get("patch"), before.get("target")
        if not is_patch(patch) or target not in self._code.settings.components or before.get("branch") != self._branch(patch):
            raise ActionFailed(f"{self._code.settings.title}: {before} is no release of ours", "take it back by hand")
        return str(patch), str(target), str(before["branch"])

    def _holes(self, target: str, patch: str, branch: str, commit: str) -> dict[str, str]:
        return {"target": target, "patch": patch, "branch": branch, "commit": commit}

    async def _found(self, action: Action) -> Found:
        patch = str(action.arguments.get("patch"))
        try:
            found = await self._code.find(patch)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        if found is None:
            raise ActionFailed(f"there is no patch {patch} any more", "ask for the options again: the code has moved on")
        return found

    async def _remote(self) -> str:
        """Where to push to; a path is made one from anywhere."""
        told = (await self._code.git.out("remote", "get-url", "--push", self._release.remote)).strip()
        local = self._code.git.folder / told
        return str(local.resolve()) if "://" not in told and local.exists() else told

    async def _branches(self) -> dict[str, str]:
        """Branch to commit of what was released. Raises Unavailable where the remote does not answer."""
        told = await self._code.git.out("ls-remote", "--heads", "--", await self._remote(), f"refs/heads/{self._release.prefix}*")
        pairs = (line.split("\t") for line in told.splitlines() if "\t" in line)
        return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}

    async def _pushed(self, found: Found, branch: str) -> str:
        """The commit, made in a copy and pushed from there. Raises ActionFailed where the remote does not have it."""
        async with self._code.git.copy(found.base) as copied:
            why = await copied.applied(found.patch.diff)
            if why:
                raise ActionFailed(f"{found.patch.id} does not apply: {why}", "ask for the options again: the code has moved on")
            await copied.out("commit", "--quiet", "-m", found.patch.summary, "-m", f"{TRAILER}: {found.patch.id}")
            commit = await copied.commit_of("HEAD")
            ran = await copied.run("push", "--quiet", await self._remote(), f"{commit}:refs/heads/{branch}")
        if ran.status != 0 and (await self._branches()).get(branch) != commit:
            raise ActionFailed(f"pushing {branch} {ran.said}", "check that git may push there")
        return commit

    async def _push(self, remote: str, what: str) -> Ran:
        return await self._code.git.run("push", "--quiet", remote, what)

    async def _is_deployed(self, target: str, patch: str, branch: str, commit: str) -> bool | None:
        if not self._release.is_deployed:
            return None
        ran = await self._ran(self._release.is_deployed, self._holes(target, patch, branch, commit))
        return {0: True, 1: False}.get(ran.status) if ran.status is not None else None

    async def _ran(self, command: Sequence[str], holes: Mapping[str, str]) -> Ran:
        template = CommandTemplate.read(command, self._code.settings.title, HOLES)
        try:
            argv = template.filled(holes)
            return await self._programs.run(argv, seconds=self._release.timeout_s, most=MOST_SAID)
        except (NotStarted, BadValue) as error:
            raise ActionFailed(f"{self._code.settings.title}: {error}", "correct the command in the world file") from error
