"""GitHub deployments: deployments by their statuses as changes, and workflow runs as pipelines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from nexus.errors import Unavailable
from nexus.incident.base import Moment
from nexus.world.changes import Change, PipelineRun
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.github_rest import GitHubRest

WAITS = timedelta(days=3)
"""A deployment may have waited so long for its approval before it was carried out."""
EARLIER = 5
"""Deployments before those of the time asked for that are looked at for what ran before."""
AT_ONCE = 8
RAN = {"success": "", "in_progress": "in progress", "failure": "failed", "error": "failed"}
"""States of a deployment in which something was changed, or may have been, and the word for it."""
LEFT_OUT = frozenset({"skipped", "neutral", "stale"})
"""Conclusions of workflow runs that tried nothing."""
RELEASE = re.compile(r"v?\d[\w.+-]*")


class Deployed(BaseModel):
    """One component that is deployed from a repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")
    component: str = Field(min_length=1, description="whose deployments they are")
    environment: str = Field(default="production", description="the environment that counts")
    workflows: tuple[str, ...] = Field(default=(), description="names of workflows that count as pipelines; empty: all")


class Settings(ConnectorSettings):
    """Deployments and workflow runs of repositories on GitHub."""

    use: Literal["github-deployments"]
    url: str = Field(default="https://api.github.com", description="GitHub Enterprise Server: https://HOST/api/v3")
    token: SecretStr | None = Field(default=None, description="may read deployments and actions; none for public repositories")
    repositories: tuple[Deployed, ...] = Field(min_length=1, description="what is deployed from where")


class _Said(BaseModel):
    """What is read of an answer; everything else in it is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Person(_Said):
    login: str


class _Deployment(_Said):
    id: int
    sha: str
    ref: str
    created_at: Moment
    creator: _Person | None = None
    description: str | None = None

    @property
    def version(self) -> str:
        """The ref where it is a release's number, else the commit: a branch's name says nothing."""
        return self.ref if RELEASE.fullmatch(self.ref) and not self.sha.startswith(self.ref) else self.sha[:7]


class _Status(_Said):
    state: str
    created_at: Moment


class _Run(_Said):
    id: int
    name: str | None = None
    head_sha: str
    head_branch: str | None = None
    status: str | None = None
    conclusion: str | None = None
    created_at: Moment
    run_started_at: Moment | None = None


Shape = TypeVar("Shape", bound=_Said)


@dataclass(frozen=True, slots=True)
class _Made:
    """A deployment that changed something: when, and how it stands."""

    deployment: _Deployment
    at: datetime
    state: str


class GitHubChanges:
    """Deployments and workflow runs. Raises Unavailable where GitHub does not answer, or its limit is used up."""

    def __init__(self, github: GitHubRest, deployed: Sequence[Deployed]) -> None:
        self._github = github
        self._deployed = deployed

    async def between(self, start: datetime, end: datetime) -> list[Change]:
        """Deployments that were carried out in [start, end], oldest first; those under way and failed ones say so."""
        found = await asyncio.gather(*(self._of(one, start, end) for one in self._deployed))
        return sorted((change for changes in found for change in changes), key=lambda change: change.at)

    async def pipelines(self, start: datetime, end: datetime) -> list[PipelineRun]:
        """Workflow runs begun in [start, end], oldest first."""
        found = await asyncio.gather(*(self._runs(one, start, end) for one in self._deployed))
        return sorted((run for runs in found for run in runs), key=lambda run: run.at)

    async def _of(self, one: Deployed, start: datetime, end: datetime) -> list[Change]:
        made = await self._made(one, await self._listed(one, start - WAITS, end))
        changes = []
        for number, deployed in enumerate(made):
            before = next((m.deployment.version for m in made[number + 1 :] if m.state == "success"), "")
            if start <= deployed.at <= end:
                changes.append(_change(one, deployed, before))
        return changes

    async def _listed(self, one: Deployed, start: datetime, end: datetime) -> list[_Deployment]:
        """Deployments created in [start, end] and some before them, newest first, as GitHub lists them."""
        path, query = f"/repos/{one.repository}/deployments", {"environment": one.environment}
        found: list[_Deployment] = []
        earlier = 0
        async for item in self._github.items(path, query):
            deployment = self._read(_Deployment, item, path)
            earlier += deployment.created_at < start
            if deployment.created_at <= end:
                found.append(deployment)
            if earlier >= EARLIER:
                break
        return found

    async def _made(self, one: Deployed, deployments: Sequence[_Deployment]) -> list[_Made]:
        """Those that changed something, newest first."""
        room = asyncio.Semaphore(AT_ONCE)

        async def looked(deployment: _Deployment) -> _Made | None:
            async with room:
                path = f"/repos/{one.repository}/deployments/{deployment.id}/statuses"
                statuses = [self._read(_Status, item, path) async for item in self._github.items(path, {})]
            return _as_made(deployment, statuses)

        made = await asyncio.gather(*(looked(deployment) for deployment in deployments))
        return sorted((m for m in made if m is not None), key=lambda m: m.at, reverse=True)

    async def _runs(self, one: Deployed, start: datetime, end: datetime) -> list[PipelineRun]:
        path = f"/repos/{one.repository}/actions/runs"
        query = {"created": f"{_iso(start)}..{_iso(end)}"}
        runs = [self._read(_Run, item, path) async for item in self._github.items(path, query, "workflow_runs")]
        told = [_pipeline(one, run) for run in runs if not one.workflows or run.name in one.workflows]
        return [run for run in told if run is not None and start <= run.at <= end]

    def _read(self, shape: type[Shape], item: Any, path: str) -> Shape:
        try:
            return TypeAdapter(shape).validate_python(item)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Unavailable(f"{self._github.name} answers {path} oddly ({where}: {first['msg']})", "check `url`") from error


def _as_made(deployment: _Deployment, statuses: Sequence[_Status]) -> _Made | None:
    """When it was carried out: at its first success, else when it last failed or began; None where it never began."""
    for state in RAN:
        times = [status.created_at for status in statuses if status.state == state]
        ended = any(s.state in {"failure", "error"} for s in statuses)
        if times and not (state == "in_progress" and ended):
            return _Made(deployment, min(times), state)
    return None


def _change(one: Deployed, made: _Made, before: str) -> Change:
    deployment, word = made.deployment, RAN[made.state]
    told = deployment.description or f"{one.component} {deployment.version} to {one.environment}"
    return Change(
        id=f"deployment-{deployment.id}",
        at=made.at,
        component=one.component,
        kind="deployment",
        version=deployment.version,
        previous=before,
        author=deployment.creator.login if deployment.creator else "",
        summary=f"{told} ({word})" if word else told,
    )


def _pipeline(one: Deployed, run: _Run) -> PipelineRun | None:
    """The run as a pipeline's; None where it tried nothing."""
    if run.conclusion in LEFT_OUT:
        return None
    status: Literal["passed", "failed", "running"] = "running"
    if run.status == "completed" or run.conclusion:
        status = "passed" if run.conclusion == "success" else "failed"
    detail = f"{run.name or 'workflow'} on {run.head_branch or 'no branch'}: {run.conclusion or run.status or 'under way'}"
    return PipelineRun(one.component, run.run_started_at or run.created_at, run.head_sha[:7], status, detail)


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def connect(settings: Settings, site: Site) -> Connector:  # noqa: ARG001 - part of the contract
    """The changes of those repositories."""
    github = GitHubRest(settings.title, settings.url, settings.token)
    changes = GitHubChanges(github, settings.repositories)

    async def prove(at: datetime) -> Sequence[Proof]:
        return [proof for one in settings.repositories for proof in await _proofs(github, one, at)]

    return Connector(
        name=settings.title,
        prove=prove,
        close=github.close,
        secrets=(settings.token.get_secret_value(),) if settings.token else (),
        changes=changes,
    )


async def _proofs(github: GitHubRest, one: Deployed, at: datetime) -> list[Proof]:
    changes = GitHubChanges(github, [one])
    start = at - timedelta(days=30)
    tried = ((f"deployments of {one.repository} to {one.environment}", changes.between), ("workflow runs", changes.pipelines))
    proofs = []
    for what, ask in tried:
        try:
            found = await ask(start, at)
        except Unavailable as error:
            proofs.append(Proof(what, ok=False, detail=error.what, remedy=error.remedy))
            continue
        told = f"{len(found)} in 30 days" + (f", the newest {found[-1].version}" if found else "")
        remedy = "" if found else "check `environment`, and what the token may read"
        proofs.append(Proof(what, ok=bool(found), detail=told if found else "none in 30 days", remedy=remedy))
    return proofs
