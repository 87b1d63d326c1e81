"""What a person at a terminal sees, and what becomes of what they type."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from incident_in_hand import IM, actions, alert, at, event, events, evidence, state
from rich.console import Console, RenderableType

from nexus.incident import Action, ActionKind, DryRun, EventKind, Incident, Risk, Verdict
from nexus.records.document import assemble
from nexus.records.wording import duration
from nexus.view import (
    Answer,
    LiveView,
    PlainView,
    QuietView,
    View,
    ask_approval,
    ask_question,
    render_eval_table,
    render_incident,
    render_list,
)
from nexus.view.board import Board, Work
from nexus.view.view import by_model

EVIL = "down \x1b[31m\x1b]0;owned\x07 [bold]loud[/bold] [/nothing]\n10:00:00 second line"


def terminal(width: int = 130, *, colour: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None)


def shown(what: RenderableType, width: int = 130) -> str:
    console = terminal(width)
    console.print(what)
    return text_of(console)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def whole(**more: object) -> Incident:
    return assemble(state(**more), events(), evidence())


def typed(*lines: str) -> Callable[[str], str]:
    left: Iterator[str] = iter(lines)

    def read(_prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read


def test_a_plain_view_writes_one_line_an_event_without_colour() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    for one in events():
        view.event(one)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len([e for e in events() if e.kind is not EventKind.EVIDENCE and not by_model(e)])
    assert lines[0] == f"10:15:00        +0 s  opened      {IM}: alert acknowledged"
    assert "\x1b" not in stream.getvalue()


def test_an_event_told_twice_is_shown_once() -> None:
    stream = io.StringIO()
    view, board = PlainView(stream), Board()
    for one in (*events(), *events()):
        view.event(one)
        board.take(one)
    assert len(stream.getvalue().splitlines()) == len(
        [e for e in events() if e.kind is not EventKind.EVIDENCE and not by_model(e)]
    )
    assert board.agents[IM].looks == 1


def test_an_alert_cannot_write_to_the_terminal() -> None:
    stream = io.StringIO()
    PlainView(stream).event(event(EventKind.OPENED, 0, EVIL, EVIL))
    assert len(stream.getvalue().splitlines()) == 1
    live = LiveView(terminal())
    live.event(event(EventKind.OPENED, 0, EVIL, EVIL, alert={"title": EVIL}))
    live.event(event(EventKind.STARTED, 1, EVIL, EVIL, agent=EVIL, task=EVIL))
    hostile = whole(alert=alert(EVIL).model_dump(mode="json"))
    for text in (stream.getvalue(), shown(live.render()), shown(render_incident(hostile)), shown(render_list([hostile]))):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "[bold]loud[/bold]" in text


def test_a_long_text_is_cut_in_a_line() -> None:
    stream = io.StringIO()
    PlainView(stream).event(event(EventKind.FINDING, 1, "a", "x" * 100_000))
    assert len(stream.getvalue()) < 400


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_that_knows_few_letters_gets_what_it_can_take(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    PlainView(stream).event(event(EventKind.FINDING, 1, "a", "漢字 é"))
    assert raw.getvalue().endswith(b"\n")


def test_a_reader_that_went_away_does_not_stop_the_incident() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    stream.close()
    view.event(events()[0])
    view.event(events()[1])


def test_a_waiting_word_is_said_once() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    for word in ("waiting for approval", "waiting for approval", "watching"):
        view.status(word)
    assert stream.getvalue() == "... waiting for approval\n... watching\n"


def test_the_board_knows_who_is_at_work_who_is_done_and_who_is_absent() -> None:
    board = Board()
    log = events()
    for one in log[:9]:
        board.take(one)
    assert {name: desk.work for name, desk in board.agents.items()} == {IM: Work.BUSY, "Backend Architect": Work.BUSY}
    for one in log[9:]:
        board.take(one)
    assert {name: desk.work for name, desk in board.agents.items()} == {IM: Work.DONE, "Backend Architect": Work.FAILED}
    assert (board.severity, board.status, board.outcome) == ("P0", "Resolved", "resolved")


def test_the_live_view_shows_severity_status_and_both_clocks() -> None:
    view = LiveView(terminal(), now=lambda: at(8))
    for one in events()[:15]:
        view.event(one)
    text = shown(view.render())
    for part in (
        " P0 ",
        "Identified",
        "8 min since it was opened",
        "next update 10:30 UTC, in 7 min",
        "✓ ",
        "✗ ",
        "investigate, 1 look",
    ):
        assert part in text


def test_a_resolved_incident_awaits_no_update() -> None:
    view = LiveView(terminal())
    for one in events():
        view.event(one)
    text = shown(view.render())
    assert "next update" not in text
    assert "resolved" in text


def test_the_live_view_keeps_its_last_state_on_the_screen_and_pauses_for_a_question() -> None:
    console = terminal(colour=True)
    view = LiveView(console)
    with view.shown():
        for one in events()[:5]:
            view.event(one)
        with view.paused():
            console.print("a question")
        view.status("waiting")
        view.event(events()[-1])
    assert "a question" in text_of(console)
    assert "incident ended: resolved" in text_of(console)


def test_the_live_view_draws_in_a_narrow_terminal_before_anything_happened() -> None:
    assert "NEXUS" in shown(LiveView(terminal(20)).render(), 20)


def test_a_quiet_view_says_nothing() -> None:
    views: list[View] = [QuietView(), PlainView(io.StringIO()), LiveView(terminal())]
    for view in views:
        with view.paused():
            view.status("x")
    with views[0].shown():
        views[0].event(events()[0])


DRY_RUN = DryRun(ok=True, effect="4 instances go back to 4.1.9", touches=("basket",), before={"version": "4.2.0"})
ROLLBACK = actions()[0].action


def asked(*lines: str, action: Action = ROLLBACK) -> tuple[Answer | None, str]:
    console = terminal()
    answer = ask_approval(action, DRY_RUN, DRY_RUN.before, Risk.MEDIUM, at(30), console=console, read=typed(*lines))
    return answer, text_of(console)


def test_the_question_shows_the_exact_action_its_risk_dry_run_and_undo() -> None:
    _, text = asked("a", "")
    for part in (
        "rollback basket (to=4.1.9)",
        "medium: reversible",
        "4 instances go back to 4.1.9; touches basket",
        '{"version": "4.2.0"}',
        "10:45:00 UTC",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("lines", "verdict", "comment"),
    [
        (("a", ""), Verdict.APPROVED, ""),
        (("YES", " go "), Verdict.APPROVED, "go"),
        (("reject", "too risky"), Verdict.REJECTED, "too risky"),
        (("perhaps", "", "r", ""), Verdict.REJECTED, ""),
    ],
)
def test_an_answer_is_taken_and_nonsense_is_asked_again(lines: tuple[str, ...], verdict: Verdict, comment: str) -> None:
    assert asked(*lines)[0] == Answer(verdict, comment)


def test_a_change_keeps_the_action_and_takes_the_new_arguments() -> None:
    answer, _ = asked("c", "to=4.1.8, instances=2, drain=true", "one at a time")
    assert answer is not None
    assert answer.verdict is Verdict.AMENDED
    assert answer.amended == ROLLBACK.model_copy(update={"arguments": {"to": "4.1.8", "instances": 2, "drain": True}})


@pytest.mark.parametrize("change", ["nonsense", "=1", "to=4.1.9", ""])
def test_a_change_that_changes_nothing_is_asked_again(change: str) -> None:
    assert asked("c", change, "a", "")[0] == Answer(Verdict.APPROVED, "")


@pytest.mark.parametrize("lines", [(), ("a",), ("c",), ("what",)])
def test_nobody_there_is_no_answer(lines: tuple[str, ...]) -> None:
    assert asked(*lines)[0] is None


def test_without_a_terminal_nobody_is_asked() -> None:
    assert ask_approval(ROLLBACK, None, {}, Risk.HIGH, at(30), console=terminal()) is None
    assert ask_question("which?", ["a"], [], console=terminal()) is None


def test_an_action_cannot_dress_itself_up() -> None:
    hostile = Action(kind=ActionKind.RESTART, target=EVIL, arguments={EVIL: EVIL}, reason=EVIL, proposed_by=EVIL)
    _, text = asked("r", "", action=hostile)
    assert "\x1b" not in text
    assert "[/nothing]" in text


def test_a_question_takes_a_cause_and_its_component_or_hands_over() -> None:
    choices = ["deployment", "code_bug", "hand_over"]
    assert ask_question("which?", choices, ["basket"], console=terminal(), read=typed("nope", "code_bug", "basket")) == (
        "code_bug",
        "basket",
    )
    assert ask_question("which?", choices, [], console=terminal(), read=typed("hand_over")) == ("hand_over", None)
    assert ask_question("which?", choices, [], console=terminal(), read=typed("deployment")) is None


def test_a_shown_incident_tells_why_what_was_done_and_how_it_ended() -> None:
    text = shown(render_incident(whole()))
    for part in (
        "deployment in basket (confirmed, 93%)",
        "rollback basket (to=4.1.9)",
        "ada",
        "fixed, verified and watched",
        "4 status updates, 1 brief,",
    ):
        assert part in text


def test_an_incident_that_waits_shows_its_question() -> None:
    question = {"id": "q", "kind": "approval", "text": "roll back?", "deadline": at(30).isoformat()}
    assert "roll back?" in shown(render_incident(whole(questions=[question], outcome=None, ended_at=None)))


def test_the_list_has_one_line_an_incident_and_says_when_there_is_none() -> None:
    assert whole().id in shown(render_list([whole()]), 200)
    assert "No incidents" in shown(render_list([]))


def test_the_evaluation_spells_out_only_what_was_not_expected() -> None:
    good = {"id": "one", "system": "s", "passed": True, "expected": {"severity": "P0"}, "got": {"severity": "P0"}, "seconds": 1.0}
    bad = {
        "id": "two",
        "system": "s",
        "passed": False,
        "rank": 3,
        "expected": {"severity": "P1", "cause": "x"},
        "got": {"severity": "P2", "cause": "x"},
        "seconds": 2,
    }
    text = shown(render_eval_table([good, bad], {"s": {"n": 2, "at1": 0.5, "at3": 1.0, "at5": 1.0, "cause": None}}))
    assert "1 of 2 as expected" in text
    assert "severity P1" in text
    assert "severity P2" in text
    assert "cause x" not in text
    assert "50%" in text


def test_of_an_incident_that_goes_on_only_what_is_new_is_told_and_its_time_counts_from_the_opening() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    earlier, later = events()[:5], events()[8]
    view.recall(earlier)
    for told in (*earlier, later.model_copy(update={"kind": EventKind.FINDING})):
        view.event(told)
    (line,) = stream.getvalue().splitlines()
    assert f"+{duration(later.at - earlier[0].at)}" in line


def test_of_several_incidents_each_line_names_its_own() -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    opened = events()[0]
    other = opened.model_copy(update={"incident": "INC-2"})
    view.recall([opened])
    view.recall([other])
    view.event(events()[1])
    assert stream.getvalue().startswith(f"{opened.incident}  ")


def test_an_incident_that_ended_at_once_has_ended() -> None:
    ended = whole().model_copy(update={"ended_at": whole().opened_at})
    assert "not ended" not in shown(render_list([ended]), 200)
