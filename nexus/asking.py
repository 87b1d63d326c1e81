"""Asking: one agent doing one task inside a step: its desk, its time limit, its events, and its absence when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from nexus.casework import Case, common_facts
from nexus.errors import NexusError, RecordsError
from nexus.incident import Absence, AskedTask, Author, Authorship, EventKind, Evidence, Word
from nexus.library import Agent
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.spans import AUTHOR, agent_span
from nexus.state import State, actions_of, alert_of, diagnosis_of
from nexus.tools.custom import tool_of
from nexus.tools.tool import Look, Marks

Answer = TypeVar("Answer", bound=Word)


@dataclass(frozen=True, slots=True)
class Done(Generic[Answer]):
    """What became of a task: `answer` is None when the agent is absent."""

    answer: Answer | None
    absence: Absence | None
    ended: datetime
    seen: tuple[Evidence, ...] = field(default=())

    @property
    def known(self) -> frozenset[str]:
        """Ids of the evidence that this task brought in and that could be looked at."""
        return frozenset(e.id for e in self.seen if not e.failed)


def marks_of(state: State) -> Marks:
    """The moments that pictures and before-and-after comparisons are marked with."""
    acted = [a.started_at for a in actions_of(state)]
    return Marks(
        change=diagnosis_of(state).cause.introduced_at,
        alert=alert_of(state).starts_at,
        action=acted[-1] if acted else None,
        recovery=datetime.fromisoformat(since) if (since := state.get("watch_since")) else None,
    )


def desk_for(case: Case, agent: Agent, *, free: bool, suffix: str = "") -> Desk:
    """The agent's desk for this step."""
    context, state = case.context, case.state
    window = timedelta(minutes=state.get("window_minutes", 60))
    look = Look(world=context.world, at=case.now, alert=alert_of(state), window=window, marks=marks_of(state))

    async def keep(evidence: Evidence, pictures: dict[str, bytes]) -> None:
        await context.records.keep(case.incident, evidence, pictures)
        await case.record(
            EventKind.EVIDENCE,
            agent.title,
            evidence.summary,
            {"evidence": evidence.id, "tool": evidence.tool, "failed": evidence.failed, "pictures": list(evidence.pictures)},
            key=evidence.id,
            at=evidence.at,
        )

    async def recall() -> list[Evidence]:
        return await context.records.evidence(case.incident)

    async def spent() -> list[Authorship]:
        return await context.records.authorship(case.incident)

    lap = context.world.clock.lap(case.now)
    prefix = f"{case.step}{suffix}"
    return Desk(agent, look, lap, keep, prefix, vault=context.vault, recall=recall, spent=spent, free=free)


async def ask(
    case: Case,
    agent_name: str,
    task: str,
    schema: type[Answer],
    facts: Mapping[str, Any],
    *,
    free: bool = False,
    suffix: str = "",
    quiet: bool = False,
) -> Done[Answer]:
    """Have one agent answer one task within the investigators' time limit.

    `free`: its looks take no simulated time. `suffix` tells two asks of one agent in one step apart.
    """
    context = case.context
    agent = context.library.agent(agent_name)
    limit = context.library.runbook.clocks.investigator_timeout
    desk = desk_for(case, agent, free=free, suffix=suffix)
    desk.give(*(tool_of(look) for look in await context.world.looks() if not look.agents or agent.name in look.agents))
    if not quiet:
        await case.record(
            EventKind.STARTED,
            agent.title,
            f"{agent.title}: {task}",
            {"agent": agent.title, "task": task},
            key=f"{agent.name}{suffix}",
        )
    answer: Answer | None = None
    reason = ""
    asked = Task(task, agent, context.library, {**common_facts(case), **facts})
    await _keep_task(case, asked, desk, f"{case.step}:{case.node}:{agent.name}:{task}{suffix}")
    with agent_span(agent.name, agent.title, incident=case.incident, task=task, wording=context.library.digest) as mark:
        try:
            work = context.responder.respond(asked, schema, desk)
            answer = await asyncio.wait_for(work, limit.total_seconds())
            if desk.lap.now() - case.now > limit:
                answer, reason = None, f"took longer than {int(limit.total_seconds())} s"
                mark.fail(TimeoutError.__name__)
        except TimeoutError as error:
            reason = f"took longer than {int(limit.total_seconds())} s"
            mark.fail(type(error).__name__)
        except RecordsError:
            raise
        except NexusError as error:
            reason = str(error)
            mark.fail(type(error).__name__)
        except Exception as error:  # noqa: BLE001 - a responder or tool of an embedder may raise anything; the incident must go on
            reason = f"{type(error).__name__}: {error}"
            mark.fail(type(error).__name__)
        if answer is not None:
            mark.set(AUTHOR, (desk.signed[-1].by if desk.signed else Author.RULES).value)
    ended = desk.lap.now()
    await _record_authorship(case, desk, f"{agent.name}:{task}{suffix}")
    absence = None
    if answer is None:
        ended = min(ended, case.now + limit) if context.world.clock.simulated else ended
        absence = Absence(agent=agent.title, task=task, reason=reason, at=ended)
        text = f"{agent.title} gave no answer to {task}: {reason}"
        data = {"absence": absence.model_dump(mode="json")}
        await case.record(EventKind.ABSENT, agent.title, text, data, key=f"{agent.name}{suffix}", at=ended)
    return Done(answer, absence, ended, tuple(desk.seen))


async def _keep_task(case: Case, task: Task, desk: Desk, key: str) -> None:
    """The task as it is asked; evidence, which the records hold already, by id."""
    kept = AskedTask(
        key=key,
        agent=task.agent.name,
        task=task.name,
        at=case.now,
        facts={name: [] if name == "evidence" else value for name, value in task.facts.items()},
        window_minutes=int(desk.look.window.total_seconds() // 60),
        evidence=tuple(e["id"] for e in task.facts.get("evidence", ())),
        looks=desk.prefix,
        catalog={service.name: service.owner for service in case.context.world.catalog},
    )
    await case.context.records.keep_task(case.incident, kept)


async def _record_authorship(case: Case, desk: Desk, key: str) -> None:
    for number, signed in enumerate(desk.signed):
        task = signed.task.replace("_", " ")
        text = f"{task} answered by {signed.model}" if signed.by is Author.MODEL else f"{task} answered by rules: {signed.why}"
        data = {"authorship": signed.model_dump(mode="json")}
        await case.record(EventKind.AUTHORED, signed.agent, text, data, key=f"{key}:{number}", at=signed.at)
