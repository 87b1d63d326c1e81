"""Planning with a model: where nothing measured says which change fits, it chooses among those that the world offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from nexus.guards import whole
from nexus.incident import Action, Evidence, Plan, Risk, RootCause, Word
from nexus.responder.answers import PlanAnswer
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Cited, Known, Merged, Part, advising, cited, invented, unquoting
from nexus.responder.rules.claims import reading
from nexus.responder.rules.plan import FITS, eligible, planned
from nexus.tools.readings import DryRunReading

SYMPTOMS = frozenset({"errors", "latency"})
"""Mechanisms that only say what users meet; the others say what treats them."""


class PlanAsked(Word):
    """Choose the change to propose, by its number among the options in the further data."""

    option: int | None = Field(description="number of the option; null: none of them addresses the cause")
    rationale: str = Field(max_length=500, description="why this one, and what should change when it works")
    evidence: Cited = ()


def merge(task: Task, draft: PlanAnswer, asked: PlanAsked, known: Known) -> Merged[PlanAnswer]:
    """The rules' plan with the model's reasons, or the option that it prefers, once that was dry-run in this task."""
    seen = list(known.evidence.values())
    good, bad = cited(asked.evidence, known.evidence)
    text, struck = advising(asked.rationale, unquoting(task, known, [draft.plan.rationale if draft.plan else ""]))
    if draft.plan is None:
        return Merged(draft, 2, struck, invented(bad))
    options = offered(task, draft.plan, seen)
    refused, objection = _refused(task, draft.plan, options, asked.option, seen)
    if refused:
        return Merged(draft, 2, (*struck, refused), (*invented(bad), *objection))
    assert asked.option is not None
    chosen = options[asked.option - 1]
    dry_run = _dry_run_of(chosen, seen)
    if chosen.digest in _digests(draft.plan) or dry_run is None:
        rationale = f"{draft.plan.rationale}. {text}" if text else draft.plan.rationale
        plan = draft.plan.model_copy(update={"rationale": rationale})
    else:
        evidence = tuple(dict.fromkeys((*draft.plan.evidence, *good, dry_run.id)))
        plan = planned(task, chosen, ". ".join(filter(None, (text, dry_run.summary))), evidence)
    return Merged(PlanAnswer(plan=plan), 2, struck, invented(bad))


def _digests(plan: Plan) -> frozenset[str]:
    return frozenset(action.digest for action in plan.actions)


def _refused(
    task: Task, own: Plan, options: Sequence[Action], option: int | None, seen: Sequence[Evidence]
) -> tuple[str, tuple[str, ...]]:
    """Why that option does not take the place of the rules' own, empty where it may; and what of that is sent back."""
    if option is None:
        return "it would do nothing; people decide on the rules' proposal", ()
    if not 1 <= option <= len(options):
        wrong = f"there is no option {option}: they are numbered from 1 to {len(options)}"
        return wrong, (wrong,)
    chosen = options[option - 1]
    if chosen.digest in _digests(own):
        return "", ()
    if not open_to_choice(task, own, chosen):
        return f"option {option}: what was measured, or was tried already, speaks for the rules' own", ()
    if _dry_run_of(chosen, seen) is None:
        wrong = f"option {option} was not dry-run, or its dry run failed: use `dry_run` on it first"
        return wrong, (wrong,)
    return "", ()


def _dry_run_of(action: Action, seen: Iterable[Evidence]) -> Evidence | None:
    """The look that shows that exactly this would work."""
    for evidence in seen:
        if evidence.tool != "dry_run" or evidence.failed or not reading(evidence, DryRunReading).ok:
            continue
        if Action.model_validate(evidence.arguments).digest == action.digest:
            return evidence
    return None


def offered(task: Task, own: Plan, seen: Sequence[Evidence]) -> list[Action]:
    """The options that the prompt lists: those of the rules' own look, for a look at another component's offers nothing."""
    theirs = [e for e in seen if e.tool == "action_options" and e.id in own.evidence]
    newest = sorted(whole(e for e in seen if e.tool != "action_options"), key=lambda look: look.at, reverse=True)
    return eligible(task, [*theirs, *newest])


def open_to_choice(task: Task, own: Plan, chosen: Action) -> bool:
    """Whether it may take the place of the rules' own: no riskier, and nothing measured says which change it has to be.

    A change to take back or a resource that ran out says so; and once anything was tried or refused, the rules choose: nobody
    is fooled twice.
    """
    cause = RootCause.model_validate(task.facts["cause"])
    told = cause.change is not None or cause.mechanism in FITS.keys() - SYMPTOMS
    risks = list(Risk)
    bearable = max((risks.index(action.risk) for action in own.actions), default=0)
    return not told and not task.facts["excluded"] and risks.index(chosen.risk) <= bearable


def _exactly(action: Action) -> dict[str, object]:
    """What `dry_run` has to be given."""
    return action.model_dump(mode="json", include={"kind", "target", "arguments"})


def _shows(task: Task, draft: PlanAnswer, seen: Mapping[str, Evidence]) -> dict[str, object]:
    options = offered(task, draft.plan, list(seen.values())) if draft.plan else []
    listed = [
        {"option": number, "action": str(option), "risk": option.risk.value, "dry_run": _exactly(option)}
        for number, option in enumerate(options, 1)
    ]
    mine = draft.plan.rationale if draft.plan else draft.why_none
    return {
        "options": listed,
        "rules_would": [str(a) for a in draft.plan.actions] if draft.plan else "propose none",
        "because": mine,
    }


PLAN = Part(asks=PlanAsked, merge=merge, shows=_shows, worth=lambda _task, draft: draft.plan is not None)
