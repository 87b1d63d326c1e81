"""Step 3, finding out: an action whose result the world cannot tell is put to a person, with an owner and a deadline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from nexus.casework import open_case
from nexus.incident import ActionRecord, ActionResult, EventKind
from nexus.state import Context, State, actions_of, dumps, iso, now_of

CARRIED_OUT = {"carried_out": ActionResult.DONE, "not_carried_out": ActionResult.FAILED}
"""A person's answers, and the result that each stands for; any other hands the incident over."""


async def find_out(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Ask what became of the action; silence until the deadline hands the incident over, with its owner."""
    records = actions_of(state)
    unknown = next(r for r in reversed(records) if r.attempt == state["attempt"] and r.result is ActionResult.UNKNOWN)
    asked = now_of(state)
    reply = interrupt(
        {
            "kind": "question",
            "text": f"Was this carried out: {unknown.action}? NEXUS was interrupted and cannot read it back ({unknown.detail}).",
            "choices": [*CARRIED_OUT, "hand_over"],
            "suspects": [],
            "owner": unknown.owner,
            "asked_at": iso(asked),
            "deadline": iso(unknown.deadline or asked),
        }
    )
    now = max(asked, datetime.fromisoformat(reply["now"]))
    case = open_case(state, config, runtime.context, now)
    choice, by = str(reply.get("choice", "hand_over")), str(reply.get("by", "nobody"))
    await case.record(EventKind.ANSWERED, by, f"{unknown.action}: {choice.replace('_', ' ')}", {"choice": choice})
    found = [_as_answered(r, choice, by, now) if r.id == unknown.id else r for r in records]
    untried = [unknown.action.digest] if CARRIED_OUT.get(choice) is ActionResult.FAILED else []
    return State(actions=dumps(found), untried=untried, answer={"choice": choice, "by": by}, now=iso(now))


def _as_answered(record: ActionRecord, choice: str, by: str, now: datetime) -> ActionRecord:
    result = CARRIED_OUT.get(choice)
    if result is None:
        return record
    known: dict[str, Any] = {"result": result, "detail": f"{by} says so", "ended_at": now, "owner": None, "deadline": None}
    return record.model_copy(update=known)
