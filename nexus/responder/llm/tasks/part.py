"""Part: a model's part in one task: what it sees, what it submits, and how that is joined with the rules' own answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from nexus.grounding import Ground, checked, claims_cause, ground_of, sentences
from nexus.grounding.foreign import foreign_of
from nexus.grounding.harm import asks
from nexus.incident import Cause, Claim, Evidence, RootCause, Word
from nexus.outgoing import strangers
from nexus.responder.contract import Task

Final = TypeVar("Final", bound=Word)
Asked = TypeVar("Asked", bound=Word)

Cited = Annotated[tuple[str, ...], Field(max_length=16, description="evidence ids that show it")]
"""Ids of evidence."""


@dataclass(frozen=True, slots=True)
class Merged(Generic[Final]):
    """The answer as it may stand. `claims` were made, `struck` of them did not stand; `objections` go back to the model."""

    answer: Final
    claims: int = 0
    struck: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What an answer is held against: evidence by id, the ground that its words stand on, and the names of what there is."""

    evidence: Mapping[str, Evidence]
    ground: Ground
    components: frozenset[str]
    names: frozenset[str]

    def on(self, ids: Iterable[str]) -> Ground:
        """The ground of a claim that cites just these."""
        held = [self.evidence[i] for i in ids if i in self.evidence]
        return ground_of([[e.summary, e.values, e.at.isoformat()] for e in held], names=self.names | self.components)


@dataclass(frozen=True, slots=True)
class Part(Generic[Final, Asked]):
    """`facts`: the task's facts as the model may see them; `shows`: more data beside them; `worth`: whether to ask at all.

    `public`: the words leave the house, so their writer is shown nothing that strangers wrote. `merge` is pure.
    """

    asks: type[Asked]
    merge: Callable[[Task, Final, Asked, Known], Merged[Final]]
    facts: Callable[[Task], Mapping[str, Any]] = lambda task: task.facts
    shows: Callable[[Task, Final, Mapping[str, Evidence]], Mapping[str, Any]] = lambda _task, _draft, _seen: {}
    worth: Callable[[Task, Final], bool] = lambda _task, _draft: True
    public: bool = False


def cited(ids: Iterable[str], known: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the ids those that exist, and those that do not."""
    distinct = tuple(dict.fromkeys(ids))
    return tuple(i for i in distinct if i in known), tuple(i for i in distinct if i not in known)


def invented(ids: Collection[str]) -> tuple[str, ...]:
    """The objection to ids that nobody minted."""
    return (f"there is no evidence {', '.join(sorted(ids)[:5])}: cite ids that you were shown",) if ids else ()


def spoken(text: str, ground: Ground, cause: RootCause | None = None, *, public: bool = False) -> tuple[str, tuple[str, ...]]:
    """The sentences of a text that the record bears, and in words why others are struck; `cause`: the only one it may name."""
    kept, struck = checked(text, ground, public=public)
    why = [s.why for s in struck]
    if cause is not None:
        known = cause.cause is not Cause.UNKNOWN
        wrong = {s: reason for s in sentences(kept) if (reason := claims_cause(s, cause.cause, known)) is not None}
        for sentence, reason in wrong.items():
            kept = kept.replace(sentence, "")
            why.append(reason)
    return " ".join(kept.split()), tuple(why)


def unquoting(task: Task, known: Known, own: Iterable[str]) -> Ground:
    """The ground of a text in a writer's own words: it repeats no stranger's, but for what the rules' text says too."""
    return replace(known.ground, foreign=foreign_of(strangers(task.facts["alert"], known.evidence.values()), own))


def advising(text: str, ground: Ground) -> tuple[str, tuple[str, ...]]:
    """The same for a text that people read before they approve: what asks them for something is struck too."""
    kept, why = spoken(text, ground)
    asking = {
        s: asked for s in sentences(kept) if (asked := asks(s, ground.own.row, ground.own.words | ground.names)) is not None
    }
    for sentence in asking:
        kept = kept.replace(sentence, "")
    return " ".join(kept.split()), (*why, *(f"it asks its reader: {asked[:60]!r}" for asked in asking.values()))


class Sentence(Word):
    """A statement and what shows it."""

    text: str = Field(max_length=500)
    evidence: Cited = ()


def borne(
    said: Sentence, draft: Claim, known: Known, ground: Ground, cause: RootCause
) -> tuple[Claim, tuple[str, ...], tuple[str, ...]]:
    """The rules' claim with what the statement adds as far as the record bears that; what was struck; ids that do not exist."""
    good, bad = cited(said.evidence, known.evidence)
    heard, asking = advising(said.text, ground)
    text, blaming = spoken(heard, ground, cause)
    struck = (*asking, *blaming)
    if bad and not good:
        return draft, (*struck, f"{said.text[:60]!r} cites what does not exist"), bad
    if not text or text in draft.text:
        return draft, struck, bad
    whole = f"{draft.text.removesuffix('.')}. {text}" if draft.known else text
    evidence = tuple(dict.fromkeys((*draft.evidence, *good)))
    return Claim(text=whole, evidence=evidence, known=bool(good or draft.known)), struck, bad
