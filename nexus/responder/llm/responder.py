"""LlmResponder: each task answered by rules, then by a model on top; where the model fails the rules' answer stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast
from weakref import WeakKeyDictionary

from nexus.errors import ModelError, ModelUnreachable, RecordsError
from nexus.grounding import ground_of
from nexus.incident import Author, Authorship, Word
from nexus.masking import Vault
from nexus.outgoing import outgoing_ground
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.llm.breaker import Breaker
from nexus.responder.llm.budget import Ledger, Meter, Spent
from nexus.responder.llm.chat import Chat, Heard
from nexus.responder.llm.conversation import Conversation
from nexus.responder.llm.fence import Fence, Nonce, nonce
from nexus.responder.llm.noted import Noted, up_to_date
from nexus.responder.llm.opening import opening_of
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.tasks import PARTS
from nexus.responder.llm.tasks.part import Known, Merged, Part
from nexus.responder.rules import RulesResponder
from nexus.tools.tool import Tool

Answer = TypeVar("Answer", bound=Word)

LOOKING = 0.6
"""Share of an agent's time limit that looks may take, so that an answer still comes in time."""


ANSWERING = 0.8
"""Share of an agent's time limit that a model may take, so that the rules' answer still comes in time."""


class Watcher(Protocol):
    """Whoever watches a model at work."""

    def said(self, agent: str, task: str, piece: str) -> None:
        """The model wrote a piece of text for that agent."""
        ...

    def spent(self, spent: Spent) -> None:
        """An incident's account after a call."""
        ...


@dataclass(slots=True)
class _Job:
    """One task on its way to its answer; `time_left`: whether the agent may still look."""

    task: Task
    part: Part[Any, Any]
    draft: Word
    desk: Desk
    model: str
    meter: Meter
    began: float
    time_left: Callable[[], bool]
    merged: Merged[Any] | None = None
    why: str = ""


class LlmResponder:
    """A model on top of the rules, within a budget and a time, and never in the way.

    `chat` reaches the models that `policy` names. `tools` gives agents, by name, further tools that only look. `watcher` hears
    text as it is streamed and what it costs. Use it as an async context manager, or close it.
    """

    name = "llm"

    def __init__(
        self,
        chat: Chat,
        policy: ModelPolicy,
        *,
        tools: Mapping[str, Sequence[Tool]] | None = None,
        watcher: Watcher | None = None,
        secrets: Sequence[str] = (),
        nonces: Nonce = nonce,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self.ledger = Ledger(policy, watcher.spent if watcher else lambda _: None)
        self._chat = chat
        self._tools = dict(tools or {})
        self._watcher = watcher
        self._secrets = tuple(secrets)
        self._nonces = nonces
        self._now = now
        self._rules = RulesResponder()
        self._noted: WeakKeyDictionary[Vault, Noted] = WeakKeyDictionary()
        self._breaker = Breaker(policy.pause, now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self._chat.close()

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        """The rules' answer, improved by the model where that can be had. Raises ResponderError for a task that nobody knows."""
        for secret in self._secrets:
            desk.vault.learn(secret)
        began = desk.lap.now()
        draft = await self._rules.respond(task, schema, desk)
        part = PARTS.get(task.name)
        model = self.policy.model_for(task.agent.name, task.name)
        if part is None or model is None or not part.worth(task, draft):
            return draft
        limit = task.library.runbook.clocks.investigator_timeout
        incident, name = task.facts["incident"], task.agent.name
        recorded = await desk.spent()
        self.ledger.catch_up(incident, None, recorded)
        self.ledger.catch_up(incident, name, [signed for signed in recorded if signed.agent == task.agent.title])
        meter = self.ledger.meter(incident, name)
        job = _Job(task, part, draft, desk, model, meter, self._now(), lambda: desk.lap.now() - began < limit * LOOKING)
        try:
            await self._improve(job, min(self.policy.seconds_for(task.name), limit.total_seconds() * ANSWERING))
        finally:
            self._sign(job)
        return cast("Answer", job.merged.answer) if job.merged is not None else draft

    async def _improve(self, job: _Job, seconds: float) -> None:
        """Put the task to the model; whatever goes wrong with that is a reason, not an error."""
        refused = self._breaker.refuses(job.model)
        if refused is not None:
            job.why = refused
            return
        with self._trying(job):
            try:
                async with asyncio.timeout(seconds):
                    job.merged = await self._converse(job)
            except TimeoutError as error:
                raise ModelUnreachable(f"{job.model} took longer than {seconds:.0f} s over the task", "rules answer") from error

    @contextmanager
    def _trying(self, job: _Job) -> Iterator[None]:
        try:
            yield
        except ModelError as error:
            job.why = str(error)
            self._breaker.failed(job.model, error)
        except RecordsError:
            self._breaker.let_go(job.model)
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong on a model's side, the rules' answer is there already
            job.why = f"{job.model} could not be asked: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            self._breaker.let_go(job.model)
        except BaseException:
            self._breaker.let_go(job.model)
            raise
        else:
            self._breaker.succeeded(job.model)

    async def _converse(self, job: _Job) -> Merged[Any]:
        task, part, desk = job.task, job.part, job.desk
        desk.give(*self._tools.get(task.agent.name, ()))
        fence = Fence(self._nonces(), self.policy.window_of(job.model))
        opened = opening_of(task, part, job.draft, desk, fence)

        async def merge(answer: Any) -> Merged[Any]:
            return part.merge(task, job.draft, answer, await self._known(job))

        conversation: Conversation[Any, Any] = Conversation(
            chat=self._chat, policy=self.policy, model=job.model, meter=job.meter, desk=desk, fence=fence,
            tools=opened.tools, offered=list(opened.offered), asks=part.asks, merge=merge, messages=list(opened.messages),
            time_left=job.time_left, heard=self._hearing(task),
        )  # fmt: skip
        conversation.remember(desk.seen)
        return await conversation.run()

    def _hearing(self, task: Task) -> Heard | None:
        """Told each piece as it comes: where somebody watches, or streaming was asked for."""
        watcher = self._watcher
        if watcher is not None and self.policy.stream is not False:
            return lambda piece: watcher.said(task.agent.title, task.name, piece)
        return (lambda _: None) if self.policy.stream else None

    async def _known(self, job: _Job) -> Known:
        """What an answer is held against, as of now."""
        task, desk = job.task, job.desk
        recorded = {e.id: e for e in await desk.recall()}
        evidence = recorded | {e.id: e for e in desk.seen}
        noted = self._noted[desk.vault] = up_to_date(self._noted.get(desk.vault), evidence.values())
        catalog = frozenset(s.name for s in desk.look.world.catalog)
        titles = frozenset(a.title for a in task.library.agents.values())
        names = catalog | titles | frozenset(s.owner for s in desk.look.world.catalog)
        drafted = job.draft.model_dump(mode="json", exclude={"evidence"})
        if job.part.public:
            ground = outgoing_ground(task.facts, evidence.values(), names, [t for t in drafted.values() if isinstance(t, str)])
        else:
            facts = {k: v for k, v in task.facts.items() if k != "evidence"}
            counted = [None] * len(evidence)  # how many looks there are may be said, as the length of any list
            ground = ground_of([facts, drafted, counted], names=names | noted.components, notes=noted.notes)
        usable = {i: e for i, e in evidence.items() if not e.failed}
        return Known(evidence=usable, ground=ground, components=catalog | noted.components, names=names)

    def _sign(self, job: _Job) -> None:
        task, own, merged = job.task, job.meter.own, job.merged
        why = job.why if merged is None else ""
        if merged is not None and merged.struck and merged.answer == job.draft:
            why = f"nothing that {job.model} said could stand: {merged.struck[0]}"
        job.desk.sign(
            Authorship(
                agent=task.agent.title,
                task=task.name,
                by=Author.RULES if why or merged is None else Author.MODEL,
                model=job.model,
                why=why,
                calls=own.steps,
                prompt_tokens=own.prompt_tokens,
                cached_tokens=own.cached_tokens,
                completion_tokens=own.completion_tokens,
                cost_usd=own.cost,
                seconds=round(self._now() - job.began, 3),
                claims=merged.claims if merged is not None else 0,
                struck=merged.struck if merged is not None else (),
                wording=task.library.wording(task.agent.name, task.name),
                at=job.desk.lap.now(),
            )
        )
