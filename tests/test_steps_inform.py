"""Throughout: posts, briefs and the matrix, each sent once, told from the record, and never in the way of the incident."""

# ruff: noqa: ARG001, ARG002 - answers are stated, whatever the question

from __future__ import annotations

from typing import Any

import pytest
from engine_in_hand import Releases, a_classification, minute, rollback, run
from world_in_hand import FIRED

from nexus.errors import ToolError
from nexus.incident import Classification, EventKind, Outcome, Severity, Status
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.world.simulated_people import SimulatedPeople


async def failing(task: Task, desk: Desk) -> Any:
    raise ValueError("no words")


class Down(SimulatedPeople):
    """Neither status page nor anybody can be reached."""

    async def post_status(self, incident: str, text: str, at: Any, key: str) -> None:
        raise ToolError("the status page is down", "post by hand")

    async def brief(self, incident: str, text: str, at: Any, key: str) -> None:
        raise ToolError("mail is down", "call them")

    async def notify(self, incident: str, to: str, text: str, at: Any, key: str) -> None:
        raise ToolError("paging is down", "call them")

    async def add_to_backlog(self, items: Any) -> int:
        raise ToolError("the tracker is down", "add by hand")


def hit(**impact: Any) -> Any:
    async def rule(task: Task, desk: Desk) -> Classification:
        seen = await desk.use("list_changes")
        plain = a_classification(Severity.P1, evidence=(seen.id,))
        return plain.model_copy(update={"impact": plain.impact.model_copy(update=impact)})

    return rule


async def test_every_post_is_the_runbooks_template_filled() -> None:
    told = await run()
    posts = told.people.sent("status")
    assert len(posts) == len(told.incident.status_updates) >= 4
    for post, update in zip(posts, told.incident.status_updates, strict=True):
        lines = post.text.strip().splitlines()
        assert lines[0] == f"{update.at:%Y-%m-%d %H:%M} UTC — checkout Incident"
        assert lines[1] == f"Status: {update.status.value}"
        assert [line.split(":")[0] for line in lines[2:4]] == ["Impact", "Current action"]
        assert all(line.split(":", 1)[1].strip() for line in lines[1:4])
        if update.status is Status.RESOLVED:
            assert len(lines) == 4
        else:
            assert update.next_update is not None
            assert lines[4] == f"Next update: {update.next_update:%Y-%m-%d %H:%M} UTC"
    assert posts[-1].text.count("Next update") == 0


async def test_posts_and_briefs_are_numbered_and_sent_once() -> None:
    told = await run(severity=Severity.P0)
    for kind, said in (("status", told.incident.status_updates), ("brief", told.incident.briefs)):
        assert [u.number for u in said] == list(range(1, len(said) + 1))
        keys = [m.key for m in told.people.sent(kind)]
        assert len(keys) == len(set(keys)) == len(said)
    assert [u.at for u in told.incident.status_updates] == [b.at for b in told.incident.briefs]


async def test_a_brief_fills_every_line_of_its_template() -> None:
    told = await run(severity=Severity.P0)
    heads = ["INCIDENT BRIEF — ", "SITUATION: ", "CAUSE: ", "ACTION: ", "IMPACT: ", "NEXT UPDATE: "]
    for brief in told.people.sent("brief")[:-1]:
        lines = brief.text.strip().splitlines()
        assert all(line.startswith(head) and len(line) > len(head) for line, head in zip(lines, heads, strict=True))
    assert "NEXT UPDATE" not in told.people.sent("brief")[-1].text


@pytest.mark.parametrize("severity", [Severity.P1, Severity.P2])
async def test_below_p0_nobody_is_briefed(severity: Severity) -> None:
    told = await run(severity=severity)
    assert told.incident.briefs == ()


async def test_when_page_pager_and_tracker_are_down_the_incident_goes_on_and_the_record_says_so() -> None:
    told = await run(severity=Severity.P0, people=Down())
    assert told.incident.outcome is Outcome.RESOLVED
    published = told.of(EventKind.PUBLISHED)
    assert published
    assert all("not delivered" in e.text for e in published)
    assert "could not be reached" in told.of(EventKind.BACKLOG)[0].text
    assert told.incident.backlog


async def test_when_nobody_can_be_told_handing_over_still_ends_well() -> None:
    told = await run(Releases(good=frozenset()), people=Down())
    assert told.incident.outcome is Outcome.HANDED_OVER
    refused = [e.text for e in told.of(EventKind.REFUSED)]
    assert any("on-call engineer could not be told" in text for text in refused)


async def test_without_its_writer_a_post_goes_out_in_plain_words() -> None:
    told = await run(severity=Severity.P0, answers={"status_update": failing, "executive_brief": failing})
    assert told.incident.outcome is Outcome.RESOLVED
    assert {u.impact for u in told.incident.status_updates} == {
        "About 100 users a minute see errors in checkout.",
        "Before the fix, about 100 users a minute saw errors in checkout.",
    }
    assert {b.cause.split(" — ")[0] for b in told.incident.briefs} == {"Under investigation"}


@pytest.mark.parametrize(
    ("impact", "rules"),
    [
        ({"breach_suspected": True}, {("breach", "Legal Compliance Checker")}),
        (
            {"user_data_affected": True},
            {("user-data", "Legal Compliance Checker"), ("user-data", "Executive Summary Generator")},
        ),
        ({"revenue_per_hour": 10001.0}, {("revenue", "Finance Tracker"), ("revenue", "Studio Producer")}),
        ({"revenue_per_hour": 10000.0}, set()),
        ({}, set()),
    ],
)
async def test_the_matrix_calls_its_agents_at_once_each_once(impact: dict[str, Any], rules: set[tuple[str, str]]) -> None:
    told = await run(answers={"triage": hit(**impact)})
    called = [(e.rule, e.to) for e in told.incident.escalations]
    assert set(called) == rules
    assert len(called) == len(rules)
    assert {e.at for e in told.incident.escalations} <= {FIRED}
    assert all(e.proposal for e in told.incident.escalations)
    assert {m.to for m in told.people.sent("notice")} == {to for _, to in rules}


async def test_user_data_affected_sends_one_brief_below_p0() -> None:
    told = await run(answers={"triage": hit(user_data_affected=True)})
    assert len(told.incident.briefs) == 1


async def test_an_agent_that_was_called_and_fails_is_still_recorded_as_called() -> None:
    told = await run(answers={"triage": hit(breach_suspected=True), "escalate": failing})
    assert [(e.rule, e.to) for e in told.incident.escalations] == [("breach", "Legal Compliance Checker")]
    assert told.incident.escalations[0].proposal.startswith("no proposal")
    assert told.incident.outcome is Outcome.RESOLVED


async def test_a_p0_unresolved_at_thirty_minutes_brings_in_the_studio_producer_once() -> None:
    told = await run(severity=Severity.P0)
    called = [(e.rule, e.to, minute(e.at)) for e in told.incident.escalations]
    assert called == [("p0-30m", "Studio Producer", 30)]


async def test_a_p1_unresolved_at_two_hours_brings_in_the_project_shepherd_once() -> None:
    slow = Releases(good=frozenset({"0.8"}))
    slow.took = slow.took * 20
    told = await run(slow, plans=tuple(rollback(to) for to in ("1.0", "0.9", "0.8")))
    assert told.incident.outcome is Outcome.RESOLVED
    assert [(e.rule, e.to, minute(e.at)) for e in told.incident.escalations] == [("p1-2h", "Project Shepherd", 120)]


async def test_nothing_is_sent_after_resolution() -> None:
    told = await run(severity=Severity.P0)
    resolved = next(e.at for e in told.of(EventKind.STATUS) if e.data["status"] == "Resolved")
    assert max(e.at for e in (*told.of(EventKind.PUBLISHED), *told.of(EventKind.ESCALATED))) == resolved
    assert max(m.at for m in told.people.messages) == resolved


async def test_a_post_says_only_what_was_known_at_its_time() -> None:
    told = await run()
    known = {e.id: e.at for e in told.incident.evidence}
    for update in told.incident.status_updates:
        assert all(known[i] <= update.at for i in update.evidence)
