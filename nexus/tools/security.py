"""Security: `security_signals`, misuse and floods, and how grave they are as one enumerated word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nexus.tools.need import need, since
from nexus.tools.readings import SecurityReading, SecuritySignalEntry
from nexus.tools.tool import Look, NoArguments, Seen, Tool
from nexus.world.security import SecuritySignal

Gravity = Literal["none", "attack", "suspected", "breach", "unknown"]


def gravity(signals: Sequence[SecuritySignal]) -> Gravity:
    """breach: records were read by somebody who should not; suspected: a credential was misused; attack: a flood or guessing."""
    if any(s.records_accessed for s in signals):
        return "breach"
    if any(s.kind in {"credential_misuse", "data_access"} for s in signals):
        return "suspected"
    return "attack" if signals else "none"


async def _security_signals(look: Look, _: NoArguments) -> Seen:
    found = await need(look.world.security, "security signals").signals(since(look), look.at)
    word = gravity(found)
    records = sum(s.records_accessed or 0 for s in found)
    personal = any(s.personal_data for s in found)
    if found:
        latest = found[-1]
        summary = f"{len(found)} security signals, judged {word}; latest: {latest.kind} on {latest.component}, {latest.detail}"
        summary += f"; {records} records were accessed" if records else ""
        summary += "; personal data is concerned." if personal else "."
    else:
        summary = "No security signals."
    entries = tuple(
        SecuritySignalEntry(
            at=s.at,
            kind=s.kind,
            component=s.component,
            detail=s.detail,
            source=s.source,
            records_accessed=s.records_accessed,
            personal_data=s.personal_data,
        )
        for s in reversed(found)
    )
    return Seen(SecurityReading(summary=summary, signals=entries, security=word, personal_data=personal))


SECURITY_SIGNALS = Tool(
    "security_signals",
    "Signals of misuse, intrusion, data access and traffic floods, newest first, with one word for how grave they are.",
    NoArguments,
    _security_signals,
)
