"""Suspects: `rank_suspects`, the components where it may have begun, from all telemetry and health reads together."""

from __future__ import annotations

from datetime import UTC, datetime

from nexus.analysis.case import Ranking, Suspicion
from nexus.analysis.rank import rank_suspects
from nexus.errors import Unavailable
from nexus.tools.gather import gather
from nexus.tools.readings import SuspectEntry, SuspectsReading
from nexus.tools.tool import Look, NoArguments, Seen, Tool


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _told(suspicion: Suspicion) -> SuspectEntry:
    return SuspectEntry(
        component=suspicion.component,
        score=suspicion.score,
        cause=suspicion.cause,
        cause_confidence=suspicion.cause_confidence,
        onset=_moment(suspicion.onset),
        mechanism=suspicion.mechanism,
        change=suspicion.change,
        reasons=suspicion.reasons,
    )


def reading_of(ranking: Ranking) -> SuspectsReading:
    """A ranking as a tool's reading."""
    if not ranking.suspects:
        return SuspectsReading(summary="nothing moved: there is no suspect")
    first, *others = ranking.suspects
    next_ones = f"; then {', '.join(s.component for s in others[:2])}" if others else ""
    why = "; ".join(first.reasons[:2])
    summary = f"most suspect is {first.component} ({first.cause.value}, {first.mechanism}): {why}{next_ones}"
    return SuspectsReading(
        summary=summary,
        onset=_moment(ranking.onset),
        suspects=tuple(map(_told, ranking.suspects)),
        separated=round(ranking.separated, 4),
    )


async def _rank_suspects(look: Look, _: NoArguments) -> Seen:
    case = await gather(look)
    ranking = rank_suspects(case)
    if not ranking.suspects and not case.series:
        raise Unavailable("metrics do not answer and nothing else points at a component", "go by the other checks, or ask people")
    return Seen(reading_of(ranking))


RANK_SUSPECTS = Tool(
    name="rank_suspects",
    description="Components where the trouble may have begun, best first, with likely cause, mechanism, onset and change.",
    arguments=NoArguments,
    run=_rank_suspects,
)
