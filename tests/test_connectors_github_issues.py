"""GitHub issues: an item is one issue, whoever adds it again; what GitHub refuses is said in words.

Tested against a server that keeps issues as GitHub's REST API is documented (docs.github.com/rest: repositories,
issues, rate limits; version 2022-11-28): not against GitHub's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand, replies
from markdown_it import MarkdownIt
from messages_in_hand import AT, backlog, item, site

from nexus.errors import ToolError, Unavailable
from nexus.incident import Severity
from nexus.world.connectors import github_issues
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.github_issues import Settings, connect, issue_text

TOKEN = "ghp_secret0123456789"
REPO = "/repos/example/shop"
Make = Callable[..., Connector]
ISSUES = ("POST", f"{REPO}/issues")


@dataclass
class Repository:
    """Issues, newest first."""

    service: HttpInHand
    issues: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        permissions = {"admin": False, "push": True, "triage": True, "pull": True}
        self.service.answers |= {
            ("GET", REPO): {"full_name": "example/shop", "has_issues": True, "archived": False, "permissions": permissions},
            ("GET", f"{REPO}/issues"): self.list,
            ISSUES: self.create,
        }

    def list(self, asked: Asked) -> list[dict[str, Any]]:
        assert asked.query["state"] == ["all"]
        size, page = int(asked.query["per_page"][0]), int(asked.query["page"][0])
        return self.issues[size * (page - 1) : size * page]

    def create(self, asked: Asked) -> Reply:
        self.issues.insert(0, {"number": len(self.issues) + 1, "created_at": "2026-03-02T12:30:00Z", **asked.json})
        return Reply(201, self.issues[0])


@pytest.fixture
def repository() -> Iterator[Repository]:
    with http_in_hand({}) as service:
        yield Repository(service)


@pytest.fixture
async def tracker(repository: Repository) -> AsyncIterator[Make]:
    made: list[Connector] = []

    def make(**more: Any) -> Connector:
        told = {"use": "github-issues", "repository": "example/shop", "token": TOKEN, "url": repository.service.url}
        made.append(connect(Settings.model_validate({**told, **more}), site(Path())))
        return made[-1]

    yield make
    for connector in made:
        await connector.close()


async def test_an_item_is_one_issue_with_its_owner_deadline_and_labels(repository: Repository, tracker: Make) -> None:
    held = backlog(tracker(priorities={"P1": "priority/high"}, owners={"Backend Architect": "octocat"}))
    assert await held.add(item())
    (issue,) = repository.issues
    assert issue["title"] == "Alert on failing checkouts"
    assert issue["labels"] == ["incident-follow-up", "priority/high"]
    assert issue["assignees"] == ["octocat"]
    assert "- **Owner:** Backend Architect\n- **Deadline:** 2026-03-16\n- **Severity:** P1" in issue["body"]
    assert issue["body"].endswith("nexus-key: `INC-1:A1`")
    assert repository.service.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_an_item_that_is_there_is_not_added_again_even_when_it_was_closed_and_edited(
    repository: Repository, tracker: Make
) -> None:
    await backlog(tracker()).add(item())
    repository.issues[0] |= {
        "state": "closed",
        "labels": [],
        "body": repository.issues[0]["body"].replace("\n", "\r\n") + "\r\ndone",
    }
    again = backlog(tracker())
    assert not await again.add(item(title="in other words"))
    assert await again.add(item("INC-1:A2"))
    assert len(repository.issues) == 2


async def test_added_at_once_it_is_still_one_issue(tracker: Make) -> None:
    held = backlog(tracker())
    assert sorted(await asyncio.gather(*(held.add(item()) for _ in range(3)))) == [False, False, True]


def test_closed_in_between_it_can_be_used_from_one_event_loop_after_the_other(repository: Repository) -> None:
    told = {"use": "github-issues", "repository": "example/shop", "token": TOKEN, "url": repository.service.url}
    connector = connect(Settings.model_validate(told), site(Path()))

    async def several(first: int) -> list[bool]:
        added = await asyncio.gather(*(backlog(connector).add(item(f"INC-1:A{n}")) for n in range(first, first + 3)))
        await connector.close()
        return added

    assert [asyncio.run(several(first)) for first in (0, 2)] == [[True] * 3, [False, True, True]]


async def test_issues_are_read_back_to_the_incidents_opening_and_no_further(
    repository: Repository, tracker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_issues, "PAGE", 2)
    await backlog(tracker()).add(item())
    repository.issues[:0] = [{"created_at": "2026-03-02T13:00:00Z", "body": None} for _ in range(3)]
    repository.issues += [{"created_at": (AT - timedelta(days=9)).isoformat(), "body": "old"} for _ in range(20)]
    repository.service.asked.clear()
    assert not await backlog(tracker()).add(item())
    assert len(repository.service.asked) == 3


async def test_a_repository_with_too_many_issues_is_told_and_nothing_is_added(
    repository: Repository, tracker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_issues, "PAGE", 1)
    monkeypatch.setattr(github_issues, "MOST_PAGES", 2)
    repository.issues = [{"created_at": "2026-03-02T13:00:00Z", "body": ""} for _ in range(3)]
    with pytest.raises(Unavailable, match="more than 2 issues"):
        await backlog(tracker()).add(item())


def test_a_title_can_neither_mention_nor_link_nor_pretend_a_key() -> None:
    text = issue_text(item("INC-1:A1", title="@octocat #1 <img src=x> [a](http://evil.example)\nnexus-key: `INC-1:A2`"))
    page = MarkdownIt("commonmark").render(text)
    assert "<img" not in page
    assert "<a " not in page
    assert "@octocat" not in page
    assert [found["key"] for found in github_issues._KEY.finditer(text)] == ["INC-1:A1"]


async def test_a_short_rate_limit_is_waited_for_once(repository: Repository, tracker: Make) -> None:
    limited = Reply(403, {"message": "You have exceeded a secondary rate limit."}, {"retry-after": "0"})
    repository.service.answers[ISSUES] = replies(limited, Reply(201, {"number": 1}))
    assert await backlog(tracker()).add(item())
    repository.service.answers[ISSUES] = limited
    with pytest.raises(Unavailable, match="rate limit is used up"):
        await backlog(tracker()).add(item("INC-1:A2"))


async def test_a_long_rate_limit_is_told_at_once(repository: Repository, tracker: Make) -> None:
    headers = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}
    repository.service.answers["GET", f"{REPO}/issues"] = Reply(403, {"message": "API rate limit exceeded"}, headers)
    with pytest.raises(Unavailable, match="rate limit is used up"):
        await backlog(tracker()).add(item())


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(401, {"message": "Bad credentials"}), r"refuses us \(401\)"),
        (Reply(403, {"message": "Resource not accessible by personal access token"}), r"refuses us \(403\)"),
        (Reply(404, {"message": "Not Found"}), "no such repository for us"),
        (Reply(301, {"url": "https://elsewhere.example"}, {"location": "http://127.0.0.1:1/"}), "no such repository for us"),
        (Reply(410, {"message": "Issues are disabled for this repo"}), "no such repository for us"),
        (Reply(422, {"message": "Validation Failed", "errors": [{"field": "assignees"}]}), "422: .*assignees"),
        (Reply(502, "<html>"), "answers 502"),
        (Reply(201, "<html>a proxy</html>"), "is not GitHub"),
    ],
)
async def test_what_github_refuses_was_not_added(repository: Repository, tracker: Make, reply: Reply, why: str) -> None:
    repository.service.answers[ISSUES] = reply
    with pytest.raises(ToolError, match=why) as raised:
        await backlog(tracker()).add(item())
    assert TOKEN not in repr(raised.value)
    assert len(repository.service.asked_of(*ISSUES)) == 1


async def test_a_github_that_is_not_there_or_hangs_is_unavailable(
    repository: Repository, tracker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_issues, "PATIENCE", 0.3)
    with pytest.raises(Unavailable, match="does not answer"):
        await backlog(tracker(url="http://127.0.0.1:1")).add(item())
    repository.service.answers[ISSUES] = Reply(hangs=True)
    with pytest.raises(Unavailable, match="does not answer"):
        await backlog(tracker()).add(item())


async def test_the_proof_opens_no_issue(repository: Repository, tracker: Make) -> None:
    connector = tracker()
    (proof,) = await connector.prove(AT)
    assert proof.ok
    assert {asked.method for asked in repository.service.asked} == {"GET"}
    assert connector.secrets == (TOKEN,)


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"archived": True}, "archived"),
        ({"has_issues": False}, "switched off"),
        ({"permissions": {"pull": True}}, "labels and assignees could not be set"),
    ],
)
async def test_what_is_missing_is_said_by_the_proof(
    repository: Repository, tracker: Make, told: dict[str, Any], detail: str
) -> None:
    repository.service.answers["GET", REPO] |= told
    (proof,) = await tracker().prove(AT)
    assert not proof.ok
    assert detail in proof.detail
    assert proof.remedy


async def test_a_token_that_is_refused_is_said_by_the_proof(repository: Repository, tracker: Make) -> None:
    repository.service.answers["GET", REPO] = Reply(401, {"message": "Bad credentials"})
    (proof,) = await tracker().prove(AT)
    assert (proof.ok, "401" in proof.detail) == (False, True)


def test_severities_are_the_runbooks_own() -> None:
    told = {"use": "github-issues", "repository": "a/b", "token": TOKEN, "priorities": {"P0": "urgent"}}
    assert Settings.model_validate(told).priorities == {Severity.P0: "urgent"}
