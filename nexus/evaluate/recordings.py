"""Recordings: recorded outages investigated by the rules, and how often the labelled answer was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from nexus.errors import UsageError, WorldError
from nexus.evaluate.figures import SystemFigures, by_system
from nexus.evaluate.hiding import EvidenceKind
from nexus.evaluate.recorded import RecordedCase, evaluate_recording
from nexus.incident import Word
from nexus.library import Library

Ended = Callable[[RecordedCase, Collection[EvidenceKind]], None]
"""Told of a case that ended, and of what was hidden from it."""


def unheard(case: RecordedCase, without: Collection[EvidenceKind]) -> None:
    """Tells nobody."""


def read_labels(path: Path) -> dict[str, dict[str, Any]]:
    """`id` to the answer: `service`, `cause`, `system`, `fault`. Raises UsageError naming file and line."""
    labels: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "give a JSON Lines file with id, service and cause") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            labels[str(entry["id"])] = entry
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}:{number} is no label ({error})", "each line is an object with id, service and cause"
            ) from error
    return labels


def recording_folders(directory: Path) -> list[Path]:
    """Every recording in `directory`, or that folder itself. Raises WorldError when there is none."""
    if (directory / "alert.json").is_file():
        return [directory]
    found = sorted(p.parent for p in directory.glob("*/alert.json"))
    if not found:
        raise WorldError(f"{directory} holds no recording", "give a folder whose folders hold alert.json and metrics.csv")
    return found


class RecordedEvaluation(Word):
    """All cases, a summary a system, and what was hidden from all of them."""

    cases: tuple[RecordedCase, ...]
    summary: dict[str, SystemFigures] = Field(default_factory=dict)
    without: tuple[EvidenceKind, ...] = ()


def evaluation_of(cases: Sequence[RecordedCase], without: Collection[EvidenceKind] = ()) -> RecordedEvaluation:
    """These cases and what they come to."""
    hidden = tuple(kind for kind in EvidenceKind if kind in without)
    return RecordedEvaluation(cases=tuple(cases), summary=by_system(cases), without=hidden)


async def evaluate_recordings(
    directory: Path,
    labels: Mapping[str, Mapping[str, Any]],
    library: Library,
    without: Collection[EvidenceKind] = (),
    ended: Ended = unheard,
) -> RecordedEvaluation:
    """Every recording in `directory`, one after another, investigated to its diagnosis with evidence of some kinds hidden.

    `ended` is told of each case as it ends. Raises WorldError when the directory holds no recording.
    """
    cases = []
    for folder in recording_folders(directory):
        cases.append(await evaluate_recording(folder, labels.get(folder.name, {}), library, without))
        ended(cases[-1], frozenset(without))
    return evaluation_of(cases, without)
