"""Imports run one way, down; only the marked doors reach the network or a model."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nexus

PACKAGE = Path(nexus.__file__).parent

LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "run",
            "cli",
            "evaluate",
            "evaluation_cli",
            "lab",
            "replay",
            "terminal",
            "telemetry",
            "devserver",
            "testing",
            "logs",
            "process",
            "options",
            "driving",
            "resuming",
            "worker",
            "fleet",
            "stopping",
            "answer_cli",
            "serving",
            "service",
            "reception",
            "hosting",
            "reporting",
            "watching",
            "doctor",
            "mcp_cli",
            "mcp_server",
        }
    ),
    frozenset({"embedded", "temporal", "view", "settings", "thinking"}),
    frozenset({"asked", "examining", "graph", "incidents", "notices"}),
    frozenset({"answering", "correlation", "drive", "routes", "steps"}),
    frozenset({"change", "delivery", "raising"}),
    frozenset({"asking", "gate"}),
    frozenset({"casework"}),
    frozenset({"state"}),
    frozenset({"responder", "records"}),
    frozenset({"guards", "outgoing"}),
    frozenset({"library"}),
    frozenset({"tools"}),
    frozenset({"analysis", "bulletins", "grounding", "intake", "objectives", "pictures", "world"}),
    frozenset({"runbook", "timeline"}),
    frozenset({"incident", "errors", "masking", "spans"}),
)
"""From the top down: a module imports its own layer or a lower one. ARCHITECTURE.md draws it."""

ASIDE = {
    ("routes", "steps"): {"nexus.steps.verify"},
}
"""Imports inside one layer that are meant: from, to, and exactly which modules."""

NETWORK = frozenset(
    {
        "aiohttp",
        "boto3",
        "docker",
        "ftplib",
        "grpc",
        "http",
        "httpx",
        "kubernetes",
        "langsmith",
        "opentelemetry.exporter",
        "requests",
        "smtplib",
        "socket",
        "urllib",
        "urllib3",
        "websockets",
    }
)
MODELS = frozenset({"anthropic", "google", "langchain", "langchain_openai", "litellm", "ollama", "openai", "transformers"})
BESIDE_THE_DOORS = {
    ("testing", "aiohttp"),
    ("telemetry.py", "opentelemetry.exporter"),
    ("responder", "langsmith"),
    ("service", "urllib"),
}
"""Package and library: the model server for tests is a server on loopback and calls nobody; traces go where a user sends
them; the service reads addresses."""
CONTENT = ("agents/", "prompts/", "graphs/")


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "_library" not in p.parts)


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and module of every import, those for type checkers and those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in dotted if is_module(name))


def is_module(dotted: str) -> bool:
    path = PACKAGE.parent.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def layer_of(unit: str) -> int:
    return next(number for number, units in enumerate(LAYERS) if unit in units)


def test_every_module_has_a_layer() -> None:
    known = frozenset().union(*LAYERS)
    units = {unit_of(name_of(path)) for path in modules()} - {""}
    assert units == known


def test_imports_run_one_way() -> None:
    wrong = []
    for path in modules():
        importer = unit_of(name_of(path))
        if not importer:
            continue  # the public face reaches everywhere
        for line, imported in imports_of(path):
            unit = unit_of(imported) if imported.startswith("nexus.") else ""
            if unit and unit != importer and layer_of(unit) < layer_of(importer):
                wrong.append(f"{path.relative_to(PACKAGE.parent)}:{line} imports {imported}, which is above it")
    assert not wrong, "\n".join(wrong)


def test_nothing_inside_imports_the_public_face() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno} imports {alias.name} from nexus"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "nexus"
        for alias in node.names
        if not is_module(f"nexus.{alias.name}")
    ]
    assert not wrong, wrong


def test_routes_know_of_the_steps_only_what_is_written_here() -> None:
    found = {imported for line, imported in imports_of(PACKAGE / "routes.py") if unit_of(imported) == "steps"}
    assert found <= ASIDE["routes", "steps"]


def test_steps_never_import_one_another() -> None:
    shared = {"nexus.steps"}
    wrong = [
        f"{path.name}:{line} imports {imported}"
        for path in sorted((PACKAGE / "steps").glob("*.py"))
        for line, imported in imports_of(path)
        if imported.startswith("nexus.steps") and imported not in shared
    ]
    assert not wrong, wrong


@pytest.mark.parametrize(("libraries", "door"), [(NETWORK, ("world",)), (MODELS, ("responder",))], ids=["the network", "models"])
def test_only_one_door_leads_to(libraries: frozenset[str], door: tuple[str, ...]) -> None:
    wrong = []
    for path in modules():
        inside = path.relative_to(PACKAGE).parts
        implementation = inside[0] in door and len(inside) > 2
        forbidden = libraries - {library for package, library in BESIDE_THE_DOORS if package == inside[0]}
        wrong += [
            f"{path.relative_to(PACKAGE.parent)}:{line} imports {imported}"
            for line, imported in imports_of(path)
            if any(f"{imported}.".startswith(f"{library}.") for library in forbidden) and not implementation
        ]
    assert not wrong, wrong


def test_only_the_library_reads_content() -> None:
    wrong = []
    for path in modules():
        if path.is_relative_to(PACKAGE / "library"):
            continue
        texts = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Constant)]
        named = [n for n in texts if isinstance(n.value, str) and n.value.startswith(CONTENT)]
        wrong += [f"{path.relative_to(PACKAGE.parent)}:{n.lineno} names {n.value!r}" for n in named]
    assert not wrong, wrong


HEAVY = ("langgraph", "langchain_core", "numpy", "matplotlib", "rich.live", "jinja2", "ruamel.yaml")


@pytest.mark.parametrize("statement", ["import nexus", "from nexus import errors"])
def test_the_face_alone_imports_nothing_heavy(statement: str) -> None:
    assert not heavy_after(statement, HEAVY)


def test_help_imports_neither_the_graph_nor_the_numbers() -> None:
    assert not heavy_after("import nexus.cli", ("langgraph", "langchain_core", "numpy", "matplotlib", "jinja2"))


def heavy_after(statement: str, heavy: tuple[str, ...]) -> list[str]:
    code = f"{statement}\nimport sys\nprint(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()
