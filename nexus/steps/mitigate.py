"""Step 3, deciding: a plan by the cause's branch, each action dry-run and, where policy says so, approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from nexus.asking import ask
from nexus.casework import Case, actions_door, open_case, wait_until
from nexus.errors import ActionError, ActionRefused
from nexus.gate import exact, shown
from nexus.guards import check_action, check_dry_run, risk_of
from nexus.incident import (
    Action,
    ActionKind,
    Approval,
    DryRun,
    EventKind,
    Plan,
    RootCause,
    Step,
    Verdict,
    Verification,
)
from nexus.responder.answers import PlanAnswer
from nexus.runbook import Branch, branch_for, developer_for
from nexus.state import Context, Json, State, actions_of, diagnosis_of, dump, dumps, iso, now_of, plan_of
from nexus.world.actions import Actions

MOST_PATCHES = 3


def planner_of(context: Context, branch: Branch, component: str | None) -> str:
    """Who plans: the first agent of the branch that acts; for a code bug the developer of that side."""
    first = next((s.agent for s in branch.steps if s.role == "act"), branch.steps[0].agent)
    return first if first in context.library.agents else developer_of(context, component)


def developer_of(context: Context, component: str | None) -> str:
    """The Relevant Developer for a component."""
    service = context.world.catalog.get(component)
    return developer_for(context.library.runbook, service is not None and service.kind == "frontend")


async def plan(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """A plan whose every action is of the diagnosed branch, allowed to its proposer and dry-run; None when there is none."""
    context = runtime.context
    case = open_case(state, config, context, wait_until(now_of(state)))
    cause = diagnosis_of(state).cause
    branch = branch_for(context.library.runbook, cause.cause)
    if branch is None:
        return State(plan=None, now=iso(case.now), look_further=True)
    planner = planner_of(context, branch, cause.component)
    tried = {a.action.digest for a in actions_of(state)} - set(state.get("untried", []))
    excluded = sorted(tried | set(state.get("rejected", [])))
    ended, verifications, open_to_change = case.now, [], True
    for number in range(MOST_PATCHES):
        facts = {
            "cause": dump(cause),
            "branch": branch.model_dump(mode="json"),
            "attempt": state["attempt"] + 1,
            "excluded": excluded,
            "earlier_attempts": context.vault.masked(dumps(actions_of(state))),
        }
        asked = Case(context, state, case.node, case.step, ended)
        done = await ask(asked, planner, "plan", PlanAnswer, facts, suffix=f".{number}")
        ended = done.ended
        if done.answer is None or done.answer.plan is None:
            why = done.answer.why_none if done.answer else (done.absence.reason if done.absence else "")
            await case.record(EventKind.PLANNED, "NEXUS", f"no plan: {why}", {"plan": None}, key=str(number), at=ended)
            open_to_change = not any(e.failed and e.tool == "action_options" for e in done.seen)
            break
        checked = await _checked(case, done.answer.plan, cause, planner, ended)
        if isinstance(checked, ActionRefused):
            await case.record(EventKind.REFUSED, "NEXUS", str(checked), {}, key=str(number), at=ended)
            excluded += [a.digest for a in done.answer.plan.actions]
            continue
        patches = [a for a in checked.actions if a.kind is ActionKind.HOTFIX]
        if patches:
            tester = next((s.agent for s in branch.steps if s.role == "verify"), context.library.runbook.roles.commander)
            tested = Case(context, state, case.node, case.step, ended)
            verification, ended = await _test_patches(tested, tester, patches, number)
            verifications.append(verification)
            if not verification.passed:
                excluded += [a.digest for a in patches]
                continue
        title = context.library.agent(planner).title
        text = f"plan ({branch.cause.value} branch): " + "; ".join(str(a) for a in checked.actions)
        await case.record(EventKind.PLANNED, title, text, {"plan": dump(checked)}, key=str(number), at=ended)
        return State(plan=dump(checked), approvals=[], now=iso(ended), verifications=dumps(verifications))
    look_further = open_to_change and not state.get("rejected")
    return State(plan=None, now=iso(ended), verifications=dumps(verifications), look_further=look_further)


async def _checked(case: Case, answer: Plan, cause: RootCause, planner: str, at: datetime) -> Plan | ActionRefused:
    """The plan with each action's dry run, or why it is not allowed."""
    context = case.context
    runbook = context.library.runbook
    steps: list[Step] = []
    try:
        door = actions_door(context)
        for step in answer.steps:
            if step.action is None:
                steps.append(step)
                continue
            check_action(step.action, cause, runbook, context.library.agent(planner))
            action = exact(context, step.action)
            dry_run = await door.dry_run(action, at)
            check_dry_run(step.action, dry_run, runbook)
            offered = await _options(door, cause.component, at)
            rated = step.action.model_copy(update={"risk": risk_of(action, offered)})
            steps.append(step.model_copy(update={"action": rated, "dry_run": shown(context, dry_run)}))
    except ActionRefused as refused:
        return refused
    except ActionError as failed:
        return ActionRefused(failed.what, failed.remedy)
    return answer.model_copy(update={"steps": tuple(steps)})


async def _options(door: Actions, component: str | None, at: datetime) -> list[Action]:
    """What the world offers for that component; nothing where it cannot say."""
    try:
        return await door.options(component, at) if component else []
    except ActionError:
        return []


async def _test_patches(case: Case, tester: str, patches: list[Action], number: int) -> tuple[Verification, datetime]:
    """The branch's verifier tries each patch away from production before anything is released."""
    check = {"id": "test-patch", "text": "Verify the fix before it is released", "tool": "test_patch"}
    checks = [{**check, "arguments": {"patch": a.arguments.get("patch", "")}} for a in patches]
    facts = {"plan": None, "actions": dumps(patches), "checks": checks, "attempt": case.state["attempt"] + 1}
    done = await ask(case, tester, "verify", Verification, facts, suffix=f".{number}")
    title = case.context.library.agent(tester).title
    found = done.answer or Verification(agent=title, attempt=case.state["attempt"] + 1, passed=False, checks=(), at=done.ended)
    passed = len(found.checks) >= len(checks) and all(c.passed is True and set(c.evidence) & done.known for c in found.checks)
    verification = found.model_copy(update={"passed": passed})
    text = "patch passes its tests" if verification.passed else "patch fails its tests"
    await case.record(EventKind.TESTED, title, text, {"verification": dump(verification)}, key=str(number), at=done.ended)
    return verification, done.ended


@dataclass(frozen=True, slots=True)
class _Answered:
    """What a person made of one action."""

    approval: Approval
    step: Step


async def approve(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Ask where policy says ask, for all actions at once; an answer binds to the exact action."""
    context = runtime.context
    proposed = plan_of(state)
    assert proposed is not None
    began = now_of(state)
    expires = began + context.library.runbook.clocks.approval_expires
    asked = [s for s in proposed.steps if s.action is not None and _asks(context, state, s.action)]
    replies = interrupt({"kind": "approvals", "asked": [_request(s, began, expires) for s in asked]}) if asked else {}
    answers = iter(replies.get("answers", ()))
    now = began
    approvals: list[Approval] = []
    steps: list[Step] = []
    for step in proposed.steps:
        answered = None
        if step in asked:
            reply = next(answers)
            at = max(began, datetime.fromisoformat(reply["now"]))
            now = max(now, at)
            assert step.action is not None
            answered = await _amended(context, state, step, _approval_of(step.action, reply, expires, at))
        elif step.action is not None:
            answered = _Answered(_by_policy(step.action, began, expires), step)
        approvals += [answered.approval] if answered else []
        steps.append(answered.step if answered else step)
    case = open_case(state, config, context, now)
    await _record_answers(case, approvals, {s.action.digest: str(s.action) for s in (*proposed.steps, *steps) if s.action})
    refused = (Verdict.REJECTED, Verdict.EXPIRED)
    rejected = [action.digest for action, a in zip(proposed.actions, approvals, strict=True) if a.verdict in refused]
    return State(
        plan=dump(proposed.model_copy(update={"steps": tuple(steps)})),
        approvals=dumps(approvals),
        rejected=[*state.get("rejected", []), *rejected],
        now=iso(now),
    )


def _asks(context: Context, state: State, action: Action) -> bool:
    return context.library.runbook.asks(action.risk) != "auto" or bool(state.get("ask_always"))


def _request(step: Step, asked_at: datetime, expires: datetime) -> Json:
    """One action as a person is asked about it."""
    assert step.action is not None
    return {
        "kind": "approval",
        "action": dump(step.action),
        "digest": step.action.digest,
        "dry_run": dump(step.dry_run) if step.dry_run else None,
        "asked_at": iso(asked_at),
        "deadline": iso(expires),
    }


def _by_policy(action: Action, at: datetime, expires: datetime) -> Approval:
    return Approval(digest=action.digest, verdict=Verdict.APPROVED, by="policy", at=at, expires_at=expires, comment="low risk")


def _approval_of(action: Action, reply: Json, expires: datetime, now: datetime) -> Approval:
    verdict = Verdict(reply["verdict"])
    amended = Action.model_validate(reply["amended"]) if verdict is Verdict.AMENDED else None
    return Approval(
        digest=(amended or action).digest if reply.get("digest", action.digest) == action.digest else reply["digest"],
        verdict=verdict,
        by=reply.get("by", "unknown"),
        at=now,
        expires_at=expires,
        comment=reply.get("comment", ""),
        amended=amended,
    )


async def _amended(context: Context, state: State, step: Step, approval: Approval) -> _Answered:
    """An amended action takes the proposed one's place if it passes the same guards; else it is a rejection that says why."""
    if approval.amended is None:
        return _Answered(approval, step)
    planner = next((a for a in context.library.agents.values() if a.title == step.actor), None)
    try:
        agent = planner or context.library.agent(context.library.runbook.roles.commander)
        check_action(approval.amended, diagnosis_of(state).cause, context.library.runbook, agent)
        dry_run: DryRun = await actions_door(context).dry_run(exact(context, approval.amended), approval.at)
        check_dry_run(approval.amended, dry_run, context.library.runbook)
    except ActionError as refused:
        why = context.vault.mask(f"the amended action was refused: {refused}")
        return _Answered(approval.model_copy(update={"verdict": Verdict.REJECTED, "comment": why}), step)
    return _Answered(approval, step.model_copy(update={"action": approval.amended, "dry_run": shown(context, dry_run)}))


async def _record_answers(case: Case, approvals: list[Approval], named: Mapping[str, str]) -> None:
    for number, approval in enumerate(approvals):
        await case.record(
            EventKind.ANSWERED,
            approval.by,
            f"{approval.verdict.value}: {approval.amended or named.get(approval.digest, approval.digest)}"
            + (f" ({approval.comment})" if approval.comment else ""),
            {"approval": dump(approval)},
            key=str(number),
        )
