"""Histories of incidents that began with this or an earlier version of the graph: today's workers can go on with each."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from temporal_in_hand import LIBRARY
from temporalio.client import WorkflowHistory
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from nexus.graph import VERSION
from nexus.records.stores import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.temporal.contexts import Contexts
from nexus.temporal.nodes import graphs
from nexus.temporal.workflow import IncidentWorkflow

pytestmark = pytest.mark.xdist_group("temporal")

STORED = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def stored(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


async def failure(name: str, history: str) -> Exception | None:
    """What is wrong when today's code goes through that history."""
    contexts = Contexts(LIBRARY, RulesResponder(), MemoryStore())
    replayer = Replayer(
        workflows=[IncidentWorkflow],
        plugins=[LangGraphPlugin(graphs=dict(graphs(contexts, timedelta(seconds=15))))],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    told = await replayer.replay_workflow(WorkflowHistory.from_json(name, history), raise_on_replay_failure=False)
    return told.replay_failure


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name.removesuffix(".json.gz"))
async def test_a_stored_history_replays_on_todays_workers(path: Path) -> None:
    assert await failure(path.name, stored(path)) is None


def test_every_version_of_the_graph_has_a_history() -> None:
    versions = {int(path.name.split("-")[1]) for path in STORED}
    assert versions == set(range(1, VERSION + 1))


async def test_a_history_that_no_version_of_the_graph_makes_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    history = stored(STORED[0]).replace("incident-1.plan", "incident-1.planned")
    assert "Nondeterminism" in repr(await failure("other", history))
    capfd.readouterr()
