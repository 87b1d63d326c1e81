"""Jira: an item is one issue, by the label that holds its key; what Jira refuses is said in words.

Tested with the official client against a server that keeps issues as Jira's REST API v2 is documented, for Cloud
(developer.atlassian.com/cloud/jira: serverInfo, search/jql, issue, mypermissions) and for Data Center (search): not against Jira.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand
from hypothesis import given
from hypothesis import strategies as st
from messages_in_hand import AT, backlog, item, site

from nexus.errors import ToolError, Unavailable
from nexus.incident import Severity
from nexus.world.connectors import jira
from nexus.world.connectors.contract import Connector
from nexus.world.connectors.jira import Settings, connect, label_of

TOKEN = "ATATT3x-secret"
API = "/rest/api/2"
CREATE = ("POST", f"{API}/issue")


@dataclass
class Project:
    """One project's issues, on Jira Cloud or in a data center."""

    service: HttpInHand
    cloud: bool = True
    issues: list[dict[str, Any]] = field(default_factory=list)
    may: dict[str, bool] = field(default_factory=lambda: {"BROWSE_PROJECTS": True, "CREATE_ISSUES": True})

    def __post_init__(self) -> None:
        search = f"{API}/search/jql" if self.cloud else f"{API}/search"
        kind = "Cloud" if self.cloud else "Server"
        self.service.answers |= {
            ("GET", f"{API}/serverInfo"): {"versionNumbers": [1001, 0, 0] if self.cloud else [9, 12, 2], "deploymentType": kind},
            ("GET", f"{API}/field"): [{"id": "summary", "name": "Summary", "clauseNames": ["summary"]}],
            ("GET", search): self.search,
            CREATE: self.create,
            ("GET", f"{API}/myself"): {"displayName": "NEXUS"},
            ("GET", f"{API}/mypermissions"): lambda _: {"permissions": {n: {"havePermission": y} for n, y in self.may.items()}},
            ("GET", f"{API}/project/OPS"): {"id": "1", "key": "OPS", "issueTypes": [{"name": "Task"}, {"name": "Bug"}]},
        }

    def search(self, asked: Asked) -> dict[str, Any]:
        (query,) = asked.query["jql"]
        found = [issue for issue in self.issues if any(query == f'project = "OPS" AND labels = "{x}"' for x in issue["labels"])]
        return {"issues": [{"id": "10000", "key": "OPS-1"} for _ in found], "isLast": True, "total": len(found)}

    def create(self, asked: Asked) -> Reply:
        self.issues.append(asked.json["fields"])
        return Reply(201, {"id": f"{len(self.issues)}", "key": f"OPS-{len(self.issues)}", "self": "x"})


@pytest.fixture(params=[True, False], ids=["cloud", "data-center"])
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    with http_in_hand({}) as service:
        yield Project(service, cloud=request.param)


@pytest.fixture
async def tracker(project: Project) -> AsyncIterator[Callable[..., Connector]]:
    made: list[Connector] = []

    def make(**more: Any) -> Connector:
        user = "nexus@example.com" if project.cloud else ""
        told = {"use": "jira", "url": project.service.url, "user": user, "token": TOKEN, "project": "OPS"}
        made.append(connect(Settings.model_validate({**told, **more}), site(Path())))
        return made[-1]

    yield make
    for connector in made:
        await connector.close()


Make = Callable[..., Connector]


async def test_an_item_is_one_issue_with_its_owner_deadline_and_priority(project: Project, tracker: Make) -> None:
    assert await backlog(tracker(owners={"Backend Architect": "5b10a2"})).add(item())
    (issue,) = project.issues
    assert issue["summary"] == "Alert on failing checkouts"
    assert issue["labels"] == ["incident-follow-up", "nexus-key:INC-1:A1"]
    assert issue["priority"] == {"name": "High"}
    assert issue["duedate"] == "2026-03-16"
    assert issue["assignee"] == ({"accountId": "5b10a2"} if project.cloud else {"name": "5b10a2"})
    assert "* Owner: Backend Architect\n* Deadline: 2026-03-16" in issue["description"]
    how = project.service.asked[0].headers["authorization"]
    assert how.startswith("Basic ") if project.cloud else how == f"Bearer {TOKEN}"


async def test_an_item_that_is_there_is_not_added_again(project: Project, tracker: Make) -> None:
    assert await backlog(tracker()).add(item())
    again = backlog(tracker())
    assert not await again.add(item(title="in other words"))
    assert await again.add(item("INC-1:A2"))
    assert len(project.issues) == 2


async def test_fields_that_a_project_does_not_have_can_be_left_out(project: Project, tracker: Make) -> None:
    await backlog(tracker(priorities={}, deadline=False, labels=[], issue_type="Bug")).add(item())
    assert set(project.issues[0]) == {"project", "issuetype", "summary", "description", "labels"}
    assert project.issues[0]["issuetype"] == {"name": "Bug"}


async def test_a_text_is_no_markup(project: Project, tracker: Make) -> None:
    await backlog(tracker()).add(item(title="h1 [~admin] {panel}x{panel}\n!http://evil.example/x.png! https://evil.example"))
    assert "\n" not in project.issues[0]["summary"]
    assert r"\[\~admin\] \{panel\}x\{panel\} \!http://evil.example/x.png\!" in project.issues[0]["description"]


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=2, unique=True))
def test_labels_are_told_apart_and_need_no_quoting(keys: list[str]) -> None:
    one, other = map(label_of, keys)
    assert one != other
    assert len(one) <= 255
    assert not set(one) & set(' "\\')


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(401, "<html>Basic authentication with passwords is deprecated</html>"), r"refuses us \(401\)"),
        (Reply(403, {"errorMessages": ["no permission"]}), r"refuses us \(403\)"),
        (Reply(400, {"errors": {"duedate": "Field 'duedate' cannot be set."}}), "400: .*duedate"),
        (Reply(429, {}, {"Retry-After": "60"}), "rate limit"),
        (Reply(503, "<html>"), "answers 503"),
        (Reply(201, "<html>a proxy</html>"), "is not Jira"),
        (Reply(201, {"unexpected": 1}), "is not Jira"),
    ],
)
async def test_what_jira_refuses_is_said_and_shows_no_token(project: Project, tracker: Make, reply: Reply, why: str) -> None:
    project.service.answers[CREATE] = reply
    with pytest.raises(ToolError, match=why) as raised:
        await backlog(tracker()).add(item())
    assert TOKEN not in repr(raised.value)
    assert "nexus@example.com" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert len(project.service.asked_of(*CREATE)) == 1


async def test_a_jira_that_is_not_there_or_hangs_is_unavailable(
    project: Project, tracker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jira, "PATIENCE", 0.3)
    with pytest.raises(Unavailable, match="does not answer"):
        await backlog(tracker(url="http://127.0.0.1:1")).add(item())
    project.service.answers[CREATE] = Reply(hangs=True)
    with pytest.raises(Unavailable, match="does not answer"):
        await backlog(tracker()).add(item())


async def test_a_jira_that_is_slow_at_everything_is_not_waited_for(
    project: Project, tracker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jira, "WHOLE", 0.2)
    monkeypatch.setattr(jira, "PATIENCE", 0.6)
    project.service.answers[CREATE] = Reply(hangs=True)
    with pytest.raises(Unavailable, match="is not known"):
        await backlog(tracker()).add(item())


async def test_the_proof_opens_no_issue(project: Project, tracker: Make) -> None:
    connector = tracker()
    proofs = await connector.prove(AT)
    assert [(p.ok, p.detail) for p in proofs] == [(True, "NEXUS"), (True, "see and create issues"), (True, "the project has it")]
    assert {asked.method for asked in project.service.asked} == {"GET"}
    assert connector.secrets == (TOKEN,)


async def test_closed_it_can_be_used_again(tracker: Make) -> None:
    connector = tracker()
    await backlog(connector).add(item())
    await connector.close()
    assert not await backlog(connector).add(item())


async def test_what_is_missing_is_said_by_the_proof(project: Project, tracker: Make) -> None:
    project.may = {"BROWSE_PROJECTS": True, "CREATE_ISSUES": False}
    failed = [proof for proof in await tracker(issue_type="Epic").prove(AT) if not proof.ok]
    assert [proof.detail for proof in failed] == ["we lack CREATE_ISSUES", "the project has Task, Bug"]
    assert all(proof.remedy for proof in failed)


async def test_a_token_that_is_refused_is_said_by_the_proof(project: Project, tracker: Make) -> None:
    project.service.answers["GET", f"{API}/myself"] = Reply(401, {})
    (proof,) = await tracker().prove(AT)
    assert not proof.ok
    assert "refuses us (401)" in proof.detail


def test_priorities_are_by_severity() -> None:
    told = {"use": "jira", "url": "https://x.example", "token": TOKEN, "project": "OPS", "priorities": {"P0": "Blocker"}}
    assert Settings.model_validate(told).priorities == {Severity.P0: "Blocker"}
