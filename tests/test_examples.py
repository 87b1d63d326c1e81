"""The examples run as they stand, and the alerts beside them are read."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nexus import load_alert

EXAMPLES = Path(__file__).parents[1] / "examples"
ALERTS = sorted((EXAMPLES / "alerts").glob("*.json"))


def example(*arguments: str) -> list[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / "embed.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return [line for line in done.stdout.splitlines() if line.strip()]


def test_the_graph_in_your_hands_streams_the_steps_and_ends_resolved() -> None:
    lines = example()
    steps = ["triage", "assign", "correlate", "plan", "approve", "act", "judge", "watch", "post_mortem", "backlog"]
    places = [lines.index(step) for step in steps]
    assert places == sorted(places)
    assert lines[-1] == "outcome: resolved"


def test_one_call_also_informs_people() -> None:
    lines = example("handle")
    assert lines[-1] == "outcome: resolved"
    assert any("status update 1: Investigating" in line for line in lines)
    assert any("executive brief 1" in line for line in lines)


@pytest.mark.parametrize("path", ALERTS, ids=lambda p: p.stem)
def test_a_sample_alert_is_read_without_assumptions(path: Path) -> None:
    alert = load_alert(path, now=datetime(2026, 3, 2, 10, 1, tzinfo=UTC))
    assert alert.service
    assert alert.level in ("critical", "low")
    assert alert.starts_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert not alert.notes
