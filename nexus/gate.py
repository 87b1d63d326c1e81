"""Gate: what passes between the record and the outside: words to people, whoever wrote them, and changes with their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.asking import Done
from nexus.casework import Case, names_of
from nexus.incident import Action, DryRun, EventKind
from nexus.outgoing import outgoing, outgoing_ground
from nexus.state import Context, Json, dump


async def let_out(  # noqa: PLR0917 - what goes out, on what ground, for whom
    case: Case, agent: str, facts: Mapping[str, Any], texts: tuple[str, ...], own: tuple[str, ...], key: str
) -> tuple[str, ...]:
    """The texts as they may go out: our own, and what may be added to them; what was struck is recorded.

    `facts` are those that the agent was given.
    """
    if texts != own:
        evidence = await case.context.records.evidence(case.incident)
        names = names_of(case.context) | {a.title for a in case.context.library.agents.values()}
        ground = outgoing_ground(facts, evidence, names, own)
        passed = [outgoing(text, mine, ground) for text, mine in zip(texts, own, strict=True)]
        struck = [why for _, lost in passed for why in lost]
        if struck:
            title = case.context.library.agent(agent).title
            said = f"struck before it went out: {'; '.join(struck)}"
            await case.record(EventKind.STRUCK, title, said, {"struck": struck}, key=key)
        texts = tuple(text for text, _ in passed)
    return tuple(case.context.vault.mask(text) for text in texts)


def exact(context: Context, action: Action) -> Action:
    """The action as the world has to get it: with the secrets that its placeholders stand for."""
    return Action.model_validate(context.vault.revealed(dump(action)))


def shown(context: Context, dry_run: DryRun) -> DryRun:
    """A dry run as it may be recorded and shown; the undo is read anew before the change is made."""
    return DryRun.model_validate(context.vault.masked(dump(dry_run)))


def absent(context: Context, done: Done[Any]) -> list[Json]:
    """Who did not answer, for the state: why may be an error of somebody else's program, with a secret in it."""
    return context.vault.masked([dump(done.absence)]) if done.absence else []
