"""Whole incidents with a real model behind a real server: it can hardly use tools, and the incident goes on all the same."""

from __future__ import annotations

from typing import Any

import pytest
from model_in_hand import responder_at
from real_model import WINDOW, RealModel

from nexus.incident import Author, Incident, Outcome, Severity
from nexus.testing import run_scenario

pytestmark = pytest.mark.xdist_group("real_model")

LIMITED: dict[str, Any] = {
    "window": WINDOW,
    "answer_tokens": 256,
    "steps": 2,
    "looks": 2,
    "tries": 1,
    "call_seconds": 240.0,
    "task_seconds": 240.0,
    "seconds": {},
    "pause": 3600.0,
    "incident": {"steps": 2, "tokens": 30_000},
}
"""So much patience, and so few calls, that a busy machine changes nothing."""
WORDS_ONLY = dict.fromkeys(("investigate", "correlate", "plan", "verify", "post_mortem"), "rules")


async def incident_of(model: RealModel, scenario: str, **policy: Any) -> Incident:
    async with responder_at(model.url, {**LIMITED, "name": model.model, **policy}) as responder:
        return await run_scenario(scenario, responder=responder)


def on_time(incident: Incident) -> bool:
    """Whether every post but the last promised a next one, and that came when it was promised or earlier."""
    posts = incident.status_updates
    promised = [p.next_update for p in posts[:-1]]
    return all(at is not None and later.at <= at for at, later in zip(promised, posts[1:], strict=True))


async def test_a_p0_ends_well_though_the_model_cannot_use_tools(real_model: RealModel) -> None:
    incident = await incident_of(real_model, "bad-deploy")
    assert (incident.severity, incident.outcome) == (Severity.P0, Outcome.RESOLVED)
    assert on_time(incident)
    assert incident.usage.calls <= 2
    assert incident.usage.tokens <= 30_000
    assert incident.usage.completion_tokens > 0
    assert all(a.why for a in incident.authorship if a.by is Author.RULES)
    assert {a.model for a in incident.authorship} == {real_model.model}


async def test_a_p2_ends_well_and_the_record_says_what_came_from_the_model(calling_model: RealModel) -> None:
    incident = await incident_of(calling_model, "search-null", calls_only=True, tasks=WORDS_ONLY)
    assert (incident.severity, incident.outcome) == (Severity.P2, Outcome.RESOLVED)
    assert on_time(incident)
    assert incident.usage.calls <= 2
    assert incident.usage.tokens <= 30_000
    assert {a.by for a in incident.authorship} == {Author.MODEL, Author.RULES}
