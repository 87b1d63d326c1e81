"""Options: `action_options`, `dry_run` and `prepare_rollback`: what could be done about a component, without doing it."""

from __future__ import annotations

from nexus.errors import ActionError, ActionRefused, ToolError
from nexus.incident import Action, ActionKind, DryRun
from nexus.tools.need import component_of, need, some
from nexus.tools.readings import DryRunReading, OptionsReading, RollbackReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool

_NO_ACTIONS = "way to change anything"


def _as_tool_error(error: ActionError) -> ToolError:
    if isinstance(error, ActionRefused):
        return ToolError(f"this world refuses actions ({error.what})", error.remedy or "propose the action to a person instead")
    return ToolError(error.what, error.remedy)


async def _options(look: Look, component: str) -> list[Action]:
    actions = need(look.world.actions, _NO_ACTIONS)
    try:
        return await actions.options(component, look.at)
    except ActionError as error:
        raise _as_tool_error(error) from error


async def _dry_run(look: Look, action: Action) -> DryRun:
    actions = need(look.world.actions, _NO_ACTIONS)
    try:
        return await actions.dry_run(action, look.at)
    except ActionError as error:
        raise _as_tool_error(error) from error


async def _action_options(look: Look, arguments: OfComponent) -> Seen:
    component = component_of(look, arguments.component)
    options = await _options(look, component)
    told = some((str(o) for o in options), 6)
    summary = f"Possible on {component}: {told}." if options else f"Nothing can be done about {component} directly."
    return Seen(OptionsReading(summary=summary, options=tuple(options)))


async def _try_dry(look: Look, action: Action) -> Seen:
    outcome = await _dry_run(look, action)
    verb = "would" if outcome.ok else "would fail to"
    summary = f"{action} {verb} work: {outcome.effect}" + (f" (touches {some(outcome.touches)})" if outcome.touches else "")
    return Seen(
        DryRunReading(summary=summary, ok=outcome.ok, effect=outcome.effect, touches=outcome.touches, before=outcome.before)
    )


async def _prepare_rollback(look: Look, arguments: OfComponent) -> Seen:
    component = component_of(look, arguments.component)
    action = next((o for o in await _options(look, component) if o.kind is ActionKind.ROLLBACK), None)
    if action is None:
        summary = f"{component} has nothing to roll back to."
        return Seen(RollbackReading(summary=summary, component=component, possible=False))
    outcome = await _dry_run(look, action)
    summary = f"{action}: dry run {'passes' if outcome.ok else 'fails'}, {outcome.effect}"
    return Seen(RollbackReading(summary=summary, component=component, possible=outcome.ok, action=action))


ACTION_OPTIONS = Tool(
    "action_options",
    "Every change that could be made to one component now, with exact arguments, most specific first. Changes nothing.",
    OfComponent,
    _action_options,
)
DRY_RUN = Tool(
    "dry_run",
    "What one exact action would do, what it touches and what its undo would restore. Changes nothing.",
    Action,
    _try_dry,
)
PREPARE_ROLLBACK = Tool(
    "prepare_rollback",
    "Find the rollback of one component and dry-run it, so that it is ready when needed. Changes nothing.",
    OfComponent,
    _prepare_rollback,
)
