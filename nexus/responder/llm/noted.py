"""Noted: an incident's evidence as far as it was read, once for all of the answers that are held against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from nexus.grounding import Notes
from nexus.incident import Evidence
from nexus.outgoing import components_of


@dataclass(slots=True)
class Noted:
    """What the evidence may be cited for, the components that it names, and by id which looks were read."""

    notes: Notes = field(default_factory=Notes)
    components: frozenset[str] = frozenset()
    looks: dict[str, tuple[datetime, str]] = field(default_factory=dict)


def up_to_date(noted: Noted | None, evidence: Iterable[Evidence]) -> Noted:
    """What was noted, with the looks that were not read yet; anew where a step that ran again kept another look."""
    looks = {look.id: look for look in evidence}
    marks = {name: (look.at, look.summary) for name, look in looks.items()}
    if noted is None or any(noted.looks.get(name, mark) != mark for name, mark in marks.items()):
        noted = Noted()
    new = [look for name, look in looks.items() if name not in noted.looks]
    noted.notes.take([[look.summary, look.values, look.at.isoformat()] for look in new])
    noted.components |= components_of(new)
    noted.looks |= marks
    return noted
