"""The search for secrets in one text: known ones, those of a shape or under a name, and those inside base64."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain

from nexus.masking.keys import ANY_STEM, folded
from nexus.masking.known import Known
from nexus.masking.names import named
from nexus.masking.shapes import has_sign, shaped
from nexus.masking.views import Span, decoded_tokens, has_base64, looks_as_written, outside_placeholders, views


def secrets_in(text: str, known: Known) -> list[Span]:
    """Where secrets are in the text, in order, apart from one another and outside placeholders."""
    return [] if can_hold_none(text, known) else searched(text, known)


def can_hold_none(text: str, known: Known) -> bool:
    """Whether one quick look at the text shows that the search would find nothing; most texts are so.

    It would not where the text is its only view and has no sign of a shape, no stem of a name, no base64, and not so much as the
    beginning of a known secret.
    """
    return (
        looks_as_written(text)
        and not has_sign(text)
        and not ANY_STEM.search(folded(text))
        and not has_base64(text)
        and not known.may_occur_in(text)
    )


def searched(text: str, known: Known) -> list[Span]:
    """The same, by the whole search."""
    seen = views(text)
    spans = [
        (*view.span(start, end), kind)
        for view in seen
        for start, end, kind in chain(_found(view.text), known.occurrences(view.text))
    ]
    for view in seen:
        spans += [(*view.span(start, end), "encoded") for start, end in _encoded(view.text, known)]
    merged: list[Span] = []
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, kind))
    return [piece for span in merged for piece in outside_placeholders(text, span)]


def _found(text: str) -> Iterator[Span]:
    """What is secret by its shape, by its name, or both; spans may overlap, the more telling first."""
    yield from shaped(text)
    yield from named(text)


def _encoded(text: str, known: Known) -> Iterator[tuple[int, int]]:
    """Base64 that holds a secret. All of it is looked through at once, so that many small tokens cost no more than one large."""
    tokens: list[tuple[int, int]] = []
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    for start, end, inside in decoded_tokens(text):
        tokens.append((start, end))
        starts.append(length)
        parts.append(inside)
        length += len(inside) + 3
    joined = "\n\0\n".join(parts)
    for start, _, _ in chain(_found(joined), known.occurrences(joined)):
        yield tokens[bisect_right(starts, start) - 1]
