"""Where the incident goes next: every route's whole truth table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from engine_in_hand import a_classification, rollback

from nexus import routes
from nexus.incident import Action, ActionKind, ActionRecord, ActionResult, Cause, CauseStatus, Diagnosis, RootCause, Severity
from nexus.state import State, dump

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FALLBACK = Action(kind=ActionKind.FALLBACK, target="payments", arguments={"on": True})


def state(**values: Any) -> State:
    return State(**{"limits": {"attempts": 3, "rounds": 2}, "attempt": 1, "round": 1, **values})  # type: ignore[typeddict-item]  # tests give any field


def done(result: ActionResult, attempt: int = 1, action: Action | None = None) -> dict[str, Any]:
    record = ActionRecord(
        id="a", attempt=attempt, action=action or rollback(), by="DevOps Automator", started_at=NOW, result=result
    )
    return dump(record)


@pytest.mark.parametrize(
    ("severity", "false_alarm", "expected"),
    [(s, True, "close_false_alarm") for s in Severity]
    + [(Severity.P3, False, "backlog")]
    + [(s, False, "assign") for s in (Severity.P0, Severity.P1, Severity.P2)],
)
def test_after_triage(severity: Severity, false_alarm: bool, expected: str) -> None:
    assert routes.after_triage(state(classification=dump(a_classification(severity, false_alarm=false_alarm)))) == expected


def test_what_nobody_classified_is_investigated() -> None:
    assert routes.after_triage(state()) == "assign"


@pytest.mark.parametrize("status", list(CauseStatus))
@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("number", [1, 2])
def test_after_correlate_acts_on_a_cause_looks_again_or_asks(cause: Cause, status: CauseStatus, number: int) -> None:
    diagnosis = Diagnosis(cause=RootCause(cause=cause, component="checkout", status=status))
    if cause is not Cause.UNKNOWN and status is not CauseStatus.INCONCLUSIVE:
        expected = "plan"
    else:
        expected = "assign" if number == 1 else "ask_people"
    assert routes.after_correlate(state(diagnosis=dump(diagnosis), round=number)) == expected


@pytest.mark.parametrize(
    ("acted", "number", "expected"), [(False, 1, "close_false_alarm"), (True, 1, "assign"), (True, 2, "ask_people")]
)
def test_nothing_wrong_is_a_false_alarm_only_while_nothing_was_done(acted: bool, number: int, expected: str) -> None:
    actions = [done(ActionResult.UNDONE)] if acted else []
    assert routes.after_correlate(state(diagnosis=dump(Diagnosis(nothing_wrong=True)), actions=actions, round=number)) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(None, "hand_over"), ({}, "hand_over"), ({"choice": "hand_over"}, "hand_over")]
    + [({"choice": c.value}, "plan") for c in Cause if c is not Cause.UNKNOWN],
)
def test_after_answer(answer: dict[str, str] | None, expected: str) -> None:
    assert routes.after_answer(state(answer=answer)) == expected


@pytest.mark.parametrize(
    ("plan", "look_further", "number", "expected"),
    [
        ({"branch": "deployment"}, False, 1, "approve"),
        ({"branch": "deployment"}, True, 2, "approve"),
        (None, False, 1, "hand_over"),
        (None, True, 1, "assign"),
        (None, True, 2, "hand_over"),
    ],
)
def test_after_plan(plan: dict[str, str] | None, look_further: bool, number: int, expected: str) -> None:
    assert routes.after_plan(state(plan=plan, look_further=look_further, round=number)) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "act"),
        (["approved"], "act"),
        (["amended"], "act"),
        (["approved", "amended"], "act"),
        (["rejected"], "plan"),
        (["expired"], "plan"),
        (["approved", "rejected"], "plan"),
        (["amended", "expired"], "plan"),
    ],
)
def test_after_approve(verdicts: list[str], expected: str) -> None:
    assert routes.after_approve(state(approvals=[{"verdict": v} for v in verdicts])) == expected


@pytest.mark.parametrize("second", [None, *ActionResult])
@pytest.mark.parametrize("first", [None, *ActionResult])
def test_after_act_only_what_was_wholly_done_is_verified(first: ActionResult | None, second: ActionResult | None) -> None:
    results = [r for r in (first, second) if r is not None]
    expected = "begin_verification" if results and set(results) == {ActionResult.DONE} else "undo"
    if ActionResult.UNKNOWN in results:
        expected = "find_out"
    assert routes.after_act(state(actions=[done(r) for r in results])) == expected


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([ActionResult.DONE], "begin_verification"),
        ([ActionResult.DONE, ActionResult.FAILED], "undo"),
        ([ActionResult.FAILED], "undo"),
        ([ActionResult.UNKNOWN], "hand_over"),
        ([ActionResult.DONE, ActionResult.UNKNOWN], "hand_over"),
    ],
)
def test_after_finding_out_what_is_still_unknown_goes_to_people(results: list[ActionResult], expected: str) -> None:
    assert routes.after_find_out(state(actions=[done(r) for r in results])) == expected


def test_what_could_not_be_taken_back_goes_to_people_at_once() -> None:
    assert routes.after_undo(state(attempt=1, actions=[done(ActionResult.UNKNOWN, 1)])) == "hand_over"
    assert routes.after_undo(state(attempt=2, actions=[done(ActionResult.UNKNOWN, 1), done(ActionResult.UNDONE, 2)])) == "assign"


def test_after_act_earlier_attempts_do_not_count() -> None:
    assert (
        routes.after_act(state(attempt=2, actions=[done(ActionResult.UNDONE, 1), done(ActionResult.DONE, 2)]))
        == "begin_verification"
    )
    assert routes.after_act(state(attempt=2, actions=[done(ActionResult.DONE, 1)])) == "undo"


@pytest.mark.parametrize(
    ("verdict", "phase", "fallback", "attempt", "expected"),
    [
        ("passed", "fix", False, 3, "watch"),
        ("passed", "fix", True, 3, "await_external"),
        ("partly", "fix", False, 2, "assign"),
        ("partly", "fix", True, 2, "assign"),
        ("partly", "fix", False, 3, "hand_over"),
        ("partly", "fix", True, 3, "hand_over"),
        ("failed", "fix", False, 1, "undo"),
        ("failed", "fix", False, 3, "undo"),
        ("failed", "fix", True, 3, "undo"),
        ("passed", "restore", True, 3, "watch"),
        ("partly", "restore", True, 1, "reinstate"),
        ("failed", "restore", True, 1, "reinstate"),
        ("failed", "restore", True, 3, "reinstate"),
    ],
)
def test_after_judge(verdict: str, phase: str, fallback: bool, attempt: int, expected: str) -> None:
    actions = [done(ActionResult.DONE, attempt, FALLBACK if fallback else rollback())]
    assert routes.after_judge(state(verdict=verdict, phase=phase, attempt=attempt, actions=actions)) == expected


@pytest.mark.parametrize(("result", "attempt"), [(ActionResult.UNDONE, 1), (ActionResult.FAILED, 1), (ActionResult.DONE, 2)])
def test_only_a_fallback_that_this_attempt_holds_is_waited_for(result: ActionResult, attempt: int) -> None:
    held = done(result, attempt, FALLBACK)
    assert routes.after_judge(state(verdict="passed", phase="fix", attempt=1, actions=[held, done(ActionResult.DONE)])) == "watch"


@pytest.mark.parametrize(("attempt", "expected"), [(1, "assign"), (2, "assign"), (3, "hand_over"), (4, "hand_over")])
def test_after_undo_three_attempts_then_people(attempt: int, expected: str) -> None:
    assert routes.after_undo(state(attempt=attempt)) == expected


@pytest.mark.parametrize(("verdict", "expected"), [("recovered", "restore"), ("down", "await_external"), ("limit", "hand_over")])
def test_after_external(verdict: str, expected: str) -> None:
    assert routes.after_external(state(external_verdict=verdict)) == expected


@pytest.mark.parametrize(
    ("verdict", "attempt", "expected"),
    [
        ("quiet", 1, "watch"),
        ("quiet", 3, "watch"),
        ("done", 1, "post_mortem"),
        ("done", 3, "post_mortem"),
        ("relapse", 2, "assign"),
        ("relapse", 3, "hand_over"),
    ],
)
def test_after_watch(verdict: str, attempt: int, expected: str) -> None:
    assert routes.after_watch(state(watch_verdict=verdict, attempt=attempt)) == expected


def test_a_failed_check_never_leads_to_resolved() -> None:
    for verdict in ("partly", "failed"):
        for phase in ("fix", "restore"):
            for attempt in (1, 2, 3):
                held = [done(ActionResult.DONE, attempt)]
                assert routes.after_judge(state(verdict=verdict, phase=phase, attempt=attempt, actions=held)) != "watch"
    assert "post_mortem" not in get_args(routes.AfterJudge)


@pytest.mark.parametrize(
    ("results", "restored", "reinstated"),
    [
        ([ActionResult.UNDONE], "begin_verification", "await_external"),
        ([ActionResult.DONE], "begin_verification", "await_external"),
        ([ActionResult.UNKNOWN], "hand_over", "hand_over"),
        ([ActionResult.UNDONE, ActionResult.UNKNOWN], "hand_over", "hand_over"),
    ],
)
def test_a_fallback_of_which_nobody_knows_whether_it_is_on_goes_to_people(
    results: list[ActionResult], restored: str, reinstated: str
) -> None:
    now = state(actions=[done(r) for r in results])
    assert (routes.after_restore(now), routes.after_reinstate(now)) == (restored, reinstated)
