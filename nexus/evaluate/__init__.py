"""Evaluation: scenarios and recordings run through the whole engine, held against what is expected; models against the rules."""

from nexus.evaluate.ablation import Ablation, AblationRow, ablate_recordings
from nexus.evaluate.case import (
    STEPS,
    CaseResult,
    Evaluation,
    Summary,
    finished,
    first_of_each,
    got_of,
    in_order,
    run_case,
    summaries,
    wrong_in,
)
from nexus.evaluate.compare import Benchmark, Compared, Entry, Watching, benchmark_of, compare_sandbox, passed
from nexus.evaluate.figures import Accuracy, Calibration, Spread, SystemFigures
from nexus.evaluate.hiding import EvidenceKind, hiding, kinds_of
from nexus.evaluate.recorded import PeerAnswer, RecordedCase
from nexus.evaluate.recordings import RecordedEvaluation, evaluate_recordings, read_labels, recording_folders
from nexus.evaluate.run import Contender, Right, Run
from nexus.evaluate.sandbox import chosen, evaluate_sandbox, evaluate_scenario, name_of, scenario_folders
from nexus.evaluate.scores import Rate, Score

__all__ = [
    "STEPS",
    "Ablation",
    "AblationRow",
    "Accuracy",
    "Benchmark",
    "Calibration",
    "CaseResult",
    "Compared",
    "Contender",
    "Entry",
    "Evaluation",
    "EvidenceKind",
    "PeerAnswer",
    "Rate",
    "RecordedCase",
    "RecordedEvaluation",
    "Right",
    "Run",
    "Score",
    "Spread",
    "Summary",
    "SystemFigures",
    "Watching",
    "ablate_recordings",
    "benchmark_of",
    "chosen",
    "compare_sandbox",
    "evaluate_recordings",
    "evaluate_sandbox",
    "evaluate_scenario",
    "finished",
    "first_of_each",
    "got_of",
    "hiding",
    "in_order",
    "kinds_of",
    "name_of",
    "passed",
    "read_labels",
    "recording_folders",
    "run_case",
    "scenario_folders",
    "summaries",
    "wrong_in",
]
