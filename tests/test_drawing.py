"""graphs/incident.mmd is the compiled graph's drawing."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from nexus.cli import app

DRAWING = Path(__file__).parents[1] / "graphs" / "incident.mmd"


def test_the_drawing_is_what_the_code_draws() -> None:
    done = CliRunner().invoke(app, ["draw"])
    assert done.exit_code == 0
    assert DRAWING.read_text(encoding="utf-8") == done.stdout, "make draw brings it up to date"
