"""Deployments, statuses and workflow runs as GitHub's REST documentation (2022-11-28) shows them, from a server in hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from http_in_hand import Asked, HttpInHand, Reply, http_in_hand
from pydantic import ValidationError

from nexus.errors import Unavailable
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.contract import Connector, Site
from nexus.world.connectors.github_deployments import GitHubChanges, Settings, connect
from nexus.world.journal import MemoryJournal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LIST, RUNS = "/repos/acme/shop/deployments", "/repos/acme/shop/actions/runs"


def iso(minute: float) -> str:
    return f"{NOON + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def deployment(number: int, minute: float, **given: Any) -> dict[str, Any]:
    return {
        "url": f"https://api.github.com/repos/acme/shop/deployments/{number}",
        "id": number,
        "node_id": "MDEwOkRlcGxveW1lbnQx",
        "sha": f"{number:040x}"[::-1],
        "ref": "main",
        "task": "deploy",
        "payload": {},
        "original_environment": "production",
        "environment": "production",
        "description": None,
        "creator": {"login": "octocat", "id": 1, "type": "User"},
        "created_at": iso(minute),
        "updated_at": iso(minute),
        "transient_environment": False,
        "production_environment": True,
    } | given


def statuses(*said: tuple[str, float]) -> list[dict[str, Any]]:
    """Newest first, as GitHub lists them."""
    return [{"id": n, "state": state, "created_at": iso(m), "environment": "production"} for n, (state, m) in enumerate(said)]


def run(number: int, minute: float, **given: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": "Build",
        "head_branch": "main",
        "head_sha": f"{number:040x}"[::-1],
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "created_at": iso(minute),
        "run_started_at": iso(minute),
        "updated_at": iso(minute),
    } | given


@pytest.fixture
def github() -> Iterator[HttpInHand]:
    with http_in_hand({}) as service:
        yield service


def holds(github: HttpInHand, deployments: list[dict[str, Any]], said: Mapping[int, list[dict[str, Any]]]) -> None:
    github.answers[("GET", LIST)] = deployments
    for number, told in said.items():
        github.answers[("GET", f"{LIST}/{number}/statuses")] = told


def connected(github: HttpInHand, **given: Any) -> Connector:
    told = {"use": "github-deployments", "url": github.url, "token": "ghp-secret"}
    settings = Settings.model_validate({**told, "repositories": [{"repository": "acme/shop", "component": "web"}], **given})
    return connect(settings, Site(Path(), ServiceCatalog(), MemoryJournal(), NOON))


def changes_of(connector: Connector) -> GitHubChanges:
    assert isinstance(connector.changes, GitHubChanges)
    return connector.changes


async def test_a_deployment_is_a_change_when_it_succeeded_and_knows_what_ran_before(github: HttpInHand) -> None:
    holds(
        github,
        [deployment(3, 0, ref="v1.3.0", description="Ship it"), deployment(2, -60), deployment(1, -600)],
        {
            3: statuses(("success", 7), ("in_progress", 2), ("queued", 1)),
            2: statuses(("failure", -50), ("in_progress", -55)),
            1: statuses(("inactive", 7), ("success", -590)),
        },
    )
    connector = connected(github)
    found = await changes_of(connector).between(NOON - timedelta(hours=2), NOON + timedelta(hours=1))
    await connector.close()
    failed, shipped = found
    assert (shipped.id, shipped.at, shipped.version, shipped.author) == (
        "deployment-3",
        NOON + timedelta(minutes=7),
        "v1.3.0",
        "octocat",
    )
    assert shipped.previous == "1000000"
    assert shipped.summary == "Ship it"
    assert (failed.version, failed.summary) == ("2000000", "web 2000000 to production (failed)")
    asked = github.asked_of("GET", LIST)[0]
    assert asked.query == {"environment": ["production"], "per_page": ["100"], "page": ["1"]}
    assert asked.headers["authorization"] == "Bearer ghp-secret"
    assert asked.headers["x-github-api-version"] == "2022-11-28"


async def test_what_waited_for_approval_counts_when_it_was_carried_out_and_what_never_began_does_not(github: HttpInHand) -> None:
    holds(
        github,
        [deployment(3, -1), deployment(2, -5), deployment(1, -2 * 24 * 60)],
        {3: statuses(("queued", -1)), 2: statuses(("in_progress", -4)), 1: statuses(("success", -10), ("waiting", -2000))},
    )
    connector = connected(github)
    found = await changes_of(connector).between(NOON - timedelta(hours=1), NOON)
    await connector.close()
    assert [(c.id, c.summary.rpartition(" (")[2]) for c in found] == [
        ("deployment-1", "web 1000000 to production"),
        ("deployment-2", "in progress)"),
    ]


async def test_all_pages_are_read_until_the_time_asked_for_is_covered(github: HttpInHand) -> None:
    every = [deployment(1000 - n, -n) for n in range(250)]

    def page(asked: Asked) -> list[dict[str, Any]]:
        number = int(asked.query["page"][0])
        return every[(number - 1) * 100 : number * 100]

    holds(github, [], {1000 - n: statuses(("success", -n)) for n in range(250)})
    github.answers[("GET", LIST)] = page
    connector = connected(github)
    found = await changes_of(connector).between(NOON - timedelta(minutes=149.5), NOON)
    assert len(found) == 150
    assert len(github.asked_of("GET", LIST)) == 3
    github.asked.clear()
    every[:] = [deployment(1000 - n, -n * 1440) for n in range(250)]
    await changes_of(connector).between(NOON - timedelta(days=1), NOON)
    await connector.close()
    assert len(github.asked_of("GET", LIST)) == 1
    assert len(github.asked) < 15


async def test_workflow_runs_are_pipelines_with_our_words_for_their_ends(github: HttpInHand) -> None:
    github.answers[("GET", RUNS)] = {
        "total_count": 6,
        "workflow_runs": [
            run(6, -1, status="in_progress", conclusion=None),
            run(5, -2, status="queued", conclusion=None),
            run(4, -3, conclusion="timed_out", name="Deploy"),
            run(3, -4, conclusion="skipped"),
            run(2, -5, conclusion="failure"),
            run(1, -6),
        ],
    }
    connector = connected(github)
    runs = await changes_of(connector).pipelines(NOON - timedelta(hours=1), NOON)
    await connector.close()
    assert [(r.version, r.status) for r in runs] == [
        ("1000000", "passed"),
        ("2000000", "failed"),
        ("4000000", "failed"),
        ("5000000", "running"),
        ("6000000", "running"),
    ]
    assert runs[2].detail == "Deploy on main: timed_out"
    assert github.asked[0].query["created"] == ["2026-03-02T11:00:00Z..2026-03-02T12:00:00Z"]


async def test_only_the_workflows_that_were_named_count(github: HttpInHand) -> None:
    github.answers[("GET", RUNS)] = {"total_count": 2, "workflow_runs": [run(2, -1, name="Lint"), run(1, -2)]}
    connector = connected(github, repositories=[{"repository": "acme/shop", "component": "web", "workflows": ["Build"]}])
    runs = await changes_of(connector).pipelines(NOON - timedelta(hours=1), NOON)
    await connector.close()
    assert [r.version for r in runs] == ["1000000"]


USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1772456400"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(403, {"message": "API rate limit exceeded"}, USED_UP), "13:00:00 UTC"),
        (Reply(429, {"message": "slow down"}, {"retry-after": "60"}), "takes no more requests until"),
        (Reply(403, {"message": "You have exceeded a secondary rate limit"}), "takes no more requests until"),
        (Reply(403, {"message": "Resource not accessible by personal access token"}), r"refuses us \(403\)"),
        (Reply(401, {"message": "Bad credentials"}), r"refuses us \(401\)"),
        (Reply(404, {"message": "Not Found"}), "does not show it to us"),
        (Reply(502, "<html>"), "answers 502"),
        (Reply(200, "<html>"), "no JSON"),
        (Reply(200, {"message": "odd"}), "no list"),
        (Reply(200, [{"id": "x"}]), "oddly"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_and_a_limit_says_until_when(github: HttpInHand, reply: Reply, said: str) -> None:
    github.answers[("GET", LIST)] = reply
    connector = connected(github)
    with pytest.raises(Unavailable, match=said) as refused:
        await changes_of(connector).between(NOON - timedelta(hours=1), NOON)
    await connector.close()
    assert "ghp-secret" not in str(refused.value)


async def test_a_github_that_is_not_there_is_unavailable() -> None:
    with http_in_hand({}) as gone:
        pass
    connector = connected(gone)
    with pytest.raises(Unavailable, match="does not answer"):
        await changes_of(connector).pipelines(NOON, NOON)
    await connector.close()


async def test_the_proof_reads_both_and_says_what_is_empty(github: HttpInHand) -> None:
    holds(github, [deployment(1, -5)], {1: statuses(("success", -4))})
    github.answers[("GET", RUNS)] = {"total_count": 0, "workflow_runs": []}
    connector = connected(github)
    deployments, runs = await connector.prove(NOON)
    await connector.close()
    assert (deployments.ok, deployments.detail) == (True, "1 in 30 days, the newest 1000000")
    assert (runs.ok, runs.detail) == (False, "none in 30 days")
    github.answers[("GET", RUNS)] = Reply(404, {})
    connector = connected(github)
    assert [proof.ok for proof in await connector.prove(NOON)] == [True, False]
    await connector.close()


def test_the_token_is_masked_and_odd_names_are_refused(github: HttpInHand) -> None:
    assert connected(github).secrets == ("ghp-secret",)
    assert connected(github, token=None).secrets == ()
    for name in ("shop", "acme/shop/x", "acme/../x"):
        with pytest.raises(ValidationError, match="repository"):
            connected(github, repositories=[{"repository": name, "component": "web"}])
