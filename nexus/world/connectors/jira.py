"""Jira: each piece of work as an issue of a project, once by a label that holds its key."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import requests
from jira import JIRA
from jira.exceptions import JIRAError
from pydantic import Field, SecretStr

from nexus.errors import ToolError, Unavailable
from nexus.incident import BacklogItem, Severity
from nexus.world.connectors.backlog_rows import rows_of
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.http import place_of

PATIENCE = 15.0
"""Seconds for one request."""
WHOLE = 60.0
"""Seconds for one item or proof, with everything that is asked for it."""
SUMMARY, LABEL = 255, 255
Answer = TypeVar("Answer")


class Settings(ConnectorSettings):
    """The project, and how its issues are filled in."""

    use: Literal["jira"]
    url: str = Field(pattern="^https?://", description="Jira's address, such as https://example.atlassian.net")
    user: str = Field(default="", description="Jira Cloud: the account's e-mail address; Data Center: empty")
    token: SecretStr = Field(description="Jira Cloud: an API token of that account; Data Center: a personal access token")
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$", description="the project's key")
    issue_type: str = Field(default="Task", description="name of the type that issues have")
    labels: tuple[str, ...] = Field(default=("incident-follow-up",), description="labels of every issue, without spaces")
    priorities: dict[Severity, str] = Field(
        default={Severity.P0: "Highest", Severity.P1: "High", Severity.P2: "Medium", Severity.P3: "Low"},
        description="severity to the name of a priority; empty: the project's own default",
    )
    owners: dict[str, str] = Field(
        default_factory=dict,
        description="role to whom its issues are assigned to: Cloud: an account id; Data Center: a user name",
    )
    deadline: bool = Field(default=True, description="whether the deadline is set as the due date; it is in the text anyhow")


class Jira:
    """A `BacklogTarget`. The official client library is synchronous: it works in a thread.

    Jira Cloud's search learns of an issue some seconds after it was made: an item that is added twice at once may be there twice.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: JIRA | None = None
        self._adding = asyncio.Lock()

    async def add(self, item: BacklogItem) -> bool:
        """Open an issue, unless one with its key is there; whether it was new. Raises ToolError."""
        async with self._adding:
            return await self._within(lambda: self._add(item))

    def _add(self, item: BacklogItem) -> bool:
        client = self._connected()
        query = f'project = "{self.settings.project}" AND labels = "{label_of(item.key)}"'
        found: Any = client.search_issues(query, maxResults=1, fields=[], json_result=True)
        if found["issues"]:
            return False
        client.create_issue(fields=self._fields(item, cloud=client._is_cloud), prefetch=False)  # noqa: SLF001 - it tells nowhere else
        return True

    def _fields(self, item: BacklogItem, *, cloud: bool) -> dict[str, Any]:
        told = self.settings
        fields: dict[str, Any] = {
            "project": {"key": told.project},
            "issuetype": {"name": told.issue_type},
            "summary": " ".join(item.title.split())[:SUMMARY],
            "description": issue_text(item),
            "labels": [*told.labels, label_of(item.key)],
        }
        if item.severity in told.priorities:
            fields["priority"] = {"name": told.priorities[item.severity]}
        if item.owner in told.owners:
            fields["assignee"] = {"accountId" if cloud else "name": told.owners[item.owner]}
        if told.deadline and item.deadline:
            fields["duedate"] = f"{item.deadline:%Y-%m-%d}"
        return fields

    def _connected(self) -> JIRA:
        if self._client is None:
            told, token = self.settings, self.settings.token.get_secret_value()
            how: dict[str, Any] = {"basic_auth": (told.user, token)} if told.user else {"token_auth": token}
            self._client = JIRA(told.url, timeout=PATIENCE, max_retries=0, logging=False, **how)
        return self._client

    async def _within(self, work: Callable[[], Answer]) -> Answer:
        """What the work gives, in time. Raises Unavailable, ToolError for what Jira refuses."""
        where = f"{self.settings.title} at {place_of(self.settings.url)}"
        try:
            async with asyncio.timeout(WHOLE):
                return await asyncio.to_thread(work)
        except TimeoutError:
            raise Unavailable(
                f"{where} takes longer than {WHOLE:.0f} s: whether it was added is not known", "try again"
            ) from None
        except JIRAError as error:
            raise self._refusal(where, error) from None  # its text holds headers
        except requests.exceptions.JSONDecodeError:
            raise Unavailable(f"{where}: what answers is not Jira", "check `url`") from None
        except requests.RequestException as error:
            raise Unavailable(f"{where} does not answer ({type(error).__name__})", "check `url` and the network") from None
        except (KeyError, TypeError, AttributeError) as error:  # how the client fails at JSON that is not Jira's
            raise Unavailable(f"{where}: what answers is not Jira ({type(error).__name__})", "check `url`") from None

    def _refusal(self, where: str, error: JIRAError) -> ToolError:
        status = error.status_code or 0
        said = " ".join((error.text or "").replace(self.settings.token.get_secret_value(), "[token]").split())[:300]
        if status < 400:
            return Unavailable(f"{where}: what answers is not Jira", "check `url`")
        if status in {401, 403}:
            return Unavailable(f"{where} refuses us ({status})", "check `user` and `token`, and what they may do in the project")
        if status == 429:
            return Unavailable(f"{where}: the rate limit is used up", "try again in a minute")
        if status >= 500:
            return Unavailable(f"{where} answers {status}", "see whether it works in a browser")
        remedy = (
            "a field that is named here and not on the project's screen: see `priorities`, `owners`, `deadline`, `issue_type`"
        )
        return ToolError(f"{where} refuses it ({status}: {said})", remedy)

    async def close(self) -> None:
        """Let go of its connections, and of what another event loop may not use."""
        self._adding = asyncio.Lock()
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def prove(self, at: datetime) -> Sequence[Proof]:  # noqa: ARG002 - a project is as it is now
        """Who we are, what we may do in the project, and its types of issue; no issue is opened."""
        try:
            return await self._within(self._proofs)
        except ToolError as error:
            return [Proof(f"Jira's project {self.settings.project}", ok=False, detail=error.what, remedy=error.remedy)]

    def _proofs(self) -> list[Proof]:
        told, client = self.settings, self._connected()
        who = client.myself()
        needed = ("BROWSE_PROJECTS", "CREATE_ISSUES")
        may: Any = client.my_permissions(projectKey=told.project, permissions=",".join(needed))["permissions"]
        missing = [name for name in needed if not (may.get(name) or {}).get("havePermission")]
        types = [kind["name"] for kind in client.project(told.project).raw.get("issueTypes") or ()]
        there = told.issue_type in types
        return [
            Proof("who we are in Jira", ok=True, detail=str(who.get("displayName", who.get("name", "somebody")))),
            Proof(
                f"what we may do in {told.project}",
                ok=not missing,
                detail=f"we lack {', '.join(missing)}" if missing else "see and create issues",
                remedy="ask an administrator of the project for it" if missing else "",
            ),
            Proof(
                f"the type {told.issue_type}",
                ok=there,
                detail="the project has it" if there else f"the project has {', '.join(types) or 'none'}",
                remedy="" if there else "set `issue_type` to one of them",
            ),
        ]


def label_of(key: str) -> str:
    """The label that holds a key: labels have no spaces, and at most 255 characters."""
    label = f"nexus-key:{quote(key, safe=':._-')}"
    return label if len(label) <= LABEL else f"nexus-key:{hashlib.sha256(key.encode()).hexdigest()}"


def issue_text(item: BacklogItem) -> str:
    """The description, in which no character of ours is markup, a mention or a macro."""
    rows = {**rows_of(item), "Key": item.key}
    return "\n".join([_wiki(item.title), "", *(f"* {name}: {_wiki(value)}" for name, value in rows.items())])


def _wiki(text: str) -> str:
    """Text that Jira's wiki markup shows as it stands, on one line."""
    return "".join(f"\\{c}" if c in "\\[]{}!|*_^~?+#" else c for c in " ".join(text.split()))


def connect(settings: Settings, site: Site) -> Connector:  # noqa: ARG001 - nothing of the site is needed
    """The project."""
    backlog = Jira(settings)
    secrets = (settings.token.get_secret_value(),)
    return Connector(name=settings.title, prove=backlog.prove, close=backlog.close, backlog=backlog, secrets=secrets)
