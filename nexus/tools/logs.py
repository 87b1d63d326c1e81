"""Logs: `search_logs`, shapes of warnings and errors that are new or more frequent."""

from __future__ import annotations

from datetime import UTC, datetime

from nexus.analysis.patterns import Pattern, patterns_of
from nexus.incident import Word
from nexus.tools.gather import begun_at
from nexus.tools.need import need, since
from nexus.tools.readings import LogPattern, LogsReading
from nexus.tools.tool import Look, Seen, Tool

_MOST = 25
_LINES = 20000


class LogArguments(Word):
    """Which lines: of one component, or holding a plain text; all when neither is given."""

    component: str | None = None
    pattern: str | None = None


def _told(pattern: Pattern) -> LogPattern:
    return LogPattern(
        component=pattern.component,
        template=pattern.template,
        example=pattern.example,
        level=pattern.level,
        rate_before=round(pattern.rate_before, 3),
        rate_after=round(pattern.rate_after, 3),
        first_seen=datetime.fromtimestamp(pattern.first_seen, UTC),
        new=pattern.new,
    )


async def _search_logs(look: Look, arguments: LogArguments) -> Seen:
    logs = need(look.world.logs, "logs")
    lines = await logs.search(since(look), look.at, arguments.component, arguments.pattern, _LINES)
    found = tuple(_told(p) for p in patterns_of(lines, await begun_at(look), look.at.timestamp())[:_MOST])
    if not lines:
        summary = "no lines were found"
    elif not found:
        summary = f"{len(lines)} lines, no shape of warning or error is known to be new or more frequent"
    else:
        first = found[0]
        how = "new" if first.new else f"from {first.rate_before:.2g} to {first.rate_after:.2g} a minute"
        shapes = "one shape" if len(found) == 1 else f"{len(found)} shapes"
        summary = f"{len(lines)} lines, {shapes} new or more frequent; first: {first.component}: {first.template[:120]} ({how})"
    return Seen(LogsReading(summary=summary, lines=len(lines), patterns=found))


SEARCH_LOGS = Tool(
    name="search_logs",
    description="Warnings and errors in logs, grouped by shape, that are new or more frequent since the trouble began.",
    arguments=LogArguments,
    run=_search_logs,
)
