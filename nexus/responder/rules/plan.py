"""Planning by rules: the branch's actions that the world offers for the component, the one that fits the mechanism first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus.incident import Action, ActionKind, Cause, Evidence, Plan, RootCause, Step
from nexus.library import Library
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.desk import Desk
from nexus.responder.rules.claims import reading
from nexus.runbook import RELEVANT_DEVELOPER, Branch
from nexus.tools.readings import ChangesReading, DryRunReading, OptionsReading

K = ActionKind
FITS: dict[str, tuple[ActionKind, ...]] = {
    "disk": (K.SCALE, K.FAILOVER, K.RESTART),
    "cpu": (K.FAILOVER, K.SCALE, K.RESTART),
    "memory": (K.RESTART, K.SCALE, K.FAILOVER),
    "connections": (K.SCALE, K.RESTART, K.FAILOVER),
    "queue": (K.RESTART, K.SCALE),
    "network": (K.FAILOVER, K.RESTART),
    "flood": (K.LIMIT, K.SCALE),
    "credential": (K.ROTATE,),
    "data": (K.FAILOVER, K.RESTART),
    "flag": (K.FLAG, K.ROLLBACK),
    "errors": (K.RESTART, K.SCALE, K.FAILOVER),
    "latency": (K.RESTART, K.SCALE, K.FAILOVER),
}
"""Mechanism to the kinds of action that treat it, best first; other mechanisms take the branch's own order."""


ONLY_FOR = {K.LIMIT: "flood", K.ROTATE: "credential"}
"""Kinds of action that make sense for one mechanism alone."""


def order(options: Sequence[Action], branch: Branch, cause: RootCause, previous: str | None) -> list[Action]:
    """The options that the branch may take, best first: the guilty change's own reversal, then what fits the mechanism."""
    preferred = [kind.value for kind in FITS.get(cause.mechanism or "", ())] + list(branch.actions)

    def place(action: Action) -> tuple[int, int]:
        reverses = previous is not None and previous in {str(v) for v in action.arguments.values()}
        return (0 if reverses else 1, preferred.index(action.kind.value))

    def sensible(action: Action) -> bool:
        return (
            action.kind.value in branch.actions
            and not (action.kind is K.FALLBACK and action.arguments.get("on") is False)
            and ONLY_FOR.get(action.kind, cause.mechanism) == cause.mechanism
        )

    return sorted((o for o in options if sensible(o)), key=place)


def _previous(cause: RootCause, seen: Iterable[Evidence]) -> str | None:
    """What the guilty change replaced."""
    for evidence in seen:
        if cause.change is not None and evidence.tool == "list_changes" and not evidence.failed:
            return next((c.previous for c in reading(evidence, ChangesReading).changes if c.id == cause.change), None)
    return None


def eligible(task: Task, seen: Sequence[Evidence]) -> list[Action]:
    """Of the changes that the world offered in this task, those that the branch takes and the agent may propose, best first."""
    cause = RootCause.model_validate(task.facts["cause"])
    branch = Branch.model_validate(task.facts["branch"])
    excluded: set[str] = set(task.facts["excluded"])
    offered = [o for e in seen if e.tool == "action_options" and not e.failed for o in reading(e, OptionsReading).options]
    fresh = {o.digest: o for o in offered if o.digest not in excluded and o.kind in task.agent.actions}
    return order(list(fresh.values()), branch, cause, _previous(cause, seen))


def actor_title(library: Library, name: str, fallback: str) -> str:
    """The title of a branch step's agent; the developer's placeholder is whoever plans."""
    return fallback if name == RELEVANT_DEVELOPER else library.agent(name).title


def _steps(task: Task, branch: Branch, action: Action) -> tuple[Step, ...]:
    """The branch's lines, the action on the line that carries it out: for a hotfix the last acting one, else the first."""
    acting = [i for i, s in enumerate(branch.steps) if s.role == "act"]
    carries = acting[-1] if action.kind is ActionKind.HOTFIX else acting[0]
    return tuple(
        Step(
            actor=actor_title(task.library, step.agent, task.agent.title),
            role=step.role,
            text=step.text,
            action=action if index == carries else None,
        )
        for index, step in enumerate(branch.steps)
    )


def planned(task: Task, action: Action, rationale: str, evidence: tuple[str, ...]) -> Plan:
    """The branch's lines with that action on the one that carries it out."""
    cause = RootCause.model_validate(task.facts["cause"])
    branch = Branch.model_validate(task.facts["branch"])
    done = action.model_copy(update={"proposed_by": task.agent.title, "evidence": evidence, "reason": cause.statement})
    return Plan(
        branch=branch.cause.value,
        attempt=int(task.facts["attempt"]),
        steps=_steps(task, branch, done),
        rationale=rationale,
        evidence=evidence,
    )


async def plan(task: Task, desk: Desk) -> PlanAnswer:
    """The first fitting option whose dry run is well and that was not tried or rejected before."""
    cause = RootCause.model_validate(task.facts["cause"])
    if cause.component is None:
        return PlanAnswer(plan=None, why_none="no component is named")
    if cause.cause is Cause.CODE_BUG and "locate_error" in task.agent.tools:
        await desk.use("locate_error", component=cause.component)
    if cause.change is not None and "list_changes" in task.agent.tools:
        await desk.use("list_changes")
    offered = await desk.use("action_options", component=cause.component)
    if offered.failed:
        return PlanAnswer(plan=None, why_none=offered.summary)
    for option in eligible(task, desk.seen):
        tried: Evidence = await desk.use("dry_run", **option.model_dump(mode="json"))
        if tried.failed or not reading(tried, DryRunReading).ok:
            continue
        evidence = tuple(dict.fromkeys((*cause.evidence, offered.id, tried.id)))
        return PlanAnswer(plan=planned(task, option, f"{cause.statement}; {tried.summary}", evidence))
    branch = Branch.model_validate(task.facts["branch"])
    return PlanAnswer(plan=None, why_none=f"no untried action of the {branch.cause.value} branch fits {cause.component}")
