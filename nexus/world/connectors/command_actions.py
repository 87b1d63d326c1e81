"""CommandActions: declared changes carried out by their commands; their state is read before and after, and believed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nexus.errors import ActionFailed, ActionUnknown
from nexus.incident import Action, DryRun
from nexus.world.connectors.command_change import LEAVES_NOTHING, CommandChange
from nexus.world.connectors.command_process import Programs, Ran
from nexus.world.connectors.command_readings import Readings
from nexus.world.connectors.command_template import BadValue
from nexus.world.gaps import note_gap

MOST_OPTIONS = 20
"""Of one declared change for one target."""
TOLD = 400
"""Characters of what a command said that go into the record."""


class CommandActions:
    """Changes by command, in the order of their declaration."""

    def __init__(self, changes: Sequence[CommandChange], programs: Programs) -> None:
        self._changes = {change.told.name: Readings(change, programs) for change in changes}

    async def options(self, component: str, at: datetime) -> list[Action]:  # noqa: ARG002 - commands know only now
        """What could be done about that component now. Raises ActionFailed where no declared change can tell."""
        mine = [one for one in self._changes.values() if component in one.change.told.targets]
        answers = await asyncio.gather(*(_offered(one, component) for one in mine))
        failures = [answer for answer in answers if isinstance(answer, ActionFailed)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        for failure in failures:
            note_gap(failure.what)
        return [action for answer in answers if not isinstance(answer, ActionFailed) for action in answer]

    def owns(self, action: Action) -> bool:
        """Whether it is one of the declared changes, with values that it takes."""
        return any(one.change.is_of(action) for one in self._changes.values())

    async def dry_run(self, action: Action, at: datetime) -> DryRun:  # noqa: ARG002 - same
        """What would happen, by the state that stands and the command's own dry run."""
        one, holes = self._found(action)
        change = one.change
        if not await one.can_be_done(holes):
            return DryRun(ok=False, effect=f"{change.told.name}: its own check says that it cannot be done now")
        state, argv = await one.state(holes), one.filled(change.run, holes)
        effect = change.told.description + _difference(action.target, state, one.wanted(holes))
        if change.undo is not None:
            one.filled(change.undo, holes | {"state": state or ""})
        if change.dry_run is None:
            effect += f"; it runs {json.dumps(argv)}"
        else:
            tried = await one.looked(change.dry_run, holes)
            if tried.status != 0:
                return DryRun(ok=False, effect=f"{change.told.name}: its dry run {tried.said}")
            effect += f"; its dry run says: {_told(tried)}"
        touches = tuple(dict.fromkeys((action.target, *change.told.touches)))
        return DryRun(ok=True, effect=effect, touches=touches, before=change.before(action, state))

    async def carry_out(self, action: Action) -> str:
        """Run it. Raises ActionFailed where the state shows that nothing changed, ActionUnknown where nothing shows it."""
        one, holes = self._found(action)
        before, wanted = await one.state(holes), one.wanted(holes)
        ran = await one.done(one.change.run, holes, action.digest)
        after = await one.settled(holes, wanted)
        if wanted is not None and after == wanted:
            return f"{action.target} stands at {after}" + (f"; {_told(ran)}" if ran.status == 0 else f", though it {ran.said}")
        if ran.status == 0 and (wanted is None or after is None):
            return _told(ran)
        if ran.status != 0 and after is not None and after == before:
            raise ActionFailed(f"{action}: it {ran.said}; {action.target} stands at {after} as before", "look at what it said")
        raise ActionUnknown(f"{action}: it {ran.said}; {_stands(action, after)}", "look at it by hand")

    async def take_back(self, before: Mapping[str, Any]) -> str:
        """Run the declared undo, unless what stood before stands already."""
        one, action, state = self._earlier(before)
        undo, holes = one.change.undo, _with_state(one.change.holes(action), state)
        if undo is None:
            if one.change.told.kind in LEAVES_NOTHING:
                return "nothing to restore"
            raise ActionFailed(f"{action} has no undo", "take it back by hand")
        if state is not None and await one.state(holes) == state:
            return f"{action.target} stands at {state} already"
        ran = await one.done(undo, holes, _undoing(action))
        after = await one.settled(holes, state)
        if state is not None and after == state:
            return f"{action.target} stands at {state} again"
        if ran.status == 0 and (state is None or after is None):
            return _told(ran)
        raise ActionUnknown(f"taking back {action}: it {ran.said}; {_stands(action, after)}", "take it back by hand")

    async def is_done(self, action: Action) -> bool | None:
        """Whether the state is what the change makes of it; None where that cannot be told."""
        one, holes = self._found(action)
        return await one.stands(one.change.run, holes, one.wanted(holes), action.digest)

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        """Whether what stood before stands again; None where that cannot be told."""
        one, action, state = self._earlier(before)
        if one.change.undo is None:
            return True if one.change.told.kind in LEAVES_NOTHING else None
        return await one.stands(one.change.undo, _with_state(one.change.holes(action), state), state, _undoing(action))

    async def state(self, at: datetime) -> dict[str, Any]:  # noqa: ARG002 - same
        """What every declared `state` prints for every target. Raises ActionFailed."""
        asked = [(one, target) for one in self._changes.values() if one.change.state for target in one.change.told.targets]
        states = await asyncio.gather(*(one.state({"target": target}) for one, target in asked))
        return {f"{one.change.told.name} {target}": state for (one, target), state in zip(asked, states, strict=True)}

    def _found(self, action: Action) -> tuple[Readings, dict[str, str]]:
        one = self._changes.get(str(action.arguments.get("command")))
        if one is None:
            raise ActionFailed(f"{action}: no such command is declared", "take exact arguments from action_options")
        try:
            return one, one.change.holes(action)
        except BadValue as error:
            raise ActionFailed(f"{action} cannot be done ({error})", "take exact arguments from action_options") from error

    def _earlier(self, before: Mapping[str, Any]) -> tuple[Readings, Action, str | None]:
        """The change that was made, and what stood before it."""
        one = self._changes.get(str(before.get("command")))
        if one is not None:
            action = one.change.action(str(before.get("target")), dict(before.get("arguments") or {}))
            if one.change.is_of(action):
                return one, action, before.get("state")
        raise ActionFailed(f"the command {before.get('command')} is not declared any more", "put it back into the world file")


async def _offered(one: Readings, target: str) -> list[Action] | ActionFailed:
    """That change for that target with every value that it can have, unless it stands so already."""
    holes = {"target": target}
    try:
        if not await one.can_be_done(holes):
            return []
        state, values = await one.state(holes), await one.values(holes)
        chosen = (dict(zip(values, some, strict=True)) for some in itertools.product(*values.values()))
        actions = [one.change.action(target, some) for some in chosen]
        return [a for a in actions if state is None or state != one.wanted(one.change.holes(a))][:MOST_OPTIONS]
    except ActionFailed as failed:
        return failed


def _with_state(holes: dict[str, str], state: str | None) -> dict[str, str]:
    return holes if state is None else holes | {"state": state}


def _undoing(action: Action) -> str:
    """The mark of the command that takes it back."""
    return f"{action.digest}-undo"


def _stands(action: Action, state: str | None) -> str:
    return "its state cannot be read" if state is None else f"{action.target} stands at {state}"


def _difference(target: str, state: str | None, wanted: str | None) -> str:
    if state is None:
        return ""
    if wanted is None:
        return f"; {target} stands at {state}"
    return f"; {target} stands at {state} already" if state == wanted else f"; {target} goes from {state} to {wanted}"


def _told(ran: Ran) -> str:
    return " ".join(ran.out.split())[:TOLD] or "it printed nothing"
