"""Changes: `list_changes`, deployments, configuration and flags before the trouble, newest first."""

from __future__ import annotations

from nexus.tools.need import CHANGES_BACK, need, since
from nexus.tools.readings import ChangeEntry, ChangesReading
from nexus.tools.tool import Look, OfComponent, Seen, Tool
from nexus.world.changes import Change


def _told(change: Change, look: Look) -> ChangeEntry:
    return ChangeEntry(
        id=change.id,
        at=change.at,
        component=change.component,
        kind=change.kind,
        version=change.version,
        previous=change.previous,
        author=change.author,
        summary=change.summary,
        minutes_before=round((look.alert.starts_at - change.at).total_seconds() / 60, 2),
    )


async def _list_changes(look: Look, arguments: OfComponent) -> Seen:
    made = await need(look.world.changes, "change feed").between(since(look, CHANGES_BACK), look.at)
    entries = tuple(
        _told(c, look)
        for c in sorted(made, key=lambda c: (c.at, c.id), reverse=True)
        if arguments.component is None or c.component == arguments.component
    )
    where = f" at {arguments.component}" if arguments.component else ""
    if not entries:
        summary = f"no changes{where} in the window"
    else:
        parts = [f"{e.kind} {e.version} of {e.component} {_when(e.minutes_before)}" for e in entries[:4]]
        rest = f" and {len(entries) - 4} more" if len(entries) > 4 else ""
        summary = f"{len(entries)} change{'s' if len(entries) > 1 else ''}{where}: {'; '.join(parts)}{rest}"
    return Seen(ChangesReading(summary=summary, changes=entries))


def _when(minutes_before: float) -> str:
    return f"{minutes_before:.0f} min before the alert" if minutes_before >= 0 else f"{-minutes_before:.0f} min after the alert"


LIST_CHANGES = Tool(
    name="list_changes",
    description="Deployments, configuration changes, flags and infrastructure changes of the last day, newest first.",
    arguments=OfComponent,
    run=_list_changes,
)
