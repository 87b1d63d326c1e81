"""Git history: changes from repositories on disk: commits to the branch that is deployed, or the releases tagged on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from nexus.errors import Unavailable
from nexus.world.changes import Change, PipelineRun
from nexus.world.connectors.command_process import NotStarted, Programs
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.git_log import COMMITS, TAGS, Commit, commits_in, releases_in

PATIENCE = 20.0
LARGEST = 16_000_000
"""Characters of a log."""
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}


class Repository(BaseModel):
    """One clone, which something else keeps up to date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="the clone's folder, from the world file's folder")
    component: str = Field(default="", description="whose code it is; with `paths`, whose the rest is")
    branch: str = Field(default="HEAD", pattern="^[^-]", description="what is deployed, as main or origin/main")
    paths: dict[Annotated[str, AfterValidator(lambda folder: folder.strip("/"))], str] = Field(
        default_factory=dict, description="folder in it to component; the longest that fits counts"
    )
    config: tuple[str, ...] = Field(default=(), description="globs of files that are configuration, as config/**")
    tags: str = Field(default="", description="glob of tags that are releases, as v*: then releases count, not commits")

    @model_validator(mode="after")
    def _names_a_component(self) -> Self:
        if not self.component and not self.paths:
            raise ValueError("name the component, or `paths` to components")
        if self.tags and (self.paths or self.config or not self.component):
            raise ValueError("tags are releases of one component: leave `paths` and `config` out")
        return self

    def components_of(self, files: Sequence[str]) -> dict[str, list[str]]:
        """Component to its files among these; a commit without files is the repository's own component's."""
        found: dict[str, list[str]] = {}
        for file in files:
            folders = [folder for folder in self.paths if file.startswith(folder + "/") or file == folder]
            owner = self.paths[max(folders, key=len)] if folders else self.component
            if owner:
                found.setdefault(owner, []).append(file)
        return found or ({self.component: []} if not files and self.component else {})

    def is_config(self, files: Sequence[str]) -> bool:
        """Whether all of them are configuration."""
        return bool(files) and all(any(fnmatchcase(file, pattern) for pattern in self.config) for file in files)


class Settings(ConnectorSettings):
    """Repositories on disk."""

    use: Literal["git"]
    repositories: tuple[Repository, ...] = Field(min_length=1, description="the clones to read")


class GitChanges:
    """The changes of several repositories; a repository knows of no pipelines."""

    def __init__(self, repositories: Sequence[Repository], folder: Path) -> None:
        self._repositories = repositories
        self._folder = folder

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """What was committed or released in [start, end], oldest first. Raises Unavailable where a repository cannot be read."""
        found = await asyncio.gather(*(self._of(repository, start, end) for repository in self._repositories))
        return sorted((change for changes in found for change in changes), key=lambda change: change.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:  # noqa: ARG002 - part of the contract
        """None."""
        return []

    async def newest(self, repository: Repository) -> Commit | None:
        """The last commit or release that it has; None where it has none."""
        if repository.tags:
            return next(iter(await self._releases(repository)), None)
        found = commits_in(await self._git(repository, *COMMITS, "-1", repository.branch, "--"))
        return found[0] if found else None

    async def _of(self, repository: Repository, start: datetime, end: datetime) -> list[Change]:
        if repository.tags:
            return _released(repository, await self._releases(repository), start, end)
        span = (f"--since=@{start.timestamp() - 1:.0f}", f"--until=@{end.timestamp() + 1:.0f}")
        commits = commits_in(await self._git(repository, *COMMITS, *span, repository.branch, "--"))
        made: list[Change] = []
        before: dict[str, str] = {}
        for commit in reversed([c for c in commits if start <= c.at <= end]):
            owners = repository.components_of(commit.files)
            for component, files in owners.items():
                if component not in before:
                    before[component] = await self._before(repository, component, commit)
                name = commit.name if len(owners) == 1 else f"{commit.name}/{component}"
                made.append(
                    Change(
                        id=name,
                        at=commit.at,
                        component=component,
                        kind="config" if repository.is_config(files) else "deployment",
                        version=commit.name,
                        previous=before[component],
                        author=commit.author,
                        summary=commit.summary,
                    )
                )
                before[component] = commit.name
        return made

    async def _before(self, repository: Repository, component: str, commit: Commit) -> str:
        """The commit that last changed that component before this one; empty where this is its first."""
        folders = [folder for folder, owner in repository.paths.items() if owner == component]
        if not commit.parent or not folders or component == repository.component:
            return commit.parent
        inside = [
            f for f, owner in repository.paths.items() if owner != component and any(f.startswith(o + "/") for o in folders)
        ]
        places = [*(f":(top,literal){f}" for f in folders), *(f":(top,literal,exclude){f}" for f in inside)]
        told = commits_in(await self._git(repository, *COMMITS, "-1", commit.parent, "--", *places))
        return told[0].name if told else ""

    async def _releases(self, repository: Repository) -> list[Commit]:
        """Tags that are releases, newest first."""
        return [r for r in releases_in(await self._git(repository, *TAGS)) if fnmatchcase(r.name, repository.tags)]

    async def _git(self, repository: Repository, *arguments: str) -> str:
        place = self._folder / repository.path
        programs = Programs(place, QUIET, {})
        try:
            ran = await programs.run(["git", "--no-pager", *arguments], seconds=PATIENCE, most=LARGEST)
        except NotStarted as error:
            raise Unavailable(f"the repository {repository.path}: {error}", "install git, and check the path") from error
        if ran.status != 0 or ran.left_out:
            how = ran.said if ran.status != 0 else "printed too much"
            raise Unavailable(f"the repository {repository.path} cannot be read: git {how}", "check its path and branch")
        return ran.out


def _released(repository: Repository, releases: Sequence[Commit], start: datetime, end: datetime) -> list[Change]:
    """Each release in [start, end] with the one before it; they come newest first."""
    earlier: Mapping[str, str] = {new.name: old.name for new, old in pairwise(releases)}
    return [
        Change(
            id=release.name,
            at=release.at,
            component=repository.component,
            kind="deployment",
            version=release.name,
            previous=earlier.get(release.name, ""),
            author=release.author,
            summary=release.summary,
        )
        for release in releases
        if start <= release.at <= end
    ]


def connect(settings: Settings, site: Site) -> Connector:
    """The changes of those repositories."""
    changes = GitChanges(settings.repositories, site.folder)

    async def prove(at: datetime) -> Sequence[Proof]:
        return await asyncio.gather(*(_proof(changes, repository, at) for repository in settings.repositories))

    return Connector(name=settings.title, prove=prove, changes=changes)


async def _proof(changes: GitChanges, repository: Repository, at: datetime) -> Proof:
    what = f"history of {repository.path}"
    try:
        newest = await changes.newest(repository)
    except Unavailable as error:
        return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
    if newest is None:
        return Proof(what, ok=False, detail="it has no such commit or tag", remedy="check `branch` and `tags`, and fetch")
    days = (at.astimezone(UTC) - newest.at) / timedelta(days=1)
    return Proof(what, ok=True, detail=f"the newest is {newest.name}, {days:.0f} days old")
