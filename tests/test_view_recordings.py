"""What `nexus eval recordings` prints: a line a case in whatever width, then system after system."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from test_evaluate_figures import case, peers

from nexus.evaluate import Ablation, AblationRow, EvidenceKind, RecordedCase
from nexus.evaluate.recordings import evaluation_of
from nexus.view import render_ablation, render_recordings
from nexus.view.case_lines import shared, told

LONG = "inventory-reservation-service"
WRONG = {"service": "a-service-with-a-rather-long-name", "cause": "infrastructure", "status": "inconclusive", "confidence": 0.184}


def shown(what: RenderableType, width: int = 80) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(what)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def good(number: int, rank: int | None = 1, **more: Any) -> RecordedCase:
    got = {"service": "store", "cause": "code_bug", "status": "likely", "confidence": 0.5}
    return case(number, rank, **{"got": got, **more})


def printed(*cases: RecordedCase, width: int = 80, without: tuple[EvidenceKind, ...] = ()) -> list[str]:
    return shown(render_recordings(evaluation_of(cases, without).model_dump(mode="json")), width)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_each_case_is_one_line_that_fits(width: int) -> None:
    bad = good(2, passed=False, rank=4, expected={"service": LONG, "cause": "external_dependency"}, got=WRONG)
    lines = printed(good(1), bad, width=width)
    assert [line.split()[:3] for line in lines[1:3]] == [["✓", "case-1", "1"], ["✗", "case-2", "4"]]
    assert lines[3] == "1 of 2 as labelled"
    assert max(map(cell_len, lines)) <= width
    assert lines[1].split()[3:] == ["store", "code_bug", "likely", "0.50", "1.0"]
    assert lines[2].count("→") == 2
    assert lines[2].endswith("inconclusive 0.18 2.0")
    assert ("…" in lines[2]) == (width < 200)


def test_what_was_found_as_expected_is_said_once() -> None:
    (line,) = [
        line for line in printed(good(1, expected={"service": "store", "cause": ["deployment", "code_bug"]})) if "case-1" in line
    ]
    assert "→" not in line
    (line,) = [
        line for line in printed(good(1, rank=None, expected={"service": "x", "cause": ["deployment", "a"]})) if "case-1" in line
    ]
    assert "x → store" in line
    assert "deployment or a → code_bug" in line
    assert line.split()[2] == "-"


def test_a_case_without_a_label_and_one_that_cannot_be_read_are_told_apart_from_wrong_ones() -> None:
    unknown = good(1, expected={}, passed=False, rank=None)
    broken = case(2, None, got={"error": "metrics.csv: no"}, wrong=("metrics.csv: no",), seconds=0.0)
    lines = printed(unknown, broken)
    assert lines[1].startswith("· case-1      store")
    assert "cannot be read" in lines[2]
    assert "case-2: metrics.csv: no" in lines
    assert "0 of 1 as labelled" in lines
    assert "shop: 2 cases, 1 of them labelled" in lines
    assert not [line for line in printed(unknown) if "BARO" in line or "as labelled" in line]


def test_a_system_has_its_accuracy_its_peers_its_calibration_and_its_cost() -> None:
    lines = [" ".join(line.split()) for line in printed(good(1, peers=peers(2)), good(3, peers=peers(1)), good(2, system="bank"))]
    assert lines[lines.index("shop: 2 cases") + 2 :] == [
        "NEXUS 100% 100% 100% 100% 100%",
        "BARO 50% 100% 100% - -",
        "N-sigma - - - - -",
        "last change before the alert - - - - -",
        "commonest cause, from the labels - - - 100% -",
        "cases right both",
        "NEXUS said confirmed 0 - -",
        "NEXUS said likely 2 2 100% 2 100%",
        "NEXUS said inconclusive 0 - -",
        "seconds a case: 2.0 median, 3.0 most; MiB held: 102 median, 103 most",
    ]
    assert lines.index("bank: 1 case") < lines.index("shop: 2 cases")


def test_what_was_hidden_is_said() -> None:
    assert "Hidden: logs, changes." in printed(good(1), without=(EvidenceKind.CHANGES, EvidenceKind.LOGS))
    assert not [line for line in printed(good(1)) if "Hidden" in line]


@pytest.mark.parametrize("width", [80, 120])
def test_an_ablation_is_a_table_a_system_in_which_no_figure_is_lost(width: int) -> None:
    cases = [good(1, system="An online shop of many services (second edition)")]
    shares = dict(zip(EvidenceKind, (0.0, 0.5, 1.0, None, 0.25, 0.75), strict=True))
    rows = tuple(
        AblationRow(system=cases[0].system, fault=fault, n=4, everything=0.5, without=shares)
        for fault in (None, "", "a_kind_of_fault_with_a_very_long_name_indeed")
    )
    runs = {kind: evaluation_of(cases, (kind,)) for kind in EvidenceKind}
    done = Ablation(rows=rows, everything=evaluation_of(cases), without=runs)
    lines = shown(render_ablation(done.model_dump(mode="json")), width)
    told_of = [line.split()[-8:] for line in lines if line.endswith("75%")]
    assert told_of == [["4", "50%", "0%", "50%", "100%", "-", "25%", "75%"]] * 3
    every, untold, fault = (line for line in lines if line.endswith("75%"))
    assert (every[:11], untold[:10]) == ("every fault", "  not told")
    assert fault.startswith("  a_kind_of_fault")
    assert max(map(cell_len, lines)) <= width
    assert [line.split()[-8:] for line in lines if line.endswith("changes")] == [["n", "all", *EvidenceKind]]


def test_control_characters_of_strangers_reach_no_terminal() -> None:
    lines = printed(good(1, id="a\x1b[31m", system="b\x1b[2J", got={**WRONG, "service": "c\x1b]0;x\x07"}))
    assert not [line for line in lines if "\x1b" in line or "\x07" in line]


@pytest.mark.parametrize(
    ("pair", "width", "cell"),
    [
        (("", "store"), 9, "store"),
        (("", "inventory"), 5, "inve…"),
        (("shop", "store"), 12, "shop → store"),
        (("inventory", "db"), 9, "inv… → db"),
        (("db", "inventory"), 9, "db → inv…"),
        (("inventory", "warehouse"), 11, "inv… → war…"),
    ],
)
def test_both_names_stay_to_be_seen(pair: tuple[str, str], width: int, cell: str) -> None:
    assert told(pair, width).plain == cell


@pytest.mark.parametrize(
    ("room", "wanted", "widths"),
    [
        (40, (20, 20), (20, 20)),
        (40, (60, 10), (30, 10)),
        (40, (10, 60), (10, 30)),
        (40, (60, 60), (24, 16)),
        (3, (60, 60), (7, 7)),
    ],
)
def test_room_is_shared_and_left_to_who_needs_it(room: int, wanted: tuple[int, int], widths: tuple[int, int]) -> None:
    assert shared(room, *wanted) == widths
