"""Workflow: one incident from its alert to its end: `drive` on the server's timers, over a graph whose nodes are activities."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, Interrupt, PregelTask
from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.langgraph import graph

from nexus.drive import Driver, Leg, Pending, drive
from nexus.graph import STAGES
from nexus.incident import Opening
from nexus.incidents import first_state
from nexus.notices import known_at
from nexus.raising import Assessed, as_raised, standing_as_raised
from nexus.runbook import Runbook
from nexus.state import State, standing_of
from nexus.temporal.activities import Activities
from nexus.temporal.asking import Desk
from nexus.temporal.clock import WorkflowClock
from nexus.temporal.nodes import graph_name, options
from nexus.temporal.payloads import Answers, Asking, Ending, Task, Telling, assessed_of, notice_json
from nexus.timeline import Notice, Sent, Standing

MOST_STEPS = 5000
"""LangGraph's bound on steps in one leg: far above any incident, so that only a loop meets it."""
SOON = timedelta(seconds=5)
"""After which a further alert that came in during triage is looked at."""
REFUSED = "AnswerRefused"
"""The type of the failure by which a refused answer is known."""


Given = TypeVar("Given")
Result = TypeVar("Result")


@workflow.defn(name="incident")
class IncidentWorkflow:
    """One incident."""

    @workflow.init
    def __init__(self, task: Task) -> None:
        self.opening = Opening.model_validate(task.opening)
        self.runbook = Runbook.model_validate(task.runbook)
        self.heartbeat = task.heartbeat
        self.clock = WorkflowClock(self.opening.opened_at, self.opening.pace, simulated=task.simulated)
        self.desk = Desk()
        opening = self.opening
        self.values = first_state(opening.incident, opening.alert, opening.opened_at, ask_always=opening.approve == "never")
        self.earlier = State()
        self.pending: tuple[Pending, ...] = ()
        self.asking: tuple[PregelTask, ...] = ()
        self.graph: Any = None
        self.assessed: Assessed | None = None
        self.news = asyncio.Event()

    @workflow.run
    async def run(self, task: Task) -> str:  # noqa: ARG002 - as Temporal gives it; __init__ has taken it in
        """Take the incident to its end; its outcome."""
        self.graph = graph(graph_name(self.opening.graph)).compile(checkpointer=InMemorySaver())
        clock = self.clock
        driver = Driver(
            self.runbook, self.invoke, self.publish, clock.now, clock.sleep_until, self.answer, self._standing(), Sent()
        )
        driver.news, driver.heard = self.news, lambda standing: standing_as_raised(standing, self.assessed)
        ended = await drive(driver)
        await workflow.wait_condition(workflow.all_handlers_finished)
        outcome = ended.outcome.value if ended.outcome else None
        return await self._do(Activities.finish, Ending(dict(as_raised(self.values, self.assessed)), outcome))

    async def invoke(self, resume: Mapping[str, Any] | None) -> Leg:
        """One leg of the graph."""
        config: RunnableConfig = {"configurable": {"thread_id": self.opening.incident}, "recursion_limit": MOST_STEPS}
        stop_after = list(STAGES[self.opening.until]) if self.opening.until else None
        with self.clock.busy():
            given: Any = self.values
            if resume is not None:
                await self._keep_answers(resume)
                given = Command(resume={_id_now(t): resume[i.id] for t in self.asking for i in t.interrupts})
            await self.graph.ainvoke(
                given,
                config,
                durability="exit",
                interrupt_after=stop_after,
            )
            snapshot = await self.graph.aget_state(config)
            self.earlier, self.values = self.values, cast("State", snapshot.values)
            self.asking = snapshot.tasks
            self.pending = tuple(Pending(i.id, i.value) for i in snapshot.interrupts)
            await self._ask(self.pending)
        return Leg(self._standing(), datetime.fromisoformat(self.values["now"]), self.pending)

    def publish(self, notice: Notice) -> Coroutine[Any, Any, None]:
        """Compose and send one notice, from what was known at its time."""
        state = as_raised(known_at(notice.at, self.earlier, self.values), self.assessed)
        return self._publish(Telling(dict(state), notice_json(notice)))

    async def _publish(self, told: Telling) -> None:
        with self.clock.busy():
            await self._do(Activities.publish, told)

    async def answer(self, pending: Pending) -> Mapping[str, Any]:
        """A person's answer, or the policy's where every action is approved."""
        if self.opening.approve == "auto" and pending.value["kind"] == "approval":
            return {"verdict": "approved", "digest": pending.value["digest"], "by": "policy: approve auto"}
        return await self.desk.answered(pending)

    @workflow.signal(name="alerted")
    async def hear(self) -> None:
        """A further alert is in the records: the incident may be worse than it looked."""
        written = await self._do(Activities.reassess, dict(self.values))
        while written is None:  # triage has not ended
            await workflow.sleep(SOON)
            written = await self._do(Activities.reassess, dict(self.values))
        self.assessed = assessed_of(written)
        self.news.set()

    @workflow.update(name="answer")
    def take(self, question: str, answer: dict[str, Any]) -> None:
        """Answer one question."""
        self.desk.take(question, answer)

    @take.validator
    def _acceptable(self, question: str, answer: dict[str, Any]) -> None:
        reason = self.desk.refuse(question, answer, self.clock.now())
        if reason is not None:
            raise ApplicationError(reason, type=REFUSED)

    @workflow.query(name="standing")
    def told(self) -> dict[str, Any]:
        """How the incident stands: its status, severity, time, outcome and open questions."""
        standing = self._standing()
        return {
            "status": standing.status,
            "severity": standing.severity,
            "outcome": standing.outcome,
            "now": self.clock.now().isoformat(),
            "questions": [question.model_dump(mode="json") for question in self.desk.questions()],
        }

    async def _keep_answers(self, resume: Mapping[str, Any]) -> None:
        answers = {
            part.id: dict(reply)
            for pending in self.pending
            for part, reply in zip(pending.asked, resume[pending.id].get("answers", [resume[pending.id]]), strict=False)
        }
        if answers:
            await self._do(Activities.keep_answers, Answers(self.opening.incident, answers))

    async def _ask(self, pending: Sequence[Pending]) -> None:
        asked = {p.id: dict(p.value) for p in pending if p.asked}
        if asked:
            await self._do(Activities.ask, Asking(dict(self.values), asked))

    async def _do(self, activity: Callable[[Activities, Given], Awaitable[Result]], given: Given) -> Result:
        name = activity.__name__
        return await workflow.execute_activity_method(activity, given, **options(name, timedelta(seconds=self.heartbeat)))

    def _standing(self) -> Standing:
        standing = standing_of(self.values, self.runbook.limits.revenue_per_hour)
        return standing_as_raised(standing, self.assessed)


def _id_now(task: PregelTask) -> str:
    """The id by which this run of the workflow knows a task's interrupt.

    Ids follow from checkpoints' ids, which differ each time a worker takes the workflow over; what people answer has the id
    of the first time, which the history holds.
    """
    return Interrupt.from_ns(None, f"{task.name}:{task.id}").id
