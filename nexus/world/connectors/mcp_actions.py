"""McpActions: tools of an MCP server that the world file declares as changes, with how each is read back and taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nexus.errors import ActionFailed, ActionUnknown, Unavailable
from nexus.incident import Action, ActionKind, DryRun, Risk
from nexus.world.connectors.command_change import LEAVES_NOTHING
from nexus.world.connectors.mcp_session import McpServer
from nexus.world.connectors.mcp_words import LONGEST, holds, line_of, text_of, value_of

_HOLE = re.compile(r"\{(target|state(?:\.[A-Za-z0-9_-]+)*)\}")


class ToolCall(BaseModel):
    """One tool with its arguments; `{target}` in them is the component."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)

    def filled(self, target: str, state: Any = None) -> tuple[str, dict[str, Any]]:
        """The tool and what it is called with. Raises ActionFailed where the state lacks a field."""
        return self.tool, {name: filled(value, target, state) for name, value in self.arguments.items()}


class StateCall(ToolCall):
    """The tool that reads what an action changes."""

    done: Any = Field(
        default=None, description="what it answers once the action is done: the fields with their values, or a part of its text"
    )


class DeclaredAction(ToolCall):
    """A tool that changes something."""

    kind: ActionKind
    targets: tuple[str, ...] = Field(min_length=1, description="the components that it is for")
    risk: Risk = Risk.MEDIUM
    state: StateCall | None = Field(
        default=None, description="reads what it changes; without it nobody can tell whether it was done"
    )
    undo: ToolCall | None = Field(
        default=None, description="takes it back; `{state}` and `{state.field}` are what was read before it"
    )

    @model_validator(mode="after")
    def _can_be_taken_back(self) -> DeclaredAction:
        early = [self.arguments, *((self.state.arguments, self.state.done) if self.state else ())]
        late = self.undo.arguments if self.undo and self.state is None else {}
        if any(hole.startswith("state") for hole in _holes([*early, late])):
            raise ValueError("{state} may stand in the arguments of `undo` only, and needs `state`")
        if self.undo is None and self.kind not in LEAVES_NOTHING and self.risk is not Risk.HIGH:
            raise ValueError(f"{self.tool} cannot be taken back: declare `undo`, or rate it `risk: high`")
        return self

    def action(self, target: str, title: str) -> Action:
        """The change, exactly."""
        reason = f"the tool {self.tool} of the MCP server {title}"
        return Action(kind=self.kind, target=target, arguments=self.filled(target)[1], risk=self.risk, reason=reason)


def _holes(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _HOLE.findall(value)
    elif isinstance(value, Mapping):
        yield from (hole for held in value.values() for hole in _holes(held))
    elif isinstance(value, list):
        yield from (hole for held in value for hole in _holes(held))


def filled(value: Any, target: str, state: Any) -> Any:
    """The value with its holes filled, each once; a text that is one hole becomes what fills it. Raises ActionFailed."""
    if isinstance(value, Mapping):
        return {name: filled(held, target, state) for name, held in value.items()}
    if isinstance(value, list):
        return [filled(held, target, state) for held in value]
    if not isinstance(value, str):
        return value
    whole = _HOLE.fullmatch(value)
    if whole:
        return _filling(whole[1], target, state)
    return _HOLE.sub(lambda found: str(_filling(found[1], target, state)), value)


def _filling(hole: str, target: str, state: Any) -> Any:
    if hole == "target":
        return target
    held = state
    for name in hole.split(".")[1:]:
        if not isinstance(held, Mapping) or name not in held:
            raise ActionFailed(f"what was read before has no {hole}", "mend `undo` in the world file")
        held = held[name]
    return held


class McpActions:
    """An ActionSource: only the exact actions that the world file declares."""

    def __init__(self, server: McpServer, declared: Sequence[DeclaredAction]) -> None:
        self._server = server
        self._known = {one.action(t, server.title).digest: (one, t) for one in declared for t in one.targets}

    async def options(self, component: str, at: datetime) -> list[Action]:  # noqa: ARG002 - the server knows only now
        """What is declared for that component and does not stand so already. Raises ActionFailed where that cannot be read."""
        mine = [(one, target) for one, target in self._known.values() if target == component]
        return [one.action(target, self._server.title) for one, target in mine if not await self._stands(one, target)]

    def owns(self, action: Action) -> bool:
        """Whether it is declared."""
        return action.digest in self._known

    async def dry_run(self, action: Action, at: datetime) -> DryRun:  # noqa: ARG002 - the server knows only now
        """Whether the server has the tools, and what stands now. Raises ActionFailed."""
        one, target = self._of(action)
        try:
            tools = await self._server.tools()
            missing = [call.tool for call in (one, one.state, one.undo) if call is not None and call.tool not in tools]
            if missing:
                return DryRun(ok=False, effect=f"the MCP server {self._server.title} has no tool {', '.join(missing)}")
            state = await self._read(one, target)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        undo = one.undo.filled(target, state) if one.undo else None
        told = f"calls {one.tool} of the MCP server {self._server.title}"
        told += f" (now: {line_of(str(state), 200)})" if one.state else " (what it changes cannot be read)"
        told += (
            f"; {undo[0]} takes it back"
            if undo
            else "; it leaves nothing to take back"
            if one.kind in LEAVES_NOTHING
            else "; it cannot be taken back"
        )
        return DryRun(
            ok=True, effect=told, touches=(target,), before={"action": action.digest, "undo": list(undo or ()), "state": state}
        )

    async def carry_out(self, action: Action) -> str:
        """Call its tool. Raises ActionFailed where it was certainly not done, ActionUnknown where it may be."""
        one, target = self._of(action)
        return await self._change(one, target, one.filled(target))

    async def take_back(self, before: Mapping[str, Any]) -> str:
        """Call the undo's tool. Raises ActionFailed, ActionUnknown."""
        one, target = self._of_digest(str(before["action"]), "what is to be taken back")
        if not before["undo"]:
            if one.kind in LEAVES_NOTHING:
                return "nothing to restore"
            raise ActionFailed(f"{one.tool} has no `undo`", "take it back by hand, and declare one in the world file")
        tool, arguments = before["undo"]
        return await self._change(one, target, (tool, arguments))

    async def is_done(self, action: Action) -> bool | None:
        """Whether its state reads as `done` says; None without one."""
        one, target = self._of(action)
        if one.state is None or one.state.done is None:
            return None
        try:
            return await self._stands(one, target)
        except ActionFailed:
            return None

    async def is_back(self, before: Mapping[str, Any]) -> bool | None:
        """Whether its state reads as it did before; None where it cannot be read."""
        one, target = self._of_digest(str(before["action"]), "what was taken back")
        if one.undo is None:
            return True if one.kind in LEAVES_NOTHING else None
        return None if one.state is None else await self._reads(one, target, before["state"])

    async def state(self, at: datetime) -> dict[str, Any]:  # noqa: ARG002 - the server knows only now
        """What each declared `state` reads, by tool and component. Raises ActionFailed."""
        read = {f"{one.state.tool} {target}": (one, target) for one, target in self._known.values() if one.state}
        try:
            return {name: await self._read(*what) for name, what in read.items()}
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error

    async def _stands(self, one: DeclaredAction, target: str) -> bool:
        if one.state is None or one.state.done is None:
            return False
        try:
            return holds(await self._read(one, target), filled(one.state.done, target, None))
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error

    def _of(self, action: Action) -> tuple[DeclaredAction, str]:
        return self._of_digest(action.digest, str(action))

    def _of_digest(self, digest: str, what: str) -> tuple[DeclaredAction, str]:
        found = self._known.get(digest)
        if found is None:
            raise ActionFailed(f"{what} is not declared for {self._server.title}", "put it back into the world file")
        return found

    async def _read(self, one: DeclaredAction, target: str) -> Any:
        """What stands now; None without `state`. Raises Unavailable, also where the tool itself fails."""
        if one.state is None:
            return None
        result = await self._server.call(*one.state.filled(target))
        if result.isError:
            said = line_of(text_of(result), 200)
            raise Unavailable(f"{one.state.tool} of the MCP server {self._server.title} fails ({said})", "mend `state`")
        value = value_of(result)
        if len(json.dumps(value, default=str)) > LONGEST:
            raise Unavailable(f"{one.state.tool} tells more than can be kept", "read less in `state`: only what is changed")
        return value

    async def _reads(self, one: DeclaredAction, target: str, expected: Any) -> bool | None:
        """Whether its state is exactly that; None where it cannot be read."""
        try:
            return bool(await self._read(one, target) == expected)
        except Unavailable:
            return None

    async def _change(self, one: DeclaredAction, target: str, call: tuple[str, dict[str, Any]]) -> str:
        """Call it; where it fails, the state before and after tells whether anything was done."""
        try:
            await self._server.ready()
            before = await self._read(one, target)
        except Unavailable as error:
            raise ActionFailed(error.what, error.remedy) from error
        try:
            result = await self._server.call(*call)
        except Unavailable as error:
            raise ActionUnknown(
                f"{call[0]} of the MCP server {self._server.title}: {error.what}", "look at it by hand"
            ) from error
        if not result.isError:
            return line_of(text_of(result))
        told = f"{call[0]} of the MCP server {self._server.title} fails ({line_of(text_of(result), 200)})"
        if one.state is not None and await self._reads(one, target, before):
            raise ActionFailed(told, "see what it needs; nothing was changed")
        raise ActionUnknown(told, "look at it by hand: it may have been done in part")
