"""Desk: where one agent, in one task, uses its tools; every use becomes Evidence with an id minted here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from nexus.errors import NotAllowed, ToolError
from nexus.incident import Evidence, Word
from nexus.library import Agent
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look
from nexus.world.clock import Lap

Keep = Callable[[Evidence, dict[str, bytes]], Awaitable[None]]
"""Where evidence and its pictures (file name to PNG) go."""


def initials(agent: str) -> str:
    """`infrastructure-maintainer` becomes `IM`."""
    return "".join(part[0] for part in re.split(r"[-_ ]+", agent) if part).upper()


class Desk:
    """`seen` holds all evidence that this task brought in, in order."""

    def __init__(self, agent: Agent, look: Look, lap: Lap, keep: Keep, prefix: str, *, free: bool = False) -> None:
        self.agent = agent
        self.seen: list[Evidence] = []
        self._look = look
        self._lap = lap
        self._keep = keep
        self._prefix = f"{initials(agent.name)}{prefix}"
        self._free = free

    @property
    def lap(self) -> Lap:
        """The agent's own time."""
        return self._lap

    async def use(self, tool: str, **arguments: Any) -> Evidence:
        """Run a tool. What could not be looked at is Evidence too, marked `failed`; nothing is raised."""
        number = len(self.seen) + 1
        if not self._free:
            self._lap.spend(self._look.world.look_takes)
        look = replace(self._look, at=self._lap.now())
        values: dict[str, Any] = {}
        pictures: dict[str, bytes] = {}
        failed = False
        try:
            summary, values, pictures = await self._run(tool, arguments, look)
        except ToolError as error:
            summary, failed = str(error), True
        evidence = Evidence(
            id=f"{self._prefix}-{number}",
            tool=tool,
            agent=self.agent.name,
            arguments=arguments,
            at=look.at,
            summary=summary,
            values=values,
            failed=failed,
            pictures=tuple(f"evidence/{self._prefix}-{number}-{name}" for name in pictures),
        )
        self.seen.append(evidence)
        await self._keep(evidence, {f"evidence/{self._prefix}-{number}-{name}": png for name, png in pictures.items()})
        return evidence

    async def _run(self, name: str, arguments: dict[str, Any], look: Look) -> tuple[str, dict[str, Any], dict[str, bytes]]:
        if name not in self.agent.tools:
            raise NotAllowed(f"{self.agent.name} may not use {name}", "its front matter lists " + ", ".join(self.agent.tools))
        tool = TOOLS[name]
        try:
            parsed: Word = tool.arguments.model_validate(arguments)
        except ValidationError as error:
            raise ToolError(
                f"{name}: {error.errors()[0]['msg']}", f"arguments are {tool.arguments.model_json_schema()}"
            ) from error
        seen = await tool.run(look, parsed)
        return seen.reading.summary, seen.reading.model_dump(mode="json", exclude={"summary"}), seen.pictures
