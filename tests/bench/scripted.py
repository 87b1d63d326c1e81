"""Scripted: what the benchmark's model answers; it knows nothing but the request, so every implementation meets the same one.

A plain request, as the floor and the peer send it, has its tools called once each and then gets the answer that its schema's
name asks for. A request of NEXUS's is answered as the diligent model answers, after the looks that the workload gives that task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nexus.testing.diligent import Sent, diligent, sent
from nexus.testing.replies import Call, Say

_LOOKS = ("query_metrics", "search_logs", "service_info", "list_changes", "action_options", "dry_run")
"""What an investigator looks at further: the first three of these that it has; none repeats a check of the runbook."""
_TEXT = "The release of eight minutes before the alert fails for most baskets, and nothing else moved at that time."


def reply_to(body: Mapping[str, Any]) -> Say:
    """The reply to one request. Raises KeyError for one that is not of the workload."""
    if "response_format" in body:
        return _plain(body)
    task = sent(body)
    looks = _looks(task) if task.turn == 0 else ()
    if looks:
        return Say(calls=looks)
    return _found(task) if task.title == "Investigate" else diligent(body)


def _plain(body: Mapping[str, Any]) -> Say:
    if body.get("tools") and body["messages"][-1]["role"] != "tool":
        return Say(calls=tuple(Call(tool["function"]["name"], {"component": "checkout"}) for tool in body["tools"]))
    return Say(json.dumps(ANSWERS[body["response_format"]["json_schema"]["name"]]))


def _looks(task: Sent) -> tuple[Call, ...]:
    """Three of an investigator, one of the planner and of each verifier, as the reference workload has it."""
    if task.title == "Investigate":
        names = [name for name in _LOOKS if name in task.tools][:3]
        return tuple(Call(name, _arguments(name)) for name in names)
    if task.title == "Plan":
        return (Call("dry_run", task.data["options"][0]["dry_run"]),)
    return (Call("query_metrics", _arguments("query_metrics")),) if task.title == "Verify" else ()


def _found(task: Sent) -> Say:
    """A finding for each of the first checks; of many, a prompt lists the first and says how many more there are."""
    listed = next((block for block in task.facts if isinstance(block, list) and block and "tool" in block[0]), [])
    findings = [
        {"check": check["id"], "claim": seen.summary[:380], "abnormal": False, "evidence": [seen.id]}
        for check in listed[:5]
        for seen in [next((s for s in task.seen if s.tool == check["tool"]), None)]
        if seen is not None
    ]
    return Say(calls=(Call("submit", {"findings": findings}),))


def _arguments(name: str) -> dict[str, Any]:
    if name == "dry_run":
        return {"kind": "rollback", "target": "checkout", "arguments": {"to": "2.3.9"}}
    return {"component": "checkout"}


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "Triage": {"severity": "P1", "rationale": _TEXT, "services": ["checkout"]},
    "Findings": {
        "findings": [
            {"check": f"check-{n}", "claim": _TEXT, "abnormal": n == 1, "component": "checkout", "evidence": [f"E-{n}"]}
            for n in range(1, 4)
        ]
    },
    "Diagnosis": {
        "cause": "deployment", "component": "checkout", "confidence": 0.8, "statement": _TEXT, "evidence": ["E-1", "E-2"],
        "ruled_out": ["infrastructure", "external_dependency"],
    },
    "Plan": {"action": "rollback", "target": "checkout", "version": "2.3.9", "rationale": _TEXT, "evidence": ["E-3"]},
    "Verification": {"passed": True, "checks": [{"check": "errors are normal", "passed": True, "detail": _TEXT}]},
    "PostMortem": {
        "what_failed": _TEXT, "why_it_failed": _TEXT, "why_not_caught": _TEXT, "five_whys": [_TEXT] * 5,
        "action_items": [{"action": _TEXT, "owner": "shop", "due_days": days} for days in (7, 14, 30)],
    },
}  # fmt: skip
"""The final answers of the plain workload, by the name of their schema."""
