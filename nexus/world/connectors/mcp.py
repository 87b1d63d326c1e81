"""Mcp: the tools of a Model Context Protocol server: those that only read are looks, those that are declared are actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from mcp.types import Tool
from pydantic import Field, SecretStr, model_validator

from nexus.errors import ToolError, Unavailable, WorldError
from nexus.masking.environment import secrets_of
from nexus.world.connectors.contract import Connector, ConnectorSettings, Proof, Site
from nexus.world.connectors.http import place_of
from nexus.world.connectors.mcp_actions import DeclaredAction, McpActions, ToolCall
from nexus.world.connectors.mcp_door import reached, started
from nexus.world.connectors.mcp_session import McpServer, Patience
from nexus.world.connectors.mcp_words import NAME, description_of, line_of, name_of, schema_of, text_of
from nexus.world.looks import CustomLook

FEWEST = 8
"""Characters that what a header or a query says has at least to count as a secret."""


class Settings(ConnectorSettings):
    """An MCP server, started here or reached over HTTP."""

    use: Literal["mcp"]
    command: str = Field(default="", description="the program that is the server, over its standard streams")
    args: tuple[str, ...] = Field(default=(), repr=False, description="its arguments; a secret belongs into `env`")
    env: dict[str, SecretStr] = Field(
        default_factory=dict, description="its environment, besides HOME, PATH, USER, SHELL, TERM and LOGNAME"
    )
    url: str = Field(default="", repr=False, description="the server's address, over streamable HTTP")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="sent with every request, say Authorization")
    start: float = Field(default=60.0, gt=0, le=600, description="seconds in which a session must be open")
    timeout: float = Field(default=30.0, gt=0, le=600, description="seconds for each answer")
    agents: frozenset[str] = Field(default=frozenset(), description="who may use its tools; not given: all that look")
    tools: tuple[str, ...] = Field(
        default=(), description="the tools that are looks; not given: those that the server calls read-only"
    )
    probe: ToolCall | None = Field(
        default=None, description="the look by which `nexus doctor` proves it, where each needs arguments"
    )
    actions: tuple[DeclaredAction, ...] = Field(default=(), description="the tools that are changes")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either `command` or `url`")
        if (self.url and (self.env or self.args)) or (self.command and self.headers):
            raise ValueError("`args` and `env` go with `command`, `headers` with `url`")
        return self

    @property
    def changing(self) -> frozenset[str]:
        """The tools that change something."""
        undo = (action.undo.tool for action in self.actions if action.undo)
        return frozenset((*(action.tool for action in self.actions), *undo))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: what headers and the address's query say, and what the environment's names call secret."""
        address = urlsplit(self.url)
        values = [*(value.get_secret_value() for value in self.headers.values()), address.password or ""]
        values += [value for _, value in parse_qsl(address.query)]
        parts = [part for value in values for part in (value, *value.split()) if len(part) >= FEWEST]
        named = secrets_of({name: value.get_secret_value() for name, value in self.env.items()})
        return tuple(dict.fromkeys((*parts, *(secret for secret, _ in named))))


def connect(settings: Settings, site: Site) -> Connector:
    """The connector. Raises WorldError for a component that the catalog does not have."""
    known = {service.name for service in site.catalog}
    strange = next((t for action in settings.actions for t in action.targets if known and t not in known), None)
    if strange is not None:
        raise WorldError(f"{settings.title}: the catalog has no component {strange}", "name its `targets` as the catalog does")
    twice = [a.action(t, settings.title).digest for a in settings.actions for t in a.targets]
    if len(twice) != len(set(twice)):
        raise WorldError(f"{settings.title}: two actions are the same to those who approve them", "let their arguments differ")
    server = _server(settings, site)
    looking = _Looking(settings, server)
    return Connector(
        name=settings.title,
        prove=looking.prove,
        close=server.close,
        secrets=settings.secrets,
        actions=McpActions(server, settings.actions) if settings.actions else None,
        more_looks=looking.looks,
    )


def _server(settings: Settings, site: Site) -> McpServer:
    if settings.url:
        headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        door = reached(settings.url, headers, settings.timeout)
    else:
        environment = {name: value.get_secret_value() for name, value in settings.env.items()}
        door = started(settings.command, settings.args, environment, site.folder)

    def hide(text: str) -> str:
        for secret in sorted(settings.secrets, key=len, reverse=True):
            text = text.replace(secret, "[secret]")
        return text

    check = f"check `url` ({place_of(settings.url)}) and `headers`" if settings.url else "check `command`, `args` and `env`"
    return McpServer(settings.title, door, Patience(settings.start, settings.timeout), hide, f"{check} in the world file")


def is_look(tool: Tool, settings: Settings) -> bool:
    """Whether it only looks: named in `tools`, or called read-only by its server; never one that destroys or is an action."""
    reads = tool.annotations.readOnlyHint if tool.annotations else None
    if tool.name in settings.changing or _destroys(tool, reads=reads):
        return False
    return tool.name in settings.tools if settings.tools else reads is True


def _destroys(tool: Tool, *, reads: bool | None) -> bool:
    """As the protocol has it: what is said not to read only destroys, unless that is denied."""
    said = tool.annotations.destructiveHint if tool.annotations else None
    return said is True or (reads is False and said is not False)


class _Looking:
    """The tools that look."""

    def __init__(self, settings: Settings, server: McpServer) -> None:
        self._settings, self._server = settings, server

    async def looks(self) -> tuple[CustomLook, ...]:
        """Each tool that looks. Raises Unavailable."""
        return self._looks(await self._server.tools())

    def _looks(self, tools: Mapping[str, Tool]) -> tuple[CustomLook, ...]:
        found: dict[str, CustomLook] = {}
        for name in sorted(tools):
            if is_look(tools[name], self._settings):
                found |= self._named(tools[name], found)
        return tuple(found.values())

    def _named(self, tool: Tool, others: Mapping[str, CustomLook]) -> dict[str, CustomLook]:
        """The look under a name that no other has."""
        plain = name_of(self._settings.title, tool.name)
        names = (plain, *(f"{plain[: NAME - 4]}_{number}" for number in range(2, 1000)))
        name = next(name for name in names if name not in others)
        return {name: self._look(tool, name)}

    def _look(self, tool: Tool, name: str) -> CustomLook:
        async def run(arguments: Mapping[str, Any]) -> str:
            return await self._take(tool.name, arguments)

        title = self._settings.title
        return CustomLook(name, description_of(title, tool), schema_of(tool), run, self._settings.agents)

    async def _take(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """What it answers. Raises ToolError where it fails."""
        result = await self._server.call(tool, arguments)
        said = text_of(result)
        if result.isError:
            raise ToolError(
                f"{line_of(tool, 80)} of the MCP server {self._settings.title} fails ({line_of(said)})", "look at its arguments"
            )
        return said

    async def prove(self, at: datetime) -> Sequence[Proof]:
        """Connect, list the tools, take a look, and read what the actions would change."""
        del at
        try:
            tools = await self._server.tools()
        except Unavailable as error:
            return [Proof("open a session and list the tools", ok=False, detail=error.what, remedy=error.remedy)]
        order = self._settings.tools or sorted(tools)
        looking = [name for name in order if name in tools and is_look(tools[name], self._settings)]
        listed = Proof(
            "open a session and list the tools",
            ok=bool(looking or self._settings.actions),
            detail=f"{len(tools)} tools, to look with: {line_of(', '.join(looking)) or 'none'}",
            remedy="" if looking else "no tool is called read-only: name those that only read in `tools`",
        )
        missing = [
            Proof(f"find the tool {name}", ok=False, detail=self._why_not(name, tools), remedy="mend the world file")
            for name in sorted({*self._settings.tools, *self._settings.changing})
            if name not in tools or (name in self._settings.tools and name not in looking)
        ]
        probed = [await self._probe(tools, looking)] if looking else []
        states = [await self._prove_state(a, t) for a in self._settings.actions if a.state for t in a.targets]
        return [listed, *missing, *probed, *states]

    def _why_not(self, name: str, tools: Mapping[str, Tool]) -> str:
        if name not in tools:
            return f"the server has {len(tools)} tools and none of that name"
        return "it is an action" if name in self._settings.changing else "the server says that it destroys: it cannot be a look"

    async def _probe(self, tools: Mapping[str, Tool], looking: Sequence[str]) -> Proof:
        free = [ToolCall(tool=name) for name in looking if not tools[name].inputSchema.get("required")]
        call = self._settings.probe or next(iter(free), None)
        if call is None or call.tool not in looking:
            why = "each tool needs arguments" if call is None else f"{call.tool} is none of its looks"
            return Proof("take a look", ok=False, detail=why, remedy="say which tool, with arguments, in `probe`")
        return await self._tried(f"look with {call.tool}", call.tool, call.arguments)

    async def _prove_state(self, action: DeclaredAction, target: str) -> Proof:
        assert action.state is not None
        tool, arguments = action.state.filled(target)
        return await self._tried(f"read with {tool} what {action.tool} changes in {target}", tool, arguments)

    async def _tried(self, what: str, tool: str, arguments: Mapping[str, Any]) -> Proof:
        try:
            result = await self._server.call(tool, arguments)
        except Unavailable as error:
            return Proof(what, ok=False, detail=error.what, remedy=error.remedy)
        said, empty = line_of(text_of(result), 160), not result.content and result.structuredContent is None
        if result.isError or empty:
            return Proof(what, ok=False, detail="an empty answer" if empty else said, remedy="look at its arguments and rights")
        return Proof(what, ok=True, detail=said)
