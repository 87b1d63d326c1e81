"""Case: one incident run through the whole engine and held against what is expected, and the shares over many of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from nexus.embedded import handle
from nexus.incident import Incident, Word
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.responder.contract import Responder
from nexus.responder.rules import RulesResponder
from nexus.runbook import team_for
from nexus.world.open import Opened
from nexus.world.sandbox.scenario import Expectation


class CaseResult(Word):
    """One case; `rank` is the true component's place among the suspects, None when it is not there or not known."""

    id: str
    system: str
    passed: bool
    rank: int | None
    expected: dict[str, Any]
    got: dict[str, Any]
    seconds: float
    wrong: tuple[str, ...] = ()


class Summary(Word):
    """Shares over one system's cases: the true component at rank 1, up to 3, up to 5, and the right kind of cause."""

    n: int
    at1: float
    at3: float
    at5: float
    cause: float


class Evaluation(Word):
    """All cases, and a summary a system, never pooled."""

    cases: tuple[CaseResult, ...]
    summary: dict[str, Summary] = Field(default_factory=dict)


async def run_case(opened: Opened, library: Library, until: str | None = None, responder: Responder | None = None) -> Incident:
    """One incident in memory, every approval given; the rules answer unless another `responder` does."""
    alert = read_alert(json.dumps(opened.alert), now=opened.world.clock.now())
    return await handle(
        alert,
        library=library,
        world=opened.world,
        responder=responder or RulesResponder(),
        records=MemoryStore(),
        until=until,
    )


def got_of(incident: Incident) -> dict[str, Any]:
    """What is compared."""
    return {
        "severity": incident.severity.value if incident.severity else None,
        "cause": incident.cause.cause.value,
        "component": incident.cause.component,
        "status": incident.cause.status.value,
        "outcome": incident.outcome.value,
        "team": list(incident.team),
        "actions": [a.action.kind.value for a in incident.actions],
        "escalations": [e.to for e in incident.escalations],
    }


STEPS = (
    "opened",
    "classified",
    "diagnosed",
    "planned",
    "acting",
    "acted",
    "verified",
    "watched",
    "post_mortem",
    "backlog",
    "closed",
)
"""Kinds of event in the runbook's order; an incident may leave some out."""


def first_of_each(incident: Incident) -> list[str]:
    """The steps in the order in which each was first met."""
    return list(dict.fromkeys(e.kind for e in incident.timeline if e.kind in STEPS))


def in_order(steps: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether `wanted` is met in that order."""
    places = [steps.index(w) if w in steps else -1 for w in wanted]
    return -1 not in places and places == sorted(places)


def wrong_in(expect: Expectation, incident: Incident, library: Library, frontend: bool) -> list[str]:
    """What differs from the expectation, in words."""
    got = got_of(incident)
    wrong = [
        f"{name} is {got[name]}, not {' or '.join(v.value if hasattr(v, 'value') else str(v) for v in values)}"
        for name, values in (
            ("severity", expect.severity),
            ("cause", expect.cause),
            ("component", expect.component),
            ("status", expect.status),
            ("outcome", expect.outcome),
        )
        if values and got[name] not in [getattr(v, "value", v) for v in values]
    ]
    by_table = (
        [library.agent(m.agent).title for m in team_for(library.runbook, incident.severity, frontend)]
        if incident.severity
        else []
    )
    wanted_team = [library.agent(a).title if a in library.agents else a for a in expect.team] or by_table
    wrong += [f"{member} is not on the team" for member in wanted_team if member not in incident.team]
    if expect.actions is not None:
        wanted = [k.value for k in expect.actions]
        same = sorted(wanted) == sorted(got["actions"]) if expect.actions_in_any_order else wanted == got["actions"]
        wrong += [] if same else [f"actions are {got['actions']}, not {wanted}"]
    called = {library.agent(a).title if a in library.agents else a for a in expect.escalations}
    wrong += [f"{who} was not escalated to" for who in sorted(called - set(got["escalations"]))]
    steps = first_of_each(incident)
    order = expect.order or tuple(s for s in STEPS if s in steps)
    if not in_order(steps, order):
        wrong.append(f"steps came as {steps}, not {list(order)}")
    return wrong


def rank_of(incident: Incident, components: Sequence[str]) -> int | None:
    """The place of the first of these among the suspects, from 1; None when none is there."""
    places = [i for i, s in enumerate(incident.suspects, 1) if s.component in components]
    return places[0] if places else None


def summaries(cases: Sequence[CaseResult]) -> dict[str, Summary]:
    """By system: of the cases that name a component, the share at each rank; of those that name a cause, the share right."""
    systems: dict[str, Summary] = {}
    for system in sorted({c.system for c in cases}):
        own = [c for c in cases if c.system == system]
        placed = [c for c in own if c.expected.get("service") or c.expected.get("component")]
        causes = [c for c in own if c.expected.get("cause")]
        systems[system] = Summary(
            n=len(own),
            at1=_share([c.rank is not None and c.rank <= 1 for c in placed]),
            at3=_share([c.rank is not None and c.rank <= 3 for c in placed]),
            at5=_share([c.rank is not None and c.rank <= 5 for c in placed]),
            cause=_share([_cause_right(c) for c in causes]),
        )
    return systems


def _cause_right(case: CaseResult) -> bool:
    expected = case.expected["cause"]
    return case.got["cause"] in ([expected] if isinstance(expected, str) else list(expected))


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 3) if hits else 0.0


def finished(evaluation: Evaluation) -> bool:
    """Whether every case passed."""
    return all(c.passed for c in evaluation.cases)
