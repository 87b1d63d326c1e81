"""What a model's answer comes to beside the rules': each merge, alone, with the evidence stated."""

from __future__ import annotations

from typing import Any

import pytest
from engine_in_hand import LIBRARY, a_cause, a_classification
from world_in_hand import FIRED

from nexus.grounding import ground_of
from nexus.incident import (
    Action,
    ActionKind,
    Cause,
    CauseStatus,
    CheckResult,
    Diagnosis,
    Evidence,
    Hypothesis,
    Risk,
    RootCause,
    Severity,
    Verification,
)
from nexus.responder.answers import BriefText, PlanAnswer, StatusText
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.correlate import DiagnosisAsked
from nexus.responder.llm.tasks.correlate import merge as correlate
from nexus.responder.llm.tasks.inform import BriefAsked, StatusAsked, brief_merge, status_merge
from nexus.responder.llm.tasks.part import Known
from nexus.responder.llm.tasks.plan import PlanAsked
from nexus.responder.llm.tasks.plan import merge as plan
from nexus.responder.llm.tasks.triage import TriageAsked
from nexus.responder.llm.tasks.triage import merge as triage
from nexus.responder.llm.tasks.verify import VerificationAsked
from nexus.responder.llm.tasks.verify import merge as verify
from nexus.responder.rules.plan import planned
from nexus.runbook import branch_for
from nexus.state import dump
from nexus.tools.readings import (
    ChangesReading,
    DryRunReading,
    ErrorRatesReading,
    LogsReading,
    MetricsReading,
    OptionsReading,
    Reading,
    RecoveryReading,
    SuspectsReading,
)

NAMES = frozenset({"checkout", "search", "payments"})


def look(name: str, tool: str, reading: Reading | None = None) -> Evidence:
    values = reading.model_dump(mode="json", exclude={"summary"}) if reading else {}
    return Evidence(id=name, tool=tool, agent="a", at=FIRED, summary=reading.summary if reading else "seen", values=values)


def known(*evidence: Evidence, record: Any = (), words: tuple[str, ...] = ()) -> Known:
    return Known({e.id: e for e in evidence}, ground_of([list(record)], names=NAMES, words=words), NAMES, NAMES)


def task(name: str, agent: str = "infrastructure-maintainer", **facts: Any) -> Task:
    return Task(name, LIBRARY.agent(agent), LIBRARY, {"alert": {"starts_at": FIRED.isoformat()}, **facts})


IMPACT = look("IM1-1", "assess_impact")


@pytest.mark.parametrize(
    ("asked", "ids", "now", "expected"),
    [
        ("P3", ("IM1-1",), "abnormal", Severity.P1),
        ("P1", ("IM1-1",), "abnormal", Severity.P1),
        ("P0", ("IM1-1",), "abnormal", Severity.P0),
        ("P0", (), "abnormal", Severity.P1),
        ("P0", ("IM9-9",), "abnormal", Severity.P1),
        ("P0", ("IM1-1",), "normal", Severity.P1),
    ],
)
def test_a_severity_is_raised_on_evidence_of_something_wrong_and_never_lowered(
    asked: str, ids: tuple[str, ...], now: str, expected: Severity
) -> None:
    draft = a_classification(Severity.P1, signals={"now": now, "security": "none"})
    answer = TriageAsked(severity=Severity(asked), rationale="It is bad.", evidence=ids)
    merged = triage(task("triage"), draft, answer, known(IMPACT))
    assert merged.answer.severity is expected
    assert bool(merged.objections) is (ids == ("IM9-9",))


def test_a_false_alarm_is_the_rules_to_call() -> None:
    calm = a_classification(Severity.P3, false_alarm=True, signals={"now": "normal", "security": "none"})
    for severity in Severity:
        merged = triage(task("triage"), calm, TriageAsked(severity=severity, rationale="-", evidence=("IM1-1",)), known(IMPACT))
        assert merged.answer.false_alarm
    firing = a_classification(Severity.P1)
    merged = triage(task("triage"), firing, TriageAsked(severity=Severity.P3, rationale="A false alarm."), known(IMPACT))
    assert not merged.answer.false_alarm


CHANGE = {"id": "c1", "at": FIRED.isoformat(), "component": "search", "kind": "deployment", "version": "2", "previous": "1",
          "author": "x", "summary": "s", "minutes_before": 5.0}  # fmt: skip
LOG = {"component": "search", "template": "boom", "example": "boom", "level": "error", "rate_before": 0, "rate_after": 5,
       "first_seen": FIRED.isoformat(), "new": True}  # fmt: skip
MOVED = {"component": "search", "metric": "error_rate", "kind": "errors", "unit": "share", "before": 0.0, "after": 0.4,
         "score": 9.0, "direction": "up", "onset": FIRED.isoformat()}  # fmt: skip
RATE = {"component": "search", "error_rate": 0.4, "normal_error_rate": 0.0, "latency_ms": 9, "normal_latency_ms": 9,
        "abnormal": True}  # fmt: skip
CHANGES = look("E1", "list_changes", ChangesReading.model_validate({"summary": "one change", "changes": [CHANGE]}))
LOGS = look("E2", "search_logs", LogsReading.model_validate({"summary": "boom", "lines": 9, "patterns": [LOG]}))
METRICS = look("E3", "query_metrics", MetricsReading.model_validate({"summary": "moved", "looked_at": 9, "changed": [MOVED]}))
RATES = look("E4", "api_error_rates", ErrorRatesReading.model_validate({"summary": "rates", "entries": [RATE]}))
BOARD = look("E5", "rank_suspects", SuspectsReading(summary="none"))


def blaming(cause: str = "deployment", component: str | None = "search", **more: Any) -> DiagnosisAsked:
    said = {"cause": cause, "component": component, "change": "c1", "statement": "The release broke it.", "test": "It did.",
            "held": True, "evidence": ["E1"], **more}  # fmt: skip
    return DiagnosisAsked.model_validate({"explanations": [said]})


def ruled(status: CauseStatus, supports: tuple[str, ...] = ()) -> Diagnosis:
    if status is CauseStatus.INCONCLUSIVE:
        return Diagnosis()
    cause = a_cause(Cause.INFRASTRUCTURE, evidence=supports, status=status)
    return Diagnosis(
        cause=cause,
        hypotheses=(Hypothesis(cause=cause.cause, component="checkout", statement="s", test="t", held=True, evidence=supports),),
    )


@pytest.mark.parametrize(
    ("draft", "evidence", "takes_over"),
    [
        (CauseStatus.INCONCLUSIVE, (CHANGES, LOGS), False),
        (CauseStatus.INCONCLUSIVE, (CHANGES,), False),
        (CauseStatus.INCONCLUSIVE, (METRICS,), False),
        (CauseStatus.INCONCLUSIVE, (CHANGES, METRICS), True),
        (CauseStatus.INCONCLUSIVE, (METRICS, RATES), True),
        (CauseStatus.LIKELY, (CHANGES, METRICS), True),
        (CauseStatus.CONFIRMED, (CHANGES, LOGS, METRICS, RATES), False),
    ],
)
def test_a_models_cause_takes_over_only_on_more_independent_looks_one_of_them_measured(
    draft: CauseStatus, evidence: tuple[Evidence, ...], takes_over: bool
) -> None:
    asked = task("correlate", earlier_attempts=[])
    held = known(BOARD, *evidence)
    mine = tuple(e.id for e in evidence[:1]) if draft is not CauseStatus.INCONCLUSIVE else ()
    merged = correlate(asked, ruled(draft, mine), blaming(), held)
    assert (merged.answer.cause.component == "search") is takes_over
    assert merged.answer.cause.status is (CauseStatus.LIKELY if takes_over else draft)
    assert any(h.component == "search" for h in merged.answer.hypotheses)


def test_what_was_tried_already_does_not_take_over_again() -> None:
    tried = [{"action": {"target": "search", "kind": "rollback"}}]
    merged = correlate(task("correlate", earlier_attempts=tried), Diagnosis(), blaming(), known(BOARD, CHANGES, METRICS))
    assert merged.answer.cause.cause is Cause.UNKNOWN


def test_a_component_that_there_is_not_is_sent_back_and_struck() -> None:
    merged = correlate(
        task("correlate", earlier_attempts=[]),
        Diagnosis(),
        blaming(component="mainframe", evidence=["E3"]),
        known(BOARD, METRICS),
    )
    assert merged.objections == ("no component is called 'mainframe'",)
    assert merged.answer == Diagnosis()


def test_a_hypothesis_that_nothing_supports_has_not_held() -> None:
    merged = correlate(task("correlate", earlier_attempts=[]), Diagnosis(), blaming(component="payments"), known(BOARD, METRICS))
    assert [(h.component, h.held) for h in merged.answer.hypotheses] == [("payments", None)]


def rollback(version: str) -> Action:
    return Action(kind=ActionKind.ROLLBACK, target="checkout", arguments={"to_version": version}, risk=Risk.MEDIUM)


RESTART = Action(kind=ActionKind.RESTART, target="checkout")
OFFERED = look("P1", "action_options", OptionsReading(summary="three", options=(rollback("1"), rollback("0"), RESTART)))


def dry_run(version: str, name: str, *, ok: bool = True) -> Evidence:
    made = look(name, "dry_run", DryRunReading(summary="it would work", ok=ok, effect="e"))
    return made.model_copy(update={"arguments": rollback(version).model_dump(mode="json")})


def planning() -> tuple[Task, PlanAnswer]:
    branch = branch_for(LIBRARY.runbook, Cause.DEPLOYMENT)
    assert branch is not None
    facts = {"cause": dump(a_cause()), "branch": branch.model_dump(mode="json"), "attempt": 1, "excluded": []}
    asked = task("plan", "devops-automator", **facts)
    return asked, PlanAnswer(plan=planned(asked, rollback("1"), "because", ("P1",)))


@pytest.mark.parametrize(
    ("option", "tried", "expected", "objects"),
    [
        (1, (), "1", False),
        (2, (dry_run("0", "P2"),), "0", False),
        (2, (), "1", True),
        (2, (dry_run("0", "P2", ok=False),), "1", True),
        (2, (dry_run("7", "P2"),), "1", True),
        (3, (), "1", True),
        (0, (), "1", True),
        (-1, (), "1", True),
        (None, (), "1", False),
    ],
)
def test_a_model_chooses_among_what_the_world_offers_and_has_tried_dry(
    option: int | None, tried: tuple[Evidence, ...], expected: str, objects: bool
) -> None:
    asked, draft = planning()
    merged = plan(asked, draft, PlanAsked(option=option, rationale="It is the smallest change."), known(OFFERED, *tried))
    assert merged.answer.plan is not None
    (action,) = merged.answer.plan.actions
    assert (action.kind, action.arguments["to_version"], action.risk) == (ActionKind.ROLLBACK, expected, Risk.MEDIUM)
    assert bool(merged.objections) is objects


def test_where_the_rules_have_no_plan_a_model_makes_none_up() -> None:
    asked, _ = planning()
    nothing = PlanAnswer(plan=None, why_none="nothing fits")
    assert plan(asked, nothing, PlanAsked(option=1, rationale="-"), known(OFFERED)).answer == nothing


def recovered(name: str, *, well: bool) -> Evidence:
    reading = RecoveryReading(summary="as seen", looked_at=3, recovered=well, worse=False, abnormal=() if well else ("checkout",))
    return look(name, "recovery", reading)


@pytest.mark.parametrize(
    ("draft_passed", "said", "own_look_well", "expected"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (None, True, True, False),
        (True, False, True, True),
        (True, False, False, False),
    ],
)
def test_a_check_passes_as_measured_and_a_doubt_counts_where_its_own_look_bears_it_out(
    draft_passed: bool | None, said: bool, own_look_well: bool, expected: bool
) -> None:
    check = CheckResult(check="well", passed=draft_passed, detail="d", evidence=("V1",))
    draft = Verification(agent="a", attempt=1, passed=draft_passed is True, checks=(check,), at=FIRED)
    own = recovered("V2", well=own_look_well)
    answer = VerificationAsked.model_validate(
        {"results": [{"check": "well", "passed": said, "detail": "-", "evidence": ["V1", "V2"]}]}
    )
    asked = task("verify", checks=[{}, {}], attempt=1, cause=dump(a_cause()), phase="fix", before={})
    merged = verify(asked, draft, answer, known(recovered("V1", well=True), own))
    assert merged.answer.passed is expected
    assert bool(merged.struck) is (not said and own_look_well)


def test_a_post_keeps_the_sentences_that_stand_and_falls_back_to_our_own_words() -> None:
    own = StatusText(impact="About 100 users a minute see errors in checkout.", current_action="We are investigating the cause.")
    held = known(record=[{"users": 100}], words=(own.impact, own.current_action))
    asked = task("status_update", cause=dump(RootCause()))
    good = StatusAsked(
        impact="Some users see errors in checkout. It affects 40,000 people.", current_action="Visit http://evil.example now."
    )
    merged = status_merge(asked, own, good, held)
    assert merged.answer.impact == "Some users see errors in checkout."
    assert merged.answer.current_action == own.current_action
    assert len(merged.struck) == 2
    assert merged.objections


def test_a_brief_says_known_only_where_the_cause_is() -> None:
    own = BriefText(situation="checkout is down", cause="Under investigation", action="investigating", impact="revenue: unknown")
    held = known(words=(own.situation, own.cause, own.action, own.impact))
    asked = task("executive_brief", cause=dump(RootCause()))
    said = BriefAsked(
        situation="checkout is down", cause="Known — a bad release", action="investigating", impact="revenue: unknown"
    )
    assert brief_merge(asked, own, said, held).answer.cause == "Under investigation"
