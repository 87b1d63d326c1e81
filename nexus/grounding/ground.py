"""Ground: what a text may rest on: figures of the record, names that may be said, our own words, and strangers' words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nexus.grounding.figures import Figures
from nexus.grounding.foreign import Foreign, foreign_of
from nexus.grounding.harm import in_a_row
from nexus.grounding.names import Known, key_of, known, scripts_of, vocabulary
from nexus.grounding.notes import Notes
from nexus.grounding.sentence import sentences


@dataclass(frozen=True, slots=True)
class Own:
    """Texts of our own: whole sentences, all words in a row, each word alone, and the scripts they are in."""

    sentences: frozenset[str] = frozenset()
    row: str = ""
    words: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset({"LATIN"})


@dataclass(frozen=True, slots=True)
class Ground:
    """What a text may rest on. Made by `ground_of`; its hashes hold in this process only."""

    figures: Figures = field(default_factory=Figures)
    names: frozenset[str] = frozenset()
    foreign: Foreign = field(default_factory=Foreign)
    own: Own = field(default_factory=Own)
    inside: Known = field(default_factory=Known)
    """Names for texts that stay in the record."""
    outside: Known = field(default_factory=Known)
    """Names for texts that leave the house: those given as names and those of our own texts, not every string of the record."""


def spelled(sentence: str) -> str:
    """A sentence as our own sentences are compared: by its words and signs, without case and spacing."""
    return " ".join(sentence.casefold().split())


def ground_of(
    record: Iterable[Any],
    *,
    names: Iterable[str],
    words: Iterable[str] = (),
    foreign: Iterable[str] = (),
    notes: Notes | None = None,
) -> Ground:
    """The ground of a text.

    `record`: JSON-like values and Words whose numbers, dates and times may be cited; `notes`: what was read of it before, which
    stay as they are. `names`: components, agents and vendors that are known. `words`: texts of our own, drafts and templates,
    whose every word and whole sentences may be said. `foreign`: texts of strangers, whose words must not be repeated.
    """
    said, ours = [str(name) for name in names], [str(text) for text in words]
    noted = notes.copy() if notes else Notes()
    noted.take(record)
    own = Own(
        sentences=frozenset(spelled(sentence) for text in ours for sentence in sentences(text)),
        row=in_a_row(" ".join(ours)),
        words=vocabulary(ours),
        scripts=scripts_of(ours),
    )
    outside = known(said, own.words)
    return Ground(
        figures=noted.figures,
        names=frozenset(name.lower() for name in said) | frozenset(map(key_of, said)),
        foreign=foreign_of([str(text) for text in foreign], ours),
        own=own,
        inside=known(said, own.words | noted.words),
        outside=outside,
    )
