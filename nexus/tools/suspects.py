"""Suspects: `rank_suspects`, the components where it may have begun, from all telemetry and health reads together."""

from __future__ import annotations

from datetime import UTC, datetime

from nexus.analysis.case import Ranking, Suspicion
from nexus.analysis.rank import rank_suspects
from nexus.errors import Unavailable
from nexus.tools.gather import gather
from nexus.tools.readings import SuspectEntry, SuspectsReading
from nexus.tools.tool import Look, NoArguments, Seen, Tool

ROOM = 4_400
"""Bytes that a reading may take as JSON: a model reads it in 1,500 tokens."""
LENGTHS = ((5, 4), (5, 3), (4, 3), (3, 3), (3, 2), (2, 2), (1, 2), (1, 1))
"""How many suspects are told with their reasons, and with how many each: the first that fits is taken."""
REASON = 110
"""Characters of a reason."""
SHORT = 100
"""Characters of a reason in the summary."""


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def cut(text: str, most: int) -> str:
    """A text on one line, in at most that many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _told(suspicion: Suspicion, reasons: int) -> SuspectEntry:
    return SuspectEntry(
        component=suspicion.component,
        score=suspicion.score,
        strong=suspicion.strong,
        cause=suspicion.cause,
        cause_confidence=suspicion.cause_confidence,
        onset=_moment(suspicion.onset),
        mechanism=suspicion.mechanism,
        change=suspicion.change,
        reasons=tuple(cut(reason, REASON) for reason in suspicion.reasons[:reasons]),
    )


def _in_short(suspicion: Suspicion) -> SuspectEntry:
    return SuspectEntry(component=suspicion.component, score=suspicion.score, strong=suspicion.strong, cause=suspicion.cause)


def _summary(ranking: Ranking) -> str:
    first, *others = ranking.suspects
    why = "; ".join(cut(reason, SHORT) for reason in first.reasons[:2])
    if not first.strong:
        return f"no component stands out; the first to look at is {first.component}: {why}"
    kind = first.cause.value.replace("_", " ")
    how = f"{kind}, {first.mechanism}" if first.mechanism else kind
    rivals = [s.component for s in others[:2] if s.strong]
    next_ones = f"; then {', '.join(rivals)}" if rivals else ""
    return f"most suspect is {first.component} ({how}): {why}{next_ones}"


def reading_of(ranking: Ranking) -> SuspectsReading:
    """A ranking as a tool's reading, in as many words as there is room for."""
    if not ranking.suspects:
        return SuspectsReading(summary="nothing moved: there is no suspect")
    for whole, reasons in LENGTHS:
        entries = (_told(s, reasons) if place < whole else _in_short(s) for place, s in enumerate(ranking.suspects))
        reading = SuspectsReading(
            summary=_summary(ranking),
            onset=_moment(ranking.onset),
            suspects=tuple(entries),
            separated=round(ranking.separated, 4),
            sure=round(ranking.sure, 4),
        )
        if len(reading.model_dump_json().encode()) <= ROOM:
            break
    return reading


async def _rank_suspects(look: Look, _: NoArguments) -> Seen:
    case = await gather(look)
    ranking = rank_suspects(case)
    if not ranking.suspects and not case.series:
        raise Unavailable("metrics do not answer and nothing else points at a component", "go by the other checks, or ask people")
    return Seen(reading_of(ranking))


RANK_SUSPECTS = Tool(
    name="rank_suspects",
    description="Where the trouble may have begun, best first, with likely cause, mechanism, onset and change.",
    arguments=NoArguments,
    run=_rank_suspects,
)
