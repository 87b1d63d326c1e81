"""Recordings evaluated: each case against its label, what the peers see, and what is hidden from all of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest
from outages_in_hand import ALERT, FRONT, SHOP, STORE, change, write_labels, write_outage

from nexus.errors import UsageError, WorldError
from nexus.evaluate import EvidenceKind, RecordedCase, RecordedEvaluation, evaluate_recordings, read_labels
from nexus.evaluate.case import run_case
from nexus.evaluate.recorded import LOOKED_UNTIL, evaluate_recording, last_look, peers_of
from nexus.library import Library
from nexus.world.open import open_world
from nexus.world.recording import open_recording

LIBRARY = Library.default()
LABEL = {"system": "Toy shop", "service": STORE, "cause": "infrastructure", "fault": "cpu"}


async def test_a_case_is_held_against_its_label_beside_the_peers(tmp_path: Path) -> None:
    folder = write_outage(tmp_path / "one", baseline=True, changes=[change(FRONT, 30), change(SHOP, 9)])
    case = await evaluate_recording(folder, LABEL, LIBRARY)
    assert (case.id, case.system, case.fault, case.rank) == ("one", "Toy shop", "cpu", 1)
    assert case.expected == {"service": STORE, "cause": "infrastructure"}
    assert case.got["service"] == STORE
    assert case.service_right
    assert case.passed == case.cause_right
    assert case.seconds > 0
    assert (case.peak_mib or 0) > 20
    assert set(case.holds) == set(EvidenceKind) - {EvidenceKind.CALLS, EvidenceKind.LOGS}
    assert {name: answer.rank for name, answer in case.peers.items()} == {"baro": 1, "n_sigma": 1, "last_change": None}
    assert case.peers["last_change"].first == (SHOP,)
    assert case.peers["baro"].first == (STORE, SHOP, FRONT)


async def test_what_is_hidden_is_hidden_from_peers_and_rules_too(tmp_path: Path) -> None:
    folder = write_outage(tmp_path / "one", changes=[change(STORE, 9)])
    whole = await evaluate_recording(folder, LABEL, LIBRARY)
    assert whole.peers["last_change"].rank == 1
    blind = await evaluate_recording(folder, LABEL, LIBRARY, [EvidenceKind.METRICS, EvidenceKind.CHANGES])
    assert {answer.first for answer in blind.peers.values()} == {()}
    assert {answer.rank for answer in blind.peers.values()} == {None}
    assert (blind.rank, blind.passed, blind.holds) == (None, False, (EvidenceKind.GRAPH,))


async def test_peers_see_an_hour_before_the_alert_and_nothing_after_the_last_ranking(tmp_path: Path) -> None:
    folder = write_outage(tmp_path / "one")
    incident = await run_case(open_world(f"recording:{folder}"), LIBRARY, until="investigation")
    until = last_look(incident)
    assert ALERT < until < ALERT + timedelta(minutes=5)
    assert until == max(e.at for e in incident.evidence if e.tool == "rank_suspects")
    assert last_look(incident.model_copy(update={"evidence": ()})) == ALERT + LOOKED_UNTIL

    lines = (folder / "metrics.csv").read_text().splitlines()
    later, earlier = int(until.timestamp()) + 1, int(ALERT.timestamp()) - 3601
    spoilt = [f"{earlier},9e6,1,1,1", *lines[1:], f"{later},1,9e6,1,1"]
    (folder / "metrics.csv").write_text("\n".join([lines[0], *spoilt]))
    seen = await peers_of(open_recording(folder).world, ALERT, until)
    assert seen["baro"] == seen["n_sigma"] == (STORE, SHOP, FRONT)
    assert (await peers_of(open_recording(folder).world, ALERT, until + timedelta(seconds=2)))["baro"][0] == SHOP


async def test_a_label_that_tells_only_one_thing_asks_for_no_more(tmp_path: Path) -> None:
    folder = write_outage(tmp_path / "one")
    by_service = await evaluate_recording(folder, {"service": STORE}, LIBRARY)
    assert by_service.passed
    assert by_service.system == "Toy shop"
    by_cause = await evaluate_recording(folder, {"cause": [by_service.got["cause"], "external_dependency"]}, LIBRARY)
    assert (by_cause.passed, by_cause.rank, by_cause.peers["baro"].rank) == (True, None, None)
    unknown = await evaluate_recording(folder, {}, LIBRARY)
    assert (unknown.passed, unknown.expected, unknown.rank) == (False, {}, None)
    elsewhere = await evaluate_recording(folder, {"service": "the-moon"}, LIBRARY)
    assert (elsewhere.passed, elsewhere.rank, elsewhere.peers["baro"].rank) == (False, None, None)


async def test_all_of_a_folder_are_run_and_one_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_outage(tmp_path / name)
    (tmp_path / "a" / "alert.json").write_text("not json")
    labels = read_labels(write_labels(tmp_path / "labels.jsonl", {"id": "a", **LABEL}, {"id": "b", **LABEL}))
    heard: list[tuple[str, Collection[EvidenceKind]]] = []

    def ended(case: RecordedCase, without: Collection[EvidenceKind]) -> None:
        heard.append((case.id, without))

    done = await evaluate_recordings(tmp_path, labels, LIBRARY, [EvidenceKind.LOGS], ended)
    assert heard == [("a", {EvidenceKind.LOGS}), ("b", {EvidenceKind.LOGS})]
    broken, whole = done.cases
    assert "alert.json" in broken.wrong[0]
    assert (broken.rank, broken.passed, broken.system) == (None, False, "Toy shop")
    assert (whole.rank, whole.wrong) == (1, ())
    assert done.without == (EvidenceKind.LOGS,)
    assert (done.summary["Toy shop"].n, done.summary["Toy shop"].nexus.at1) == (2, 0.5)
    assert RecordedEvaluation.model_validate_json(done.model_dump_json()) == done


async def test_a_table_that_is_found_damaged_on_the_way_is_a_case_that_failed(tmp_path: Path) -> None:
    folder = write_outage(tmp_path / "one")
    (folder / "metrics.csv").write_text("time,a__b\n1,2,3\n1,2\n")
    case = await evaluate_recording(folder, LABEL, LIBRARY)
    assert "metrics.csv" in case.wrong[0]
    assert case.got == {"error": case.wrong[0]}


async def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="holds no recording"):
        await evaluate_recordings(tmp_path, {}, LIBRARY)


@pytest.mark.parametrize("line", ["{", "[]", '{"service": "x"}'])
def test_a_line_that_is_no_label_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(f'{{"id": "a"}}\n\n{line}\n')
    with pytest.raises(UsageError, match=r"labels\.jsonl:3"):
        read_labels(path)


def test_labels_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.jsonl cannot be read"):
        read_labels(tmp_path / "none.jsonl")
