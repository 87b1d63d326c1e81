"""Scores: what each contender's runs come to, and in one sentence which of them was better on what; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from nexus.evaluate.run import NO_ANSWER, Contender, Run
from nexus.incident import Word

MEASURES = ("severity", "cause", "outcome")
"""What is held against the expectation."""


class Rate(Word):
    """A share: `count` `of` all; `mean`, `least` and `most` of the repetitions' own shares."""

    count: int
    of: int
    mean: float
    least: float
    most: float


class Score(Word):
    """One contender over all scenarios; None: nothing could be judged. Amounts are means over its incidents."""

    contender: Contender
    incidents: int
    severity: Rate | None
    cause: Rate | None = Field(description="kind of cause and component")
    outcome: Rate | None
    struck: Rate | None = Field(description="of what the model claimed")
    calls: float
    tokens: float
    cost_usd: float | None = Field(description="None: a price is not configured")
    model_seconds: float
    seconds: float
    by_model: int = Field(description="tasks in all")
    by_rules: int = Field(description="tasks in all")
    no_answers: int


def rate_of(parts: Iterable[tuple[int, int]]) -> Rate | None:
    """Of each repetition's (hits, of how many); repetitions with nothing to judge are left out."""
    judged = [(hits, of) for hits, of in parts if of]
    if not judged:
        return None
    shares = [hits / of for hits, of in judged]
    return Rate(
        count=sum(hits for hits, _ in judged),
        of=sum(of for _, of in judged),
        mean=round(sum(shares) / len(shares), 4),
        least=round(min(shares), 4),
        most=round(max(shares), 4),
    )


def score_of(contender: Contender, runs: Sequence[Run]) -> Score:
    """One contender's runs, of which there is at least one."""
    repetitions = [[r for r in runs if r.repetition == n] for n in sorted({r.repetition for r in runs})]

    def right(measure: str) -> Rate | None:
        judged = ([getattr(r.right, measure) for r in repetition] for repetition in repetitions)
        return rate_of((sum(v is True for v in values), sum(v is not None for v in values)) for values in judged)

    costs = [r.usage.cost_usd for r in runs]
    return Score(
        contender=contender,
        incidents=len(runs),
        severity=right("severity"),
        cause=right("cause"),
        outcome=right("outcome"),
        struck=rate_of((sum(r.struck for r in repetition), sum(r.claims for r in repetition)) for repetition in repetitions),
        calls=_mean(r.usage.calls for r in runs),
        tokens=_mean(r.usage.tokens for r in runs),
        cost_usd=None if None in costs else _mean(c for c in costs if c is not None),
        model_seconds=_mean(r.model_seconds for r in runs),
        seconds=_mean(r.seconds for r in runs),
        by_model=sum(r.by_model for r in runs),
        by_rules=sum(r.by_rules for r in runs),
        no_answers=sum(r.outcome == NO_ANSWER for r in runs),
    )


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return round(sum(held) / len(held), 6)


def scores_of(runs: Sequence[Run]) -> tuple[Score, ...]:
    """A score for each contender that ran."""
    return tuple(score_of(c, own) for c in Contender if (own := [r for r in runs if r.contender is c]))


def verdict_of(scores: Sequence[Score]) -> str:
    """Which contender was better on what, in one sentence; empty where the model's agents did not run."""
    held = {s.contender: s for s in scores}
    llm = held.get(Contender.LLM)
    if llm is None:
        return ""
    parts = [_against(llm, held[c]) for c in (Contender.RULES, Contender.PLAIN) if c in held]
    return f"Over {_count(llm.incidents)} llm was, {'; and, '.join(parts)}{_whose(llm)}."


def _whose(llm: Score) -> str:
    """That it was not the model alone, if so."""
    asked = llm.by_model + llm.by_rules
    if not llm.by_rules:
        return ""
    return (
        f"; the rules took over {llm.by_rules} of its {asked} tasks" if llm.by_model else "; the model answered none of its tasks"
    )


def _count(incidents: int) -> str:
    return "1 incident" if incidents == 1 else f"{incidents} incidents"


def _against(llm: Score, other: Score) -> str:
    """How the model's agents stand against another contender, and what that cost beside it."""
    found: dict[str, list[str]] = {"better on": [], "worse on": [], "not clearly different on": [], "as good on": []}
    for measure in MEASURES:
        ours, theirs = getattr(llm, measure), getattr(other, measure)
        if ours is not None and theirs is not None:
            shares = f"{ours.mean:.0%}" if ours.mean == theirs.mean else f"{ours.mean:.0%} to its {theirs.mean:.0%}"
            found[_standing(ours, theirs)].append(f"{measure} ({shares})")
    told = ", ".join(f"{how} {_listed(measures)}" for how, measures in found.items() if measures)
    return f"against {other.contender}, {told or 'not comparable'}{_for_what(llm, other, found)}"


def _standing(ours: Rate, theirs: Rate) -> str:
    """A difference counts only where the repetitions' ranges do not meet."""
    if ours.mean == theirs.mean:
        return "as good on"
    if ours.least <= theirs.most and theirs.least <= ours.most:
        return "not clearly different on"
    return "better on" if ours.mean > theirs.mean else "worse on"


def _for_what(llm: Score, other: Score, found: Mapping[str, Sequence[str]]) -> str:
    price = f" at {llm.tokens / other.tokens:.1f} times its tokens" if other.tokens and llm.tokens else ""
    if found["better on"]:
        return price
    enough = "the rules alone do" if other.contender is Contender.RULES else "one agent alone does"
    return f"{price}, so {enough} {'better' if found['worse on'] else 'as well'} here"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
