"""What is installed: wheel, sdist and checkout all carry the library, and `nexus` is the only name that is added."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from nexus.library import Library

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "incidents", "dist", "build", "__pycache__")
DATA = (
    "nexus/world/sandbox/shop.yaml",
    "nexus/world/sandbox/scenarios/bad-deploy/scenario.yaml",
    "nexus/world/sandbox/scenarios/bad-deploy/alert.json",
    "nexus/_library/graphs/incident.yaml",
    "nexus/_library/graphs/incident.mmd",
    "nexus/_library/agents/infrastructure-maintainer.md",
    "nexus/_library/prompts/triage.md",
    "nexus/py.typed",
)
LOOK = """
import json, nexus, nexus.world.sandbox
library = nexus.Library.default()
scenarios = sorted(nexus.world.sandbox.scenario_names())
print(json.dumps([str(library.root), len(library.agents), library.digest, scenarios, nexus.__file__]))
"""


pytestmark = pytest.mark.xdist_group("packaging")  # what is built is built once


def call(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and, built from that sdist, wheel; built from a copy, so that the checkout stays as it is."""
    place = tmp_path_factory.mktemp("built")
    source = place / "source"
    shutil.copytree(ROOT, source, ignore=LEFT_OUT)
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", place / "dist", source, cwd=place)
    return place / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel and sees the packages that NEXUS needs."""
    place = tmp_path_factory.mktemp("installed")
    call(sys.executable, "-m", "venv", place, cwd=place)
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wheel = next(built.glob("*.whl"))
    call(python, "-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check", wheel, cwd=place)
    packages = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip())
    (packages / "seen.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def test_the_wheel_adds_nexus_and_its_metadata_only(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {n.split("/")[0] for n in names} == {"nexus", "nexus_incident_response-0.5.0.dist-info"}
    assert not [n for n in DATA if n not in names]
    assert {"LICENSE", "NOTICE"} <= {Path(n).name for n in names if ".dist-info/licenses/" in n}


def test_the_sdist_holds_what_a_packager_needs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {n.partition("/")[2] for n in sdist.getnames()}
    frame = {"pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "NOTICE", "README.md", "CHANGELOG.md"}
    parts = {"agents/api-tester.md", "graphs/incident.yaml", "tests/test_packaging.py", "examples/embed.py"}
    assert frame | parts <= names
    assert not [n for n in names if "__pycache__" in n or n.startswith((".", "incidents/"))]


def test_an_installed_wheel_reads_its_own_library(installed: Path) -> None:
    root, agents, digest, scenarios, file = json.loads(call(installed, "-c", LOOK, cwd=installed.parent))
    assert Path(root).name == "_library"
    assert Path(file).is_relative_to(installed.parents[1])
    assert agents == 14
    assert len(scenarios) >= 18
    assert digest == Library.default().digest


def test_the_installed_command_runs(installed: Path) -> None:
    command = installed.with_name("nexus")
    assert "run" in call(command, "--help", cwd=installed.parent)
    assert "no faults" in call(command, "check", cwd=installed.parent)
    assert "bad-deploy" in call(command, "eval", "sandbox", "--list", cwd=installed.parent)


def test_the_checkout_reads_its_own_folders() -> None:
    assert json.loads(call(sys.executable, "-c", LOOK, cwd=ROOT))[0] == str(ROOT)


def test_the_versions_of_constraints_cover_what_is_needed_and_name_no_address() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all("==" in line and "://" not in line and "@" not in line for line in lines)
    pinned = {line.split("==")[0].lower() for line in lines}
    assert {"langgraph", "pydantic", "numpy", "matplotlib", "typer", "pytest", "mypy", "ruff", "langgraph-cli"} <= pinned
