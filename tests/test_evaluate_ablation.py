"""Ablation: the same recordings without one kind of evidence after the other."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from outages_in_hand import FRONT, STORE, change, write_outage
from test_evaluate_figures import case

from nexus.evaluate import Ablation, AblationRow, EvidenceKind, RecordedCase, ablate_recordings
from nexus.evaluate.ablation import rows_of
from nexus.library import Library

LABEL = {"system": "Toy shop", "service": STORE, "cause": "infrastructure", "fault": "cpu"}


async def test_each_kind_that_is_there_is_hidden_in_turn_and_every_run_is_kept(tmp_path: Path) -> None:
    write_outage(tmp_path / "a", changes=[change(FRONT, 30)])
    write_outage(tmp_path / "b")
    heard: list[tuple[str, tuple[str, ...]]] = []

    def ended(one: RecordedCase, without: Collection[EvidenceKind]) -> None:
        heard.append((one.id, tuple(without)))

    done = await ablate_recordings(tmp_path, {"a": LABEL, "b": {**LABEL, "fault": "disk"}}, Library.default(), ended)
    assert heard == [
        ("a", ()), ("b", ()), ("a", ("metrics",)), ("b", ("metrics",)), ("a", ("graph",)), ("b", ("graph",)), ("a", ("changes",)),
    ]  # fmt: skip
    assert set(done.without) == set(EvidenceKind)
    assert {kind: run.without for kind, run in done.without.items()} == {kind: (kind,) for kind in EvidenceKind}
    assert done.without[EvidenceKind.LOGS].cases == done.everything.cases
    assert [c.rank for c in done.without[EvidenceKind.METRICS].cases] == [None, None]
    every, cpu, disk = done.rows
    assert (every.fault, every.n, every.everything, every.without[EvidenceKind.METRICS]) == (None, 2, 1.0, 0.0)
    assert [(row.fault, row.n, row.without[EvidenceKind.LOGS]) for row in (cpu, disk)] == [("cpu", 1, None), ("disk", 1, None)]
    assert (cpu.without[EvidenceKind.CHANGES] is None, disk.without[EvidenceKind.CHANGES]) == (False, None)
    assert Ablation.model_validate_json(done.model_dump_json()) == done


def test_a_row_is_a_system_or_a_fault_in_it_and_counts_only_cases_with_a_labelled_service() -> None:
    holds = (EvidenceKind.LOGS,)
    cases = [
        case(1, 1, fault="disk", holds=holds),
        case(2, 2, fault="cpu"),
        case(3, 1, fault="cpu", expected={"cause": "code_bug"}),
        case(4, 1, system="bank"),
    ]
    without = [case(1, 3, fault="disk"), case(2, 1, fault="cpu"), *cases[2:]]
    kind = EvidenceKind.LOGS

    def row(system: str, fault: str | None, n: int, everything: float, left: float | None) -> AblationRow:
        return AblationRow(system=system, fault=fault, n=n, everything=everything, without={kind: left})

    assert rows_of(cases, {kind: without}) == (
        row("bank", None, 1, 1.0, None),
        row("shop", None, 2, 0.5, 0.5),
        row("shop", "cpu", 1, 0.0, None),
        row("shop", "disk", 1, 1.0, 0.0),
    )
