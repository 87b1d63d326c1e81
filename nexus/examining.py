"""Examining: what of a world an agent could use, and what it could not: its connectors tried, its tools held against it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from nexus.errors import ActionError, ActionRefused, ToolError, Unavailable
from nexus.incident import Action, ActionKind, Alert
from nexus.library import Agent
from nexus.records.wording import count
from nexus.tools.registry import TOOLS
from nexus.tools.tool import Look, Tool
from nexus.world import ServiceCatalog, World
from nexus.world.actions import Actions
from nexus.world.connectors.contract import Connector, Proof
from nexus.world.gaps import collecting

SECONDS = 30.0
"""What one connector may take to be proved."""
AT_ONCE = 8
"""Components of which options are asked at the same time."""
_HOUR = timedelta(hours=1)
_LOOKS: Mapping[str, Callable[[Any, datetime, str], Awaitable[Sequence[Any]]]] = {
    "metrics": lambda source, at, _: source.series(at - _HOUR, at),
    "logs": lambda source, at, _: source.search(at - _HOUR, at),
    "changes": lambda source, at, _: source.between(at - 24 * _HOUR, at),
    "calls": lambda source, at, _: source.between(at - _HOUR, at),
    "databases": lambda source, at, _: source.health(at),
    "infrastructure": lambda source, at, _: source.nodes(at),
    "dependencies": lambda source, at, _: source.health(at),
    "endpoints": lambda source, at, _: source.probe(at),
    "browser": lambda source, at, _: source.pages(at),
    "security": lambda source, at, _: source.signals(at - _HOUR, at),
    "code": lambda source, at, component: source.patches(component, at),
}
"""A look of each capability."""
CAPABILITIES = (*_LOOKS, "actions")
_OFTEN_EMPTY = frozenset({"changes", "security", "code"})
"""Where nothing at all is an ordinary answer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried, and of what: a connector, the records, a model."""

    source: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Gap:
    """What one agent could not do, each tool and kind of action with the reason."""

    agent: str
    tools: Mapping[str, str]
    actions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was tried, and what agents could not do. `simulated`: the world is not the real one."""

    world: str
    simulated: bool
    tried: tuple[Tried, ...]
    gaps: tuple[Gap, ...]

    @property
    def failed(self) -> tuple[Tried, ...]:
        """What did not work."""
        return tuple(one for one in self.tried if not one.proof.ok)

    def data(self) -> dict[str, Any]:
        """The same as JSON."""
        tried = [{"source": one.source, **asdict(one.proof)} for one in self.tried]
        gaps = [{"agent": gap.agent, "tools": dict(gap.tools), "actions": dict(gap.actions)} for gap in self.gaps]
        return {
            "world": self.world,
            "simulated": self.simulated,
            "ok": not self.failed,
            "tried": tried,
            "agents_could_not": gaps,
        }


async def prove_connectors(connectors: Iterable[Connector], at: datetime, seconds: float = SECONDS) -> list[Tried]:
    """What each connector proves of itself, all at once."""
    found = await asyncio.gather(*(_prove(connector, at, seconds) for connector in connectors))
    return [one for some in found for one in some]


async def _prove(connector: Connector, at: datetime, seconds: float) -> list[Tried]:
    try:
        async with asyncio.timeout(seconds):
            proofs = await connector.prove(at)
    except TimeoutError:
        proofs = [Proof("use it", ok=False, detail=f"no end after {seconds:g} s", remedy="check that its system answers")]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are to be proved
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        proofs = [Proof("use it", ok=False, detail=told, remedy="this is a fault of the connector: report it")]
    return [Tried(connector.name, proof) for proof in proofs]


async def look_with_each(world: World, at: datetime) -> list[Tried]:
    """A look of each capability that the world has."""
    component = next((service.name for service in world.catalog), "")
    return [await _look(world, name, at, component) for name in _LOOKS if getattr(world, name) is not None]


async def _look(world: World, name: str, at: datetime, component: str) -> Tried:
    try:
        found = len(await _LOOKS[name](getattr(world, name), at, component))
    except Unavailable as error:
        return Tried(name, Proof("look", ok=False, detail=error.what, remedy=error.remedy))
    return Tried(
        name, Proof("look", ok=found > 0 or name in _OFTEN_EMPTY, detail=f"{found} found" if found else "an empty answer")
    )


async def try_actions(world: World, at: datetime, seconds: float = SECONDS) -> tuple[list[Tried], frozenset[ActionKind]]:
    """What could be done about any component of the catalog now, and how that was found out."""
    if world.actions is None:
        return [], frozenset()
    names = [service.name for service in world.catalog]
    few = asyncio.Semaphore(AT_ONCE)
    try:
        with collecting() as gaps:
            async with asyncio.timeout(seconds):
                answers = await asyncio.gather(*(_options(world.actions, name, at, few) for name in names))
    except TimeoutError:
        return [_of_actions(ok=False, detail=f"no end after {seconds:g} s", remedy="check what acts")], frozenset()
    refused = next((answer for answer in answers if isinstance(answer, ActionRefused)), None)
    if refused is not None:
        return [_of_actions(ok=True, detail=f"nothing: {refused.what}")], frozenset()
    options = [option for answer in answers if not isinstance(answer, ActionError) for option in answer]
    wrong = [answer.what for answer in answers if isinstance(answer, ActionError)] + gaps
    return [_judged(options, wrong, len(names))], frozenset(option.kind for option in options)


async def _options(actions: Actions, component: str, at: datetime, few: asyncio.Semaphore) -> list[Action] | ActionError:
    async with few:
        try:
            return await actions.options(component, at)
        except ActionError as error:
            return error


def _judged(options: Sequence[Action], wrong: Sequence[str], components: int) -> Tried:
    counted = Counter(option.kind.value for option in options)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items())) or "nothing"
    detail = f"{told}, for {count(components, 'component')}"
    if wrong:
        return _of_actions(ok=False, detail=f"{detail}; {wrong[0]}", remedy="check what acts, its address and its rights")
    remedy = "" if options else "check for which components the connectors act, and what they are allowed to see"
    return _of_actions(ok=bool(options), detail=detail, remedy=remedy)


def _of_actions(*, ok: bool, detail: str, remedy: str = "") -> Tried:
    return Tried("actions", Proof("list what could be done", ok=ok, detail=detail, remedy=remedy))


class _Bare:
    """A world that has nothing and notes what it is asked for."""

    name = "bare"
    catalog = ServiceCatalog()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> None:
        if name not in CAPABILITIES:
            raise AttributeError(name)
        self.asked.append(name)


async def sources_of(tool: Tool) -> tuple[str, ...]:
    """The capabilities of which the tool needs one, found out by using it where there is none; empty: it needs none."""
    bare, at = _Bare(), datetime.now(UTC)
    look = Look(cast("World", bare), at, Alert(title="none", service="none", starts_at=at))
    with suppress(ToolError):
        await tool.run(look, tool.arguments.model_construct())
    return tuple(dict.fromkeys(bare.asked))


async def gaps_of(agents: Iterable[Agent], world: World, possible: Collection[ActionKind]) -> tuple[Gap, ...]:
    """What each agent lists and could not use in that world."""
    blind = {name: why for name, tool in TOOLS.items() if (why := _why_blind(await sources_of(tool), world))}
    nothing = "nothing acts here" if world.actions is None else "not offered for any component now"
    gaps = [
        Gap(
            agent.title,
            {tool: blind[tool] for tool in agent.tools if tool in blind},
            {kind.value: nothing for kind in agent.actions if kind not in possible},
        )
        for agent in agents
    ]
    return tuple(gap for gap in gaps if gap.tools or gap.actions)


def silence_of(connectors: Iterable[Connector]) -> tuple[Gap, ...]:
    """Which kinds of words would reach nobody outside the record."""
    held = tuple(connectors)
    missing = {
        what: "no connector takes it"
        for what, there in (
            ("tell people", any(connector.outlet for connector in held)),
            ("add to a backlog", any(connector.backlog for connector in held)),
        )
        if not there
    }
    return (Gap("every agent", {}, missing),) if missing else ()


def _why_blind(sources: Sequence[str], world: World) -> str:
    if not sources or any(getattr(world, name) is not None for name in sources):
        return ""
    return f"no {sources[0]}" if len(sources) == 1 else f"none of {', '.join(sources)}"
