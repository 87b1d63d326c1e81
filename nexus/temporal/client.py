"""Client: begins incidents on a fleet of workers, follows them, and gives people's answers to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from nexus.errors import AnswerRefused, NexusError, UsageError
from nexus.incident import Event, Opening, Outcome, Question
from nexus.library import Library
from nexus.records.store import Store
from nexus.settings import TemporalSettings
from nexus.temporal.payloads import Task, runbook_json
from nexus.temporal.workflow import IncidentWorkflow

LOOK = 0.5
"""Seconds between two looks at an incident's events."""
MOST_WORDS = 100
"""Characters of an alert's title that Temporal shows."""


async def submit(client: Client, settings: TemporalSettings, opening: Opening, library: Library) -> None:
    """Begin an incident that is in the records already. Raises UsageError when there is, or was, one of that id."""
    given = opening.model_dump(mode="json"), runbook_json(library.runbook)
    task = Task(*given, opening.simulated, settings.heartbeat)
    try:
        await client.start_workflow(
            IncidentWorkflow.run,
            task,
            id=opening.incident,
            task_queue=settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=opening.alert.title[:MOST_WORDS],
        )
    except WorkflowAlreadyStartedError as error:
        raise UsageError(f"{opening.incident} is on Temporal already", f"follow it: nexus show {opening.incident}") from error
    except RPCError as error:
        raise _unreachable(error) from error


async def follow(
    client: Client,
    incident: str,
    records: Store,
    heard: Callable[[Event], None],
    stop: asyncio.Event,
) -> Outcome | None:
    """Tell `heard` of each event as it is recorded, until the incident has ended; None when `stop` was set before.

    A server that is away for a while is waited for. Raises UsageError when there is no such incident, NexusError when it was
    ended by force.
    """
    ended = asyncio.ensure_future(_result(client, incident))
    told = asyncio.ensure_future(stop.wait())
    seen: set[str] = set()
    try:
        while not ended.done() and not told.done():
            await asyncio.wait({ended, told}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
            for event in await records.events(incident):
                if event.key not in seen:
                    seen.add(event.key)
                    heard(event)
        return Outcome(ended.result()) if ended.done() else None
    except WorkflowFailureError as error:
        raise NexusError(f"{incident} was ended on Temporal ({error.cause})", "its history there says by whom and why") from error
    except RPCError as error:
        raise _unreachable(error, incident) from error
    finally:
        ended.cancel()
        told.cancel()
        await asyncio.gather(ended, told, return_exceptions=True)


async def answer(client: Client, incident: str, question: str, given: Mapping[str, Any]) -> None:
    """Give a person's answer. Raises AnswerRefused with the reason when it does not fit what is asked now."""
    try:
        await _handle(client, incident).execute_update(IncidentWorkflow.take, args=[question, dict(given)])
    except WorkflowUpdateFailedError as error:
        reason = error.cause.message if isinstance(error.cause, ApplicationError) else str(error.cause)
        raise AnswerRefused(reason, f"nexus show {incident} lists what is asked now") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise AnswerRefused(f"{incident} is not open on Temporal ({error.message})", "nexus list names incidents") from error
        raise _unreachable(error) from error


async def tell_of_alert(client: Client, incident: str) -> None:
    """Say that a further alert of it is in the records; an incident that has ended needs to know nothing. Raises UsageError."""
    try:
        await _handle(client, incident).signal(IncidentWorkflow.hear)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise _unreachable(error) from error


async def known(client: Client, incident: str) -> bool:
    """Whether an incident of that id is, or was, on Temporal; also told while no worker runs. Raises UsageError."""
    try:
        await _handle(client, incident).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise _unreachable(error) from error
    return True


async def standing(client: Client, incident: str) -> dict[str, Any]:
    """How an incident stands: status, severity, outcome, its time, its open questions. Raises UsageError."""
    try:
        return await _handle(client, incident).query(IncidentWorkflow.told)
    except RPCError as error:
        raise _unreachable(error, incident) from error


async def open_questions(client: Client, incident: str) -> list[Question]:
    """What the incident asks people now. Raises UsageError."""
    return [Question.model_validate(question) for question in (await standing(client, incident))["questions"]]


async def _result(client: Client, incident: str) -> str:
    while True:
        try:
            return await _handle(client, incident).result()
        except RPCError as error:
            if error.status is not RPCStatusCode.UNAVAILABLE:
                raise
            await asyncio.sleep(LOOK)


def _handle(client: Client, incident: str) -> WorkflowHandle[IncidentWorkflow, str]:
    return client.get_workflow_handle_for(IncidentWorkflow.run, incident)


def _unreachable(error: RPCError, incident: str = "") -> UsageError:
    if error.status is RPCStatusCode.NOT_FOUND and incident:
        return UsageError(f"there is no incident {incident} on Temporal", "nexus list names incidents")
    return UsageError(f"the Temporal server did not answer ({error.message[:120]})", "see that it runs, and ask again")
