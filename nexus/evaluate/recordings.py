"""Recordings: recorded outages investigated by the rules, and how often the labelled answer was found."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nexus.errors import UsageError, WorldError
from nexus.evaluate.case import CaseResult, Evaluation, rank_of, run_case, summaries
from nexus.library import Library
from nexus.world.open import open_world


def read_labels(path: Path) -> dict[str, dict[str, Any]]:
    """`id` to the answer: `service`, `cause`, `system`. Raises UsageError naming file and line."""
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


async def evaluate_recordings(directory: Path, labels: Mapping[str, Mapping[str, Any]], library: Library) -> Evaluation:
    """Every recording in `directory`, investigated to its diagnosis."""
    folders = recording_folders(directory)
    cases = []
    for folder in folders:
        opened = open_world(f"recording:{folder}")
        begun = time.perf_counter()
        incident = await run_case(opened, library, until="investigation")
        seconds = time.perf_counter() - begun
        label = labels.get(folder.name, {})
        rank = rank_of(incident, [label["service"]]) if "service" in label else None
        cause = incident.cause
        guess = cause.cause.value
        got = {
            "severity": incident.severity.value if incident.severity else None,
            "service": cause.component,
            "cause": guess,
            "status": cause.status.value,
            "confidence": cause.confidence,
            "suspects": [s.component for s in incident.suspects[:5]],
        }
        cases.append(
            CaseResult(
                id=folder.name,
                system=str(label.get("system") or incident.alert.labels.get("system", "unknown")),
                passed=rank == 1 and label.get("cause") == guess,
                rank=rank,
                expected={k: label[k] for k in ("service", "cause") if k in label},
                got=got,
                seconds=round(seconds, 3),
            )
        )
    return Evaluation(cases=tuple(cases), summary=summaries([c for c in cases if c.expected]))
