"""Plain: the baseline that a team of agents has to beat: one agent with every tool, its change made, and what that did."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nexus.errors import ActionError, ActionRefused, ModelError, ModelNonsense, ModelUnreachable, ToolError
from nexus.evaluate.plain_prompt import PLAIN, PlainAnswer, data_of, prompt_of
from nexus.evaluate.run import NO_ANSWER, UNRESOLVED, Contender, Made, Run, branch_of, made, right_of
from nexus.guards import check_dry_run
from nexus.incident import Action, ActionResult, Cause, Evidence, Outcome, Severity, Usage
from nexus.incidents import masked
from nexus.intake import read_alert
from nexus.library import Library
from nexus.masking import Vault
from nexus.responder.desk import Desk
from nexus.responder.llm.budget import Account, Ledger, Meter
from nexus.responder.llm.chat import Chat, Message
from nexus.responder.llm.conversation import Conversation
from nexus.responder.llm.fence import Fence, nonce
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.prompt import tools_of, user_of
from nexus.responder.llm.tasks import PARTS
from nexus.responder.llm.tasks.part import Merged
from nexus.runbook import Runbook
from nexus.spans import agent_span
from nexus.tools.readings import RecoveryReading
from nexus.tools.recovery import RECOVERY
from nexus.tools.tool import Look, Marks, NoArguments
from nexus.world import World
from nexus.world.sandbox import Sandbox

SETTLES = timedelta(minutes=10)
"""What a change is given to show, after the time that it takes itself."""
LOOKING = 0.6
"""Share of its time after which the agent has to submit, as in an incident."""


def policy_of(policy: ModelPolicy) -> ModelPolicy:
    """The policy for one agent alone: all that a whole incident may take, in calls, looks, tokens, USD and time."""
    tasks = len(PARTS)
    return policy.model_copy(
        update={
            "agent": policy.incident,
            "steps": policy.incident.steps or policy.steps * tasks,
            "looks": policy.looks * tasks,
            "task_seconds": sum(policy.seconds_for(task) for task in PARTS),
        }
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """How it came out: the change that was made, if one was, and why it is no better."""

    outcome: str
    action: Made | None = None
    why: str = ""


async def run_plain(  # noqa: PLR0917 - the scenario, who is asked, by whose rules
    sandbox: Sandbox, library: Library, chat: Chat, policy: ModelPolicy, repetition: int, secrets: Sequence[str] = ()
) -> Run:
    """One scenario handled by the plain agent alone; a model that fails is a run without an answer."""
    begun = time.perf_counter()
    desk = _desk(sandbox, secrets)
    meter = Ledger(policy).meter(sandbox.world.name, PLAIN.name)
    answer: PlainAnswer | None = None
    asked = time.perf_counter()
    try:
        answer = await _answer(desk, library, chat, policy, meter)
    except ModelError as error:
        ended = Ended(NO_ANSWER, why=error.what if isinstance(error, ModelNonsense) else str(error))
    thought = time.perf_counter() - asked
    if answer is not None:
        ended = await carry_out(desk, answer, library.runbook)
    severity = answer.severity.value if answer else None
    cause = (answer.cause if answer else Cause.UNKNOWN).value
    component = answer.component if answer else None
    return Run(
        contender=Contender.PLAIN,
        repetition=repetition,
        severity=severity,
        cause=cause,
        component=component,
        branch=branch_of(library.runbook, cause),
        actions=(ended.action,) if ended.action else (),
        outcome=ended.outcome,
        right=right_of(sandbox.scenario.expect, severity, cause, component, ended.outcome),
        why=ended.why,
        usage=_usage(meter.own),
        model_seconds=round(thought, 3),
        seconds=round(time.perf_counter() - begun, 3),
        by_model=int(answer is not None),
    )


def _desk(sandbox: Sandbox, secrets: Sequence[str]) -> Desk:
    """A desk over the scenario's world, from the alert on, whose evidence lasts as long as the run."""
    world, vault = sandbox.world, Vault()
    for secret in secrets:
        vault.learn(secret)
    now = world.clock.now()
    alert = masked(read_alert(json.dumps(sandbox.alert_payload), now=now), vault)
    kept: list[Evidence] = []

    async def keep(evidence: Evidence, _pictures: dict[str, bytes]) -> None:
        kept.append(evidence)

    async def recall() -> Sequence[Evidence]:
        return kept

    return Desk(PLAIN, Look(world=world, at=now, alert=alert), world.clock.lap(now), keep, "", vault=vault, recall=recall)


def _usage(spent: Account) -> Usage:
    return Usage(
        calls=spent.steps,
        prompt_tokens=spent.prompt_tokens,
        cached_tokens=spent.cached_tokens,
        completion_tokens=spent.completion_tokens,
        cost_usd=spent.cost,
    )


async def _answer(desk: Desk, library: Library, chat: Chat, policy: ModelPolicy, meter: Meter) -> PlainAnswer:
    """What the agent submits, whatever it is. Raises ModelError."""
    assert policy.name is not None
    fence, world, seconds = Fence(nonce(), policy.window), desk.look.world, policy.task_seconds
    data = data_of(world, desk.look.alert)
    began = time.monotonic()

    async def merge(answer: PlainAnswer) -> Merged[PlainAnswer]:
        return Merged(answer)

    conversation: Conversation[PlainAnswer, PlainAnswer] = Conversation(
        chat=chat, policy=policy, model=policy.name, meter=meter, desk=desk, fence=fence, tools=desk.tools,
        offered=tools_of(desk.tools.values(), PlainAnswer), asks=PlainAnswer, merge=merge,
        time_left=lambda: time.monotonic() - began < seconds * LOOKING,
        messages=[
            Message("system", PLAIN.instructions),
            user_of(prompt_of(library.runbook, desk.lap.now()), data, [], fence),
        ],
    )  # fmt: skip
    about = {"incident": world.name, "task": "plain", "wording": library.digest}
    with agent_span(PLAIN.name, PLAIN.title, **about):
        try:
            async with asyncio.timeout(seconds):
                return (await conversation.run()).answer
        except TimeoutError as error:
            raise ModelUnreachable(f"{policy.name} took longer than {seconds:.0f} s", "nobody answers in its place") from error


async def carry_out(desk: Desk, answer: PlainAnswer, runbook: Runbook) -> Ended:
    """Make the change that was chosen, let time pass, and measure whether all is well."""
    world, at = desk.look.world, desk.lap.now()
    if answer.false_alarm or answer.severity is Severity.P3:
        return Ended((Outcome.FALSE_ALARM if answer.false_alarm else Outcome.BACKLOGGED).value)
    if answer.action is None:
        return Ended(UNRESOLVED, why="no change was chosen")
    action = Action.model_validate(desk.vault.revealed(answer.action.model_dump()))
    try:
        took = await _make(world, action, at, runbook)
    except ActionError as refused:
        return Ended(UNRESOLVED, made(action, ActionResult.FAILED), str(refused))
    done = made(action, ActionResult.DONE)
    await world.clock.sleep_until(at + took + SETTLES)
    look = replace(desk.look, at=world.clock.now(), marks=Marks(alert=desk.look.alert.starts_at, action=at))
    try:
        measured = (await RECOVERY.run(look, NoArguments())).reading
    except ToolError as error:
        return Ended(UNRESOLVED, done, str(error))
    assert isinstance(measured, RecoveryReading)
    return Ended(Outcome.RESOLVED.value, done) if measured.recovered else Ended(UNRESOLVED, done, measured.summary)


async def _make(world: World, action: Action, at: datetime, runbook: Runbook) -> timedelta:
    """Dry-run it and carry it out; how long it takes. Raises ActionError where the engine or the world would not do it."""
    if world.actions is None:
        raise ActionRefused(f"the world {world.name} offers no actions")
    check_dry_run(action, await world.actions.dry_run(action, at), runbook)
    return (await world.actions.apply(action, at, f"{PLAIN.name}-1")).took
