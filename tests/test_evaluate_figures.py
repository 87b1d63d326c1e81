"""Figures: accuracy, calibration and cost of made-up cases, by system."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nexus.evaluate import Accuracy, Calibration, EvidenceKind, PeerAnswer, RecordedCase, Spread
from nexus.evaluate.figures import by_fault, by_system, figures_of


def case(
    number: int, rank: int | None, *, found: str = "store", cause: str = "code_bug", status: str = "likely", **more: Any
) -> RecordedCase:
    """A case whose label says: a code bug in the store."""
    told: dict[str, Any] = {
        "id": f"case-{number}",
        "system": "shop",
        "passed": rank == 1,
        "rank": rank,
        "expected": {"service": "store", "cause": "code_bug"},
        "got": {"service": found, "cause": cause, "status": status},
        "seconds": float(number),
        "peak_mib": 100.0 + number,
    }
    return RecordedCase.model_validate({**told, **more})


def peers(baro: int | None, last_change: int | None = None) -> dict[str, PeerAnswer]:
    named = ("store",) if last_change == 1 else ()
    return {
        "baro": PeerAnswer(rank=baro, first=("x",)),
        "n_sigma": PeerAnswer(rank=None),
        "last_change": PeerAnswer(rank=last_change, first=named),
    }


def test_accuracy_counts_those_found_up_to_a_rank_and_the_right_kind_of_cause() -> None:
    cases = [case(1, 1), case(2, 3, cause="deployment"), case(3, 5), case(4, 1, cause="deployment"), case(5, None)]
    assert figures_of(cases).nexus == Accuracy(at1=0.4, at3=0.6, at5=0.8, cause=0.6, both=0.2)


def test_systems_are_never_pooled() -> None:
    done = by_system([case(1, 1), case(2, 2, system="bank"), case(3, 1)])
    assert {name: (figures.n, figures.nexus.at1) for name, figures in done.items()} == {"bank": (1, 0.0), "shop": (2, 1.0)}


def test_calibration_tells_for_each_status_how_often_the_diagnosed_component_was_right() -> None:
    cases = [
        case(1, 1, status="confirmed"),
        case(2, 1, status="confirmed", cause="deployment"),
        case(3, 2, status="confirmed", found="front"),
        case(4, 2, status="likely", found="front"),
        case(5, None, status="likely", expected={"cause": "code_bug"}),
    ]
    assert figures_of(cases).calibration == {
        "confirmed": Calibration(n=3, right=2, both=1, share=0.6667),
        "likely": Calibration(n=1, right=0, both=0, share=0.0),
        "inconclusive": Calibration(n=0, right=0, both=0, share=None),
    }


def test_peers_stand_beside_it_and_one_that_answers_nowhere_has_no_figures() -> None:
    done = figures_of(
        [case(1, 1, peers=peers(2)), case(2, 1, peers=peers(None, 1)), case(3, 1, peers=peers(1)), case(4, 1)]
    ).peers
    assert done["baro"] == Accuracy(at1=0.25, at3=0.5, at5=0.5)
    assert done["n_sigma"] == Accuracy()
    assert done["last_change"] == Accuracy(at1=0.25)


def test_always_saying_the_commonest_cause_is_held_against_the_labels_alone() -> None:
    causes: list[Any] = ["code_bug", "deployment", ["deployment", "code_bug"], None]
    cases = [case(n, 1, expected={"service": "store", "cause": told} if told else {}) for n, told in enumerate(causes)]
    assert figures_of(cases).peers["commonest_cause"] == Accuracy(cause=0.6667)


def test_cost_is_that_of_the_cases_that_could_be_read() -> None:
    broken = case(9, None, wrong=("cannot be read",), seconds=0.0, peak_mib=None)
    done = figures_of([case(1, 1), case(2, 1), case(6, 1), broken])
    assert (done.seconds, done.peak_mib) == (Spread(median=2.0, most=6.0), Spread(median=102.0, most=106.0))
    assert done.nexus.at1 == 0.75
    assert figures_of([broken]).seconds is None


def test_without_labels_there_is_nothing_to_judge() -> None:
    done = figures_of([case(1, None, expected={})])
    assert (done.n, done.labelled, done.nexus) == (1, 0, Accuracy())
    assert set(done.peers.values()) == {Accuracy()}
    assert [row.n for row in done.calibration.values()] == [0, 0, 0]


def test_cases_are_told_apart_by_their_fault() -> None:
    done = by_fault([case(1, 1, fault="disk"), case(2, 1), case(3, 1, fault="cpu"), case(4, 1, fault="disk")])
    assert {fault: [c.id for c in own] for fault, own in done.items()} == {
        "": ["case-2"],
        "cpu": ["case-3"],
        "disk": ["case-1", "case-4"],
    }


def test_the_page_explains_every_peer_and_every_kind_of_evidence() -> None:
    page = (Path(__file__).parents[1] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == ["id", "service", "cause", "system", "fault", *figures_of([]).peers, *EvidenceKind]
