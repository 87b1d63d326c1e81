"""GitHubRest: GitHub's REST API as reads need it: all pages of a list, and limits that say when they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from nexus.errors import Unavailable
from nexus.world.connectors.http import HttpService
from nexus.world.gaps import note_gap

PAGE = 100
MOST_PAGES = 10
VERSION = "2022-11-28"
"""The version of the API that answers are read as."""


class GitHubRest:
    """One GitHub, public or a company's own."""

    def __init__(self, name: str, url: str, token: SecretStr | None) -> None:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION, "User-Agent": "nexus"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._service = HttpService(name, url, headers=headers)

    @property
    def name(self) -> str:
        """What it is called in errors."""
        return self._service.name

    async def close(self) -> None:
        """Let go of its connections."""
        await self._service.close()

    async def json(self, path: str, query: Mapping[str, str | int]) -> Any:
        """The answer to one request. Raises Unavailable, for a limit with the time at which it ends."""
        response = await self._service.answer("GET", path, params=dict(query))
        if response.status_code in {403, 429} and (until := _limited_until(response)):
            what = f"{self.name} takes no more requests until {until:%H:%M:%S} UTC: its rate limit is used up"
            raise Unavailable(what, "wait, or give it a token with a higher limit")
        if response.status_code in {301, 404}:
            raise Unavailable(
                f"{self.name} has no {path}, or does not show it to us", "check the name, and what the token may read"
            )
        if response.status_code in {401, 403}:
            raise Unavailable(f"{self.name} refuses us ({response.status_code})", "check the token, and what it may read")
        if not response.is_success:
            raise Unavailable(f"{self.name} answers {response.status_code} to {path}", "githubstatus.com tells of its outages")
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable(
                f"{self.name} answers {path} with no JSON", "check `url`: something else may answer there"
            ) from error

    async def items(self, path: str, query: Mapping[str, str | int], inside: str = "") -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page by page as they are asked for; `inside` names the field that holds it."""
        for page in range(1, MOST_PAGES + 1):
            told = await self.json(path, {**query, "per_page": PAGE, "page": page})
            found = told.get(inside) if inside and isinstance(told, dict) else told
            if not isinstance(found, list):
                raise Unavailable(f"{self.name} answers {path} with no list", "check `url`: something else may answer there")
            for item in found:
                yield item
            if len(found) < PAGE:
                return
        note_gap(f"{self.name}: of {path} only the newest {MOST_PAGES * PAGE} were read")


def _limited_until(response: httpx.Response) -> datetime | None:
    """When a used-up limit ends; None where no limit is why."""
    headers = response.headers
    if headers.get("retry-after", "").isdigit():
        return datetime.now(UTC) + timedelta(seconds=int(headers["retry-after"]))
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC)
    limited = response.status_code == 429 or "rate limit" in response.text.lower()
    return datetime.now(UTC) + timedelta(minutes=1) if limited else None
