"""Desk: where one agent, in one task, uses its tools; every use becomes Evidence with an id minted here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from nexus.errors import NotAllowed, ToolError
from nexus.incident import Authorship, Evidence, Word
from nexus.library import Agent
from nexus.masking import Vault
from nexus.spans import tool_span
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look, Tool
from nexus.world.clock import Lap
from nexus.world.gaps import collecting

Keep = Callable[[Evidence, dict[str, bytes]], Awaitable[None]]
"""Where evidence and its pictures (file name to PNG) go."""
Recall = Callable[[], Awaitable[Sequence[Evidence]]]
"""All evidence of the incident so far."""
Spent = Callable[[], Awaitable[Sequence[Authorship]]]
"""All answers of the incident so far, also those that other processes had from models."""


async def nothing_spent() -> Sequence[Authorship]:
    """An incident of which nobody knows any answer."""
    return ()


def initials(agent: str) -> str:
    """`infrastructure-maintainer` becomes `IM`."""
    return "".join(part[0] for part in re.split(r"[-_ ]+", agent) if part).upper()


class Desk:
    """`seen` holds all evidence that this task brought in, in order; `signed` who answered it.

    Secrets in what a tool returns are replaced by the vault's placeholders before anybody sees them; a placeholder that comes
    back as an argument reaches the tool as the secret it stands for.
    """

    def __init__(
        self,
        agent: Agent,
        look: Look,
        lap: Lap,
        keep: Keep,
        prefix: str,
        *,
        vault: Vault,
        recall: Recall,
        spent: Spent = nothing_spent,
        free: bool = False,
    ) -> None:
        self.agent = agent
        self.look = look
        self.vault = vault
        self.recall = recall
        self.spent = spent
        self.seen: list[Evidence] = []
        self.signed: list[Authorship] = []
        self._lap = lap
        self._keep = keep
        self._prefix = f"{initials(agent.name)}{prefix}"
        self._minted = 0
        self._free = free
        self._given: dict[str, Tool] = {}

    @property
    def lap(self) -> Lap:
        """The agent's own time."""
        return self._lap

    @property
    def prefix(self) -> str:
        """What the id of each of its looks begins with."""
        return f"{self._prefix}-"

    @property
    def tools(self) -> dict[str, Tool]:
        """What the agent may use here: its front matter's tools, and those it was given besides."""
        return {name: TOOLS[name] for name in self.agent.tools} | self._given

    def give(self, *tools: Tool) -> None:
        """Let the agent use further tools in this task; one that has a shipped tool's name is called own_NAME."""
        named = (replace(tool, name=f"own_{tool.name}") if tool.name in TOOLS else tool for tool in tools)
        self._given |= {tool.name: tool for tool in named}

    @property
    def given(self) -> dict[str, Tool]:
        """What it was given besides its front matter's tools."""
        return dict(self._given)

    def sign(self, authorship: Authorship) -> None:
        """Say who answered the task."""
        self.signed.append(authorship)

    async def use(self, tool: str, **arguments: Any) -> Evidence:
        """Run a tool. What could not be looked at is Evidence too, marked `failed`; nothing is raised."""
        return (await self.use_together([(tool, arguments)]))[0]

    async def use_together(self, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Evidence]:
        """Run tools at once, in the time of one; their evidence in the order of the calls."""
        if not self._free:
            self._lap.spend(self.look.world.look_takes)
        look = replace(self.look, at=self._lap.now())
        first = self._minted + 1
        self._minted += len(calls)
        looks = (self._use(f"{self._prefix}-{first + n}", tool, dict(given), look) for n, (tool, given) in enumerate(calls))
        brought = await asyncio.gather(*looks)
        for evidence, pictures in brought:
            self.seen.append(evidence)
            await self._keep(evidence, pictures)
        return [evidence for evidence, _ in brought]

    async def _use(self, name: str, tool: str, arguments: dict[str, Any], look: Look) -> tuple[Evidence, dict[str, bytes]]:
        values: dict[str, Any] = {}
        pictures: dict[str, bytes] = {}
        failed = False
        with tool_span(tool, name) as mark:
            try:
                with collecting() as gaps:
                    summary, values, pictures = await self._run(tool, arguments, look)
                summary = " ".join([summary, *(f"({gap})" for gap in gaps)])
            except ToolError as error:
                summary, failed = str(error), True
                mark.fail(type(error).__name__)
        kept = {f"evidence/{name}-{file}": png for file, png in pictures.items()}
        evidence = Evidence(
            id=name,
            tool=tool,
            agent=self.agent.name,
            arguments=self.vault.masked(arguments),
            at=look.at,
            summary=self.vault.mask(summary),
            values=self.vault.masked(values),
            failed=failed,
            pictures=tuple(kept),
        )
        return evidence, kept

    async def _run(self, name: str, arguments: dict[str, Any], look: Look) -> tuple[str, dict[str, Any], dict[str, bytes]]:
        tool = self.tools.get(name)
        if tool is None:
            raise NotAllowed(f"{self.agent.name} may not use {name}", "its front matter lists " + ", ".join(self.agent.tools))
        try:
            parsed: Word = tool.arguments.model_validate(self.vault.revealed(arguments))
        except ValidationError as error:
            raise ToolError(
                f"{name}: {error.errors()[0]['msg']}", f"arguments are {tool.arguments.model_json_schema()}"
            ) from error
        seen = await tool.run(look, parsed)
        return seen.reading.summary, seen.reading.model_dump(mode="json", exclude={"summary"}), seen.pictures
