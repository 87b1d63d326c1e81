"""Routes: where the incident goes next, decided from the state alone; pure, each with its truth table as test."""

from __future__ import annotations

from typing import Literal

from nexus.incident import ActionResult, Cause, CauseStatus, Severity, Verdict
from nexus.state import State, actions_of, classification_of, diagnosis_of
from nexus.steps.verify import holds_fallback

AfterTriage = Literal["close_false_alarm", "backlog", "assign"]
AfterCorrelate = Literal["plan", "assign", "ask_people", "close_false_alarm"]
AfterAnswer = Literal["plan", "hand_over"]
AfterPlan = Literal["approve", "assign", "hand_over"]
AfterApprove = Literal["act", "plan"]
AfterAct = Literal["begin_verification", "undo", "find_out"]
AfterFindOut = Literal["begin_verification", "undo", "hand_over"]
AfterJudge = Literal["watch", "await_external", "reinstate", "undo", "assign", "hand_over"]
AfterUndo = Literal["assign", "hand_over"]
AfterRestore = Literal["begin_verification", "hand_over"]
AfterReinstate = Literal["await_external", "hand_over"]
AfterExternal = Literal["restore", "await_external", "hand_over"]
AfterWatch = Literal["watch", "post_mortem", "assign", "hand_over"]


def attempts_left(state: State) -> bool:
    """Whether another attempt may be made before people take over."""
    return state.get("attempt", 0) < state["limits"]["attempts"]


def unknown(state: State) -> bool:
    """Whether nobody knows what became of something that this attempt did."""
    return any(a.attempt == state["attempt"] and a.result is ActionResult.UNKNOWN for a in actions_of(state))


def after_triage(state: State) -> AfterTriage:
    """A false alarm ends, a P3 goes to the backlog, everything else is investigated."""
    classification = classification_of(state)
    if classification is not None and classification.false_alarm:
        return "close_false_alarm"
    if classification is not None and classification.severity is Severity.P3:
        return "backlog"
    return "assign"


def after_correlate(state: State) -> AfterCorrelate:
    """Act on a cause; without one look again while rounds are left, then ask people."""
    diagnosis = diagnosis_of(state)
    if diagnosis.nothing_wrong and not state.get("actions"):
        return "close_false_alarm"
    if diagnosis.cause.status is not CauseStatus.INCONCLUSIVE and diagnosis.cause.cause is not Cause.UNKNOWN:
        return "plan"
    if state["round"] < state["limits"]["rounds"]:
        return "assign"
    return "ask_people"


def after_answer(state: State) -> AfterAnswer:
    """A person named a cause, or nobody did."""
    answer = state.get("answer") or {}
    return "hand_over" if answer.get("choice", "hand_over") == "hand_over" else "plan"


def after_plan(state: State) -> AfterPlan:
    """Where nothing fits the diagnosis, look further back while rounds are left; else people take over."""
    if state.get("plan"):
        return "approve"
    return "assign" if state.get("look_further") and state["round"] < state["limits"]["rounds"] else "hand_over"


def after_approve(state: State) -> AfterApprove:
    """Every action approved, or a new plan without the ones that were not."""
    verdicts = {a["verdict"] for a in state.get("approvals", [])}
    return "act" if verdicts <= {Verdict.APPROVED.value, Verdict.AMENDED.value} else "plan"


def after_act(state: State) -> AfterAct:
    """What was done is verified; what failed half way is taken back; what nobody knows is found out first."""
    if unknown(state):
        return "find_out"
    results = {a.result for a in actions_of(state) if a.attempt == state["attempt"]}
    return "begin_verification" if results == {ActionResult.DONE} else "undo"


def after_find_out(state: State) -> AfterFindOut:
    """As after the action, now that a person has said; without an answer people take over."""
    route = after_act(state)
    return "hand_over" if route == "find_out" else route


def after_judge(state: State) -> AfterJudge:
    """Passed is watched (external causes wait for the other side first), partly is kept, failed is taken back."""
    verdict = state["verdict"]
    if state.get("phase") == "restore":
        return "watch" if verdict == "passed" else "reinstate"
    if verdict == "passed":
        return "await_external" if holds_fallback(state) else "watch"
    if verdict == "failed":
        return "undo"
    return "assign" if attempts_left(state) else "hand_over"


def after_undo(state: State) -> AfterUndo:
    """Three attempts, then people; at once where something could not be taken back."""
    return "assign" if attempts_left(state) and not unknown(state) else "hand_over"


def after_restore(state: State) -> AfterRestore:
    """Without the fallback all is verified; people take over where nobody knows whether it is off."""
    return "hand_over" if unknown(state) else "begin_verification"


def after_reinstate(state: State) -> AfterReinstate:
    """With the fallback on again the wait goes on; people take over where nobody knows whether it is on."""
    return "hand_over" if unknown(state) else "await_external"


def after_external(state: State) -> AfterExternal:
    """The other side is well, still down, or down for too long."""
    return {"recovered": "restore", "down": "await_external", "limit": "hand_over"}[state["external_verdict"]]  # type: ignore[return-value]  # values are the Literal's


def after_watch(state: State) -> AfterWatch:
    """Quiet goes on, done is learned from, a relapse is investigated again while attempts are left."""
    verdict = state["watch_verdict"]
    if verdict == "done":
        return "post_mortem"
    if verdict == "quiet":
        return "watch"
    return "assign" if attempts_left(state) else "hand_over"
