"""Repository: one git clone for agents that develop: where errors arise, patches, their tests, and their release as a hotfix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from nexus.errors import ActionFailed, Unavailable, WorldError
from nexus.world.connectors.contract import Connector, Proof, Site
from nexus.world.connectors.repository_code import RepositoryCode
from nexus.world.connectors.repository_release import RepositoryReleases
from nexus.world.connectors.repository_settings import Settings

__all__ = ["Settings", "connect"]


def connect(settings: Settings, site: Site) -> Connector:
    """The clone. Raises WorldError for a component that the catalog does not have, and for a command that cannot be filled in."""
    for component in settings.components:
        if site.catalog.services and site.catalog.get(component) is None:
            raise WorldError(f"{settings.title}: components: the catalog has no {component}", "name it as the catalog does")
    code = RepositoryCode(settings, site.folder)
    releases = RepositoryReleases(code, settings.release) if settings.release else None

    async def prove(at: datetime) -> Sequence[Proof]:
        return [proof for part in (_clone, _patches, _remote) for proof in await part(code, releases, at)]

    async def close() -> None:
        await code.close()
        if releases:
            await releases.close()

    secrets = [value.get_secret_value() for value in settings.secret_env.values()]
    if settings.release and settings.release.pull_request:
        secrets.append(settings.release.pull_request.token.get_secret_value())
    return Connector(name=settings.title, prove=prove, close=close, secrets=tuple(secrets), code=code, actions=releases)


async def _clone(code: RepositoryCode, _: RepositoryReleases | None, at: datetime) -> list[Proof]:
    settings, what = code.settings, f"the clone {code.settings.path}"
    try:
        commit = await code.git.commit_of(settings.ref)
        made = int(await code.git.out("show", "--no-patch", "--format=%ct", commit))
        listed = (await code.git.out("ls-tree", "-r", "--name-only", commit)).splitlines()
    except Unavailable as error:
        return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
    days = (at - datetime.fromtimestamp(made, at.tzinfo)) / timedelta(days=1)
    found = [Proof(what, ok=True, detail=f"{settings.ref} is {commit[:10]}, {days:.0f} days old")]
    for component, folder in settings.components.items():
        count = sum(not folder or file == folder or file.startswith(folder + "/") for file in listed)
        detail = f"{count} files in {folder or 'all of it'}"
        found.append(Proof(f"the code of {component}", bool(count), detail, "" if count else "correct `components`"))
    return found


async def _patches(code: RepositoryCode, _: RepositoryReleases | None, at: datetime) -> list[Proof]:
    """That patches can be made, and that the declared tests pass as they stand, without any patch."""
    found = []
    try:
        for component in code.settings.components:
            patches = await code.patches(component, at)
            best = f", best: {patches[0].summary}" if patches else ""
            found.append(Proof(f"patches for {component}", ok=True, detail=f"{len(patches)} are ready{best}"))
    except Unavailable as error:
        return [Proof("patches", ok=False, detail=error.what, remedy=error.remedy)]
    return [*found, await code.prove_tests()]


async def _remote(_: RepositoryCode, releases: RepositoryReleases | None, at: datetime) -> list[Proof]:
    if releases is None:
        return []
    try:
        branches = await releases.state(at)
    except ActionFailed as error:
        return [Proof("the remote for releases", ok=False, detail=error.what, remedy=error.remedy)]
    return [Proof("the remote for releases", ok=True, detail=f"it answers, {len(branches)} of our branches are there")]
