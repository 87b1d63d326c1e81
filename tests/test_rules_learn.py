"""Learning by rules: five whys, owners and deadlines, a ranking that is the same each time, and unknown that stays unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LIBRARY, a_cause, a_classification, rollback
from world_in_hand import FIRED, desk_of, look

from nexus.incident import ActionRecord, ActionResult, Alert, Cause, Claim, PostMortem, RootCause, Severity
from nexus.responder.answers import Ranking
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.learn import EFFORT, backlog, post_mortem, score
from nexus.state import dump

UNKNOWN = RootCause()
ALERT = Alert(title="checkout is down", service="checkout", starts_at=FIRED)


def record(result: ActionResult, ended: float, number: int = 1) -> dict[str, Any]:
    said = ActionRecord(
        id=f"a{number}", attempt=number, action=rollback(), by="DevOps Automator", started_at=FIRED,
        ended_at=FIRED + timedelta(minutes=ended), result=result,
    )  # fmt: skip
    return dump(said)


def task(name: str, agent: str, **facts: Any) -> tuple[Task, Desk]:
    impact = facts.pop("impact", {})
    classification = a_classification(facts.pop("severity", Severity.P1), evidence=("IM1-1",))
    classification = classification.model_copy(update={"impact": classification.impact.model_copy(update=impact)})
    known = {
        "incident": "INC-1", "alert": dump(ALERT), "classification": dump(classification), "time": FIRED.isoformat(),
        "opened_at": FIRED.isoformat(), "owners": {"checkout": "payments team"}, "findings": [], "actions": [], "timeline": [],
        "resolved_at": (FIRED + timedelta(minutes=50)).isoformat(), **facts,
    }  # fmt: skip
    who = LIBRARY.agent(agent)

    return Task(name, who, LIBRARY, known), desk_of(who, look())


async def report(cause: RootCause = UNKNOWN, **facts: Any) -> PostMortem:
    return await post_mortem(*task("post_mortem", "workflow-optimizer", cause=dump(cause), **facts))


async def ranked(items: list[Any], **facts: Any) -> Ranking:
    return await backlog(*task("backlog", "sprint-prioritizer", action_items=items, **facts))


KNOWN = a_cause(evidence=("IM1-1", "DA1-1"))


@pytest.mark.parametrize("cause", [UNKNOWN, KNOWN, *(a_cause(c, evidence=("IM1-1",)) for c in Cause)])
async def test_there_are_five_whys_and_four_kinds_of_prevention_and_at_least_three_items_with_owner_and_deadline(
    cause: RootCause,
) -> None:
    found = await report(cause)
    assert len(found.five_whys) == 5
    assert all(w.text.startswith("Why ") and "?" in w.text for w in found.five_whys)
    assert set(found.prevention) == {"monitoring", "testing", "process", "infrastructure"}
    assert all(found.prevention.values())
    assert len(found.action_items) >= 3
    assert all(i.owner and i.action and i.deadline > FIRED for i in found.action_items)
    assert len({i.id for i in found.action_items}) == len(found.action_items)


async def test_what_is_not_known_stays_unknown() -> None:
    found = await report(impact={"users_affected": None, "revenue_per_hour": None}, resolved_at=None)
    assert (found.introduced, found.duration_minutes, found.resolved) == (None, None, None)
    for claim in (found.why_it_failed, found.why_not_caught, found.users, found.revenue, found.reputation, found.data):
        assert not claim.known
        assert "unknown" in claim.text.lower()
    assert [w.known for w in found.five_whys[1:]] == [False] * 4


async def test_what_is_known_cites_its_evidence() -> None:
    found = await report(KNOWN, impact={"revenue_per_hour": 6000.0})
    for claim in (found.what_failed, found.why_it_failed, found.why_not_caught, found.users, found.revenue, *found.five_whys[:3]):
        assert claim.known
        assert claim.evidence


def spoken(*claims: Claim) -> str:
    return " ".join(c.text for c in claims)


async def test_the_duration_runs_from_the_change_to_the_action_that_held() -> None:
    actions = [record(ActionResult.UNDONE, 10), record(ActionResult.DONE, 25, 2)]
    found = await report(KNOWN, actions=actions, impact={"revenue_per_hour": 6000.0})
    assert found.introduced == FIRED - timedelta(minutes=5)
    assert found.detected == FIRED
    assert found.resolved == FIRED + timedelta(minutes=50)
    assert found.duration_minutes == 30
    assert "3,000 USD" in found.revenue.text


async def test_without_an_action_that_held_the_impact_ends_with_the_incident() -> None:
    assert (await report(KNOWN, actions=[record(ActionResult.UNDONE, 10)])).duration_minutes == 55


@pytest.mark.parametrize(
    ("data", "affected", "known", "words"),
    [
        ("safe", False, True, "no data was lost"),
        ("at_risk", False, True, "data was at risk"),
        ("lost", True, True, "GDPR"),
        ("unknown", None, False, "whether user data was affected is unknown"),
    ],
)
async def test_data_is_told_as_triage_saw_it(data: str, affected: bool | None, known: bool, words: str) -> None:
    classification = a_classification(signals={"data": data})
    impact = classification.impact.model_copy(update={"user_data_affected": affected})
    found = await report(KNOWN, classification=dump(classification.model_copy(update={"impact": impact})))
    assert found.data.known is known
    assert words in found.data.text


async def test_the_owner_is_the_components_own_team() -> None:
    found = await report(KNOWN, owners={"search": "search team", "checkout": "payments team"})
    assert {i.owner for i in found.action_items if i.kind in ("monitoring", "testing")} == {"payments team"}


async def test_ranking_is_by_score_and_the_same_each_time() -> None:
    items = [dump(i) for i in (await report(KNOWN)).action_items]
    first, second = await ranked(items), await ranked(list(reversed(items)))
    assert first == second
    assert [i.rank for i in first.items] == [1, 2, 3, 4]
    scores = [i.score for i in first.items]
    assert scores == sorted(scores, reverse=True)
    assert [i.key for i in first.items] == [f"INC-1:{i.key.split(':')[1]}" for i in first.items]
    assert len({i.key for i in first.items}) == 4
    assert all(i.owner and i.deadline for i in first.items)


async def test_a_low_alert_becomes_one_item_of_its_own() -> None:
    (item,) = (await ranked([], severity=Severity.P3)).items
    assert (item.key, item.rank, item.title, item.owner, item.kind) == (
        "INC-1:alert",
        1,
        "checkout is down",
        "payments team",
        "defect",
    )
    assert item.deadline is not None


@pytest.mark.parametrize("kind", ["monitoring", "testing", "process", "infrastructure", "incident"])
def test_a_worse_incident_never_scores_less(kind: str) -> None:
    scores = [score(severity, 2.0, 0.8, EFFORT[kind]) for severity in Severity]
    assert scores == sorted(scores, reverse=True)
    assert score(Severity.P0, 4.0, 0.8, EFFORT[kind]) > score(Severity.P0, 2.0, 0.8, EFFORT[kind])


async def test_the_first_why_names_what_users_lost() -> None:
    found = await report(KNOWN)
    assert "checkout" in spoken(found.what_failed, found.five_whys[0])
