"""What falls due and when: the cadence, the briefs and the matrix, as truth tables and over random lives of an incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.incident import Event, EventKind, Outcome, Severity, Status
from nexus.library import Library
from nexus.timeline import Notice, Sent, Standing, after, due, next_beat, next_due, sent_of

RUNBOOK = Library.default().runbook
OPENED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LIFE = {0: Status.INVESTIGATING, 22: Status.IDENTIFIED, 40: Status.INVESTIGATING, 97: Status.IDENTIFIED, 150: Status.MONITORING}


def at(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def standing(severity: Severity | None = Severity.P1, status: Status | None = Status.INVESTIGATING, since: float = 0) -> Standing:
    return Standing(OPENED, severity, status, at(since) if status else None)


def posted(status: Status, minutes: float) -> Sent:
    return Sent(status=status, status_at=at(minutes), brief_status=status, brief_at=at(minutes))


def lived(severity: Severity, life: dict[int, Status], resolved: int, upto: int, tick: int = 1) -> list[Notice]:
    """Everything sent over an incident's life by a driver that looks every `tick` minutes, and at each change."""
    story = {**life, resolved: Status.RESOLVED}
    moments = sorted({*range(0, upto + 1, tick), *story})
    sent, out = Sent(), list[Notice]()
    current = standing(severity, None)
    for minutes in moments:
        if minutes in story:
            current = replace(current, status=story[minutes], since=at(minutes))
        for notice in due(RUNBOOK, current, sent, at(minutes)):
            out.append(notice)
            sent = after(sent, notice)
    return out


@pytest.mark.parametrize(
    ("after_minutes", "expected"),
    [(0, 15), (0.5, 15), (14.99, 15), (15, 30), (15.01, 30), (29, 30), (44, 45), (45, 60), (180, 195)],
)
def test_the_next_beat_is_counted_from_the_opening_so_no_drift_adds_up(after_minutes: float, expected: float) -> None:
    assert next_beat(OPENED, QUARTER, at(after_minutes)) == at(expected)


@pytest.mark.parametrize(
    ("now", "sent", "expected"),
    [
        (standing(None, None), Sent(), None),
        (standing(Severity.P2), Sent(), 0),
        (standing(Severity.P2, since=3), Sent(), 3),
        (standing(Severity.P2), posted(Status.INVESTIGATING, 0), 15),
        (standing(Severity.P2), posted(Status.INVESTIGATING, 7), 15),
        (standing(Severity.P2, Status.IDENTIFIED, 22), posted(Status.INVESTIGATING, 15), 22),
        (standing(Severity.P2, Status.RESOLVED, 50), posted(Status.MONITORING, 45), 50),
        (standing(Severity.P2, Status.RESOLVED, 50), posted(Status.RESOLVED, 50), None),
        (replace(standing(Severity.P2), outcome=Outcome.HANDED_OVER), posted(Status.INVESTIGATING, 0), None),
        (standing(Severity.P0), posted(Status.INVESTIGATING, 30), 30),
        (standing(Severity.P1), posted(Status.INVESTIGATING, 119), 120),
    ],
)
def test_what_falls_due_next(now: Standing, sent: Sent, expected: float | None) -> None:
    assert next_due(RUNBOOK, now, sent) == (None if expected is None else at(expected))


def test_a_p0_resolved_at_minute_180_is_posted_at_the_start_each_change_each_quarter_hour_and_the_end() -> None:
    posts = [n for n in lived(Severity.P0, LIFE, 180, 260) if n.kind == "status"]
    expected = sorted({*range(0, 180, 15), *LIFE, 180})
    assert [n.at for n in posts] == [at(m) for m in expected]
    assert [n.status for n in posts if n.at in {at(m) for m in LIFE}] == list(LIFE.values())


def test_no_post_is_sent_twice_and_only_the_last_has_no_next_update() -> None:
    posts = [n for n in lived(Severity.P0, LIFE, 180, 260) if n.kind == "status"]
    assert len({n.at for n in posts}) == len(posts)
    assert [n.next_update for n in posts if n.next_update is None] == [None]
    assert posts[-1].status is Status.RESOLVED
    assert posts[-1].next_update is None
    assert all(n.next_update is not None and timedelta(0) < n.next_update - n.at <= QUARTER for n in posts[:-1])


def test_briefs_follow_the_same_cadence_at_p0() -> None:
    sent = lived(Severity.P0, LIFE, 180, 260)
    posts, briefs = ([n for n in sent if n.kind == kind] for kind in ("status", "brief"))
    assert [(n.at, n.status, n.next_update) for n in briefs] == [(n.at, n.status, n.next_update) for n in posts]


@pytest.mark.parametrize("severity", [Severity.P1, Severity.P2, Severity.P3])
def test_nobody_is_briefed_by_the_clock_below_p0(severity: Severity) -> None:
    assert not [n for n in lived(severity, LIFE, 180, 260) if n.kind == "brief"]


@pytest.mark.parametrize(
    ("severity", "resolved", "expected"),
    [
        (Severity.P0, 180, {"p0-30m": 30}),
        (Severity.P0, 29, {}),
        (Severity.P0, 30, {}),
        (Severity.P1, 180, {"p1-2h": 120}),
        (Severity.P1, 119, {}),
        (Severity.P2, 180, {}),
        (Severity.P3, 180, {}),
    ],
)
def test_time_escalates_once_and_never_after_resolution(severity: Severity, resolved: int, expected: dict[str, int]) -> None:
    rows = [n for n in lived(severity, {0: Status.INVESTIGATING}, resolved, 400) if n.kind == "escalation"]
    assert {n.rule.id: n.at for n in rows if n.rule} == {rule: at(m) for rule, m in expected.items()}
    assert len(rows) == len(expected)


@pytest.mark.parametrize(
    ("signal", "rule"),
    [("breach_suspected", "breach"), ("user_data_affected", "user-data"), ("revenue_over_threshold", "revenue")],
)
@pytest.mark.parametrize("severity", [Severity.P0, Severity.P1, Severity.P2])
def test_a_signal_escalates_at_once_and_once_at_any_severity(signal: str, rule: str, severity: Severity) -> None:
    now = replace(standing(severity), signals=frozenset({signal}))
    assert next_due(RUNBOOK, now, posted(Status.INVESTIGATING, 0)) == at(0)
    first = [n for n in due(RUNBOOK, now, Sent(), at(0)) if n.kind == "escalation"]
    assert [n.rule.id for n in first if n.rule] == [rule]
    sent = after(Sent(), first[0])
    assert not [n for n in due(RUNBOOK, now, sent, at(1)) if n.kind == "escalation"]


def test_a_signal_after_resolution_escalates_nothing() -> None:
    now = replace(standing(Severity.P0, Status.RESOLVED, 20), signals=frozenset({"breach_suspected"}))
    assert not [n for n in due(RUNBOOK, now, Sent(), at(200)) if n.kind == "escalation"]


def test_nothing_is_due_before_triage_or_without_a_public_status() -> None:
    assert due(RUNBOOK, standing(None, None), Sent(), at(500)) == ()
    assert due(RUNBOOK, standing(Severity.P3, None), Sent(), at(500)) == ()


def test_a_beat_that_an_outage_swallowed_goes_out_once() -> None:
    now = standing(Severity.P0)
    sent = replace(posted(Status.INVESTIGATING, 15), escalations=frozenset({"p0-30m"}))
    late = due(RUNBOOK, now, sent, at(97))
    assert [(n.kind, n.at, n.next_update) for n in late] == [("status", at(97), at(105)), ("brief", at(97), at(105))]
    for notice in late:
        sent = after(sent, notice)
    assert due(RUNBOOK, now, sent, at(97)) == ()
    assert next_due(RUNBOOK, now, sent) == at(105)


def test_a_status_that_changed_during_an_outage_is_told_as_it_is_now() -> None:
    late = due(RUNBOOK, standing(Severity.P1, Status.MONITORING, 40), posted(Status.INVESTIGATING, 15), at(97))
    assert [(n.kind, n.status) for n in late] == [("status", Status.MONITORING)]


def test_each_notice_is_remembered_where_it_belongs() -> None:
    rule = RUNBOOK.escalations[0]
    assert after(Sent(), Notice("status", at(3), Status.IDENTIFIED)) == Sent(status=Status.IDENTIFIED, status_at=at(3))
    assert after(Sent(), Notice("brief", at(3), Status.IDENTIFIED)) == Sent(brief_status=Status.IDENTIFIED, brief_at=at(3))
    assert after(Sent(), Notice("escalation", at(3), rule=rule)) == Sent(escalations=frozenset({rule.id}))


open_statuses = st.sampled_from([Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING])
lives = st.dictionaries(st.integers(1, 299), open_statuses, max_size=12).map(lambda d: {0: Status.INVESTIGATING, **d})


@given(life=lives, resolved=st.integers(300, 400), severity=st.sampled_from([Severity.P0, Severity.P1, Severity.P2]))
def test_whatever_happens_no_gap_between_posts_exceeds_the_cadence(
    life: dict[int, Status], resolved: int, severity: Severity
) -> None:
    notices = lived(severity, life, resolved, resolved + 60)
    posts = [n for n in notices if n.kind == "status"]
    assert posts[0].at == OPENED
    assert posts[-1].at == at(resolved)
    assert all(b.at - a.at <= QUARTER for a, b in pairwise(posts))
    assert len({(n.at, n.status) for n in posts}) == len(posts)
    assert max(n.at for n in notices) == at(resolved)
    changes = [(at(m), s) for m, s in sorted(life.items())]
    told = {(n.at, n.status) for n in posts}
    kept = [c for before, c in zip([(None, None), *changes], changes, strict=False) if before[1] is not c[1]]
    assert set(kept) <= told


standings = st.builds(
    Standing,
    st.just(OPENED),
    st.sampled_from([None, *Severity]),
    st.sampled_from([*Status]),
    st.integers(0, 200).map(at),
    st.frozensets(st.sampled_from(["breach_suspected", "user_data_affected", "revenue_over_threshold"])),
    st.sampled_from([None, Outcome.HANDED_OVER]),
)
sents = st.builds(
    Sent,
    status=st.sampled_from([None, *Status]),
    status_at=st.one_of(st.none(), st.integers(0, 200).map(at)),
    brief_at=st.one_of(st.none(), st.integers(0, 200).map(at)),
    brief_status=st.sampled_from([None, *Status]),
    escalations=st.frozensets(st.sampled_from([r.id for r in RUNBOOK.escalations])),
)


@given(standing=standings, sent=sents, minutes=st.integers(0, 400))
def test_something_goes_out_exactly_when_something_is_due_and_then_no_more(standing: Standing, sent: Sent, minutes: int) -> None:
    now = at(minutes)
    moment = next_due(RUNBOOK, standing, sent)
    notices = due(RUNBOOK, standing, sent, now)
    assert bool(notices) == (moment is not None and moment <= now)
    for notice in notices:
        sent = after(sent, notice)
    following = next_due(RUNBOOK, standing, sent)
    assert due(RUNBOOK, standing, sent, now) == ()
    assert following is None or following > now


def recorded(kind: EventKind, minutes: float, **data: Any) -> Event:
    return Event(incident="I", key=f"{kind}:{minutes}:{data}", at=at(minutes), kind=kind, actor="a", text="t", data=data)


def test_what_was_sent_is_read_from_the_record() -> None:
    first, second = (next(r for r in RUNBOOK.escalations if len(r.to) == n) for n in (1, 2))
    sent = sent_of(
        RUNBOOK,
        [
            recorded(EventKind.PUBLISHED, 0, status_update={"number": 1, "status": "Investigating"}, outcome=None),
            recorded(EventKind.PUBLISHED, 0, brief={"number": 1}, status="Investigating", rule=None),
            recorded(EventKind.PUBLISHED, 9, status_update={"number": 2, "status": "Identified"}, outcome=None),
            recorded(EventKind.PUBLISHED, 10, brief={"number": 2}, status="Identified", rule=first.id),
            recorded(EventKind.ESCALATED, 10, escalation={"rule": first.id}),
            recorded(EventKind.ESCALATED, 11, escalation={"rule": second.id}),
        ],
    )
    assert sent == Sent(
        status=Status.IDENTIFIED, status_at=at(9), posts=2, brief_status=Status.INVESTIGATING, brief_at=at(0), briefs=2,
        escalations=frozenset({first.id}),
    )  # fmt: skip


def test_a_hand_over_that_was_posted_is_not_posted_again() -> None:
    post = recorded(EventKind.PUBLISHED, 9, status_update={"number": 4, "status": "Monitoring"}, outcome="handed_over")
    assert sent_of(RUNBOOK, [post]).handed_over
    assert not sent_of(RUNBOOK, []).handed_over


def test_posts_and_briefs_are_numbered_on() -> None:
    sent = Sent(
        status=Status.INVESTIGATING, status_at=at(0), posts=4, brief_status=Status.INVESTIGATING, brief_at=at(0), briefs=7
    )
    notices = due(RUNBOOK, standing(Severity.P0, Status.IDENTIFIED, 5), sent, at(5))
    assert {n.kind: n.number for n in notices if n.kind != "escalation"} == {"status": 5, "brief": 8}
