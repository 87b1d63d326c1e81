"""GitHub issues: each piece of work as an issue of a repository, once by the key in its text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
from pydantic import Field, SecretStr

from nexus.errors import ToolError, Unavailable
from nexus.incident import BacklogItem, Severity
from nexus.world.connectors.backlog_rows import rows_of
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.http import HttpService
from nexus.world.connectors.messages import markdown_text

PATIENCE = 15.0
"""Seconds for one request."""
LONGEST_WAIT = timedelta(seconds=60)
"""For GitHub's rate limit, once for a request; a longer one is an error."""
VERSION = "2022-11-28"
"""The version of the API that answers are read as."""
PAGE = 100
MOST_PAGES = 20
EARLIER = timedelta(days=1)
"""Before the incident's opening, from which its issues are looked for: clocks differ."""
TITLE = 256
_KEY = re.compile(r"^nexus-key: `(?P<key>[^`\n]+)`\r?$", re.MULTILINE)


class Settings(ConnectorSettings):
    """The repository, and how its issues are marked."""

    use: Literal["github-issues"]
    repository: str = Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", description="owner/name")
    token: SecretStr = Field(description="may read and write the repository's issues")
    labels: tuple[str, ...] = Field(default=("incident-follow-up",), description="labels of every issue; made where missing")
    priorities: dict[Severity, str] = Field(
        default_factory=dict, description="severity to a label, such as `P0: priority/critical`"
    )
    owners: dict[str, str] = Field(default_factory=dict, description="role to the login of whom its issues are assigned to")
    url: str = Field(default="https://api.github.com", description="GitHub Enterprise Server: https://HOST/api/v3")


class GitHubIssues:
    """A `BacklogTarget`. Issues made since the incident was opened are read before one is made: GitHub's search lags behind."""

    def __init__(self, settings: Settings, opened_at: datetime) -> None:
        self.settings = settings
        self.since = opened_at - EARLIER
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {settings.token.get_secret_value()}",
            "User-Agent": "nexus",
            "X-GitHub-Api-Version": VERSION,
        }
        self.service = HttpService(settings.title, settings.url, headers=headers, timeout=PATIENCE)
        self._adding = asyncio.Lock()

    async def add(self, item: BacklogItem) -> bool:
        """Open an issue, unless one with its key was opened since the incident was; whether it was new. Raises ToolError."""
        key = _line(item.key)
        async with self._adding:
            if key in await self._keys():
                return False
            await self._ask("POST", "/issues", json=self._issue(item))
            return True

    async def _keys(self) -> set[str]:
        keys: set[str] = set()
        for page in range(1, MOST_PAGES + 1):
            query = {"state": "all", "sort": "created", "direction": "desc", "per_page": PAGE, "page": page}
            listed = await self._ask("GET", "/issues", params=query)
            keys |= {found["key"] for issue in listed for found in _KEY.finditer(issue.get("body") or "")}
            if len(listed) < PAGE or datetime.fromisoformat(listed[-1]["created_at"]) < self.since:
                return keys
        raise Unavailable(
            f"{self.settings.title}: more than {PAGE * MOST_PAGES} issues were opened since the incident was",
            "use a repository with fewer issues",
        )

    def _issue(self, item: BacklogItem) -> dict[str, Any]:
        told = self.settings
        priority = told.priorities.get(item.severity)
        assignee = told.owners.get(item.owner)
        return {
            "title": _line(item.title)[:TITLE],
            "body": issue_text(item),
            "labels": [*told.labels, *([priority] if priority else [])],
            "assignees": [assignee] if assignee else [],
        }

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        """What GitHub answers. Raises Unavailable, ToolError for what it refuses."""
        where, whole = f"{self.settings.title}: {self.settings.repository}", f"/repos/{self.settings.repository}{path}"
        response = await self.service.answer(method, whole, **more)
        limited = limit_of(response)
        if limited is not None and limited <= LONGEST_WAIT:
            await asyncio.sleep(limited.total_seconds())
            response = await self.service.answer(method, whole, **more)
            limited = limit_of(response)
        if limited is not None:
            raise Unavailable(f"{where}: GitHub's rate limit is used up", f"try again in {limited.total_seconds():.0f} s")
        if not response.is_success:
            raise _refusal(where, response.status_code, response.text)
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable(f"{where}: what answers is not GitHub", "check `url`") from error

    async def close(self) -> None:
        """Let go of its connections, and of what another event loop may not use."""
        self._adding = asyncio.Lock()
        await self.service.close()

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a repository is as it is now
        """The repository, whether it has issues and what the token's owner may do; no issue is opened."""
        what = f"the issues of {self.settings.repository}"
        try:
            told = await self._ask("GET", "")
            await self._keys()
        except ToolError as error:
            return [Proof(what, ok=False, detail=error.what, remedy=error.remedy)]
        if told.get("archived") or not told.get("has_issues", True):
            why = "the repository is archived" if told.get("archived") else "issues are switched off"
            return [Proof(what, ok=False, detail=why, remedy="choose another repository, or switch them on")]
        may = told.get("permissions") or {}
        if not (may.get("push") or may.get("triage")):
            remedy = "give the token's owner the role Triage or Write, without which labels are dropped"
            return [Proof(what, ok=False, detail="they can be read; labels and assignees could not be set", remedy=remedy)]
        return [Proof(what, ok=True, detail="they can be read, and the token's owner may set labels")]


def limit_of(response: httpx.Response) -> timedelta | None:
    """How long to wait where a rate limit is why it was refused: what GitHub says, else a minute."""
    if response.status_code not in {403, 429}:
        return None
    after, until = response.headers.get("retry-after", ""), response.headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return timedelta(seconds=int(after))
    if response.headers.get("x-ratelimit-remaining") == "0" and until.isdigit():
        return max(datetime.fromtimestamp(int(until), UTC) - datetime.now(UTC), timedelta())
    return timedelta(minutes=1) if response.status_code == 429 or "rate limit" in response.text.lower() else None


def _refusal(where: str, status: int, said: str) -> ToolError:
    if status in {401, 403}:
        return Unavailable(f"{where}: GitHub refuses us ({status})", "check the token: it needs Issues: read and write")
    if status in {301, 302, 307, 308, 404, 410}:
        return Unavailable(
            f"{where}: there is no such repository for us ({status})", "check its name, and what the token may see"
        )
    if status >= 500:
        return Unavailable(f"{where}: GitHub answers {status}", "see www.githubstatus.com")
    return ToolError(f"{where}: GitHub refuses it ({status}: {_line(said)[:200]})", "check `labels`, `owners` and `priorities`")


def issue_text(item: BacklogItem) -> str:
    """The issue in Markdown, which mentions and links to nobody; its last line is its key."""
    lines = [f"- **{name}:** {markdown_text(value)}" for name, value in rows_of(item).items()]
    return "\n".join([markdown_text(item.title), "", *lines, "", f"nexus-key: `{_line(item.key)}`"])


def _line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def connect(settings: Settings, site: Site) -> Connector:
    """The repository."""
    backlog = GitHubIssues(settings, site.opened_at)
    return Connector(
        name=settings.title,
        prove=backlog.prove,
        close=backlog.close,
        backlog=backlog,
        secrets=(settings.token.get_secret_value(),),
    )
