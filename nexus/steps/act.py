"""Step 3, doing: act with the undo recorded first, take back what did not help, put a fallback back on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.casework import Case, actions_door, open_case
from nexus.errors import ActionError
from nexus.gate import exact
from nexus.guards import approval_key, check_approval, check_dry_run
from nexus.incident import ActionRecord, ActionResult, Approval, EventKind, Step
from nexus.state import Context, State, actions_of, dump, dumps, iso, plan_of


async def act(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Carry out the approved actions in order; the first that fails ends the attempt."""
    context = runtime.context
    case = open_case(state, config, context)
    proposed = plan_of(state)
    assert proposed is not None
    approvals = {a.digest: a for a in (Approval.model_validate(v) for v in state.get("approvals", []))}
    records = actions_of(state)
    used = {approval_key(r.approval) for r in records if r.approval}
    now = case.now
    for number, step in enumerate(proposed.steps):
        if step.action is None:
            continue
        key = f"{case.incident}-{state['attempt'] + 1}-{number}"
        record = await _carry_out(case, step, approvals.get(step.action.digest), now, used=used, key=key)
        records.append(record)
        if record.approval:
            used.add(approval_key(record.approval))
        now = record.ended_at or now
        if record.result is not ActionResult.DONE:
            break
    return State(actions=dumps(records), attempt=state["attempt"] + 1, now=iso(now), phase="fix")


async def _carry_out(
    case: Case, step: Step, approval: Approval | None, now: datetime, *, used: set[str], key: str
) -> ActionRecord:
    """One action: guards, a fresh dry run for its undo, the undo recorded, then the change."""
    assert step.action is not None
    action, context = step.action, case.context
    mask = context.vault.mask
    begun: dict[str, Any] = {
        "id": key,
        "attempt": case.state["attempt"] + 1,
        "action": action,
        "by": step.actor,
        "approval": approval,
        "started_at": now,
    }
    try:
        check_approval(action, approval, now, used)
        door = actions_door(context)
        true = exact(context, action)
        dry_run = await door.dry_run(true, now)
        check_dry_run(action, dry_run, context.library.runbook)
    except ActionError as refused:
        await case.record(EventKind.REFUSED, "NEXUS", str(refused), {"action": dump(action)}, key=key, at=now)
        return ActionRecord(**begun, ended_at=now, result=ActionResult.FAILED, detail=mask(str(refused)))
    undo = dry_run.before
    await case.record(
        EventKind.ACTING,
        step.actor,
        f"{action}: {dry_run.effect}",
        {"id": key, "action": dump(action), "undo": undo},
        key=key,
        at=now,
    )
    try:
        receipt = await door.apply(true, now, key)
    except ActionError as failed:
        await case.record(
            EventKind.ACTED, step.actor, f"{action} failed: {failed}", {"id": key, "result": "failed"}, key=key, at=now
        )
        return ActionRecord(**begun, ended_at=now, result=ActionResult.FAILED, detail=mask(str(failed)), undo=undo)
    lap = context.world.clock.lap(now)
    lap.spend(receipt.took)
    await case.record(
        EventKind.ACTED, step.actor, f"{action} done: {receipt.detail}", {"id": key, "result": "done"}, key=key, at=lap.now()
    )
    return ActionRecord(**begun, ended_at=lap.now(), result=ActionResult.DONE, detail=mask(receipt.detail), undo=undo)


async def undo(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Take back this attempt's actions, newest first."""
    context = runtime.context
    case = open_case(state, config, context)
    records, now = await _take_back(case, actions_of(state), state["attempt"])
    return State(actions=dumps(records), now=iso(now), round=0)


async def _take_back(case: Case, records: list[ActionRecord], attempt: int) -> tuple[list[ActionRecord], datetime]:
    now = case.now
    for index in reversed(range(len(records))):
        record = records[index]
        if record.attempt != attempt or record.result is not ActionResult.DONE:
            continue
        try:
            receipt = await actions_door(case.context).undo(record.undo, now, f"{record.id}-undo")
        except ActionError as failed:
            detail = case.context.vault.mask(f"could not be taken back: {failed}")
            changed: dict[str, Any] = {"result": ActionResult.UNKNOWN, "detail": detail}
            text = f"{record.action} could not be taken back: {failed}"
        else:
            lap = case.context.world.clock.lap(now)
            lap.spend(receipt.took)
            now = lap.now()
            changed = {"result": ActionResult.UNDONE, "undone_at": now}
            text = f"{record.action} taken back: {receipt.detail}"
        records[index] = record.model_copy(update=changed)
        await case.record(EventKind.UNDONE, record.by, text, {"id": record.id}, key=record.id, at=now)
    return records, now


async def restore(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """The other side has recovered: take the fallback back."""
    context = runtime.context
    case = open_case(state, config, context)
    records, now = await _take_back(case, actions_of(state), state["attempt"])
    return State(actions=dumps(records), now=iso(now), phase="restore")


async def reinstate(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Taking the fallback back went badly: put it on again as it was approved, and go on waiting."""
    context = runtime.context
    case = open_case(state, config, context)
    records = actions_of(state)
    now = case.now
    held = (ActionResult.DONE, ActionResult.UNDONE)
    last = {r.action.digest: r for r in records if r.attempt == state["attempt"] and r.result in held}
    for record in [r for r in last.values() if r.result is ActionResult.UNDONE]:
        key = f"{record.id}-again-{case.step}"
        begun = record.model_copy(update={"id": key, "started_at": now, "undone_at": None})
        again = {"id": key, "action": dump(record.action), "undo": record.undo}
        await case.record(EventKind.ACTING, record.by, f"{record.action} again", again, key=key, at=now)
        try:
            receipt = await actions_door(context).apply(exact(context, record.action), now, key)
        except ActionError as failed:
            failure = {"result": ActionResult.FAILED, "detail": context.vault.mask(str(failed)), "ended_at": now}
            records.append(begun.model_copy(update=failure))
            continue
        lap = context.world.clock.lap(now)
        lap.spend(receipt.took)
        now = lap.now()
        done = {"result": ActionResult.DONE, "detail": context.vault.mask(receipt.detail), "ended_at": now}
        records.append(begun.model_copy(update=done))
        await case.record(
            EventKind.ACTED, record.by, f"{record.action} again: the other side is not well yet", {"id": key}, key=key, at=now
        )
    return State(actions=dumps(records), now=iso(now), phase="fix")
