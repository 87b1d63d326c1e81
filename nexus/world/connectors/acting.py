"""Acting: the world's one door for changes, over all its action sources, with a journal of what was begun and what was done."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from nexus.errors import ActionFailed, ActionUnknown
from nexus.incident import Action, DryRun
from nexus.world.actions import Receipt
from nexus.world.connectors.contract import ActionSource
from nexus.world.follower import Follower
from nexus.world.gaps import note_gap
from nexus.world.journal import Journal


@dataclass(frozen=True, slots=True)
class Ordered:
    """A change as the journal keeps it; `done` is what the system said, None while nobody knows."""

    kind: Literal["apply", "undo"]
    what: dict[str, Any]
    done: str | None = None
    took: float = 0.0


class JournaledActions:
    """Each change is written down before it begins and when it is done, so that another process can say what became of it."""

    def __init__(self, sources: Mapping[str, ActionSource], journal: Journal) -> None:
        self._sources = sources
        self._ordered: dict[str, Ordered] = {}
        self._follower = Follower(journal, {"action": self._take_in})
        self._changing = asyncio.Lock()

    async def options(self, component: str, at: datetime) -> list[Action]:
        """Every source's options, in the sources' order. Raises ActionFailed where none can tell."""
        answers = await asyncio.gather(*(_or_failure(s.options(component, at)) for s in self._sources.values()))
        failures = [a for a in answers if isinstance(a, ActionFailed)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        for failure in failures:
            note_gap(failure.what)
        return [option for answer in answers if not isinstance(answer, ActionFailed) for option in answer]

    async def dry_run(self, action: Action, at: datetime) -> DryRun:
        """What its source says would happen; `before` names the source, which takes it back."""
        name, source = self._owner(action)
        outcome = await source.dry_run(action, at)
        return outcome.model_copy(update={"before": {"by": name, "state": outcome.before}})

    async def apply(self, action: Action, at: datetime, key: str) -> Receipt:
        """Carry it out; the same `key` again gives the first receipt."""
        _, source = self._owner(action)
        return await self._made(key, at, Ordered("apply", action.model_dump(mode="json")), lambda: source.carry_out(action))

    async def undo(self, undo: dict[str, Any], at: datetime, key: str) -> Receipt:
        """Restore what `DryRun.before` held; the same `key` again changes nothing."""
        source, state = self._taker(undo)
        return await self._made(key, at, Ordered("undo", dict(undo)), lambda: source.take_back(state))

    async def find(self, key: str, at: datetime) -> Receipt | None:  # noqa: ARG002 - the journal is not a matter of time
        """What became of a change that was ordered under that key. Raises ActionUnknown where that cannot be told."""
        await self._follower.refresh()
        ordered = self._ordered.get(key)
        if ordered is None:
            return None
        return _receipt(ordered) if ordered.done is not None else await self._read_back(key, ordered)

    async def state(self, at: datetime) -> dict[str, Any]:
        """Everything that the sources can change, by source."""
        states = await asyncio.gather(*(source.state(at) for source in self._sources.values()))
        return dict(zip(self._sources, states, strict=True))

    async def refresh(self) -> None:
        """Take in what other processes ordered and did."""
        await self._follower.refresh()

    async def _made(self, key: str, at: datetime, order: Ordered, do: Callable[[], Awaitable[str]]) -> Receipt:
        async with self._changing:
            found = await self.find(key, at)
            if found is not None:
                return found
            await self._note(key, "begun", order)
            began = time.monotonic()
            said = await do()
            return await self._done(key, order, said, time.monotonic() - began)

    async def _read_back(self, key: str, ordered: Ordered) -> Receipt | None:
        if ordered.kind == "apply":
            action = Action.model_validate(ordered.what)
            what, stands = str(action), await self._owner(action)[1].is_done(action)
        else:
            source, state = self._taker(ordered.what)
            what, stands = "taking the change back", await source.is_back(state)
        if stands is None:
            raise ActionUnknown(f"whether {what} was done before the interruption cannot be read back", "look at it by hand")
        return await self._done(key, ordered, f"{what}: done before the interruption", 0.0) if stands else None

    async def _done(self, key: str, order: Ordered, said: str, took: float) -> Receipt:
        done = Ordered(order.kind, order.what, said, took)
        await self._note(key, "done", done)
        return _receipt(done)

    async def _note(self, key: str, phase: str, ordered: Ordered) -> None:
        body = {"key": key, "kind": ordered.kind, "what": ordered.what, "done": ordered.done, "took": ordered.took}
        await self._follower.add(f"action/{phase}/{key}", json.dumps(body))

    def _take_in(self, body: str) -> None:
        told = json.loads(body)
        key = told.pop("key")
        self._ordered[key] = Ordered(**told)

    def _owner(self, action: Action) -> tuple[str, ActionSource]:
        owners = ((name, source) for name, source in self._sources.items() if source.owns(action))
        found = next(owners, None)
        if found is None:
            raise ActionFailed(f"no connector carries out {action}", "ask for the options again, or connect what can do it")
        return found

    def _taker(self, undo: Mapping[str, Any]) -> tuple[ActionSource, Mapping[str, Any]]:
        source, state = self._sources.get(str(undo.get("by"))), undo.get("state")
        if source is None or not isinstance(state, Mapping):
            raise ActionFailed(f"no connector takes back what {undo.get('by')} did", "put the connector back into the world file")
        return source, state


def _receipt(ordered: Ordered) -> Receipt:
    return Receipt(ordered.done or "", timedelta(seconds=ordered.took))


async def _or_failure(options: Awaitable[Sequence[Action]]) -> Sequence[Action] | ActionFailed:
    try:
        return await options
    except ActionFailed as error:
        return error
