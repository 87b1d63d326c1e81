"""What people are told: own wording, the record's figures, and unknown said as unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.bulletins import (
    brief_text,
    business_text,
    cause_text,
    component_name,
    current_action_text,
    impact_text,
    next_update_text,
    percent_text,
    situation_text,
    status_text,
)
from nexus.incident import Action, ActionKind, Cause, CauseStatus, Classification, Impact, Plan, RootCause, Severity, Status, Step

NOBODY_KNOWS = RootCause()
BAD_RELEASE = RootCause(
    cause=Cause.DEPLOYMENT,
    component="checkout",
    status=CauseStatus.CONFIRMED,
    introduced_at=datetime(2026, 3, 2, 9, 48, tzinfo=UTC),
    statement="password=hunter2 in the log",
    change="release-7",
)
READY = "We are ready for rolling back checkout and wait for an approval."
IN_PLACE = "The fix (rolling back checkout) is in place; we are watching that it holds."
HURT = Impact(
    users_affected=420, share_of_traffic=0.63, services=("checkout", "cart"), revenue_per_hour=45000, data_at_risk=False
)


def classified(impact: Impact = HURT, **signals: str) -> Classification:
    return Classification(
        severity=Severity.P0,
        floor=Severity.P0,
        impact=impact,
        signals={"errors": "majority", "availability": "down", **signals},
        rationale="raw",
    )


def plan(*kinds: ActionKind, target: str = "checkout") -> Plan:
    steps = tuple(Step(actor="devops-automator", role="act", text="do", action=Action(kind=k, target=target)) for k in kinds)
    return Plan(branch="deployment", attempt=1, steps=steps, rationale="raw")


def test_impact_names_users_traffic_and_services() -> None:
    assert impact_text(classified()) == "About 420 users a minute (63 % of traffic) see errors in checkout and cart."
    assert impact_text(classified(), Status.RESOLVED).startswith(
        "Before the fix, about 420 users a minute (63 % of traffic) saw errors"
    )


def test_unknown_impact_is_said_as_unknown() -> None:
    assert impact_text(None) == "Impact on users is not known yet."
    assert impact_text(classified(Impact(services=("web",)))) == "An unknown number of users see errors in web."
    assert (
        impact_text(classified(Impact(), errors="unknown", availability="unknown")) == "The number of users affected is unknown."
    )
    assert "unknown" in impact_text(classified(Impact(services=("web",)), errors="unknown", availability="unknown"))


def test_trouble_that_users_do_not_meet_is_told_as_such() -> None:
    behind = classified(Impact(users_affected=0, services=("mail-queue",)), errors="normal", availability="ok")
    assert impact_text(behind) == "Mail-queue does not behave as usual; no failing requests of users are measured."
    leak = classified(Impact(users_affected=0, breach_suspected=True), errors="normal", availability="ok")
    assert impact_text(leak) == "No failing requests of users are measured; a possible security incident is being examined."


def test_slowness_without_errors_is_told_as_slowness() -> None:
    slow = classified(Impact(users_affected=0, services=("search",)), errors="normal", availability="ok", latency="tenfold")
    assert impact_text(slow) == "Requests to search take more than ten times as long as usual."


def test_a_false_alarm_had_no_effect_and_needed_no_action() -> None:
    alarm = classified().model_copy(update={"false_alarm": True})
    assert status_text(Status.RESOLVED, alarm, NOBODY_KNOWS, None, None) == (
        "No effect on users was found.",
        "None: nothing was found to be wrong, and nothing was changed.",
    )


def test_data_at_risk_and_a_possible_breach_are_told_with_care() -> None:
    risky = Impact(users_affected=3, services=("web",), data_at_risk=True, breach_suspected=True)
    assert impact_text(classified(risky)).endswith("some data is at risk; a possible security incident is being examined.")
    personal = Impact(users_affected=3, services=("web",), data_at_risk=True, user_data_affected=True)
    assert impact_text(classified(personal)).endswith("whether personal data is affected is being assessed.")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (NOBODY_KNOWS, "Under investigation"),
        (BAD_RELEASE, "Known — a release or configuration change of checkout, since 09:48 UTC"),
        (
            BAD_RELEASE.model_copy(update={"status": CauseStatus.LIKELY, "introduced_at": None}),
            "Under investigation — most likely a release or configuration change of checkout",
        ),
        (BAD_RELEASE.model_copy(update={"status": CauseStatus.INCONCLUSIVE}), "Under investigation"),
    ],
)
def test_a_cause_is_known_only_when_confirmed(cause: RootCause, text: str) -> None:
    assert cause_text(cause) == text


@pytest.mark.parametrize(
    ("status", "cause", "what", "waiting", "text"),
    [
        (Status.INVESTIGATING, NOBODY_KNOWS, None, None, "We are investigating the cause."),
        (Status.INVESTIGATING, BAD_RELEASE, None, None, "We are investigating, most closely checkout."),
        (Status.INVESTIGATING, NOBODY_KNOWS, None, "x", "We are investigating; a decision of the people on call is awaited."),
        (Status.IDENTIFIED, BAD_RELEASE, None, None, "The cause is known; we are preparing a fix."),
        (Status.IDENTIFIED, BAD_RELEASE, plan(ActionKind.ROLLBACK), None, "We are rolling back checkout."),
        (Status.IDENTIFIED, BAD_RELEASE, plan(ActionKind.ROLLBACK), "x", READY),
        (Status.MONITORING, BAD_RELEASE, plan(ActionKind.ROLLBACK), None, IN_PLACE),
        (Status.MONITORING, NOBODY_KNOWS, None, None, "We are watching that the fix holds."),
        (Status.RESOLVED, BAD_RELEASE, None, None, "None: the service is back to normal and the incident is closed."),
    ],
)  # fmt: skip
def test_the_current_action_follows_status_and_plan(
    status: Status, cause: RootCause, what: Plan | None, waiting: str | None, text: str
) -> None:
    assert current_action_text(status, classified(), cause, what, waiting) == text


def test_an_external_cause_is_worked_around_and_watched() -> None:
    cause = RootCause(cause=Cause.EXTERNAL_DEPENDENCY, component="payment-provider", status=CauseStatus.CONFIRMED)
    text = current_action_text(Status.MONITORING, classified(), cause, plan(ActionKind.FALLBACK, target="payment-provider"), None)
    assert text == "We are working around payment-provider and watching for its recovery."


def test_every_kind_of_action_and_every_cause_has_its_words() -> None:
    for kind in ActionKind:
        assert "checkout" in current_action_text(Status.IDENTIFIED, None, BAD_RELEASE, plan(kind), None)
    for cause in set(Cause) - {Cause.UNKNOWN}:
        assert "checkout" in cause_text(RootCause(cause=cause, component="checkout", status=CauseStatus.CONFIRMED))


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "a" * 61,
        "jane@example.com",
        "x\ny",
        "<script>",
        "sk-live_0123456789abcdef",
        "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    ],
)
def test_what_does_not_look_like_a_components_name_is_not_repeated(name: str | None) -> None:
    assert component_name(name) == "one of our services"


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.001, "less than 1 %"), (0.634, "63 %"), (0.999, "more than 99 %"), (1.0, "100 %")]
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, text: str) -> None:
    assert percent_text(share) == text


def test_the_brief_follows_its_template() -> None:
    situation, cause, action, impact = brief_text(
        Status.IDENTIFIED, classified(), BAD_RELEASE, plan(ActionKind.ROLLBACK), "checkout", 20
    )
    assert situation == "checkout is down, affecting about 420 users a minute (63 % of traffic)"
    assert cause.startswith("Known — ")
    assert action == "We are rolling back checkout — ETA 20 minutes"
    assert impact == (
        "Revenue: about 45,000 USD an hour at risk; users: about 420 users a minute (63 % of traffic); data: safe; "
        "reputation: not measured"
    )


def test_a_brief_admits_what_is_not_known() -> None:
    situation, cause, action, impact = brief_text(Status.INVESTIGATING, None, NOBODY_KNOWS, None, "web", None)
    assert "not known yet" in situation
    assert (cause, action) == ("Under investigation", "We are investigating the cause — ETA unknown")
    assert "not known yet" in impact
    assert "revenue: unknown" in business_text(classified(Impact())).lower()


def test_a_resolved_brief_says_back_to_normal_and_has_no_eta() -> None:
    situation, _, action, impact = brief_text(Status.RESOLVED, classified(), BAD_RELEASE, None, "web", 5)
    assert situation == "web is back to normal"
    assert "ETA" not in action
    assert impact.startswith("Before the fix, revenue: about 45,000")


def test_the_next_update_is_a_time_or_none() -> None:
    assert next_update_text(datetime(2026, 3, 2, 10, 15, tzinfo=UTC)) == "2026-03-02 10:15 UTC"
    assert next_update_text(None).startswith("none")


def test_a_situation_is_degraded_when_part_of_it_works() -> None:
    assert situation_text(Status.INVESTIGATING, classified(availability="degraded"), "web").startswith(
        "web is degraded, affecting"
    )


def test_a_brief_never_exceeds_120_words() -> None:
    long = Impact(
        users_affected=10**9,
        share_of_traffic=0.5,
        services=tuple(f"service-{n}" for n in range(40)),
        revenue_per_hour=1e9,
        data_at_risk=True,
        user_data_affected=True,
        breach_suspected=True,
    )
    every = plan(*ActionKind, target="a b c d e f g")
    for status, cause, what in product(Status, (NOBODY_KNOWS, BAD_RELEASE), (None, plan(ActionKind.ROLLBACK), every)):
        assert (
            sum(len(part.split()) for part in brief_text(status, classified(long), cause, what, "a b c d e f g h", 10**6)) <= 120
        )


@given(st.sampled_from(Status), st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_nothing_from_outside_but_names_reaches_the_public(status: Status, statement: str, waiting: str) -> None:
    quoted = [f"⟦{statement}⟧", f"⟦{waiting}⟧"]
    cause = BAD_RELEASE.model_copy(update={"statement": quoted[0], "mechanism": quoted[0], "change": quoted[0]})
    shown: Any = " ".join(
        status_text(status, classified().model_copy(update={"rationale": quoted[0]}), cause, plan(ActionKind.FLAG), quoted[1])
    )
    assert "⟦" not in shown
