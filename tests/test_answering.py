"""Which open question an answer is for, whether it fits, and how a refusal says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.answering import (
    amended_action,
    answered_already,
    check_answer,
    check_deadline,
    choice_for,
    chosen,
    in_words,
    nothing_open,
    number_of,
    numbered,
    short_of,
    verdict_on,
    ways_of,
    what_of,
)
from nexus.errors import AnswerRefused
from nexus.incident import Action, ActionKind, Event, EventKind, Question, Verdict

DEADLINE = datetime(2026, 3, 2, 10, 45, tzinfo=UTC)
HASH = "e09785e5a33797f7e072e4154bb5b9c8"
ROLLBACK = Action(kind=ActionKind.ROLLBACK, target="basket", arguments={"to": "4.1.9"}, reason="it fails", evidence=("E1",))
RESTART = Action(kind=ActionKind.RESTART, target="basket")


def approval(number: int = 1, action: Action = ROLLBACK, identity: str = HASH) -> Question:
    detail = {"action": action.model_dump(mode="json"), "digest": action.digest}
    return Question(id=f"{identity}-{number}", kind="approval", text="?", deadline=DEADLINE, detail=detail)


CAUSE = Question(
    id="0" * 32, kind="question", text="Which\ncause?", deadline=DEADLINE,
    detail={"choices": ["deployment", "infrastructure", "hand_over"], "suspects": ["basket", "cart"]},
)  # fmt: skip
BOTH = [approval(1), approval(2, RESTART)]


def refused(call: Any, *given: Any) -> str:
    with pytest.raises(AnswerRefused) as raised:
        call(*given)
    assert "\n" not in str(raised.value)
    assert raised.value.remedy
    return str(raised.value)


def test_the_only_open_question_of_that_kind_needs_no_name() -> None:
    assert chosen("INC", [approval(), CAUSE], "approval", None) == approval()
    assert chosen("INC", [approval(), CAUSE], "question", None) == CAUSE


@pytest.mark.parametrize("named", ["2", f"{HASH}-2", "e09785e5-2", "e097-2"])
def test_a_question_is_named_by_number_by_id_or_by_its_beginning(named: str) -> None:
    assert chosen("INC", BOTH, "approval", named) == BOTH[1]


def test_an_id_that_no_other_begins_like_may_be_cut() -> None:
    assert chosen("INC", [*BOTH, CAUSE], "question", "0000") == CAUSE


def test_a_number_keeps_its_question_when_another_was_answered() -> None:
    assert chosen("INC", BOTH[1:], "approval", "2") == BOTH[1]
    assert "no open question 1" in refused(chosen, "INC", BOTH[1:], "approval", "1")


def test_what_was_not_asked_together_is_numbered_in_its_order() -> None:
    later = approval(1, RESTART, "f" * 32)
    assert numbered([approval(1), later]) == {1: approval(1), 2: later}
    assert [number_of(i) for i in (f"{HASH}-12", HASH)] == [12, 1]


@pytest.mark.parametrize("named", ["3", "e0", "-1", "", "nothing", "e09785e5-3", "e09785e5-", "99999999999999999999"])
def test_a_name_that_fits_nothing_lists_what_is_open(named: str) -> None:
    said = refused(chosen, "INC", BOTH, "approval", named)
    assert f"INC has no open question {named}" in said
    assert "1 rollback basket (to=4.1.9), until 2026-03-02 10:45:00 UTC; 2 restart basket, until" in said


@pytest.mark.parametrize("named", [None, "e09785e5"])
def test_of_several_one_must_be_named(named: str | None) -> None:
    said = refused(chosen, "INC", BOTH, "approval", named)
    assert "1 rollback basket (to=4.1.9)" in said
    assert "2 restart basket" in said


@pytest.mark.parametrize(
    ("kind", "open_now", "says"),
    [
        ("approval", CAUSE, "nexus answer INC 00000000 CHOICE (CHOICE: deployment, infrastructure, hand_over; a cause with"),
        ("question", approval(), "nexus approve INC e09785e5-1"),
    ],
)
@pytest.mark.parametrize("named", [None, "1"])
def test_an_answer_of_another_kind_is_told_the_way_that_fits(kind: str, open_now: Question, says: str, named: str | None) -> None:
    said = refused(chosen, "INC", [open_now], kind, named)
    assert "is not answered in that way" in said
    assert says in said


def test_where_nothing_is_open_the_last_answer_is_told() -> None:
    told = [
        Event(key=str(n), incident="INC", at=DEADLINE, kind=kind, actor="ada", text=text)
        for n, (kind, text) in enumerate([(EventKind.ANSWERED, "approved: x"), (EventKind.ACTED, "done: x")])
    ]
    assert "INC waits for no answer (answered last: ada: approved: x)" in str(nothing_open("INC", told))
    assert str(nothing_open("INC", [])).startswith("INC waits for no answer: nexus show INC")


@pytest.mark.parametrize("late", [timedelta(0), timedelta(hours=-1)])
def test_an_answer_in_time_or_where_the_time_is_not_known_is_not_late(late: timedelta) -> None:
    check_deadline("INC", approval(), DEADLINE + late)
    check_deadline("INC", approval(), None)


def test_an_answer_after_the_deadline_is_late() -> None:
    said = refused(check_deadline, "INC", approval(), DEADLINE + timedelta(seconds=1))
    assert "too late: rollback basket (to=4.1.9) was to be answered by 2026-03-02 10:45:00 UTC" in said


@pytest.mark.parametrize("verdict", [Verdict.APPROVED, Verdict.REJECTED])
def test_a_verdict_is_bound_to_the_action_that_was_shown(verdict: Verdict) -> None:
    answer = verdict_on(approval(), verdict, "ada", "so it is")
    assert answer == {"verdict": verdict.value, "comment": "so it is", "by": "ada", "digest": ROLLBACK.digest}
    check_answer(approval(), answer)
    assert "another action" in refused(check_answer, approval(1, RESTART), answer)


@pytest.mark.parametrize("verdict", ["expired", "maybe", None, 1])
def test_only_peoples_verdicts_are_taken(verdict: object) -> None:
    answer = {"verdict": verdict, "digest": ROLLBACK.digest, "by": "ada"}
    assert "is no verdict" in refused(check_answer, approval(), answer)


def test_an_amended_action_keeps_what_was_not_changed() -> None:
    amended = amended_action(ROLLBACK, ["to=4.1.8", "instances=2", "drain=true", "note= at = noon"], "cart")
    assert amended == ROLLBACK.model_copy(
        update={"target": "cart", "arguments": {"to": "4.1.8", "instances": 2, "drain": True, "note": "at = noon"}}
    )
    answer = verdict_on(approval(), Verdict.AMENDED, "ada", amended=amended)
    check_answer(approval(), answer)
    assert answer["digest"] == ROLLBACK.digest
    assert in_words(answer) == "amended to rollback cart (drain=True, instances=2, note=at = noon, to=4.1.8) by ada"


@pytest.mark.parametrize(
    ("value", "held"),
    [("3", 3), ('"3"', "3"), ("[1, 2]", [1, 2]), ("null", None), ("NaN", "NaN"), ("1e999", "1e999"), ("[" * 99999, "[" * 99999)],
)
def test_a_value_is_json_where_it_is_strict_json_else_text(value: str, held: object) -> None:
    assert amended_action(ROLLBACK, [f"x={value}"]).arguments["x"] == held


@pytest.mark.parametrize("value", ["4.10", '"4.10"'])
def test_what_was_text_stays_text(value: str) -> None:
    assert amended_action(ROLLBACK, [f"to={value}"]).arguments == {"to": "4.10"}


@pytest.mark.parametrize("change", ["nonsense", "=1", " =1", ""])
def test_a_change_without_a_name_is_none(change: str) -> None:
    assert "name=value" in refused(amended_action, ROLLBACK, [change])


@pytest.mark.parametrize(
    ("verdict", "amended", "says"),
    [
        ("amended", amended_action(ROLLBACK, ["to=4.1.9"]), "that changes nothing about rollback basket (to=4.1.9)"),
        ("amended", RESTART, "a rollback cannot be amended to a restart"),
        ("amended", None, "goes with the verdict amended"),
        ("approved", amended_action(ROLLBACK, ["to=1"]), "goes with the verdict amended"),
    ],
)
def test_an_amendment_is_another_action_of_the_same_kind(verdict: str, amended: Action | None, says: str) -> None:
    answer = verdict_on(approval(), Verdict(verdict), "ada", amended=amended)
    assert says in refused(check_answer, approval(), answer)


@pytest.mark.parametrize("amended", ["rollback", {}, {"kind": "explode", "target": "basket"}])
def test_an_amendment_that_is_no_action_is_refused(amended: object) -> None:
    answer = {"verdict": "amended", "digest": ROLLBACK.digest, "by": "ada", "amended": amended}
    assert "the amended action is none" in refused(check_answer, approval(), answer)


@pytest.mark.parametrize(("choice", "component"), [("deployment", "basket"), ("hand_over", None)])
def test_a_choice_that_is_offered_fits(choice: str, component: str | None) -> None:
    check_answer(CAUSE, choice_for(choice, component, "ada"))


@pytest.mark.parametrize("choice", ["database", "", "deployment ", "None"])
def test_a_choice_that_is_not_offered_is_refused_with_those_that_are(choice: str) -> None:
    assert "choose one of deployment, infrastructure, hand_over" in refused(check_answer, CAUSE, choice_for(choice, "x", "ada"))
    assert "None is not offered" in refused(check_answer, CAUSE, {"by": "ada"})


@pytest.mark.parametrize("component", [None, ""])
def test_a_cause_needs_its_component(component: str | None) -> None:
    said = refused(check_answer, CAUSE, choice_for("deployment", component, "ada"))
    assert "--component NAME; suspects: basket, cart" in said


def test_a_choice_that_is_no_cause_needs_no_component() -> None:
    question = CAUSE.model_copy(update={"detail": {"choices": ["carried_out", "not_carried_out", "hand_over"]}})
    check_answer(question, choice_for("carried_out", None, "ada"))
    assert ways_of("INC", question)[1] == "(CHOICE: carried_out, not_carried_out, hand_over)"


def test_an_answer_that_came_second_is_told_the_first() -> None:
    first = verdict_on(approval(), Verdict.REJECTED, "eve", "too risky")
    said = str(answered_already("INC", what_of(approval()), first))
    assert said.startswith("rollback basket (to=4.1.9) was answered already: rejected by eve (too risky): ")
    assert in_words({"verdict": "expired", "choice": "hand_over", "by": "the clock"}) == "expired by the clock"
    assert in_words(choice_for("infrastructure", "cart", "eve")) == "infrastructure in cart by eve"


def test_a_command_names_the_question_by_what_no_later_question_has() -> None:
    command, others = ways_of("INC", BOTH[1], " --out here")
    assert command == "nexus approve INC e09785e5-2 --out here"
    assert "reject" in others
    assert chosen("INC", BOTH, "approval", short_of(BOTH[1].id)) == BOTH[1]


def test_foreign_words_stay_on_their_line() -> None:
    evil = approval(1, Action(kind=ActionKind.RESTART, target="a\x1b[31m\nb"))
    for text in (what_of(evil), what_of(CAUSE), in_words({"choice": "x\ny", "by": "a\x1b"})):
        assert not {"\n", "\x1b"} & set(text)
