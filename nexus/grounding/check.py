"""The check: which sentences of a text stand on its ground, and why the others do not."""

from __future__ import annotations

from dataclasses import dataclass

from nexus.grounding.dress import LONGEST, encoded, undressed, unseen
from nexus.grounding.fold import blanked, shown
from nexus.grounding.foreign import repeated
from nexus.grounding.grave import grave
from nexus.grounding.ground import Ground, spelled
from nexus.grounding.harm import asks
from nexus.grounding.names import identified, unknown
from nexus.grounding.quantity import unfounded
from nexus.grounding.sentence import joined, pieces

_ROUNDS = 8
_LONGEST_TEXT = 100_000
"""Characters; nothing that we write is near it, and a text beyond it is struck unread."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A sentence that does not stand, and why: the figure, the name or the words that have no ground."""

    sentence: str
    why: str


def _alone(body: str, ground: Ground, public: bool) -> str | None:
    """Why the sentence does not stand by itself."""
    if len(body) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    why = unseen(body) or encoded(body)
    if not why and public:
        why = undressed(body, ground.outside, ground.own.scripts, ground.own.words)
    if why or spelled(body) in ground.own.sentences:
        return why
    return (_harmful(body, ground) if public else None) or _unrecorded(body, ground, public)


def _harmful(body: str, ground: Ground) -> str | None:
    """What the public would act on, and our own texts do not say."""
    ours = ground.own.words | ground.names
    asked = asks(body, ground.own.row, ours)
    if asked:
        return f"it asks its reader: {asked[:60]!r}"
    said = grave(body, ours | ground.figures.flags)
    return f"it says {said[:60]!r}, and our own texts do not" if said else None


def _unrecorded(body: str, ground: Ground, public: bool) -> str | None:
    """The figure or name that is not in the record."""
    may = ground.outside if public else ground.inside
    text = shown(body)
    coded = [(start, end) for start, end in identified(text, may) if any(c.isdigit() for c in text[start:end])]
    figure, rest = unfounded(blanked(text, coded), ground.figures)
    if figure:
        return f"the figure {figure[:60]} is not in the record"
    name = unknown(text, may, rest)
    return f"the name {name[:60]} is not in the record" if name else None


def checked(text: str, ground: Ground, *, public: bool) -> tuple[str, tuple[Struck, ...]]:
    """The sentences that stand, in order, unchanged and apart as they were; and those struck. `public`: it leaves the house.

    What is left is checked again, since two sentences may say together, once the one between them is gone, what neither says alone.
    """
    if len(text) > _LONGEST_TEXT:
        return "", (Struck(text, f"it is longer than {_LONGEST_TEXT} characters"),)
    struck: list[Struck] = []
    alone: dict[str, str | None] = {}
    for _ in range(_ROUNDS):
        parts = pieces(text)
        bodies = [body for body, _ in parts]
        theirs = repeated(bodies, ground.foreign, ground.names)
        gone: list[Struck] = []
        stands: list[bool] = []
        for place, body in enumerate(bodies):
            if place in theirs and spelled(body) not in ground.own.sentences:
                why: str | None = f"it repeats words from outside: {theirs[place][:60]!r}"
            else:
                why = alone[body] = alone[body] if body in alone else _alone(body, ground, public)
            stands.append(not why)
            if why:
                gone.append(Struck(body, why))
        if not gone:
            return text, tuple(struck)
        struck += gone
        text = joined(parts, stands)
    return "", (*struck, *(Struck(body, "what was left did not come to rest") for body, _ in pieces(text)))
