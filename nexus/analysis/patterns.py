"""Log patterns: lines reduced to shapes by masking what varies, and the shapes that are new or more frequent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nexus.world.logs import LogLine

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\"[^\"]{1,200}\"|'[^']{1,200}'"), "<text>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{4,}\b"), "<hex>"),
    (re.compile(r"(?<![A-Za-z#])[-+]?\d+(?:\.\d+)?|(?<=[A-Za-z#=])\d+(?:\.\d+)?"), "<n>"),
)
_GRAVE = {"warning": 1, "error": 2, "critical": 3}
_THROWN = re.compile(r"exception|traceback|panic|segfault|null ?pointer|undefined|stack ?trace", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lines of one shape of one component; rates per minute."""

    component: str
    template: str
    example: str
    level: str
    rate_before: float
    rate_after: float
    first_seen: float
    new: bool
    thrown: bool

    @property
    def weight(self) -> float:
        """How telling: graver, newer and more frequent shapes come first."""
        gravity = _GRAVE.get(self.level, 1 if self.thrown else 0)
        return gravity * (2.0 if self.new else 1.0) * min(30.0, self.rate_after - self.rate_before + 0.5)


def template_of(message: str) -> str:
    """The message with numbers, ids, times, addresses, hex and quoted text masked; 300 characters at most."""
    shape = message.strip().split("\n", 1)[0][:300]
    for mask, name in _MASKS:
        shape = mask.sub(name, shape)
    return shape


def patterns_of(lines: Iterable[LogLine], onset: float, now: float) -> list[Pattern]:
    """Shapes of warnings, errors and exceptions that are new since `onset` or at least twice as frequent, most telling first.

    Where no line was recorded before the onset, the last third of what was recorded is judged against the rest.
    """
    shapes: dict[tuple[str, str, str], list[LogLine]] = defaultdict(list)
    held_lines = [line for line in lines if line.at.timestamp() <= now]
    if not held_lines:
        return []
    earliest = min(line.at.timestamp() for line in held_lines)
    now = min(now, max(line.at.timestamp() for line in held_lines) + 30)
    for line in held_lines:
        if line.level in _GRAVE or (line.level == "" and _THROWN.search(line.message)):
            shapes[line.component, line.level, template_of(line.message)].append(line)
    if onset - earliest < 60:
        onset = now - max(60.0, 0.35 * (now - earliest))
        if onset - earliest < 60:
            return []
    minutes_before, minutes_after = max(1.0, (onset - earliest) / 60), max(1.0, (now - onset) / 60)
    found = [_pattern(key, held, onset, minutes_before, minutes_after) for key, held in shapes.items()]
    rising = [p for p in found if p.rate_after > 0 and (p.new or p.rate_after >= 2 * p.rate_before + 0.3)]
    return sorted(rising, key=lambda p: (-p.weight, p.component, p.template))


def _pattern(
    key: tuple[str, str, str], held: Sequence[LogLine], onset: float, minutes_before: float, minutes_after: float
) -> Pattern:
    component, level, template = key
    before = [line for line in held if line.at.timestamp() < onset]
    after = (
        held[len(before) :]
        if all(line.at.timestamp() < onset for line in held[: len(before)])
        else [line for line in held if line.at.timestamp() >= onset]
    )
    example = (after or held)[0]
    return Pattern(
        component=component,
        template=template,
        example=example.message[:300],
        level=level,
        rate_before=len(before) / minutes_before,
        rate_after=len(after) / minutes_after,
        first_seen=example.at.timestamp(),
        new=not before,
        thrown=bool(_THROWN.search(example.message)),
    )
