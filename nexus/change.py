"""Change: one change to the world, made once: written down before, read back after a crash, never repeated blindly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nexus.casework import Case, actions_door
from nexus.errors import ActionError, ActionUnknown
from nexus.incident import Effect, EffectState, Event
from nexus.state import iso
from nexus.world.actions import Receipt


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a change; `undo` is the state before it, as it was written down first. `again`: it was read back."""

    state: EffectState
    detail: str
    ended: datetime
    undo: dict[str, Any]
    again: bool = False


async def made(
    case: Case,
    effect: Effect,
    do: Callable[[], Awaitable[Receipt]],
    tell: Callable[[Changed], Event],
    begun: Event | None = None,
) -> Changed:
    """Make the change, and record what became of it.

    Where somebody began it before and died on the way, the world is asked what became of it: it is made only if it was
    certainly not made, and is UNKNOWN where the world cannot say.
    """
    context = case.context
    earlier = await context.records.outbox.begin(effect, *([begun] if begun else []))
    if earlier is None and begun is not None:
        context.heard(begun)
    if earlier is not None and earlier.state is not EffectState.BEGUN:
        return _as_it_was_left(earlier)
    standing = earlier or effect
    changed = await _attempted(case, standing, do, again=earlier is not None)
    result = {"detail": changed.detail, "ended": iso(changed.ended), "again": changed.again}
    settled = standing.model_copy(update={"state": changed.state, "result": result})
    for event in await context.records.outbox.settle(settled, tell(changed)):
        context.heard(event)
    return changed


async def _attempted(case: Case, effect: Effect, do: Callable[[], Awaitable[Receipt]], *, again: bool) -> Changed:
    undo = effect.what.get("undo", {})
    lap = case.context.world.clock.lap(effect.at)
    try:
        found = await actions_door(case.context).find(effect.key, lap.now()) if again else None
        receipt = found or await do()
    except ActionUnknown as unknown:
        return Changed(EffectState.UNKNOWN, case.context.vault.mask(str(unknown)), lap.now(), undo)
    except ActionError as failed:
        return Changed(EffectState.FAILED, case.context.vault.mask(str(failed)), lap.now(), undo)
    lap.spend(receipt.took)
    return Changed(EffectState.DONE, case.context.vault.mask(receipt.detail), lap.now(), undo, again=found is not None)


def _as_it_was_left(effect: Effect) -> Changed:
    result = effect.result
    ended = datetime.fromisoformat(result["ended"])
    return Changed(effect.state, result["detail"], ended, effect.what.get("undo", {}), result["again"])
