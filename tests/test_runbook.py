"""The runbook's tables and the pure decisions that they give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from nexus.incident import Cause, Severity
from nexus.library import Library
from nexus.library.references import SIGNALS
from nexus.runbook import (
    Investigator,
    Member,
    Verifier,
    branch_for,
    developer_for,
    escalations_due,
    floor_for,
    investigating_agents,
    investigators_for,
    team_for,
    verifiers_for,
)

RUNBOOK = Library.default().runbook
P0, P1, P2, P3 = Severity
WELL = {
    "availability": "ok",
    "errors": "normal",
    "latency": "normal",
    "feature": "unknown",
    "data": "safe",
    "workaround": "no",
    "alert": "unknown",
    "telemetry": "full",
    "now": "normal",
    "security": "none",
}
IM, DA, BA, FD = "infrastructure-maintainer", "devops-automator", "backend-architect", "frontend-developer"
SR, EG = "support-responder", "executive-summary-generator"


def names(members: Sequence[Member | Investigator | Verifier]) -> list[str]:
    return [m.agent for m in members]


@pytest.mark.parametrize(
    ("severity", "frontend", "team"),
    [
        (P0, False, [IM, DA, BA, FD, SR, EG]),
        (P0, True, [IM, DA, BA, FD, SR, EG]),
        (P1, False, [IM, DA, BA, SR]),
        (P1, True, [IM, DA, FD, SR]),
        (P2, False, [IM, BA, "evidence-collector"]),
        (P2, True, [IM, FD, "evidence-collector"]),
        (P3, False, ["sprint-prioritizer"]),
        (P3, True, ["sprint-prioritizer"]),
    ],
)
def test_the_response_team_is_the_runbooks_and_led_by_the_commander(severity: Severity, frontend: bool, team: list[str]) -> None:
    assert names(team_for(RUNBOOK, severity, frontend)) == team


@pytest.mark.parametrize(
    ("severity", "within"),
    [(P0, timedelta()), (P1, timedelta(hours=1)), (P2, timedelta(hours=4)), (P3, None)],
)
def test_the_response_time_is_the_runbooks(severity: Severity, within: timedelta | None) -> None:
    assert RUNBOOK.levels[severity].respond_within == within


@pytest.mark.parametrize(
    ("severity", "frontend", "agents"),
    [
        (P0, False, [IM, DA, BA, FD]),
        (P0, True, [IM, DA, BA, FD]),
        (P1, False, [IM, DA, BA]),
        (P1, True, [IM, DA, BA, FD]),
        (P2, False, [IM, DA, BA]),
        (P2, True, [IM, DA, FD]),
        (P3, False, []),
    ],
)
def test_who_investigates_depends_on_severity_and_side(severity: Severity, frontend: bool, agents: list[str]) -> None:
    assert names(investigators_for(RUNBOOK, severity, frontend)) == agents


@pytest.mark.parametrize(("frontend", "agent", "check"), [(False, BA, "databases"), (True, FD, "client-errors")])
def test_the_relevant_developer_brings_its_own_checks(frontend: bool, agent: str, check: str) -> None:
    spec = next(i for i in investigators_for(RUNBOOK, P2, frontend) if i.agent == agent)
    assert check in [c.id for c in spec.checks]
    assert agent == developer_for(RUNBOOK, frontend)


def test_every_possible_investigator_is_a_real_agent() -> None:
    assert investigating_agents(RUNBOOK) == (IM, DA, BA, FD)


@pytest.mark.parametrize(
    ("agent", "texts"),
    [
        (
            IM,
            [
                "Check system metrics (CPU, memory, network, disk)",
                "Review error logs",
                "Check recent deployments",
                "Verify external dependencies",
            ],
        ),
        (BA, ["Check database health", "Review API error rates", "Check service communication", "Identify failing component"]),
        (
            DA,
            [
                "Review recent deployment history",
                "Check CI/CD pipeline status",
                "Prepare rollback if needed",
                "Verify infrastructure state",
            ],
        ),
    ],
)
def test_every_check_of_step_two_is_there_in_order(agent: str, texts: list[str]) -> None:
    spec = next(i for i in RUNBOOK.investigators if i.agent == agent)
    assert [c.text for c in spec.checks][: len(texts)] == texts


@pytest.mark.parametrize(
    ("cause", "steps", "actions"),
    [
        (Cause.DEPLOYMENT, [(DA, "act"), (IM, "verify"), ("evidence-collector", "verify")], ("rollback", "flag")),
        (
            Cause.INFRASTRUCTURE,
            [(IM, "act"), (DA, "support"), (IM, "verify")],
            ("scale", "restart", "failover", "limit", "rotate"),
        ),
        (
            Cause.CODE_BUG,
            [("relevant-developer", "act"), ("evidence-collector", "verify"), (DA, "act"), (IM, "monitor")],
            ("hotfix", "flag"),
        ),
        (Cause.EXTERNAL_DEPENDENCY, [(IM, "act"), (SR, "inform"), (IM, "monitor")], ("fallback",)),
    ],
)
def test_each_cause_leads_to_its_branch(cause: Cause, steps: list[tuple[str, str]], actions: tuple[str, ...]) -> None:
    branch = branch_for(RUNBOOK, cause)
    assert branch is not None
    assert [(s.agent, s.role) for s in branch.steps] == steps
    assert branch.actions == actions


def test_the_branches_stand_in_the_runbooks_order_and_an_unknown_cause_has_none() -> None:
    assert [b.cause for b in RUNBOOK.branches] == [c for c in Cause if c is not Cause.UNKNOWN]
    assert branch_for(RUNBOOK, Cause.UNKNOWN) is None


@pytest.mark.parametrize(
    ("api", "agents"), [(True, ["evidence-collector", IM, "api-tester"]), (False, ["evidence-collector", IM])]
)
def test_the_api_tester_verifies_only_what_concerns_the_api(api: bool, agents: list[str]) -> None:
    assert names(verifiers_for(RUNBOOK, api)) == agents


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("severity", "open_for", "signals", "done", "resolved", "due"),
    [
        (P0, minutes(29.9), NONE, NONE, False, []),
        (P0, minutes(30), NONE, NONE, False, ["p0-30m"]),
        (P0, minutes(300), NONE, NONE, False, ["p0-30m"]),
        (P0, minutes(30), NONE, frozenset({"p0-30m"}), False, []),
        (P0, minutes(30), NONE, NONE, True, []),
        (P1, minutes(30), NONE, NONE, False, []),
        (P1, minutes(119), NONE, NONE, False, []),
        (P1, minutes(120), NONE, NONE, False, ["p1-2h"]),
        (P2, minutes(9999), NONE, NONE, False, []),
        (P3, minutes(9999), NONE, NONE, False, []),
        (P2, minutes(0), {"breach_suspected"}, NONE, False, ["breach"]),
        (P2, minutes(0), {"user_data_affected"}, NONE, False, ["user-data"]),
        (P3, minutes(0), {"revenue_over_threshold"}, NONE, False, ["revenue"]),
        (P0, minutes(31), {"breach_suspected", "user_data_affected"}, {"breach"}, False, ["p0-30m", "user-data"]),
        (P0, minutes(31), {"breach_suspected", "user_data_affected", "revenue_over_threshold"}, NONE, True, []),
    ],
)
def test_a_row_of_the_matrix_is_due_once_and_never_after_resolution(
    severity: Severity, open_for: timedelta, signals: frozenset[str], done: frozenset[str], resolved: bool, due: list[str]
) -> None:
    rules = escalations_due(RUNBOOK, severity, open_for, signals=frozenset(signals), done=frozenset(done), resolved=resolved)
    assert [r.id for r in rules] == due


def test_the_matrix_calls_whom_the_runbook_calls() -> None:
    assert {r.id: r.to for r in RUNBOOK.escalations} == {
        "p0-30m": ("studio-producer",),
        "p1-2h": ("project-shepherd",),
        "breach": ("legal-compliance-checker",),
        "user-data": ("legal-compliance-checker", EG),
        "revenue": ("finance-tracker", "studio-producer"),
    }


@pytest.mark.parametrize(
    ("what", "signals", "floor"),
    [
        ("database corruption", {"data": "lost"}, P0),
        ("a full disk that threatens data", {"data": "at_risk"}, P0),
        ("a flood that degrades the shop", {"security": "attack", "availability": "degraded", "feature": "major"}, P0),
        ("a flood that is absorbed", {"security": "attack"}, P1),
        ("a leaked credential in use", {"security": "breach"}, P0),
        ("a breach that is only suspected", {"security": "suspected"}, P1),
        ("the auth system failing", {"availability": "down", "feature": "core"}, P0),
        ("most of what everything needs failing", {"errors": "majority", "feature": "core"}, P0),
        ("everything somewhat failing", {"availability": "degraded", "errors": "elevated", "feature": "core"}, P1),
        ("payment processing down", {"availability": "down", "errors": "majority", "feature": "major"}, P1),
        ("half of a major feature's requests failing", {"errors": "majority", "feature": "major"}, P1),
        ("half of the requests failing where no catalog is", {"errors": "majority"}, P1),
        ("latency tenfold", {"latency": "tenfold", "feature": "major"}, P1),
        ("search not working", {"availability": "down", "errors": "majority", "feature": "minor", "workaround": "yes"}, P2),
        ("search slow", {"latency": "tenfold", "feature": "minor"}, P2),
        ("non-critical interface errors", {"errors": "elevated", "feature": "major"}, P2),
        ("something moved, and the source calls it critical", {"alert": "critical", "now": "abnormal"}, P1),
        (
            "something minor moved, and the source calls it critical",
            {"alert": "critical", "now": "abnormal", "feature": "minor"},
            P2,
        ),
        ("something moved that users do not notice", {"now": "abnormal", "alert": "low"}, P3),
        ("a typo", {"feature": "cosmetic"}, P3),
        ("a styling bug on every page", {"feature": "cosmetic", "errors": "majority", "availability": "down"}, P3),
        ("a flapping alert", {"alert": "critical"}, P3),
        ("nothing measurable, critical", {"telemetry": "none", "alert": "critical", "now": "unknown"}, P1),
        ("nothing measurable, high", {"telemetry": "none", "alert": "high", "now": "unknown"}, P1),
        ("nothing measurable, medium", {"telemetry": "none", "alert": "medium", "now": "unknown"}, P2),
        ("nothing measurable, without a word", {"telemetry": "none", "now": "unknown"}, P2),
        ("nothing measurable, low", {"telemetry": "none", "alert": "low", "now": "unknown"}, P3),
        ("half measurable, high", {"telemetry": "partial", "alert": "high", "now": "unknown"}, P2),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_floor_is_what_the_runbooks_examples_say(what: str, signals: dict[str, str], floor: Severity) -> None:
    severity, because = floor_for(RUNBOOK, WELL | signals)
    assert severity is floor, f"{what}: {because}"
    assert because


def test_a_signal_that_nobody_measured_counts_as_unknown() -> None:
    assert floor_for(RUNBOOK, {"availability": "down"})[0] is P1
    assert floor_for(RUNBOOK, {}) == (P3, "no row of the rubric matches")


def test_every_row_of_the_rubric_can_be_the_first_that_matches() -> None:
    reached = set()
    for index, rule in enumerate(RUNBOOK.rubric):
        for filler in (WELL, {"telemetry": "partial", "now": "unknown"}, {"telemetry": "full", "now": "abnormal"}):
            for pick in (0, -1):
                signals = {**filler, **{name: values[pick] for name, values in rule.when.items()}}
                if floor_for(RUNBOOK, signals) == (rule.floor, rule.because):
                    reached.add(index)
    assert reached == set(range(len(RUNBOOK.rubric)))


def test_the_rubric_knows_every_signal() -> None:
    assert {name for rule in RUNBOOK.rubric for name in rule.when} == set(SIGNALS)


def test_the_clocks_are_the_runbooks() -> None:
    clocks = RUNBOOK.clocks
    assert (clocks.status_every, clocks.brief_every, clocks.watch_for) == (minutes(15), minutes(15), minutes(30))
    assert clocks.post_mortem_within == timedelta(hours=48)


def test_the_post_mortem_has_the_runbooks_five_sections() -> None:
    assert [s.id for s in RUNBOOK.post_mortem] == ["timeline", "root_cause", "impact", "prevention", "action_items"]
    assert [len(s.questions) for s in RUNBOOK.post_mortem] == [4, 4, 4, 4, 3]
