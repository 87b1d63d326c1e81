"""Step 3, doing: act with the undo recorded first, take back what did not help, put a fallback back on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from nexus.casework import Case, actions_door, open_case
from nexus.change import Changed, made
from nexus.errors import ActionError
from nexus.gate import exact
from nexus.guards import approval_key, check_approval, check_dry_run
from nexus.incident import (
    Action,
    ActionRecord,
    ActionResult,
    Approval,
    Effect,
    EffectKind,
    EffectState,
    Event,
    EventKind,
    Step,
)
from nexus.state import Context, State, actions_of, dump, dumps, iso, plan_of
from nexus.world.actions import Receipt

RESULT = {EffectState.DONE: ActionResult.DONE, EffectState.FAILED: ActionResult.FAILED, EffectState.UNKNOWN: ActionResult.UNKNOWN}


async def act(state: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
    """Carry out the approved actions in order; the first that is not done ends the attempt."""
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
    """One action: guards, a fresh dry run for its undo, the undo recorded, then the change; after a crash, where it was left."""
    assert step.action is not None
    action, context = step.action, case.context
    begun: dict[str, Any] = {
        "id": key,
        "attempt": case.state["attempt"] + 1,
        "action": action,
        "by": step.actor,
        "approval": approval,
        "started_at": now,
    }
    earlier = await context.records.outbox.effect(case.incident, key)
    try:
        effect, effect_text = (earlier, "") if earlier else await _guarded(case, action, approval, now, used=used, key=key)
    except ActionError as refused:
        await case.record(EventKind.REFUSED, "NEXUS", str(refused), {"action": dump(action)}, key=key, at=now)
        return ActionRecord(**begun, ended_at=now, result=ActionResult.FAILED, detail=context.vault.mask(str(refused)))
    undo = effect.what["undo"]
    data = {"id": key, "action": dump(action), "undo": undo}
    acting = case.event(EventKind.ACTING, step.actor, f"{action}: {effect_text}", data, key=key, at=now)

    async def do() -> Receipt:
        check_approval(action, approval, now, used)
        return await actions_door(context).apply(exact(context, action), now, key)

    changed = await made(case, effect, do, lambda c: _acted(case, step.actor, action, key, c), acting)
    return ActionRecord(
        **begun,
        ended_at=changed.ended,
        result=RESULT[changed.state],
        detail=changed.detail,
        undo=undo,
        **_to_find_out(case, changed),
    )


async def _guarded(
    case: Case, action: Action, approval: Approval | None, now: datetime, *, used: set[str], key: str
) -> tuple[Effect, str]:
    """The action as an effect with its undo, and what it will do, once every guard has let it pass. Raises ActionError."""
    context = case.context
    check_approval(action, approval, now, used)
    dry_run = await actions_door(context).dry_run(exact(context, action), now)
    check_dry_run(action, dry_run, context.library.runbook)
    what = {"action": dump(action), "undo": dry_run.before}
    return Effect(incident=case.incident, key=key, kind=EffectKind.ACTION, at=now, what=what), dry_run.effect


def _acted(case: Case, actor: str, action: Action, key: str, changed: Changed) -> Event:
    """What the record says of an action's end."""
    told = {
        EffectState.DONE: f"{action} done: {changed.detail}" + (" (read back after an interruption)" if changed.again else ""),
        EffectState.FAILED: f"{action} failed: {changed.detail}",
        EffectState.UNKNOWN: f"it is not known whether {action} was carried out: {changed.detail}",
    }
    data = {"id": key, "result": RESULT[changed.state].value}
    return case.event(EventKind.ACTED, actor, told[changed.state], data, key=key, at=changed.ended)


def _to_find_out(case: Case, changed: Changed) -> dict[str, Any]:
    """Who has to find out what became of it, and until when."""
    if changed.state is not EffectState.UNKNOWN:
        return {}
    runbook = case.context.library.runbook
    return {"owner": runbook.roles.hand_over_to[0], "deadline": changed.ended + runbook.clocks.question_expires}


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
        key, undo = f"{record.id}-undo.{case.step}", record.undo
        effect = Effect(incident=case.incident, key=key, kind=EffectKind.UNDO, at=now, what={"id": record.id, "undo": undo})

        async def do(key: str = key, undo: dict[str, Any] = undo, at: datetime = now) -> Receipt:
            return await actions_door(case.context).undo(undo, at, key)

        def tell(changed: Changed, record: ActionRecord = record) -> Event:
            if changed.state is EffectState.DONE:
                text = f"{record.action} taken back: {changed.detail}"
            else:
                text = f"{record.action} could not be taken back: {changed.detail}"
            return case.event(EventKind.UNDONE, record.by, text, {"id": record.id}, key=record.id, at=changed.ended)

        changed = await made(case, effect, do, tell)
        now = max(now, changed.ended)
        if changed.state is EffectState.DONE:
            update: dict[str, Any] = {"result": ActionResult.UNDONE, "undone_at": now}
        else:
            stuck = Changed(EffectState.UNKNOWN, changed.detail, changed.ended, undo)
            update = {"result": ActionResult.UNKNOWN, "detail": f"could not be taken back: {changed.detail}"}
            update |= _to_find_out(case, stuck)
        records[index] = record.model_copy(update=update)
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
        data = {"id": key, "action": dump(record.action), "undo": record.undo}
        acting = case.event(EventKind.ACTING, record.by, f"{record.action} again", data, key=key, at=now)
        effect = Effect(
            incident=case.incident,
            key=key,
            kind=EffectKind.ACTION,
            at=now,
            what={"action": dump(record.action), "undo": record.undo},
        )

        async def do(record: ActionRecord = record, key: str = key, at: datetime = now) -> Receipt:
            return await actions_door(context).apply(exact(context, record.action), at, key)

        def tell(changed: Changed, record: ActionRecord = record, key: str = key) -> Event:
            done = changed.state is EffectState.DONE
            text = f"{record.action} again: " + ("the other side is not well yet" if done else changed.detail)
            return case.event(EventKind.ACTED, record.by, text, {"id": key}, key=key, at=changed.ended)

        changed = await made(case, effect, do, tell, acting)
        now = changed.ended
        update = {
            "id": key,
            "started_at": effect.at,
            "undone_at": None,
            "result": RESULT[changed.state],
            "detail": changed.detail,
        }
        records.append(record.model_copy(update={**update, "ended_at": now, **_to_find_out(case, changed)}))
    return State(actions=dumps(records), now=iso(now), phase="fix")
