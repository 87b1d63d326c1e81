"""Bulletins: status updates and executive briefs as text: own wording around figures of the record, and nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from nexus.grounding.harm import asks
from nexus.incident import Action, ActionKind, Cause, CauseStatus, Classification, Impact, Plan, RootCause, Status

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,59}")
_PARTS = re.compile(r"[ ._/-]+")
_HOST = re.compile(r"\.[A-Za-z]|\bwww\b|//")
MOST_PARTS = 6
"""Words of a name, of which at most one stands after a space; what has more is a sentence."""
MOST_DIGITS = 5
"""Figures in a name; what has more may be dialled."""
_SECRET = re.compile(r"[A-Za-z0-9+/_-]{32,}|\b(?:sk|pk|ghp|AKIA|xox[a-z])[-_A-Z0-9][A-Za-z0-9_-]{10,}")

_DOING = {
    ActionKind.ROLLBACK: "rolling back {}",
    ActionKind.RESTART: "restarting {}",
    ActionKind.SCALE: "giving {} more capacity",
    ActionKind.FAILOVER: "moving {} to healthy ground",
    ActionKind.FALLBACK: "switching to the fallback for {}",
    ActionKind.FLAG: "switching off a feature of {}",
    ActionKind.HOTFIX: "releasing a correction of {}",
    ActionKind.LIMIT: "limiting harmful traffic to {}",
    ActionKind.ROTATE: "replacing a credential of {}",
}
_CAUSES = {
    Cause.DEPLOYMENT: "a release or configuration change of {}",
    Cause.INFRASTRUCTURE: "an infrastructure problem at {}",
    Cause.CODE_BUG: "a software defect in {}",
    Cause.EXTERNAL_DEPENDENCY: "an outage at a provider, {}",
}
_DESCRIBED = (CauseStatus.CONFIRMED, CauseStatus.LIKELY)


UNNAMED = "one of our services"


def component_name(name: str | None) -> str:
    """A component's name as the public may read it; what does not look like a name, or says something, is not repeated."""
    return name if name is not None and _is_name(name) else UNNAMED


def _is_name(name: str) -> bool:
    """Whether it is a name and nothing else: no address, no number to dial, no secret, no request; anybody may choose a label."""
    if not _NAME.fullmatch(name) or _SECRET.search(name) or _HOST.search(name):
        return False
    parts = [part for part in _PARTS.split(name) if part]
    if len(parts) > MOST_PARTS or name.count(" ") > 1 or sum(c.isdigit() for c in name) > MOST_DIGITS:
        return False
    return asks(" ".join(parts), "", frozenset(part.casefold() for part in parts)) is None


def _listed(names: Iterable[str], most: int = 3) -> str:
    shown = list(dict.fromkeys(component_name(n) for n in names))
    if not shown:
        return "our service"
    rest = len(shown) - most
    if rest > 0:
        return f"{', '.join(shown[:most])} and {rest} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def percent_text(share: float) -> str:
    """A share as whole percent, never rounded to none or to all."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def people_text(impact: Impact) -> str:
    """Who is affected: `about 420 users a minute (63 % of traffic)`; unknown is said."""
    users, share = impact.users_affected, impact.share_of_traffic
    many = "an unknown number of users" if users is None else f"about {users:,} users a minute"
    return many + (f" ({percent_text(share)} of traffic)" if share else "")


def _trouble(classification: Classification, past: bool) -> str:
    """What users meet, in one clause."""
    impact, signals = classification.impact, classification.signals
    where = _listed(impact.services)
    failing = signals.get("errors") in {"elevated", "majority"} or signals.get("availability") in {"down", "degraded"}
    slow = {"tenfold": "more than ten times as long as usual", "elevated": "longer than usual"}.get(signals.get("latency", ""))
    if failing or (impact.users_affected or 0) > 0:
        people = people_text(impact)
        return f"{people} {'saw' if past else 'see'} errors in {where}"
    if slow:
        return f"requests to {where} {'took' if past else 'take'} {slow}"
    well = impact.users_affected == 0 and signals.get("errors") == "normal"
    people = (
        f"no failing requests of users {'were' if past else 'are'} measured"
        if well
        else "the number of users affected is unknown"
    )
    return f"{where} {'did' if past else 'does'} not behave as usual; {people}" if impact.services else people


def impact_text(classification: Classification | None, status: Status = Status.INVESTIGATING) -> str:
    """Public: what users meet, or met once a fix is in place; unknown is said as unknown."""
    if classification is None:
        return "Impact on users is not known yet."
    if classification.false_alarm:
        return "No effect on users was found."
    past = status in {Status.MONITORING, Status.RESOLVED}
    parts = [("Before the fix, " if past else "") + _trouble(classification, past)]
    impact = classification.impact
    if impact.user_data_affected:
        parts.append("whether personal data is affected is being assessed")
    elif impact.data_at_risk:
        parts.append("some data was at risk" if past else "some data is at risk")
    if impact.breach_suspected:
        parts.append("a possible security incident is being examined")
    return _sentence("; ".join(parts))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def cause_text(cause: RootCause) -> str:
    """Known or Under investigation, and in a few words what, as far as the evidence carries."""
    if cause.cause is Cause.UNKNOWN or cause.status not in _DESCRIBED:
        return "Under investigation"
    what = _CAUSES[cause.cause].format(component_name(cause.component))
    since = f", since {cause.introduced_at:%H:%M} UTC" if cause.introduced_at else ""
    if cause.status is CauseStatus.CONFIRMED:
        return f"Known — {what}{since}"
    return f"Under investigation — most likely {what}{since}"


def doing_text(actions: Iterable[Action]) -> str:
    """Actions as what we are doing: `rolling back checkout and restarting cart`."""
    said = list(dict.fromkeys(_DOING[a.kind].format(component_name(a.target)) for a in actions))
    return " and ".join(said if len(said) <= 2 else [*said[:2], f"{len(said) - 2} more"])


def _watching(cause: RootCause, doing: str) -> str:
    if cause.cause is Cause.EXTERNAL_DEPENDENCY:
        return f"We are working around {component_name(cause.component)} and watching for its recovery."
    return f"The fix ({doing}) is in place; we are watching that it holds." if doing else "We are watching that the fix holds."


def _fixing(doing: str, waiting: bool) -> str:
    if doing:
        return _sentence(f"we are ready for {doing} and wait for an approval" if waiting else f"we are {doing}")
    return "The cause is known; a decision is awaited." if waiting else "The cause is known; we are preparing a fix."


def _looking(cause: RootCause, waiting: bool) -> str:
    if waiting:
        return "We are investigating; a decision of the people on call is awaited."
    if cause.cause is not Cause.UNKNOWN and cause.status in _DESCRIBED and cause.component:
        return f"We are investigating, most closely {component_name(cause.component)}."
    return "We are investigating the cause."


def current_action_text(
    status: Status, classification: Classification | None, cause: RootCause, plan: Plan | None, waiting_for: str | None
) -> str:
    """Public: what we are doing about it. `waiting_for` only tells that somebody has to decide; its words are not repeated."""
    doing = doing_text(plan.actions) if plan else ""
    if status is Status.RESOLVED:
        if classification is not None and classification.false_alarm:
            return "None: nothing was found to be wrong, and nothing was changed."
        return "None: the service is back to normal and the incident is closed."
    if status is Status.MONITORING:
        return _watching(cause, doing)
    if status is Status.IDENTIFIED:
        return _fixing(doing, waiting_for is not None)
    return _looking(cause, waiting_for is not None)


def next_update_text(moment: datetime | None) -> str:
    """When to expect the next update; none follows a resolution."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "none, this was the last update"


def status_text(
    status: Status, classification: Classification | None, cause: RootCause, plan: Plan | None, waiting_for: str | None
) -> tuple[str, str]:
    """The status update's impact and current action; safe to publish."""
    return impact_text(classification, status), current_action_text(status, classification, cause, plan, waiting_for)


def situation_text(status: Status, classification: Classification | None, service: str) -> str:
    """[Service] is [down/degraded] affecting [N users / % of traffic]."""
    name = component_name(service)
    if classification is None:
        return f"{name} has an incident whose extent is not known yet"
    if classification.false_alarm:
        return f"{name} works as usual; the alert was a false alarm"
    if status is Status.RESOLVED:
        return f"{name} is back to normal"
    if status is Status.MONITORING:
        return f"{name} has a fix in place and is being watched"
    signals = classification.signals
    down = signals.get("availability") == "down"
    poor = signals.get("availability") == "degraded" or signals.get("errors") in {"elevated", "majority"}
    state = "down" if down else "degraded" if poor or signals.get("latency") in {"elevated", "tenfold"} else "under investigation"
    return f"{name} is {state}, affecting {people_text(classification.impact)}"


def business_text(classification: Classification | None, status: Status = Status.INVESTIGATING) -> str:
    """Revenue, users, data and reputation, each only as far as the record knows it."""
    if classification is None:
        return "Revenue, users and reputation: not known yet"
    impact = classification.impact
    figure = impact.revenue_per_hour
    revenue = "unknown" if figure is None else f"about {figure:,.0f} USD an hour at risk" if figure else "none at risk"
    parts = [f"revenue: {revenue}", f"users: {people_text(impact)}"]
    if impact.breach_suspected:
        parts.append("security: a breach is suspected")
    if impact.user_data_affected:
        parts.append("data: personal data affected")
    elif impact.data_at_risk is not None:
        parts.append("data: at risk" if impact.data_at_risk else "data: safe")
    parts.append("reputation: not measured")
    past = status in {Status.MONITORING, Status.RESOLVED}
    return _sentence(("before the fix, " if past else "") + "; ".join(parts)).removesuffix(".")


def brief_text(  # noqa: PLR0917 - the brief's own parts, in the order of its template
    status: Status,
    classification: Classification | None,
    cause: RootCause,
    plan: Plan | None,
    service: str,
    eta_minutes: int | None,
) -> tuple[str, str, str, str]:
    """SITUATION, CAUSE, ACTION with its ETA, and IMPACT: together at most 120 words. `eta_minutes` None: not known."""
    action = current_action_text(status, classification, cause, plan, None).removesuffix(".")
    if status is not Status.RESOLVED:
        action += " — ETA " + ("unknown" if eta_minutes is None else f"{eta_minutes} minutes")
    return situation_text(status, classification, service), cause_text(cause), action, business_text(classification, status)
