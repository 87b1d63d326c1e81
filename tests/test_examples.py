"""The examples run as they stand, and the alerts beside them are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

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


NOTEBOOK = EXAMPLES / "prompt_lab.ipynb"


def outputs(notebook: Any) -> dict[str, list[Any]]:
    """What each cell of code put out, by the cell's id."""
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The notebook's outputs as it runs here: without a key, and with nobody's Jupyter settings."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # nbformat's own
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("PYTHONPATH", str(EXAMPLES.parent))
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(folder / name))
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return outputs(notebook)


@pytest.mark.xdist_group("notebook")
def test_every_cell_of_the_notebook_runs_and_complains_of_nothing(executed: dict[str, list[Any]]) -> None:
    assert all(executed.values())
    put = [one for many in executed.values() for one in many]
    assert {one.output_type for one in put} <= {"execute_result", "stream"}
    assert {one.name for one in put if one.output_type == "stream"} == {"stdout"}


@pytest.mark.xdist_group("notebook")
def test_the_notebook_compares_what_each_prompt_took(executed: dict[str, list[Any]]) -> None:
    (shown,) = executed["changed"]
    text, page = shown.data["text/plain"], shown.data["text/html"]
    rows = {line[:20].strip(): line[20:].split("  ") for line in text.splitlines()}
    assert text.startswith("investigate by backend-architect")
    first, second = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) in", text))
    assert second < first
    assert [cell.strip() for cell in rows["answered by"] if cell.strip()] == ["scripted", "scripted"]
    assert {"calls", "tokens", "cost", "looks", "struck"} <= rows.keys()
    assert page.startswith("<table>")
    assert "fresh eyes" in page


@pytest.mark.xdist_group("notebook")
def test_the_notebook_asks_no_real_model_without_a_key(executed: dict[str, list[Any]]) -> None:
    assert "no real model is asked" in executed["real-model"][0].text


@pytest.mark.xdist_group("notebook")
def test_the_notebook_is_kept_with_its_outputs_and_without_anybodys_metadata(executed: dict[str, list[Any]]) -> None:
    kept: Any = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # nbformat's own
    shapes = [
        {name: [(one.output_type, sorted(one.get("data", ()))) for one in many] for name, many in put.items()}
        for put in (outputs(kept), executed)
    ]
    assert shapes[0] == shapes[1]
    assert kept.metadata.kernelspec.name == "python3"
    assert not any(cell.metadata for cell in kept.cells)
    assert NOTEBOOK.stat().st_size < 60_000
