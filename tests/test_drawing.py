"""graphs/incident.mmd is the compiled graph's drawing, and the graph has the runbook's shape."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from nexus.cli import app
from nexus.graph import STAGES, build
from nexus.library import Library

ROOT = Path(__file__).parents[1]


def test_the_drawing_is_what_the_code_draws() -> None:
    done = CliRunner().invoke(app, ["draw"])
    assert done.exit_code == 0
    assert (ROOT / "graphs" / "incident.mmd").read_text(encoding="utf-8") == done.stdout, "make draw brings it up to date"


def test_every_node_is_reached_and_leads_on() -> None:
    drawing = build(Library.default()).compile().get_graph()
    sources = {edge.source for edge in drawing.edges}
    targets = {edge.target for edge in drawing.edges}
    assert set(drawing.nodes) - sources == {"__end__"}
    assert set(drawing.nodes) - targets == {"__start__"}


def test_the_investigators_are_one_node_an_agent_between_assign_and_correlate() -> None:
    drawing = build(Library.default()).compile().get_graph()
    investigators = {name for name in drawing.nodes if name.startswith("investigate_")}
    assert investigators == {
        "investigate_infrastructure_maintainer",
        "investigate_devops_automator",
        "investigate_backend_architect",
        "investigate_frontend_developer",
    }
    edges = {(edge.source, edge.target) for edge in drawing.edges}
    assert all(("assign", name) in edges and (name, "correlate") in edges for name in investigators)


def test_the_stages_name_nodes_of_the_graph() -> None:
    nodes = set(build(Library.default()).nodes)
    assert {node for stage in STAGES.values() for node in stage} <= nodes
