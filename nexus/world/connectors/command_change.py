"""Change by command: what a world file declares of one, and its parts as checked templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexus.errors import WorldError
from nexus.incident import Action, ActionKind, Risk
from nexus.world.catalog import ServiceCatalog
from nexus.world.connectors.command_parameters import Parameter, Value, as_text, values_of
from nexus.world.connectors.command_template import BadValue, CommandTemplate, TextTemplate

LEAVES_NOTHING = frozenset({ActionKind.RESTART, ActionKind.ROTATE})
"""Kinds that leave nothing to take back."""
OWN = frozenset({"target", "state", "command"})
"""Holes that are filled by NEXUS, and so are no names for parameters."""


class DeclaredChange(BaseModel):
    """One command that changes something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ActionKind
    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]*$", description="unique in this connector; part of what is approved")
    description: str = Field(min_length=1, description="what it does, for people")
    targets: tuple[str, ...] = Field(min_length=1, description="components that it can be done for")
    touches: tuple[str, ...] = Field(default=(), description="components besides the target whose state changes with it")
    risk: Risk = Field(default=Risk.MEDIUM, description="low is done without asking")
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    when: tuple[str, ...] = Field(default=(), description="exits with 0 where it can be done now, with 1 where not")
    state: tuple[str, ...] = Field(default=(), description="prints what stands now, one line or JSON")
    becomes: str = Field(default="", description="what `state` prints once it is done")
    run: tuple[str, ...] = Field(min_length=1, description="does it")
    dry_run: tuple[str, ...] = Field(default=(), description="shows what would happen; changes nothing")
    undo: tuple[str, ...] = Field(default=(), description="takes it back; {state} is what stood before")
    timeout: float = Field(default=60, gt=0, le=3600, description="seconds for run and undo; the others have ten")
    settles: float = Field(default=10, ge=0, le=600, description="seconds after run and undo until `state` shows them")


@dataclass(frozen=True, slots=True)
class CommandChange:
    """A declared change, ready to be filled in; what was not declared is None."""

    told: DeclaredChange
    catalog: ServiceCatalog
    when: CommandTemplate | None
    state: CommandTemplate | None
    becomes: TextTemplate | None
    run: CommandTemplate
    dry_run: CommandTemplate | None
    undo: CommandTemplate | None
    sources: Mapping[str, CommandTemplate]

    @classmethod
    def read(cls, told: DeclaredChange, catalog: ServiceCatalog) -> CommandChange:
        """The change. Raises WorldError for a declaration that cannot work."""
        where = f"the action {told.name}"
        _check(told, where, catalog)
        known = {"target", *told.parameters}

        def template(part: str, argv: tuple[str, ...], holes: set[str]) -> CommandTemplate | None:
            return CommandTemplate.read(argv, f"{where}: {part}", holes) if argv else None

        undo = template("undo", told.undo, known | {"state"})
        if undo is not None and "state" in undo.holes and not told.state:
            raise WorldError(f"{where}: its undo needs {{state}}", "declare `state`, the command that prints it")
        becomes = TextTemplate.read(told.becomes, f"{where}: becomes") if told.becomes else None
        strange = sorted(set(becomes.holes) - known) if becomes else []
        if strange:
            raise WorldError(f"{where}: becomes: nothing fills {{{strange[0]}}}", f"what can be filled in: {', '.join(known)}")
        return cls(
            told,
            catalog,
            template("when", told.when, {"target"}),
            template("state", told.state, {"target"}),
            becomes,
            CommandTemplate.read(told.run, f"{where}: run", known),
            template("dry_run", told.dry_run, known),
            undo,
            {
                name: CommandTemplate.read(p.source, f"{where}: parameters.{name}.from", {"target"})
                for name, p in told.parameters.items()
                if p.source
            },
        )

    def action(self, target: str, values: Mapping[str, Value]) -> Action:
        """The exact action: its command and its values are part of what is approved."""
        return Action(
            kind=self.told.kind,
            target=target,
            arguments={"command": self.told.name, **values},
            reason=self.told.description,
            risk=self.told.risk,
        )

    def is_of(self, action: Action) -> bool:
        """Whether that is this change, done for one of its targets with values that it takes."""
        try:
            self.holes(action)
        except BadValue:
            return False
        return True

    def holes(self, action: Action) -> dict[str, str]:
        """What fills the holes for that action. Raises BadValue where it is not this change."""
        told, given = self.told, dict(action.arguments)
        if given.pop("command", None) != told.name or action.kind is not told.kind or action.target not in told.targets:
            raise BadValue(f"{action} is not {told.name}")
        return {"target": action.target, **as_text(values_of(told.parameters, given, self.catalog))}

    def before(self, action: Action, state: str | None) -> dict[str, Any]:
        """All that taking it back needs."""
        given = {name: value for name, value in action.arguments.items() if name != "command"}
        return {"command": self.told.name, "target": action.target, "arguments": given, "state": state}


def _check(told: DeclaredChange, where: str, catalog: ServiceCatalog) -> None:
    taken = sorted(OWN & set(told.parameters))
    if taken:
        raise WorldError(f"{where}: a parameter cannot be called {taken[0]}", "give it another name")
    open_ended = next((n for n, p in told.parameters.items() if not p.source and not p.choices), None)
    if open_ended is not None:
        raise WorldError(
            f"{where}: nothing says which values {open_ended} can have", "give it `choices`, or a command with `from`"
        )
    unknown = next((name for name in (*told.targets, *told.touches) if tuple(catalog) and catalog.get(name) is None), None)
    if unknown is not None:
        raise WorldError(f"{where}: {unknown} is not in the catalog", "name it as the catalog does, or add it there")
    if told.becomes and not told.state:
        raise WorldError(f"{where} says what its state becomes, but not how to read it", "declare `state`")
    if not told.undo and told.kind not in LEAVES_NOTHING and told.risk is not Risk.HIGH:
        raise WorldError(f"{where} cannot be taken back", "declare `undo`, or rate it `risk: high`")
