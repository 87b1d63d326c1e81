"""Learning with a model: what it adds to the post-mortem's sentences and measures, its action items, and the backlog's order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from pydantic import Field

from nexus.grounding import Ground
from nexus.incident import ActionItem, Claim, Classification, PostMortem, Prevention, RootCause, Word
from nexus.outgoing import outgoing_ground, unworkable
from nexus.responder.answers import Ranking
from nexus.responder.contract import Task
from nexus.responder.llm.tasks.part import Known, Merged, Part, Sentence, borne, invented, spoken, unquoting
from nexus.responder.rules.learn import CONFIDENCE, EFFORT, ranked, reach_of, score
from nexus.responder.rules.prevention import CAUGHT, KINDS

_FIGURES = re.compile(r"\d[\d.,:]*\s*%?")
LEAST_ITEMS = 3


class ItemAsked(Word):
    """One action item."""

    action: str = Field(max_length=240)
    kind: Prevention
    owner: str = Field(max_length=80, description="one of the owners, or an agent's title")
    due_days: int = Field(ge=1, le=120)
    reason: str = Field(default="", max_length=240)


class PostMortemAsked(Word):
    """Give the sections' sentences. Times, durations, users, revenue and data are filled in from the record."""

    what_failed: Sentence
    why_it_failed: Sentence
    why_not_caught: Sentence
    five_whys: tuple[Sentence, ...] = Field(
        min_length=5, max_length=5, description="question and answer, each answering the one before"
    )
    reputation: Sentence
    monitoring: str = Field(max_length=300, description="what monitoring would have caught this sooner")
    testing: str = Field(max_length=300, description="what testing would have prevented this")
    process: str = Field(max_length=300, description="what process change is needed")
    infrastructure: str = Field(max_length=300, description="what infrastructure change is needed")
    action_items: tuple[ItemAsked, ...] = Field(min_length=LEAST_ITEMS, max_length=8)


def post_mortem_merge(task: Task, draft: PostMortem, asked: PostMortemAsked, known: Known) -> Merged[PostMortem]:
    """The rules' report, each sentence with what the model's adds to it, where that stands and is nobody else's."""
    cause = RootCause.model_validate(task.facts["cause"])
    ground = unquoting(task, known, _texts(draft))
    struck: list[str] = []
    missing: set[str] = set()

    def said(sentence: Sentence, own: Claim) -> Claim:
        claim, lost, bad = borne(sentence, own, known, ground, cause)
        struck.extend(lost)
        missing.update(bad)
        return claim

    changed: dict[str, object] = {
        name: said(getattr(asked, name), getattr(draft, name))
        for name in ("what_failed", "why_it_failed", "why_not_caught", "reputation")
    }
    changed["five_whys"] = tuple(said(why, own) for why, own in zip(asked.five_whys, draft.five_whys, strict=True))
    changed["prevention"] = {kind: _measures(getattr(asked, kind), draft, kind, ground, struck) for kind in KINDS}
    changed["action_items"] = _items(task, asked, draft, known, struck)
    claims = 4 + 5 + len(KINDS) + len(asked.action_items)
    return Merged(draft.model_copy(update=changed), claims, tuple(struck), invented(missing))


def _texts(draft: PostMortem) -> list[str]:
    """What the rules' report says."""
    claims = [draft.what_failed, draft.why_it_failed, draft.why_not_caught, draft.reputation, *draft.five_whys]
    claims += [claim for group in draft.prevention.values() for claim in group]
    return [claim.text for claim in claims] + [item.action for item in draft.action_items]


def _proposed(text: str, ground: Ground) -> tuple[str, ...]:
    """Why a measure does not stand: it may set figures of its own, but it may not name what there is not."""
    return spoken(_FIGURES.sub("some ", text), ground)[1]


def _measures(text: str, draft: PostMortem, kind: Prevention, ground: Ground, struck: list[str]) -> tuple[Claim, ...]:
    own = draft.prevention[kind]
    wrong = _proposed(text, ground)
    struck.extend(wrong)
    if wrong or not text.strip() or text.strip() in own[0].text:
        return own
    return (*own, own[0].model_copy(update={"text": text.strip()}))


def _items(task: Task, asked: PostMortemAsked, draft: PostMortem, known: Known, struck: list[str]) -> tuple[ActionItem, ...]:
    """The model's items that stand, and of the rules' own as many as three need."""
    owners = {
        *task.facts["owners"].values(),
        *(a.title for a in task.library.agents.values()),
        *(i.owner for i in draft.action_items),
    }
    now = datetime.fromisoformat(task.facts["time"])
    own = [text for texts in CAUGHT.values() for text in texts] + [item.action for item in draft.action_items]
    ground = outgoing_ground(task.facts, known.evidence.values(), known.names | known.components, own)
    mine = unquoting(task, known, own)
    kept: list[ActionItem] = []
    for said in asked.action_items:
        unfit = unworkable(said.action.strip(), ground)
        wrong = (*((unfit,) if unfit else ()), *_proposed(f"{said.action}. {said.reason}", mine))
        struck.extend(wrong)
        if wrong or not said.action.strip():
            continue
        if said.owner not in owners:
            struck.append(f"nobody is called {said.owner[:40]!r}")
        number = sum(i.kind == said.kind for i in kept) + 1
        kept.append(
            ActionItem(
                id=f"{said.kind}-{number}",
                action=said.action.strip(),
                owner=said.owner if said.owner in owners else draft.action_items[0].owner,
                deadline=now + timedelta(days=said.due_days),
                kind=said.kind,
                reason=said.reason.strip(),
            )
        )
    spare = [i for i in draft.action_items if i.id not in {k.id for k in kept}]
    return (*kept, *spare[: max(0, LEAST_ITEMS - len(kept))])


class RankAsked(Word):
    """One item's estimates."""

    item: str = Field(max_length=40, description="the action item's id")
    confidence: float = Field(ge=0.1, le=1, description="how sure it is that it would have prevented or shortened the incident")
    effort_weeks: float = Field(ge=0.1, le=52, description="person-weeks")


class RankingAsked(Word):
    """Give your estimates for each action item; the engine computes the score and the order."""

    items: tuple[RankAsked, ...] = Field(max_length=16)


def backlog_merge(task: Task, _draft: Ranking, asked: RankingAsked, _known: Known) -> Merged[Ranking]:
    """Every item with the model's confidence and effort where it gave them, else with the rules'."""
    classification = Classification.model_validate(task.facts["classification"])
    given = {r.item: r for r in asked.items}
    items = [ActionItem.model_validate(i) for i in task.facts["action_items"]]
    unknown = tuple(f"there is no item {name[:40]!r}" for name in given if name not in {i.id for i in items})
    scored = []
    for item in items:
        guess = given.get(item.id)
        confidence, effort = (guess.confidence, guess.effort_weeks) if guess else (CONFIDENCE, EFFORT[item.kind])
        scored.append((score(classification.severity, reach_of(classification), confidence, effort), item))
    return Merged(ranked(task.facts["incident"], classification.severity, scored), len(asked.items), unknown, unknown)


def _report(_task: Task, draft: PostMortem, _seen: object) -> dict[str, object]:
    return {"said_by_rules": draft.model_dump(mode="json", exclude={"action_items"})}


POST_MORTEM = Part(asks=PostMortemAsked, merge=post_mortem_merge, shows=_report)
BACKLOG = Part(asks=RankingAsked, merge=backlog_merge, worth=lambda task, _draft: len(task.facts["action_items"]) > 1)
