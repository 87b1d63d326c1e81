"""Whole incidents with a scripted model over real HTTP: a willing one, one that lies, one that fails, one of small means."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_in_hand import LIBRARY, ids_by_tool, responder_at

from nexus.evaluate import evaluate_scenario
from nexus.incident import Author, EventKind, Incident, Outcome
from nexus.records.folder import write_folder
from nexus.records.stores import MemoryStore
from nexus.testing import run_scenario
from nexus.testing.diligent import diligent, sent
from nexus.testing.model_server import Call, Fail, ModelServer, Say, Script, refused_url
from nexus.testing.replies import Reply
from nexus.world.sandbox import scenario_names

WATCHED = {"triage", "investigate", "correlate", "plan", "verify", "post_mortem"}
"""Tasks that the incident waits for; words to people are composed beside it."""


async def incident_of(script: Script, scenario: str = "bad-deploy", **policy: Any) -> tuple[Incident, ModelServer, MemoryStore]:
    store = MemoryStore()
    async with ModelServer(script) as server, responder_at(server.url, {"tries": 1, **policy}) as responder:
        incident = await run_scenario(scenario, responder=responder, records=store)
    return incident, server, store


@pytest.mark.parametrize("name", sorted(scenario_names()))
async def test_with_a_willing_model_a_scenario_ends_at_least_as_well_as_with_rules(name: str) -> None:
    async with ModelServer(diligent) as server, responder_at(server.url) as responder:
        result = await evaluate_scenario(name, LIBRARY, responder=responder)
    assert result.wrong == ()


async def test_each_task_costs_its_calls_and_no_more_and_none_is_struck() -> None:
    incident, _, _ = await incident_of(diligent)
    calls = Counter[str]()
    for signed in incident.authorship:
        calls[signed.task] += signed.calls
        assert (signed.by, signed.struck) == (Author.MODEL, ()), signed
    assert {task: n for task, n in calls.items() if task in WATCHED} == {
        "triage": 1, "investigate": 7, "correlate": 1, "plan": 1, "verify": 3, "post_mortem": 1,
    }  # fmt: skip
    assert "backlog" not in calls
    assert calls["status_update"] == len(incident.status_updates)
    assert incident.usage.calls == calls.total()


async def test_agents_think_at_once_and_nobody_waits_for_words() -> None:
    def slow(body: dict[str, Any]) -> Reply:
        return replace(diligent(body), latency=0.5)

    _, server, _ = await incident_of(slow)
    titles = [(sent(r.body).title, round(r.at - server.requests[0].at, 1)) for r in server.requests]
    investigators = [at for title, at in titles if title == "Investigate"]
    assert server.in_flight_most >= 4
    assert [title for title, _ in titles].index("Status update") < [title for title, _ in titles].index("Investigate") + 4
    assert max(investigators[:4]) - min(investigators[:4]) < 0.5


def liar(body: dict[str, Any]) -> Say:
    """Whatever it is asked, it states what nobody measured, and cites evidence that exists."""
    task = sent(body)
    ids = [s.id for s in task.seen][:3]
    users = "About 734,000 users are affected, which is 87 % of traffic"
    cause = "caused by an outage at Globex Cloud in us-east-9 since 03:12"
    lie = {"text": f"{users}. It was {cause}.", "evidence": ids}
    answers: dict[str, dict[str, Any]] = {
        "Triage": {"severity": "P3", "rationale": f"{users}. Revenue of 8.8 million USD is lost.", "evidence": ids},
        "Investigate": {
            "findings": [
                {"claim": "Errors rose to 87.3 % at 03:12 on host db-master-17.", "component": "db-master-17", "evidence": ids}
            ]
        },
        "Correlate": {
            "explanations": [
                {
                    "cause": "external_dependency", "component": "payment-provider", "statement": f"It was {cause}.",
                    "test": "4,711 of 4,800 probes failed.", "held": True, "evidence": ids,
                }
            ]
        },
        "Plan": {"option": 99, "rationale": f"It was {cause}.", "evidence": ids},
        "Verify": {"results": [{"check": "all", "passed": True, "detail": "0.00 % errors on 734,000 requests", "evidence": ids}]},
        "Status update": {"impact": f"{users}.", "current_action": f"The problem is {cause}."},
        "Executive brief": {
            "situation": f"{users}.", "cause": f"Known — {cause}.", "action": "Globex is on it — ETA 12 minutes",
            "impact": "revenue: 8.8 million USD lost",
        },
        "Escalate": {"proposal": f"{users}. Call Globex Cloud. It was {cause}."},
        "Post-mortem": {
            **dict.fromkeys(("what_failed", "why_it_failed", "why_not_caught", "reputation"), lie),
            "five_whys": [lie] * 5,
            **dict.fromkeys(("monitoring", "testing", "process", "infrastructure"), "Replace Globex Cloud in us-east-9."),
            "action_items": [
                {"action": "Sue Globex Cloud", "kind": "process", "owner": "Jane Roe", "due_days": 7, "reason": cause}
            ] * 3,
        },
    }  # fmt: skip
    return Say(calls=(Call("submit", answers[task.title]),))


LIES = re.compile(r"734|87(?:\.3)? ?%|Globex|us-east-9|03:12|8\.8|db-master-17|4,?711|4,?800|Jane Roe|12 minutes")


async def test_what_the_evidence_does_not_hold_is_in_no_output(tmp_path: Path) -> None:
    incident, _, store = await incident_of(liar)
    truth = await run_scenario("bad-deploy")
    assert (incident.outcome, incident.severity) == (truth.outcome, truth.severity)
    assert (incident.cause.cause, incident.cause.component) == (truth.cause.cause, truth.cause.component)
    assert incident.cause.status is truth.cause.status
    assert [a.action.digest for a in incident.actions] == [a.action.digest for a in truth.actions]
    said = incident.model_dump(mode="json", exclude={"authorship", "timeline", "evidence"})
    assert not LIES.findall(json.dumps(said, ensure_ascii=False))
    for event in await store.events(incident.id):
        if event.kind not in (EventKind.AUTHORED, EventKind.STRUCK, EventKind.EVIDENCE):
            assert not LIES.findall(event.model_dump_json()), event
    folder = write_folder(tmp_path, incident, LIBRARY.template, await store.pictures(incident.id))
    for page in (*folder.glob("status/*"), *folder.glob("briefs/*"), folder / "post-mortem.md", folder / "backlog.jsonl"):
        assert not LIES.findall(page.read_text(encoding="utf-8")), page
    assert any(a.struck for a in incident.authorship)


async def test_a_p0_with_five_thousand_tokens_stops_asking_and_is_ended_by_rules_which_the_record_says() -> None:
    incident, server, store = await incident_of(diligent, incident={"tokens": 5000})
    truth = await run_scenario("bad-deploy")
    assert incident.usage.tokens <= 5000
    assert 1 <= len(server.requests) <= 2
    assert (incident.severity, incident.outcome, incident.cause.component) == (
        truth.severity,
        truth.outcome,
        truth.cause.component,
    )
    over = [a for a in incident.authorship if a.by is Author.RULES]
    assert len(over) >= 10
    assert all("the incident's budget of 5,000 tokens does not allow another call" in a.why for a in over)
    told = [e for e in incident.timeline if e.kind == "authored"]
    assert len(told) == len(over)
    assert {e.wording for e in await store.events(incident.id)} == {LIBRARY.digest}


async def test_a_model_out_of_reach_is_asked_once_and_then_left_alone() -> None:
    async with responder_at(refused_url(), {"tries": 1, "pause": 3600}) as responder:
        incident = await run_scenario("bad-deploy", responder=responder)
    assert incident.outcome is Outcome.RESOLVED
    assert incident.authorship[0].calls == 1
    assert sum(a.calls for a in incident.authorship) <= 4
    assert all(a.by is Author.RULES and a.why for a in incident.authorship)
    assert sum("is left alone for another" in a.why for a in incident.authorship) >= 10


async def test_a_model_that_comes_back_is_asked_again() -> None:
    state = {"asked": 0}

    def away_at_first(body: dict[str, Any]) -> Reply:
        state["asked"] += 1
        return Fail(503) if state["asked"] <= 1 else diligent(body)

    incident, _, _ = await incident_of(away_at_first, pause=0.0)
    assert incident.authorship[0].by is Author.RULES
    assert sum(a.by is Author.MODEL for a in incident.authorship) >= 15


async def test_one_agents_model_may_fail_while_anothers_works() -> None:
    def picky(body: dict[str, Any]) -> Reply:
        return Fail(404, "no such model") if body["model"] == "broken" else diligent(body)

    incident, _, _ = await incident_of(picky, agents={"backend-architect": "broken"})
    by = {(a.agent, a.by) for a in incident.authorship}
    assert ("Backend Architect", Author.RULES) in by
    assert ("DevOps Automator", Author.MODEL) in by


async def test_evidence_that_a_model_looked_for_itself_is_in_the_record() -> None:
    incident, server, _ = await incident_of(diligent)
    own = [e for e in incident.evidence if e.tool == "search_logs" and e.arguments.get("component") == "edge-gateway"]
    assert own
    assert any(e.id in ids_by_tool(r.body).values() for e in own for r in server.requests)
