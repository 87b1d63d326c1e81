"""Census: the incidents in figures, counted on from where the last count ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from nexus.records.store import Store
from nexus.service.summaries import Summaries, Summary

PAGE = 500


@dataclass(frozen=True, slots=True)
class Counted:
    """`ended` by severity and outcome, `open` by severity; a severity that is not known yet is `unknown`."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    approvals: int = 0


class Census:
    """Of the incidents in these records. An incident that has ended is read once."""

    def __init__(self, records: Store, summaries: Summaries) -> None:
        self._records = records
        self._summaries = summaries
        self._lock = asyncio.Lock()
        self._seen: set[str] = set()
        self._ended: Counter[tuple[str, str]] = Counter()

    async def take(self) -> Counted:
        """Count. Raises RecordsError."""
        async with self._lock:
            still_open: Counter[str] = Counter()
            approvals, last = 0, None
            while page := await self._records.page(PAGE, before=last):
                for incident, ended in page:
                    if incident in self._seen:
                        continue
                    summary = await self._summaries.of(incident, ended=ended)
                    if summary is None:
                        continue
                    if ended:
                        self._seen.add(incident)
                        self._ended[_severity(summary), summary.outcome.value] += 1
                    else:
                        still_open[_severity(summary)] += 1
                        approvals += sum(q.kind == "approval" for q in await self._records.questions.open(incident))
                last = page[-1][0]
            return Counted(Counter(self._ended), still_open, approvals)


def _severity(summary: Summary) -> str:
    return summary.severity.value if summary.severity else "unknown"
