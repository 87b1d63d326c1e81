"""Figures: what many recorded cases come to, a system at a time and never pooled; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from pydantic import Field

from nexus.evaluate.peers import commonest_cause
from nexus.evaluate.recorded import RecordedCase
from nexus.incident import CauseStatus, Word

PLACED = ("baro", "n_sigma")
"""Peers that rank; the others name one."""


class Accuracy(Word):
    """Shares of the labelled cases; None where there is none to judge, or where it answered in none or never answers that."""

    at1: float | None = Field(default=None, description="the labelled service at rank 1")
    at3: float | None = None
    at5: float | None = None
    cause: float | None = Field(default=None, description="the kind of cause")
    both: float | None = Field(default=None, description="service at rank 1 and kind of cause")


class Calibration(Word):
    """How often what was said with one status was right: the diagnosed component, and with it the kind of cause too."""

    n: int = Field(description="cases with a labelled service")
    right: int
    both: int
    share: float | None = Field(description="right of n; None for none")


class Spread(Word):
    """Over the cases."""

    median: float
    most: float


class SystemFigures(Word):
    """One system: NEXUS's accuracy, calibration by status and cost; and the peers' accuracy on the same cases."""

    n: int
    labelled: int = Field(description="cases whose label names a service or a cause")
    nexus: Accuracy
    calibration: dict[CauseStatus, Calibration]
    seconds: Spread | None = Field(description="a case, from opening to diagnosis, by the wall clock")
    peak_mib: Spread | None = Field(description="a case; see nexus.evaluate.memory")
    peers: dict[str, Accuracy]


def by_system(cases: Sequence[RecordedCase]) -> dict[str, SystemFigures]:
    """Figures for each system by its name."""
    return {name: figures_of([c for c in cases if c.system == name]) for name in sorted({c.system for c in cases})}


def figures_of(cases: Sequence[RecordedCase]) -> SystemFigures:
    """Figures of these cases as of one system."""
    read = [c for c in cases if not c.wrong]
    placed = [c for c in cases if "service" in c.expected]
    return SystemFigures(
        n=len(cases),
        labelled=sum(bool(c.expected) for c in cases),
        nexus=_accuracy(cases),
        calibration={status: calibration_of([c for c in placed if c.got.get("status") == status]) for status in CauseStatus},
        seconds=_spread(c.seconds for c in read),
        peak_mib=_spread(c.peak_mib for c in read if c.peak_mib is not None),
        peers={
            **{name: _ranks(placed, name) for name in PLACED},
            "last_change": Accuracy(at1=_ranks(placed, "last_change").at1),
            "commonest_cause": Accuracy(cause=_commonest(cases)),
        },
    )


def at(most: int, ranks: Iterable[int | None]) -> float | None:
    """The share of ranks that are no worse than `most`."""
    return share([rank is not None and rank <= most for rank in ranks])


def share(hits: Sequence[bool]) -> float | None:
    """How many of them hold; None when there are none."""
    return round(sum(hits) / len(hits), 4) if hits else None


def calibration_of(cases: Sequence[RecordedCase]) -> Calibration:
    """Of cases whose label names a service."""
    right = [c.service_right for c in cases]
    return Calibration(
        n=len(cases), right=sum(right), both=sum(c.service_right and c.cause_right for c in cases), share=share(right)
    )


def _accuracy(cases: Sequence[RecordedCase]) -> Accuracy:
    ranks = [c.rank for c in cases if "service" in c.expected]
    return Accuracy(
        at1=at(1, ranks),
        at3=at(3, ranks),
        at5=at(5, ranks),
        cause=share([c.cause_right for c in cases if c.causes]),
        both=share([c.rank == 1 and c.cause_right for c in cases if c.causes and "service" in c.expected]),
    )


def _ranks(placed: Sequence[RecordedCase], peer: str) -> Accuracy:
    answers = [c.peers.get(peer) for c in placed]
    if not any(answer and answer.first for answer in answers):
        return Accuracy()
    ranks = [answer.rank if answer else None for answer in answers]
    return Accuracy(at1=at(1, ranks), at3=at(3, ranks), at5=at(5, ranks))


def _commonest(cases: Sequence[RecordedCase]) -> float | None:
    accepted = [c.causes for c in cases if c.causes]
    always = commonest_cause(accepted)
    return share([always in causes for causes in accepted])


def _spread(amounts: Iterable[float]) -> Spread | None:
    held = list(amounts)
    return Spread(median=round(median(held), 3), most=round(max(held), 3)) if held else None


def by_fault(cases: Sequence[RecordedCase]) -> dict[str, list[RecordedCase]]:
    """The cases of each kind of fault, all that name none under an empty name; in the order of the alphabet."""
    return {fault: [c for c in cases if c.fault == fault] for fault in sorted({c.fault for c in cases})}
