"""Correlation by rules: what supports a suspect, what earlier attempts say against it, and how sure that makes us."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from engine_in_hand import LIBRARY, rollback
from world_in_hand import FIRED, desk_of, look

from nexus.incident import Action, ActionKind, Cause, CauseStatus, Diagnosis, Evidence
from nexus.responder.contract import Task
from nexus.responder.rules.correlate import (
    CONFIRMS,
    LIKELY,
    by_change,
    correlate,
    penalty,
    status_of,
)
from nexus.responder.rules.supports import TESTS, Support, latest, supports
from nexus.state import dump
from nexus.tools.readings import SuspectEntry

RUNBOOK = LIBRARY.runbook


def suspect(component: str = "checkout", score: float = 8.0, cause: Cause = Cause.DEPLOYMENT, **more: Any) -> SuspectEntry:
    said = SuspectEntry(component=component, score=score, cause=cause, cause_confidence=0.9, onset=FIRED, mechanism="release")
    return said.model_copy(update=more)


def seen(tool: str, number: int = 1, *, minutes: float = 0, failed: bool = False, **values: Any) -> Evidence:
    at = FIRED + timedelta(minutes=minutes)
    return Evidence(id=f"{tool}-{number}", tool=tool, agent="IM", at=at, summary="as seen", values=values, failed=failed)


def change(component: str = "checkout", minutes: float = 5, name: str = "dep-1", kind: str = "deployment") -> dict[str, Any]:
    at = (FIRED - timedelta(minutes=minutes)).isoformat()
    return {
        "id": name, "at": at, "component": component, "kind": kind, "version": "1.1", "previous": "1.0",
        "author": "ada", "summary": "", "minutes_before": minutes,
    }  # fmt: skip


SIGNS: dict[str, dict[str, Any]] = {
    "list_changes": {"changes": [change()]},
    "check_databases": {"looked_at": 1, "problems": [{"component": "checkout", "problem": "disk_full", "detail": "full"}]},
    "infrastructure_state": {"looked_at": 1, "problems": [{"component": "checkout", "problem": "cpu", "detail": "hot"}]},
    "check_dependencies": {
        "dependencies": [
            {"name": "checkout", "failing": True, "error_rate": 0.9, "latency_ms": 9, "normal_latency_ms": 9,
             "status_page": "all well", "used_by": [], "fallback": "none"},
        ]
    },
    "search_logs": {
        "lines": 9,
        "patterns": [
            {"component": "checkout", "template": "boom", "example": "boom", "level": "error", "rate_before": 0,
             "rate_after": 9, "first_seen": FIRED.isoformat(), "new": True},
        ],
    },
    "query_metrics": {
        "looked_at": 5,
        "changed": [
            {"component": "checkout", "metric": "errors", "kind": "errors", "unit": "", "before": 0, "after": 1, "score": 9,
             "direction": "up", "onset": FIRED.isoformat()},
        ],
    },
    "api_error_rates": {
        "entries": [
            {"component": "checkout", "error_rate": 0.5, "normal_error_rate": 0.01, "latency_ms": 9, "normal_latency_ms": 9,
             "abnormal": True},
        ]
    },
    "service_communication": {
        "edges": [
            {"caller": "web", "callee": "checkout", "calls_per_min": 9, "calls_per_min_before": 9, "error_share": 0.5,
             "error_share_before": 0, "p95_ms": 9, "p95_ms_before": 9, "abnormal": True},
        ]
    },
    "security_signals": {
        "security": "attack", "personal_data": False,
        "signals": [{"at": FIRED.isoformat(), "kind": "traffic_flood", "component": "checkout", "detail": "flood", "source": "",
                     "records_accessed": None, "personal_data": False}],
    },
}  # fmt: skip
for _tool in ("client_errors", "page_load", "asset_delivery"):
    SIGNS[_tool] = {
        "pages": [
            {"page": "/", "component": "checkout", "script_errors_per_min": 9, "normal_script_errors_per_min": 0,
             "top_error": "x", "load_ms": 9, "normal_load_ms": 9, "assets_failing_share": 0, "release": "1", "abnormal": True},
        ]
    }  # fmt: skip


def held(count: int, tools: int | None = None) -> list[Support]:
    return [Support(f"IM1-{n}", f"tool-{n % (tools or count)}", "so") for n in range(count)]


@pytest.mark.parametrize(
    ("confidence", "support", "complete", "expected"),
    [
        (CONFIRMS, held(2), True, CauseStatus.CONFIRMED),
        (0.97, held(3), True, CauseStatus.CONFIRMED),
        (CONFIRMS - 0.001, held(3), True, CauseStatus.LIKELY),
        (0.97, held(2, tools=1), True, CauseStatus.LIKELY),
        (0.97, held(1), True, CauseStatus.LIKELY),
        (0.97, held(3), False, CauseStatus.LIKELY),
        (LIKELY, held(1), False, CauseStatus.LIKELY),
        (LIKELY - 0.001, held(3), True, CauseStatus.INCONCLUSIVE),
        (0.97, [], True, CauseStatus.INCONCLUSIVE),
    ],
)
def test_how_sure_a_cause_is(confidence: float, support: list[Support], complete: bool, expected: CauseStatus) -> None:
    assert status_of(confidence, support, complete) is expected


@pytest.mark.parametrize("tool", sorted(TESTS))
def test_each_tool_supports_a_suspect_only_by_what_it_says_of_that_component(tool: str) -> None:
    looks = {tool: seen(tool, **SIGNS[tool])}
    found = supports(suspect(change="dep-1"), looks)
    assert [(s.evidence, s.tool) for s in found] == [(f"{tool}-1", tool)]
    assert found[0].text
    assert supports(suspect("elsewhere", change="dep-1"), looks) == []


@pytest.mark.parametrize(
    ("entry", "minutes"),
    [
        (suspect(cause=Cause.INFRASTRUCTURE, change="dep-1"), 5),
        (suspect(change="dep-9"), 5),
        (suspect(change=None), 5),
        (suspect(change="dep-1"), -2),
    ],
)
def test_a_change_supports_only_a_deployment_that_blames_it_and_that_it_preceded(entry: SuspectEntry, minutes: float) -> None:
    assert supports(entry, {"list_changes": seen("list_changes", changes=[change(minutes=minutes)])}) == []


def test_of_each_tool_the_newest_look_that_could_look_counts() -> None:
    looks = [
        seen("query_metrics", 1, minutes=1, looked_at=1),
        seen("query_metrics", 3, minutes=9, failed=True),
        seen("query_metrics", 2, minutes=5, looked_at=2),
        seen("search_logs", 1, failed=True),
    ]
    assert {tool: e.id for tool, e in latest(looks).items()} == {"query_metrics": "query_metrics-2"}


def attempt(action: Action) -> dict[str, Any]:
    return {"attempt": 1, "action": dump(action), "digest": action.digest, "result": "undone", "detail": ""}


RESTART = Action(kind=ActionKind.RESTART, target="checkout")


@pytest.mark.parametrize(
    ("cause", "tried", "expected"),
    [
        (Cause.DEPLOYMENT, [], 1.0),
        (Cause.DEPLOYMENT, [rollback()], 0.6),
        (Cause.DEPLOYMENT, [rollback(), rollback("0.9")], 0.36),
        (Cause.DEPLOYMENT, [rollback(target="search")], 1.0),
        (Cause.DEPLOYMENT, [RESTART], 1.0),
        (Cause.INFRASTRUCTURE, [RESTART], 0.6),
        (Cause.UNKNOWN, [RESTART, rollback()], 1.0),
    ],
)
def test_each_attempt_of_that_branch_on_that_component_speaks_against_it(
    cause: Cause, tried: list[Action], expected: float
) -> None:
    assert penalty(suspect(cause=cause), [attempt(a) for a in tried], RUNBOOK) == pytest.approx(expected)


@pytest.mark.parametrize("cause", list(Cause))
def test_what_looks_like_capacity_or_a_defect_may_have_come_with_a_change(cause: Cause) -> None:
    rival = by_change(suspect(cause=cause), {"list_changes": seen("list_changes", changes=[change(kind="config")])})
    if cause not in (Cause.INFRASTRUCTURE, Cause.CODE_BUG):
        assert rival is None
        return
    assert rival is not None
    assert (rival.cause, rival.mechanism, rival.change) == (Cause.DEPLOYMENT, "config", "dep-1")
    assert (rival.score > suspect().score) is (cause is Cause.CODE_BUG)


def test_without_a_recent_change_at_the_suspect_before_the_alert_there_is_no_rival() -> None:
    first = suspect(cause=Cause.CODE_BUG)
    assert by_change(first, {}) is None
    for other in (change("search"), change(minutes=-3), change(minutes=300), change(kind="infrastructure")):
        assert by_change(first, {"list_changes": seen("list_changes", changes=[other])}) is None


async def diagnosis(evidence: list[Evidence], findings: list[Any] | None = None, earlier: list[Any] | None = None) -> Diagnosis:
    """What the rules make of that evidence."""
    facts = {"evidence": [dump(e) for e in evidence], "findings": findings or [], "earlier_attempts": earlier or []}
    commander = LIBRARY.agent("infrastructure-maintainer")

    desk = desk_of(commander, look())
    return await correlate(Task("correlate", commander, LIBRARY, facts), desk)


def board(*suspects: SuspectEntry, separated: float = 1.0) -> Evidence:
    return seen("rank_suspects", suspects=[dump(s) for s in suspects], separated=separated, onset=FIRED.isoformat())


NEEDED = [seen("query_metrics", **SIGNS["query_metrics"]), seen("search_logs", **SIGNS["search_logs"])]
CHANGED = seen("list_changes", **SIGNS["list_changes"])


async def test_a_release_that_all_looks_agree_on_is_confirmed_with_when_it_came() -> None:
    found = await diagnosis([board(suspect(change="dep-1")), *NEEDED, CHANGED])
    assert found.cause.status is CauseStatus.CONFIRMED
    assert (found.cause.cause, found.cause.component, found.cause.change) == (Cause.DEPLOYMENT, "checkout", "dep-1")
    assert found.cause.introduced_at == FIRED - timedelta(minutes=5)
    assert {"rank_suspects-1", "list_changes-1", "search_logs-1"} <= set(found.cause.evidence)


@pytest.mark.parametrize("missing", ["query_metrics", "search_logs", "list_changes"])
async def test_nothing_is_confirmed_while_a_needed_look_is_missing_or_failed(missing: str) -> None:
    looks = [e for e in (*NEEDED, CHANGED) if e.tool != missing]
    dependent = seen("api_error_rates", **SIGNS["api_error_rates"])
    for without in (looks, [*looks, seen(missing, failed=True)]):
        found = await diagnosis([board(suspect(change="dep-1")), *without, dependent])
        assert found.cause.status is not CauseStatus.CONFIRMED


async def test_two_or_three_hypotheses_are_kept_each_with_how_it_was_tested() -> None:
    names = ("checkout", "search", "gateway", "help")
    found = await diagnosis([board(*[suspect(n, 8 - i) for i, n in enumerate(names)]), *NEEDED, CHANGED])
    assert [h.component for h in found.hypotheses] == ["checkout", "search", "gateway"]
    assert [h.held for h in found.hypotheses] == [True, False, False]
    assert all(h.test for h in found.hypotheses)
    assert [s.component for s in found.suspects] == list(names)


async def test_after_attempts_that_failed_the_next_suspect_comes_first() -> None:
    both = board(suspect(score=8), suspect("search", 6, Cause.CODE_BUG))
    assert (await diagnosis([both])).suspects[0].component == "checkout"
    assert (await diagnosis([both], earlier=[attempt(rollback())])).suspects[0].component == "search"


async def test_without_any_ranking_nothing_is_claimed() -> None:
    found = await diagnosis([*NEEDED, CHANGED])
    assert (found.cause.status, found.suspects, found.nothing_wrong) == (CauseStatus.INCONCLUSIVE, (), False)


@pytest.mark.parametrize(
    ("looked_at", "abnormal", "logs", "nothing_wrong"),
    [(12, False, True, True), (12, True, True, False), (0, False, True, False), (12, False, False, False)],
)
async def test_nothing_is_wrong_only_when_every_look_was_possible_and_all_was_well(
    looked_at: int, abnormal: bool, logs: bool, nothing_wrong: bool
) -> None:
    complaints = SIGNS["search_logs"] if abnormal else {"lines": 3}
    looks = [
        board(),
        seen("query_metrics", looked_at=looked_at),
        seen("list_changes"),
        seen("search_logs", failed=not logs, **complaints),
    ]
    found = await diagnosis(looks, [{"abnormal": abnormal, "ruled_out": ["databases"]}])
    assert found.nothing_wrong is nothing_wrong
    assert found.cause.status is CauseStatus.INCONCLUSIVE
    assert found.ruled_out == ("databases",)


async def test_an_inconclusive_cause_keeps_the_best_guess_and_says_that_it_is_one() -> None:
    found = await diagnosis([board(suspect(cause_confidence=0.1), suspect("search", 7.9), separated=0.0)])
    assert found.cause.status is CauseStatus.INCONCLUSIVE
    assert found.cause.cause is not Cause.UNKNOWN
    assert found.cause.confidence < 0.3


WEAK = suspect(score=0.9, strong=False, cause=Cause.CODE_BUG, cause_confidence=0.9)


async def test_where_no_suspect_stands_out_and_all_is_well_nothing_is_wrong_and_the_weak_are_kept() -> None:
    looks = [board(WEAK), seen("query_metrics", looked_at=9), seen("list_changes"), seen("search_logs", lines=3)]
    found = await diagnosis(looks)
    assert found.nothing_wrong
    assert (found.cause.component, found.cause.cause) == (None, Cause.UNKNOWN)
    assert [s.component for s in found.suspects] == ["checkout"]


async def test_where_no_suspect_stands_out_and_something_is_abnormal_the_best_is_where_to_look_first() -> None:
    found = await diagnosis([board(WEAK, suspect("search", 0.5, strong=False)), *NEEDED, CHANGED])
    assert not found.nothing_wrong
    assert (found.cause.component, found.cause.status) == ("checkout", CauseStatus.INCONCLUSIVE)
    assert 0 < found.cause.confidence <= 0.25
    assert "the first to look at is checkout" in found.cause.statement
    assert [s.component for s in found.suspects] == ["checkout", "search"]


async def test_a_strong_suspect_among_weak_ones_stands_alone() -> None:
    alone = await diagnosis([board(suspect(change="dep-1"), separated=0.2), *NEEDED, CHANGED])
    among = await diagnosis([board(suspect(change="dep-1"), WEAK.model_copy(update={"component": "x"}), separated=0.2),
                             *NEEDED, CHANGED])  # fmt: skip
    assert among.cause == alone.cause


CALLED = {"caller": "web", "callee": "checkout", "calls_per_min": 0, "calls_per_min_before": 9, "error_share": 0,
          "error_share_before": 0, "p95_ms": 9, "p95_ms_before": 9, "abnormal": True, "dry": True}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "culprit", "says"),
    [
        ({"broken_off": [{"component": "web", "callees": ["checkout"]}]}, "web", "its calls to checkout have run dry"),
        ({"repeats": [{"caller": "web", "callee": "checkout", "times": 4.2}]}, "web", "calls checkout 4.2 times as often"),
        (
            {"waits": [{"component": "web", "callers": ["a", "b"], "ms": 320, "usual_ms": 30}]},
            "web",
            "a, b wait 320 ms more on a call than was worked on it; 30 ms are usual",
        ),
        ({}, "checkout", "calls from web to it have run dry"),
    ],
)
def test_what_is_seen_between_two_components_speaks_for_the_one_that_does_it(
    values: dict[str, Any], culprit: str, says: str
) -> None:
    looks = {"service_communication": seen("service_communication", edges=[CALLED], **values)}
    found = supports(suspect(culprit), looks)
    assert len(found) == 1
    assert says in found[0].text
    if "waits" not in values:
        assert supports(suspect({"web": "checkout", "checkout": "web"}[culprit]), looks) == []


def test_lines_that_a_suspect_stopped_writing_speak_for_it() -> None:
    lost = {"component": "orders", "example": "order stored", "before": 90, "after": 0, "since": FIRED.isoformat()}
    looks = {"search_logs": seen("search_logs", lines=9, silent=[lost])}
    assert [s.text for s in supports(suspect("orders"), looks)] == ["it stopped writing lines like: order stored"]
    assert supports(suspect("checkout"), looks) == []


async def test_a_picture_that_cannot_be_drawn_is_a_failed_look_and_changes_nothing_else() -> None:
    commander = LIBRARY.agent("infrastructure-maintainer")
    desk = desk_of(commander, look())
    evidence = [board(suspect(change="dep-1")), *NEEDED, CHANGED]
    facts = {"evidence": [dump(e) for e in evidence], "findings": [], "earlier_attempts": []}
    found = await correlate(Task("correlate", commander, LIBRARY, facts), desk)
    drawn = [e for e in desk.seen if e.tool == "picture_suspect"]
    assert [(e.failed, e.arguments) for e in drawn] == [(True, {"component": "checkout"})]
    assert found.cause.status is CauseStatus.CONFIRMED
    assert drawn[0].id not in found.cause.evidence
