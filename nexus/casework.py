"""Casework: one step of one incident: whose it is, when it began, how its events are keyed, and what every step needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from nexus.errors import ActionRefused
from nexus.incident import Event, EventKind
from nexus.state import Context, State, iso, now_of
from nexus.world.actions import Actions


@dataclass(frozen=True, slots=True)
class Case:
    """One step of one incident: who it belongs to, when it began and how its records are keyed."""

    context: Context
    state: State
    node: str
    step: int
    now: datetime

    @property
    def incident(self) -> str:
        """The incident's id."""
        return self.state["incident"]

    async def record(
        self,
        kind: EventKind,
        actor: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        at: datetime | None = None,
    ) -> None:
        """Append one event; its key names step and node, so a step that runs again records nothing twice."""
        await record(self.context, self.event(kind, actor, text, data, key=key, at=at))

    def event(
        self,
        kind: EventKind,
        actor: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        at: datetime | None = None,
    ) -> Event:
        """One event of this step."""
        return Event(
            incident=self.incident,
            key=f"{self.step}:{self.node}:{kind.value}:{key or actor}",
            at=at or self.now,
            kind=kind,
            actor=actor,
            text=self.context.vault.mask(text),
            wording=self.context.library.digest,
            data=self._masked(data or {}),
        )

    def _masked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Without secrets; an undo stays exact, for it has to restore what was."""
        masked: dict[str, Any] = self.context.vault.masked({name: value for name, value in data.items() if name != "undo"})
        return masked | {name: value for name, value in data.items() if name == "undo"}


async def record(context: Context, *events: Event) -> None:
    """Append events, and tell whoever listens of those that are new."""
    for event in await context.records.append(*events):
        context.heard(event)


def open_case(state: State, config: RunnableConfig, context: Context, now: datetime | None = None) -> Case:
    """The case as this step finds it; `now` is the time at which a wait ended, if the step waited."""
    metadata = config.get("metadata", {})
    node = str(metadata.get("langgraph_node", "outside"))
    step = int(metadata.get("langgraph_step", 0))
    begins = max(now_of(state), now) if now else now_of(state)
    return Case(context, state, node, step, context.world.clock.lap(begins).now())


def wait_until(moment: datetime) -> datetime:
    """Give control back to the driver until `moment`; the time at which it was given back."""
    resumed = interrupt({"kind": "wait", "until": iso(moment)})
    return datetime.fromisoformat(resumed["now"])


def actions_door(context: Context) -> Actions:
    """The world's door for changes. Raises ActionRefused when it has none."""
    if context.world.actions is None:
        raise ActionRefused(
            f"the world {context.world.name} offers no actions", "act by hand, or configure a world that can be changed"
        )
    return context.world.actions


def names_of(context: Context) -> frozenset[str]:
    """The components that the catalog lists, and their owners: names that people may be told."""
    return frozenset(name for s in context.world.catalog for name in (s.name, s.owner))


def common_facts(case: Case) -> dict[str, Any]:
    """The facts that every prompt may use."""
    state = case.state
    classification = state.get("classification") or {}
    return {
        "incident": state["incident"],
        "alert": state["alert"],
        "severity": classification.get("severity", "unclassified"),
        "classification": classification,
        "time": iso(case.now),
    }
