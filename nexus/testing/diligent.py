"""Diligent: a scripted model that does what the prompts ask: it looks with several tools at once, cites what it saw and submits.

It knows nothing but the request it is sent, so it shows what a willing model can make of the prompts; it is no measure of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus.testing.replies import Call, Say

_MARK = re.compile(r"⟦data (\w+) ([^⟧]*)⟧\n(.*?)\n⟦end \1⟧", re.DOTALL)
_JSON = re.compile(r"```json\n(.*?)\n```", re.DOTALL)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece of evidence as the prompt showed it."""

    id: str
    tool: str
    summary: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as a model reads it."""

    title: str
    user: str
    data: Mapping[str, Any]
    facts: Sequence[Any]
    seen: Sequence[Seen]
    tools: frozenset[str]
    turn: int

    def fact(self, name: str) -> Any:
        """The first value of that name in the task's JSON blocks; None where it is not."""
        return next((block[name] for block in self.facts if isinstance(block, dict) and name in block), None)

    def by(self, *tools: str) -> list[str]:
        """Ids of what those tools showed."""
        return [s.id for s in self.seen if s.tool in tools]


def sent(body: Mapping[str, Any]) -> Sent:
    """The request's body, read."""
    messages = body["messages"]
    user = next(m["content"] for m in messages if m["role"] == "user")
    whole = "\n".join(str(m["content"]) for m in messages if m["role"] in ("user", "tool"))
    data: dict[str, Any] = {}
    seen: dict[str, Seen] = {}
    for _, label, text in _MARK.findall(whole):
        kind, *rest = label.split()
        if kind == "facts":
            data = json.loads(text)
        elif kind == "evidence":
            seen[rest[0]] = Seen(rest[0], rest[1], text.splitlines()[0])
    title = _TITLE.search(user)
    return Sent(
        title=title.group(1) if title else "",
        user=user,
        data=data,
        facts=[json.loads(block) for block in _JSON.findall(user)],
        seen=[s for s in seen.values() if not s.summary.startswith("could not look")],
        tools=frozenset(t["function"]["name"] for t in body.get("tools", ())),
        turn=sum(m["role"] == "assistant" for m in messages),
    )


def _submit(**answer: Any) -> Say:
    return Say(calls=(Call("submit", answer),))


def _triage(task: Sent) -> Say:
    ids = [s.id for s in task.seen]
    return _submit(severity=task.data["floor"], rationale=f"By what was measured: {task.data['because']}.", evidence=ids[:8])


def _investigate(task: Sent) -> Say:
    if task.turn == 0:
        component = (task.fact("alert") or {}).get("service")
        looks = [
            Call(name, {"component": component})
            for name in ("search_logs", "query_metrics", "service_info")
            if name in task.tools
        ]
        if component and looks:
            return Say(calls=tuple(looks))
    checks = next((block for block in task.facts if isinstance(block, list) and block and "tool" in block[0]), [])
    findings = []
    for check in checks:
        shown = next((s for s in task.seen if s.tool == check["tool"]), None)
        if shown is not None:
            findings.append({"check": check["id"], "claim": shown.summary[:380], "abnormal": False, "evidence": [shown.id]})
    return _submit(findings=findings)


def _correlate(task: Sent) -> Say:
    tested = task.data.get("tested_by_rules") or []
    if not tested:
        ids = [s.id for s in task.seen]
        unknown = {
            "cause": "unknown",
            "component": None,
            "statement": "The evidence does not say.",
            "test": "none",
            "evidence": ids,
        }
        return _submit(explanations=[unknown])
    kept = ("cause", "component", "statement", "test", "held", "evidence")
    return _submit(explanations=[{**{k: h[k] for k in kept if k in h}, "test": h["test"][:380]} for h in tested[:3]])


def _plan(task: Sent) -> Say:
    options = task.data.get("options") or []
    wanted = task.data["rules_would"]
    number = next((o["option"] for o in options if o["action"] in wanted), None)
    return _submit(
        option=number, rationale="It reverses what the evidence holds responsible.", evidence=task.by("action_options", "dry_run")
    )


def _verify(task: Sent) -> Say:
    results = [
        {"check": c["text"], "passed": True, "detail": "as measured", "evidence": task.by(c["tool"])[-1:]}
        for c in task.fact("checks")
    ]
    return _submit(results=results)


def _status(task: Sent) -> Say:
    own = task.data["said_by_rules"]
    return _submit(impact=f"{own['impact']} We are sorry.", current_action=own["current_action"], evidence=[])


def _brief(task: Sent) -> Say:
    return _submit(**task.data["said_by_rules"], evidence=[])


def _escalate(task: Sent) -> Say:
    return _submit(proposal=task.data["said_by_rules"]["proposal"], evidence=[])


def _post_mortem(task: Sent) -> Say:
    own = task.data["said_by_rules"]

    def sentence(claim: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": claim["text"][:480], "evidence": claim.get("evidence", [])}

    owners = list((task.fact("owners") or {}).values())
    kinds = ("monitoring", "testing", "process", "infrastructure")
    measures = {kind: own["prevention"][kind][0]["text"][:280] for kind in kinds}
    items = [
        {"action": measures[kind][:220], "kind": kind, "owner": owners[0] if owners else "DevOps Automator", "due_days": days}
        for kind, days in zip(kinds, (7, 14, 14, 30), strict=True)
    ]
    return _submit(
        **{name: sentence(own[name]) for name in ("what_failed", "why_it_failed", "why_not_caught", "reputation")},
        five_whys=[sentence(why) for why in own["five_whys"]],
        **measures,
        action_items=items,
    )


def _backlog(task: Sent) -> Say:
    return _submit(items=[{"item": i["id"], "confidence": 0.7, "effort_weeks": 1.5} for i in task.fact("action_items") or []])


_TASKS: dict[str, Callable[[Sent], Say]] = {
    "Triage": _triage,
    "Investigate": _investigate,
    "Correlate": _correlate,
    "Plan": _plan,
    "Verify": _verify,
    "Status update": _status,
    "Executive brief": _brief,
    "Escalate": _escalate,
    "Post-mortem": _post_mortem,
    "Backlog": _backlog,
}


def diligent(body: Mapping[str, Any]) -> Say:
    """The reply to one request; a script for ModelServer. Raises KeyError for a prompt that it does not know."""
    task = sent(body)
    return _TASKS[task.title](task)
