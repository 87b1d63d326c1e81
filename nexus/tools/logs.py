"""Logs: `search_logs`, shapes of warnings and errors that are new or more frequent, and lines that fell silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from nexus.analysis.patterns import Pattern, patterns_of
from nexus.analysis.streams import CLEAR, stream_shifts
from nexus.incident import Word
from nexus.tools.gather import begun_at, periods_of
from nexus.tools.need import need, since
from nexus.tools.readings import LogPattern, LogsReading, SilentLines
from nexus.tools.tool import Look, Seen, Tool
from nexus.world.logs import LogLine

_MOST = 25
_LINES = 20000
_SILENT = 5
"""Shapes that fell silent that are told."""


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


def _silent(lines: Sequence[LogLine], begun: float, look: Look) -> tuple[SilentLines, ...]:
    """Most surprising first; none after an action, which itself ends and begins much."""
    periods = periods_of(look)
    if periods.acted_at is not None:
        return ()
    fell = [s for s in stream_shifts(lines, (), (begun, periods.alert_at), periods.now) if s.silent and s.surprise >= CLEAR]
    return tuple(
        SilentLines(
            component=s.component,
            example=s.example[:160],
            before=round(s.before),
            after=round(s.after),
            since=datetime.fromtimestamp(s.since, UTC),
        )
        for s in fell[:_SILENT]
    )


async def _search_logs(look: Look, arguments: LogArguments) -> Seen:
    logs = need(look.world.logs, "logs")
    lines = await logs.search(since(look), look.at, arguments.component, arguments.pattern, _LINES)
    begun = await begun_at(look)
    found = tuple(_told(p) for p in patterns_of(lines, begun, look.at.timestamp())[:_MOST])
    silent = _silent(lines, begun, look) if arguments.pattern is None else ()
    return Seen(LogsReading(summary=_summary(lines, found, silent), lines=len(lines), patterns=found, silent=silent))


def _summary(lines: Sequence[LogLine], found: Sequence[LogPattern], silent: Sequence[SilentLines]) -> str:
    if not lines:
        return "no lines were found"
    if found:
        first = found[0]
        how = "new" if first.new else f"from {first.rate_before:.2g} to {first.rate_after:.2g} a minute"
        shapes = "one shape" if len(found) == 1 else f"{len(found)} shapes"
        said = f"{len(lines)} lines, {shapes} new or more frequent; first: {first.component}: {first.template[:120]} ({how})"
    else:
        said = f"{len(lines)} lines, no shape of warning or error is known to be new or more frequent"
    if silent:
        lost = silent[0]
        said += f"; {lost.component} stopped writing lines like: {lost.example[:80]} ({lost.before} before, {lost.after} since)"
    return said


SEARCH_LOGS = Tool(
    name="search_logs",
    description="Shapes of log lines: warnings and errors that are new or more frequent, others that stopped.",
    arguments=LogArguments,
    run=_search_logs,
)
