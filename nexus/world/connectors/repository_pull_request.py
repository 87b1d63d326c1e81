"""Pull requests of the connector `repository`, on GitHub."""

from __future__ import annotations

from typing import Any

from nexus.errors import Unavailable
from nexus.world.connectors.github_rest import VERSION
from nexus.world.connectors.http import HttpService
from nexus.world.connectors.repository_settings import PullRequest, Release


class PullRequests:
    """Those of one repository, each known by its branch."""

    def __init__(self, release: Release) -> None:
        self._told: PullRequest | None = release.pull_request
        assert self._told is not None
        self._base = release.base
        self._repository = self._told.repository
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._told.token.get_secret_value()}",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "nexus",
        }
        self._service = HttpService("GitHub", self._told.url, headers=headers)

    async def close(self) -> None:
        """Let go of connections."""
        await self._service.close()

    async def open(self, branch: str, title: str, body: str) -> str:
        """The address of the branch's pull request, which is opened where there is none. Raises Unavailable."""
        found = await self._of(branch)
        if found is None:
            asked = {"title": title[:250], "head": branch, "base": self._base, "body": body}
            found = await self._service.json("POST", f"/repos/{self._repository}/pulls", json=asked)
        return str(found.get("html_url") or found.get("number"))

    async def is_open(self, branch: str) -> bool:
        """Whether the branch has one. Raises Unavailable."""
        return await self._of(branch) is not None

    async def _of(self, branch: str) -> dict[str, Any] | None:
        owner = self._repository.partition("/")[0]
        query = {"head": f"{owner}:{branch}", "base": self._base, "state": "open"}
        found = await self._service.json("GET", f"/repos/{self._repository}/pulls", params=query)
        if not isinstance(found, list):
            raise Unavailable("GitHub answers a list of pull requests with no list", "check `pull_request.url`")
        return next((one for one in found if isinstance(one, dict)), None)
