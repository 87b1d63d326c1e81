"""Incidents: how one begins and what it comes to, the same in every engine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nexus.drive import Pending
from nexus.errors import UsageError
from nexus.incident import Action, Alert, Incident, Opening, Outcome, Question
from nexus.masking import Vault
from nexus.masking.environment import secrets_of
from nexus.records.document import assemble, from_json, state_in
from nexus.records.store import Store
from nexus.state import State, dump, iso
from nexus.world import World
from nexus.world.clock import Clock
from nexus.world.open import open_world


def first_state(incident: str, alert: Alert, opened_at: datetime, *, ask_always: bool = False) -> State:
    """The state that a graph begins with. `ask_always`: a person is asked for every action, whatever its risk."""
    return State(incident=incident, opened_at=iso(opened_at), alert=dump(alert), now=iso(opened_at), ask_always=ask_always)


def vault_of(world: World) -> Vault:
    """An incident's vault, which knows the secrets of its world's settings and of this process's environment."""
    vault = Vault()
    for secret in world.secrets:
        vault.learn(secret)
    for secret, kind in secrets_of(os.environ):
        vault.learn(secret, kind)
    return vault


def masked(alert: Alert, vault: Vault) -> Alert:
    """The alert as it may be recorded and shown: without the secrets that somebody put into it."""
    return Alert.model_validate(vault.masked(dump(alert)))


def name_of(alert: Alert) -> str:
    """An id that says when, and is the same for the same alert."""
    exact = json.dumps([alert.fingerprint, alert.title, alert.service, iso(alert.starts_at)], default=str)
    return f"INC-{alert.starts_at:%Y%m%d-%H%M}-{hashlib.sha256(exact.encode('utf-8', 'replace')).hexdigest()[:4]}"


def opening_of(alert: Alert, vault: Vault, clock: Clock, **more: Any) -> Opening:
    """What an incident begins with, by that clock; `more` of its fields."""
    plain = masked(alert, vault)
    now = clock.now()
    return Opening(incident=name_of(plain), alert=plain, opened_at=now, simulated=clock.simulated, **more)


async def opened(records: Store, opening: Opening) -> Opening:
    """The opening, recorded under an id that is nobody else's, also not another process's."""
    number, base = 1, opening.incident
    while not await records.begin(opening):
        number += 1
        opening = opening.model_copy(update={"incident": f"{base}-{number}"})
    return opening


def world_of(opening: Opening, records: Store) -> World:
    """An incident's world on its journal; await its `refresh()` before using it.

    Raises WorldError, and UsageError where only its embedder can open it.
    """
    surroundings = opening.surroundings
    if not surroundings.world:
        raise UsageError(f"the world of {opening.incident} has no name", "go on with it where it was begun, by nexus.resume")
    journal = records.journal(opening.incident)
    return open_world(surroundings.world, seed=surroundings.seed, starts_at=opening.opened_at, journal=journal).world


def question_of(pending: Pending) -> Question:
    """What a person is asked, as the record holds it."""
    value = pending.value
    return Question(
        id=pending.id,
        kind=value["kind"],
        text=str(value["text"] if "text" in value else Action.model_validate(value["action"])),
        deadline=datetime.fromisoformat(value["deadline"]),
        detail=dict(value),
    )


async def stored(records: Store, incident: str) -> Incident | None:
    """An incident as the records hold it, also one that is under way or was left; None when there is none of that id."""
    document = await records.document(incident)
    known = from_json(document) if document else None
    opening = await records.opening(incident)
    if opening is None or (known is not None and known.outcome is not Outcome.WAITING):
        return known
    events = await records.events(incident)
    questions = [q.model_dump(mode="json") for q in await records.questions.open(incident)]
    done = [action.model_dump(mode="json") for action in known.actions] if known is not None else []
    state = {**state_in(opening, events), "actions": done, "questions": questions}
    return assemble(state, events, await records.evidence(incident))


async def document_of(records: Store, state: State, pending: Sequence[Pending], outcome: Outcome | None) -> Incident:
    """The whole incident as it stands."""
    questions = [question_of(part) for p in pending for part in p.asked]
    held = {**state, "questions": [q.model_dump(mode="json") for q in questions]}
    if outcome is not None:
        held["outcome"] = outcome.value
    incident = state["incident"]
    return assemble(held, await records.events(incident), await records.evidence(incident))
