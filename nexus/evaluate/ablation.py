"""Ablation: the same recordings with everything and with each kind of evidence hidden in turn, and what that costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from nexus.evaluate.figures import at, by_fault
from nexus.evaluate.hiding import EvidenceKind
from nexus.evaluate.recorded import RecordedCase, evaluate_recording
from nexus.evaluate.recordings import Ended, RecordedEvaluation, evaluate_recordings, evaluation_of, recording_folders, unheard
from nexus.incident import Word
from nexus.library import Library


class AblationRow(Word):
    """The accuracy at rank 1 for one kind of fault in one system, with everything and without each kind of evidence."""

    system: str
    fault: str | None = Field(description="None: every fault; empty: the label does not tell")
    n: int = Field(description="cases with a labelled service")
    everything: float | None
    without: dict[EvidenceKind, float | None] = Field(description="None: no case holds any, so there is nothing to hide")


class Ablation(Word):
    """The rows, and every run whole; a case that holds no evidence of a kind is the same case without it and is not run again."""

    rows: tuple[AblationRow, ...]
    everything: RecordedEvaluation
    without: dict[EvidenceKind, RecordedEvaluation]


async def ablate_recordings(
    directory: Path, labels: Mapping[str, Mapping[str, Any]], library: Library, ended: Ended = unheard
) -> Ablation:
    """Every recording in `directory`, as often as it has kinds of evidence, and once with all of them. Raises WorldError."""
    everything = await evaluate_recordings(directory, labels, library, ended=ended)
    folders = recording_folders(directory)
    runs = {}
    for kind in EvidenceKind:
        cases = []
        for folder, whole in zip(folders, everything.cases, strict=True):
            if kind in whole.holds:
                cases.append(await evaluate_recording(folder, labels.get(folder.name, {}), library, (kind,)))
                ended(cases[-1], (kind,))
            else:
                cases.append(whole)
        runs[kind] = evaluation_of(cases, (kind,))
    without = {kind: run.cases for kind, run in runs.items()}
    return Ablation(rows=rows_of(everything.cases, without), everything=everything, without=runs)


def rows_of(cases: Sequence[RecordedCase], without: Mapping[EvidenceKind, Sequence[RecordedCase]]) -> tuple[AblationRow, ...]:
    """A row for each system, then one for each kind of fault that its labels name."""
    rows = []
    for system in sorted({c.system for c in cases}):
        own = [c for c in cases if c.system == system and "service" in c.expected]
        rows.append(_row(system, None, own, without))
        faults = by_fault(own)
        if any(faults):
            rows += [_row(system, fault, some, without) for fault, some in faults.items()]
    return tuple(rows)


def _row(
    system: str, fault: str | None, cases: Collection[RecordedCase], without: Mapping[EvidenceKind, Sequence[RecordedCase]]
) -> AblationRow:
    ids = {c.id for c in cases}
    return AblationRow(
        system=system,
        fault=fault,
        n=len(ids),
        everything=at(1, (c.rank for c in cases)),
        without={
            kind: at(1, (c.rank for c in left if c.id in ids)) if any(kind in c.holds for c in cases) else None
            for kind, left in without.items()
        },
    )
