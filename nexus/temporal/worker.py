"""Worker: serves workflows and activities until it is told to stop, and hands on what it cannot end in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from nexus.library import Library
from nexus.records.store import Store
from nexus.responder.contract import Responder
from nexus.settings import TemporalSettings
from nexus.temporal.activities import Activities
from nexus.temporal.connection import connect
from nexus.temporal.contexts import Contexts
from nexus.temporal.heartbeat import Heartbeat
from nexus.temporal.nodes import graphs
from nexus.temporal.workflow import IncidentWorkflow

GRACE = timedelta(seconds=20)
"""What is under way has this long to end when the worker is told to stop; then another worker does it again."""
STICKY = timedelta(seconds=2)
"""A dead worker's workflows go on elsewhere this soon."""


async def serve(
    settings: TemporalSettings,
    *,
    library: Library,
    responder: Responder,
    records: Store,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Work until `stop` is set; `ready` is called when work can come. Raises UsageError when the server does not answer."""
    contexts = Contexts(library, responder, records)
    async with worker_of(await connect(settings), settings, contexts):
        ready()
        await stop.wait()


def worker_of(client: Client, settings: TemporalSettings, contexts: Contexts) -> Worker:
    """A worker for incidents and for their agents' work."""
    own, heartbeat = Activities(contexts), timedelta(seconds=settings.heartbeat)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[IncidentWorkflow],
        activities=[own.publish, own.reassess, own.ask, own.keep_answers, own.finish],
        plugins=[LangGraphPlugin(graphs=dict(graphs(contexts, heartbeat)))],
        interceptors=[Heartbeat()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=GRACE,
    )
