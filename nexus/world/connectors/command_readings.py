"""Readings: what a declared change's commands say of a target: can it be done, what stands, which values are there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from nexus.errors import ActionFailed
from nexus.world.connectors.command_change import CommandChange
from nexus.world.connectors.command_parameters import Value
from nexus.world.connectors.command_process import NotStarted, Programs, Ran, still_running
from nexus.world.connectors.command_template import BadValue, CommandTemplate

LOOK_SECONDS = 10.0
"""What `when`, `state`, `from` and `dry_run` may take."""
MOST_PRINTED = 20_000
PAUSE = 0.2

Holes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Readings:
    """The commands of one declared change. Every method raises ActionFailed where a command does not say."""

    change: CommandChange
    programs: Programs

    async def can_be_done(self, holes: Holes) -> bool:
        """What its own check says; it can be done where there is none."""
        if self.change.when is None:
            return True
        ran = await self.looked(self.change.when, holes)
        if ran.status not in {0, 1}:
            raise ActionFailed(f"{self.change.told.name}: its check {ran.said}", "it has to end with 0 for yes and 1 for no")
        return ran.status == 0

    async def values(self, holes: Holes) -> dict[str, list[Value]]:
        """Every value that each parameter can have now."""
        change = self.change
        found: dict[str, list[Value]] = {}
        for name, parameter in change.told.parameters.items():
            if name not in change.sources:
                found[name] = list(parameter.choices)
                continue
            ran = await self.looked(change.sources[name], holes)
            if ran.status != 0:
                raise ActionFailed(f"{change.told.name}: what prints {name} {ran.said}", "check that command")
            lines = [line.strip() for line in ran.out.splitlines() if line.strip()][: parameter.most]
            try:
                found[name] = [parameter.read(name, line, change.catalog) for line in lines]
            except BadValue as error:
                what = f"{change.told.name}: what prints {name} printed something else ({error})"
                raise ActionFailed(what, "check that command, or the parameter's `pattern`") from error
        return found

    def wanted(self, holes: Holes) -> str | None:
        """What `state` prints once it is done; None where that was not declared."""
        try:
            return None if self.change.becomes is None else _spelt(self.change.becomes.filled(holes))
        except BadValue as error:
            raise ActionFailed(f"{self.change.told.name}: {error}", "take exact arguments from action_options") from error

    async def state(self, holes: Holes) -> str | None:
        """What stands now; None where no command prints it."""
        if self.change.state is None:
            return None
        ran = await self.looked(self.change.state, holes)
        if ran.status != 0:
            raise ActionFailed(f"{self.change.told.name}: what prints its state {ran.said}", "check that command")
        return _one_line(self.change, ran)

    async def settled(self, holes: Holes, wanted: str | None) -> str | None:
        """The state once it is what is wanted, or as it is when that takes too long; None where it cannot be read."""
        until = time.monotonic() + self.change.told.settles
        while True:
            try:
                state = await self.state(holes)
            except ActionFailed:
                state = None
            if wanted is None or state == wanted or self.change.state is None or time.monotonic() >= until:
                return state
            await asyncio.sleep(PAUSE)

    async def stands(self, template: CommandTemplate, holes: Holes, wanted: str | None, mark: str) -> bool | None:
        """Whether the state is what is wanted, once that command, left over from a dead process, has ended; None: unknown."""
        if await still_running(self.filled(template, holes), mark, self.change.told.timeout):
            return None
        if wanted is None:
            return None
        try:
            return await self.state(holes) == wanted
        except ActionFailed:
            return None

    async def looked(self, template: CommandTemplate, holes: Holes) -> Ran:
        """One of its commands that change nothing, run to its end."""
        return await self._ran(template, holes, LOOK_SECONDS, "")

    async def done(self, template: CommandTemplate, holes: Holes, mark: str) -> Ran:
        """One of its commands that change something, run to its end; the mark is in its environment."""
        return await self._ran(template, holes, self.change.told.timeout, mark)

    def filled(self, template: CommandTemplate, holes: Holes) -> list[str]:
        """That command's arguments."""
        try:
            return template.filled(holes)
        except BadValue as error:
            raise ActionFailed(f"{self.change.told.name}: {error}", "take exact arguments from action_options") from error

    async def _ran(self, template: CommandTemplate, holes: Holes, seconds: float, mark: str) -> Ran:
        argv = self.filled(template, holes)
        try:
            return await self.programs.run(argv, seconds=seconds, most=MOST_PRINTED, mark=mark)
        except NotStarted as error:
            raise ActionFailed(f"{self.change.told.name}: {error}", "check the program in the world file") from error


def _one_line(change: CommandChange, ran: Ran) -> str:
    """What was printed as one line."""
    text = _spelt(ran.out)
    if not text or "\n" in text or ran.left_out:
        what = "more than one line" if text else "nothing"
        raise ActionFailed(f"{change.told.name}: what prints its state printed {what}", "have it print one line, or JSON")
    return text


def _spelt(text: str) -> str:
    """JSON in one spelling, so that equal states are equal texts; other text as it is."""
    text = text.strip()
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) if text[:1] in {"{", "["} else text
    except ValueError:
        return text
