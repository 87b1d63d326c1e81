"""One whole incident, as state, events and evidence leave it: for the tests of what people read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nexus.incident import (
    Action,
    ActionItem,
    ActionKind,
    ActionRecord,
    ActionResult,
    Alert,
    Approval,
    Author,
    Authorship,
    BacklogItem,
    Cause,
    CauseStatus,
    CheckResult,
    Claim,
    Classification,
    Diagnosis,
    Escalation,
    Event,
    EventKind,
    Evidence,
    ExecutiveBrief,
    Finding,
    Hypothesis,
    Impact,
    Outcome,
    PostMortem,
    RootCause,
    Severity,
    Status,
    StatusUpdate,
    Suspect,
    Verdict,
    Verification,
)

ID = "INC-20260302-1015-ab12"
OPENED = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
PICTURE = "evidence/EC9-2-metrics.png"

IM, EC, SR = "Infrastructure Maintainer", "Evidence Collector", "Support Responder"


def at(minutes: float) -> datetime:
    """That many minutes after the opening."""
    return OPENED + timedelta(minutes=minutes)


def alert(title: str = "basket: more than half of all requests fail") -> Alert:
    """What came in."""
    return Alert(title=title, service="basket", starts_at=at(-1), severity_label="critical")


def evidence() -> list[Evidence]:
    """Four looks, one of them a picture, one that failed."""
    return [
        Evidence(
            id="IM2-1",
            tool="query_metrics",
            agent="infrastructure-maintainer",
            at=at(1),
            summary="basket errors rose from 0.01 to 0.62.",
            arguments={"component": "basket"},
            values={"looked_at": 120},
        ),
        Evidence(
            id="DA2-1",
            tool="list_changes",
            agent="devops-automator",
            at=at(1.3),
            summary="basket 4.2.0 was deployed 5 minutes before the alert.",
            values={"changes": [{"id": "dep-7", "version": "4.2.0"}]},
        ),
        Evidence(
            id="BA2-2",
            tool="search_logs",
            agent="backend-architect",
            at=at(1.6),
            summary="the log store does not answer",
            failed=True,
        ),
        Evidence(
            id="EC9-2",
            tool="picture_metrics",
            agent="evidence-collector",
            at=at(20),
            summary="Before and after: basket errors 0.01 to 0.62 (back).",
            pictures=(PICTURE,),
        ),
    ]


def diagnosis() -> Diagnosis:
    """A deployment, confirmed."""
    cause = RootCause(
        cause=Cause.DEPLOYMENT,
        component="basket",
        status=CauseStatus.CONFIRMED,
        confidence=0.93,
        introduced_at=at(-6),
        change="dep-7",
        statement="release 4.2.0 of basket fails on orders without a voucher",
        mechanism="bad_release",
        evidence=("IM2-1", "DA2-1"),
    )
    return Diagnosis(
        cause=cause,
        suspects=(
            Suspect(component="basket", score=8.2, evidence=("IM2-1",), reasons=("errors rose first here",)),
            Suspect(component="gateway", score=2.1),
        ),
        hypotheses=(
            Hypothesis(
                cause=Cause.DEPLOYMENT,
                component="basket",
                statement="the release broke it",
                test="did errors begin after it?",
                held=True,
                evidence=("DA2-1",),
            ),
            Hypothesis(
                cause=Cause.INFRASTRUCTURE,
                component="basket-db",
                statement="the database is full",
                test="is its disk full?",
                held=False,
            ),
        ),
    )


def post_mortem() -> PostMortem:
    """Five sections, one of whose answers is not known."""

    def known(text: str, *ids: str) -> Claim:
        return Claim(text=text, evidence=ids)

    return PostMortem(
        introduced=at(-6),
        detected=at(-1),
        resolved=at(50),
        duration_minutes=24,
        what_failed=known("basket answered 62 % of its requests with an error", "IM2-1"),
        why_it_failed=known("release 4.2.0 reads a voucher that most orders do not have", "DA2-1"),
        why_not_caught=Claim(text="the record does not say which tests ran before the release", known=False),
        five_whys=(
            known("Orders failed because basket raised an error.", "IM2-1"),
            known("It raised one because release 4.2.0 expects a voucher.", "DA2-1"),
            Claim(text="not in the record", known=False),
            Claim(text="not in the record", known=False),
            Claim(text="unknown", known=False),
        ),
        users=known("about 420 people a minute met an error", "IM2-1"),
        revenue=known("about 7,400 USD were at risk"),
        reputation=Claim(text="no measure of it was taken", known=False),
        data=known("no data was at risk"),
        prevention={
            "monitoring": (known("alert on basket's error share within a minute of a release", "IM2-1"),),
            "testing": (known("order without a voucher"),),
            "process": (known("release to one instance first"),),
        },
        action_items=(
            ActionItem(
                id="a1",
                action="Alert on errors after a release",
                owner="platform",
                deadline=at(60 * 24 * 7),
                kind="monitoring",
                reason="found 5 min late",
            ),
            ActionItem(id="a2", action="Test orders without a voucher", owner="shop", deadline=at(60 * 24 * 3), kind="testing"),
            ActionItem(
                id="a3", action="Release to one instance first", owner="platform", deadline=at(60 * 24 * 14), kind="process"
            ),
        ),
    )


def actions() -> list[ActionRecord]:
    """One rollback, approved and done."""
    action = Action(kind=ActionKind.ROLLBACK, target="basket", arguments={"to": "4.1.9"}, proposed_by="DevOps Automator")
    approval = Approval(digest=action.digest, verdict=Verdict.APPROVED, by="ada", at=at(9), expires_at=at(39))
    return [
        ActionRecord(
            id="act-1",
            attempt=1,
            action=action,
            by="DevOps Automator",
            approval=approval,
            started_at=at(10),
            ended_at=at(12),
            result=ActionResult.DONE,
            detail="4 of 4 instances",
            undo={"version": "4.2.0"},
        ),
    ]


def state(**more: Any) -> dict[str, Any]:
    """What the graph ends with, JSON all the way down."""
    classification = Classification(
        severity=Severity.P0,
        floor=Severity.P0,
        impact=Impact(users_affected=420, services=("basket",)),
        rationale="most requests fail",
        evidence=("IM2-1",),
    )
    finding = Finding(
        agent=IM, check="metrics", claim="errors of basket rose", evidence=("IM2-1",), component="basket", abnormal=True, at=at(2)
    )
    judged = Verification(
        agent=EC, attempt=1, passed=True, at=at(20), checks=(CheckResult(check="fix", passed=True, detail="errors are back"),)
    )
    item = BacklogItem(
        key="a1",
        rank=1,
        title="Alert on errors after a release",
        owner="platform",
        deadline=at(10080),
        severity=Severity.P0,
        score=6.0,
        incident=ID,
    )
    second = item.model_copy(update={"key": "a2", "rank": 2, "title": "Test orders without a voucher"})
    return {
        "incident": ID,
        "opened_at": OPENED.isoformat(),
        "alert": alert().model_dump(mode="json"),
        "classification": classification.model_dump(mode="json"),
        "status": Status.RESOLVED.value,
        "team": [IM, "DevOps Automator", "Backend Architect"],
        "findings": [finding.model_dump(mode="json")],
        "absences": [],
        "diagnosis": diagnosis().model_dump(mode="json"),
        "actions": [a.model_dump(mode="json") for a in actions()],
        "verifications": [judged.model_dump(mode="json")],
        "post_mortem": post_mortem().model_dump(mode="json"),
        "backlog": [second.model_dump(mode="json"), item.model_dump(mode="json")],
        "outcome": Outcome.RESOLVED.value,
        "ended_at": at(52).isoformat(),
        **more,
    }


def event(kind: EventKind, minutes: float, actor: str, text: str, **data: Any) -> Event:
    """One line of the record."""
    return Event(
        incident=ID, key=f"{kind.value}:{minutes}:{actor}:{text}", at=at(minutes), kind=kind, actor=actor, text=text, data=data
    )


def update(number: int, minutes: float, status: Status, following: float | None) -> Event:
    """One status update going out."""
    said = StatusUpdate(
        number=number,
        at=at(minutes),
        service="basket",
        status=status,
        impact="about 420 users a minute see errors in basket",
        current_action=status.meaning,
        next_update=None if following is None else at(following),
    )
    return event(
        EventKind.PUBLISHED, minutes, SR, f"status update {number}: {status.value}", status_update=said.model_dump(mode="json")
    )


def authored(minute: float, task: str, **more: Any) -> Event:
    """Who answered a task of the commander's."""
    signed = Authorship.model_validate({"agent": IM, "task": task, "by": Author.MODEL, "model": "m", "at": at(minute), **more})
    return event(EventKind.AUTHORED, minute, IM, f"{task} answered by {signed.by}", authorship=signed.model_dump(mode="json"))


def events() -> list[Event]:
    """The log, in order."""
    brief = ExecutiveBrief(
        number=1,
        at=at(2),
        situation="basket is down",
        cause="Under investigation",
        action="investigating, ETA unknown",
        impact="about 420 users a minute",
        next_update=at(15),
    )
    row = Escalation(
        rule="p0-30m",
        condition="P0 not resolved in 30 min",
        to="Studio Producer",
        at=at(30),
        asked="Additional resources",
        proposal="bring in the release engineer on call",
    )
    return [
        event(EventKind.OPENED, 0, IM, "alert acknowledged", alert={"title": alert().title}),
        event(EventKind.CLASSIFIED, 0.5, IM, "P0: most requests fail", severity="P0"),
        authored(0.5, "triage", calls=3, prompt_tokens=1200, cached_tokens=800, completion_tokens=300, cost_usd=0.02, claims=2),
        authored(0.5, "status_update", by=Author.RULES, why="m cannot be reached: HTTP 503"),
        event(EventKind.STATUS, 0.5, "NEXUS", "status: Investigating", status="Investigating"),
        update(1, 0.5, Status.INVESTIGATING, 15),
        event(EventKind.STARTED, 1, IM, f"{IM}: investigate", agent=IM, task="investigate"),
        event(
            EventKind.STARTED,
            1,
            "Backend Architect",
            "Backend Architect: investigate",
            agent="Backend Architect",
            task="investigate",
        ),
        event(
            EventKind.EVIDENCE,
            1,
            IM,
            "basket errors rose from 0.01 to 0.62.",
            evidence="IM2-1",
            tool="query_metrics",
            pictures=[],
        ),
        event(EventKind.PUBLISHED, 2, "Executive Summary Generator", "executive brief 1", brief=brief.model_dump(mode="json")),
        event(EventKind.FINDING, 2, IM, "errors of basket rose"),
        event(
            EventKind.ABSENT, 3, "Backend Architect", "Backend Architect gave no answer to investigate: took longer than 300 s"
        ),
        event(EventKind.DIAGNOSED, 6, IM, "confirmed: deployment in basket"),
        event(EventKind.STATUS, 6, IM, "status: Identified", status="Identified"),
        update(2, 6, Status.IDENTIFIED, 15),
        event(EventKind.ACTING, 10, "DevOps Automator", "rollback basket (to=4.1.9): 4 instances", undo={"version": "4.2.0"}),
        event(EventKind.ACTED, 12, "DevOps Automator", "rollback basket (to=4.1.9) done: 4 of 4 instances"),
        event(EventKind.EVIDENCE, 20, EC, "Before and after", evidence="EC9-2", tool="picture_metrics", pictures=[PICTURE]),
        event(EventKind.VERIFIED, 20, EC, "passed"),
        event(EventKind.STATUS, 20, IM, "status: Monitoring", status="Monitoring"),
        update(3, 20, Status.MONITORING, 30),
        event(EventKind.ESCALATED, 30, "Studio Producer", "P0 not resolved in 30 min", escalation=row.model_dump(mode="json")),
        event(EventKind.STATUS, 50, IM, "status: Resolved", status="Resolved"),
        update(4, 50, Status.RESOLVED, None),
        event(EventKind.CLOSED, 52, "NEXUS", "incident ended: resolved", outcome="resolved"),
    ]
