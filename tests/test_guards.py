"""What an answer may not do, whoever gave it: severity, citations, causes, actions and approvals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from engine_in_hand import a_cause, a_classification, rollback
from hypothesis import given
from hypothesis import strategies as st

from nexus.errors import ActionRefused
from nexus.guards import (
    approval_key,
    check_action,
    check_approval,
    check_dry_run,
    cited,
    classified,
    diagnosed,
    grounded,
    measured,
)
from nexus.incident import (
    Action,
    ActionKind,
    Approval,
    Cause,
    CauseStatus,
    Claim,
    Diagnosis,
    DryRun,
    Evidence,
    Finding,
    Hypothesis,
    PostMortem,
    Severity,
    Suspect,
    Verdict,
)
from nexus.library import Library

LIBRARY = Library.default()
RUNBOOK = LIBRARY.runbook
DEVOPS = LIBRARY.agent("devops-automator")
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KNOWN = {"IM1-1", "IM1-2", "BA1-1"}


def finding(*evidence: str, claim: str = "it is down") -> Finding:
    return Finding(agent="Backend Architect", check="look", claim=claim, evidence=evidence, at=NOW)


def approval(action: Action, **more: Any) -> Approval:
    said = Approval(digest=action.digest, verdict=Verdict.APPROVED, by="ada", at=NOW, expires_at=NOW + timedelta(minutes=30))
    return said.model_copy(update=more)


@pytest.mark.parametrize("floor", list(Severity))
@pytest.mark.parametrize("answered", list(Severity))
@pytest.mark.parametrize("evidence", [("IM1-1",), (), ("made-up",)])
def test_severity_stands_on_the_floor_and_is_raised_only_with_evidence(
    floor: Severity, answered: Severity, evidence: tuple[str, ...]
) -> None:
    answer = a_classification(floor, severity=answered, evidence=evidence)
    stands = classified(answer, RUNBOOK, KNOWN, answer.signals)
    may_raise = evidence == ("IM1-1",)
    expected = answered if answered.rank < floor.rank and may_raise else floor
    assert (stands.severity, stands.floor) == (expected, floor)
    assert set(stands.evidence) <= KNOWN


def test_a_severity_that_was_corrected_says_so() -> None:
    low = a_classification(Severity.P0, severity=Severity.P2)
    assert "answered P2, floor P0" in classified(low, RUNBOOK, KNOWN, low.signals).rationale
    right = a_classification(Severity.P0)
    assert classified(right, RUNBOOK, KNOWN, right.signals).rationale == "checkout is down"


def test_the_floor_is_the_rubrics_and_not_the_answers() -> None:
    answer = a_classification(Severity.P0, severity=Severity.P3, floor=Severity.P3)
    assert classified(answer, RUNBOOK, KNOWN, answer.signals).severity is Severity.P0


def test_an_answer_cannot_change_the_signals_that_it_is_judged_by() -> None:
    truth = a_classification(Severity.P0).signals
    answer = a_classification(Severity.P3, signals={}, severity=Severity.P3)
    stands = classified(answer, RUNBOOK, KNOWN, truth)
    assert (stands.severity, stands.signals) == (Severity.P0, truth)


@pytest.mark.parametrize(
    ("signals", "stays"),
    [
        ({"now": "normal", "security": "none"}, True),
        ({"now": "abnormal", "security": "none"}, False),
        ({"now": "unknown", "security": "none"}, False),
        ({"now": "normal", "security": "suspected"}, False),
        ({}, False),
    ],
)
def test_a_false_alarm_is_only_called_while_all_is_measured_and_normal(signals: dict[str, str], stays: bool) -> None:
    answer = a_classification(Severity.P3, false_alarm=True)
    assert classified(answer, RUNBOOK, KNOWN, signals).false_alarm is stays


@pytest.mark.parametrize(
    ("evidence", "kept", "struck"),
    [
        (("IM1-1",), [("IM1-1",)], []),
        (("IM1-1", "XX9-9"), [("IM1-1",)], ["XX9-9"]),
        (("XX9-9",), [], ["XX9-9"]),
        ((), [], ["uncited: it is down"]),
    ],
)
def test_findings_keep_only_evidence_that_exists(
    evidence: tuple[str, ...], kept: list[tuple[str, ...]], struck: list[str]
) -> None:
    stand, gone = cited([finding(*evidence)], KNOWN)
    assert [f.evidence for f in stand] == kept
    assert gone == struck


def test_one_struck_finding_leaves_the_others() -> None:
    stand, _ = cited([finding("IM1-1", claim="one"), finding(claim="two"), finding("BA1-1", claim="three")], KNOWN)
    assert [f.claim for f in stand] == ["one", "three"]


@pytest.mark.parametrize("status", list(CauseStatus))
@pytest.mark.parametrize(
    ("evidence", "at_most"),
    [
        ((), CauseStatus.INCONCLUSIVE),
        (("XX9-9", "XX9-8"), CauseStatus.INCONCLUSIVE),
        (("IM1-1",), CauseStatus.LIKELY),
        (("IM1-1", "IM1-1"), CauseStatus.LIKELY),
        (("IM1-1", "XX9-9"), CauseStatus.LIKELY),
        (("IM1-1", "BA1-1"), CauseStatus.CONFIRMED),
    ],
)
def test_a_cause_is_as_sure_as_its_evidence(status: CauseStatus, evidence: tuple[str, ...], at_most: CauseStatus) -> None:
    sure = [CauseStatus.INCONCLUSIVE, CauseStatus.LIKELY, CauseStatus.CONFIRMED]
    stands, _ = diagnosed(Diagnosis(cause=a_cause(status=status, evidence=evidence)), KNOWN)
    assert stands.cause.status is min(status, at_most, key=sure.index)
    assert set(stands.cause.evidence) <= KNOWN


@pytest.mark.parametrize("more", [{"component": None}, {"cause": Cause.UNKNOWN}])
def test_a_cause_without_kind_or_component_is_inconclusive(more: dict[str, Any]) -> None:
    answer = a_cause(status=CauseStatus.CONFIRMED, evidence=("IM1-1", "BA1-1"), confidence=0.9, **more)
    stands, _ = diagnosed(Diagnosis(cause=answer), KNOWN)
    assert stands.cause.status is CauseStatus.INCONCLUSIVE
    assert stands.cause.confidence <= 0.3


def test_invented_ids_are_struck_from_cause_hypotheses_and_suspects_and_named() -> None:
    hypothesis = Hypothesis(
        cause=Cause.DEPLOYMENT, component="checkout", statement="s", test="t", held=True, evidence=("IM1-1", "XX9-2")
    )
    suspect = Suspect(component="checkout", score=1, evidence=("XX9-3", "BA1-1"))
    answer = Diagnosis(cause=a_cause(evidence=("IM1-1", "XX9-1")), hypotheses=(hypothesis,), suspects=(suspect,))
    stands, struck = diagnosed(answer, KNOWN)
    assert stands.cause.evidence == ("IM1-1",)
    assert stands.hypotheses[0].evidence == ("IM1-1",)
    assert stands.suspects[0].evidence == ("BA1-1",)
    assert set(struck) == {"XX9-1", "XX9-2", "XX9-3"}


TAKES = {
    Cause.DEPLOYMENT: {"rollback", "flag"},
    Cause.INFRASTRUCTURE: {"scale", "restart", "failover", "limit", "rotate"},
    Cause.CODE_BUG: {"hotfix", "flag"},
    Cause.EXTERNAL_DEPENDENCY: {"fallback"},
    Cause.UNKNOWN: set[str](),
}


@pytest.mark.parametrize("agent", sorted(LIBRARY.agents))
def test_an_agent_may_only_do_what_the_branch_takes_and_its_front_matter_lists(agent: str) -> None:
    who = LIBRARY.agent(agent)
    for kind, cause in product(ActionKind, Cause):
        action = Action(kind=kind, target="checkout")
        if kind.value in TAKES[cause] and kind in who.actions:
            check_action(action, a_cause(cause), RUNBOOK, who)
            continue
        with pytest.raises(ActionRefused) as refused:
            check_action(action, a_cause(cause), RUNBOOK, who)
        assert refused.value.remedy


def test_the_wrong_branch_names_the_right_one() -> None:
    with pytest.raises(ActionRefused, match="not of the infrastructure branch: that branch takes scale, restart"):
        check_action(rollback(), a_cause(Cause.INFRASTRUCTURE), RUNBOOK, DEVOPS)


def test_nothing_is_done_about_an_inconclusive_cause() -> None:
    with pytest.raises(ActionRefused, match="no diagnosis"):
        check_action(rollback(), a_cause(status=CauseStatus.INCONCLUSIVE), RUNBOOK, DEVOPS)


LIMIT = RUNBOOK.limits.blast_radius


@pytest.mark.parametrize(("touched", "allowed"), [(0, True), (1, True), (LIMIT, True), (LIMIT + 1, False), (99, False)])
def test_an_action_may_touch_only_so_many_components(touched: int, allowed: bool) -> None:
    dry_run = DryRun(ok=True, effect="as asked", touches=tuple(f"c{n}" for n in range(touched)))
    if allowed:
        check_dry_run(rollback(), dry_run, RUNBOOK)
        return
    with pytest.raises(ActionRefused, match=f"touches {touched} components: the limit is {LIMIT}"):
        check_dry_run(rollback(), dry_run, RUNBOOK)


def test_a_failed_dry_run_stops_the_action_and_says_why() -> None:
    with pytest.raises(ActionRefused, match="dry run failed: no such version"):
        check_dry_run(rollback(), DryRun(ok=False, effect="no such version"), RUNBOOK)


def test_an_approval_holds_for_exactly_this_action_now_and_once() -> None:
    action = rollback()
    given_now = approval(action)
    check_approval(action, given_now, NOW, ())
    check_approval(action, given_now, given_now.expires_at, ())
    check_approval(action, approval(action, verdict=Verdict.AMENDED), NOW, ())


@pytest.mark.parametrize(
    ("action", "given_for", "more", "late", "used", "why"),
    [
        (rollback(), None, {}, 0, False, "was not approved"),
        (rollback("1.0"), rollback("1.O"), {}, 0, False, "is not what was approved"),
        (rollback(target="checkout"), rollback(target="checkouts"), {}, 0, False, "is not what was approved"),
        (rollback(), rollback(kind=ActionKind.FLAG), {}, 0, False, "is not what was approved"),
        (rollback(), rollback(), {}, 1801, False, "expired at 10:30:00 UTC"),
        (rollback(), rollback(), {}, 0, True, "was used already"),
        (rollback(), rollback(), {"verdict": Verdict.REJECTED}, 0, False, "was rejected by ada"),
        (rollback(), rollback(), {"verdict": Verdict.EXPIRED}, 0, False, "was expired by ada"),
    ],
)
def test_an_approval_that_does_not_hold_is_refused(
    action: Action, given_for: Action | None, more: dict[str, Any], late: int, used: bool, why: str
) -> None:
    said = approval(given_for, **more) if given_for else None
    spent = {approval_key(said)} if said and used else set[str]()
    with pytest.raises(ActionRefused, match=why) as refused:
        check_approval(action, said, NOW + timedelta(seconds=late), spent)
    assert refused.value.remedy


def test_an_approval_does_not_bind_to_the_reason_or_the_proposer() -> None:
    check_approval(rollback(reason="another", proposed_by="somebody"), approval(rollback()), NOW, ())


arguments = st.dictionaries(st.text(max_size=4), st.one_of(st.text(max_size=4), st.integers(), st.booleans()), max_size=3)


@given(first=arguments, second=arguments)
def test_any_other_arguments_need_another_approval(first: dict[str, Any], second: dict[str, Any]) -> None:
    asked, done = rollback(arguments=first), rollback(arguments=second)
    same = [(k, type(v), v) for k, v in sorted(first.items())] == [(k, type(v), v) for k, v in sorted(second.items())]
    if same:
        check_approval(done, approval(asked), NOW, ())
        return
    with pytest.raises(ActionRefused):
        check_approval(done, approval(asked), NOW, ())


def test_a_sentence_of_the_post_mortem_that_cites_only_inventions_becomes_unknown() -> None:
    good, bad = Claim(text="checkout failed", evidence=("IM1-1", "made-up")), Claim(text="a meteor", evidence=("made-up",))
    report = PostMortem(
        introduced=None, detected=NOW, resolved=None, duration_minutes=None,
        what_failed=good, why_it_failed=bad, why_not_caught=bad,
        five_whys=(good, bad, bad, bad, bad), users=good, revenue=good, reputation=Claim(text="unknown", known=False), data=good,
        prevention={"testing": (bad,)}, action_items=(),
    )  # fmt: skip
    stands, struck = grounded(report, KNOWN)
    assert struck == ["made-up"]
    assert stands.what_failed == Claim(text="checkout failed", evidence=("IM1-1",))
    assert stands.why_it_failed == stands.prevention["testing"][0] == Claim(text="unknown", known=False)
    assert stands.reputation == report.reputation


@pytest.mark.parametrize(
    ("kinds", "now", "signal"),
    [
        (("errors",), "normal", "abnormal"),
        (("saturation", "latency"), "normal", "abnormal"),
        (("saturation",), "normal", "normal"),
        ((), "normal", "normal"),
        (("errors",), "unknown", "unknown"),
    ],
)
def test_what_users_feel_is_abnormal_though_the_first_look_saw_nothing_yet(kinds: tuple[str, ...], now: str, signal: str) -> None:
    """An alert that fires within seconds is ahead of the five minutes over which impact is measured."""
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    impact = Evidence(id="IM1-1", tool="assess_impact", agent="x", at=at, summary="", values={"signals": {"now": now}})
    changed = {"looked_at": 9, "changed": [{"kind": kind} for kind in kinds]}
    metrics = Evidence(id="IM1-3", tool="query_metrics", agent="x", at=at, summary="", values=changed)
    assert measured([impact, metrics], "critical")["now"] == signal
    assert measured([metrics, impact], "critical")["now"] == signal
