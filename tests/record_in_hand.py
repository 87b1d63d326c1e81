"""Incidents run once to their end, with what was answered the first time, for the tests that ask their tasks again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from nexus.embedded import handle
from nexus.incident import AskedTask, Authorship, Incident, Word
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.stores import SqliteStore
from nexus.replay import Record, record_of
from nexus.responder.contract import Responder, Task
from nexus.responder.desk import Desk
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.rules import RulesResponder
from nexus.testing.diligent import diligent
from nexus.testing.model_server import Asked, ModelServer
from nexus.world.open import open_world

Answer = TypeVar("Answer", bound=Word)
LIBRARY = Library.default()
KEY = "sk-" + "0123456789abcdefghijklmnop"


@dataclass(frozen=True)
class First:
    """What a task was answered the first time, and who signed it."""

    answer: Word
    signed: Authorship | None


@dataclass
class Remembering:
    """A responder, and what it answered, by agent, task and time."""

    inner: Responder
    first: dict[tuple[str, str, str, str], First] = field(default_factory=dict)
    name: str = "remembering"

    async def respond(self, task: Task, schema: type[Answer], desk: Desk) -> Answer:
        answer = await self.inner.respond(task, schema, desk)
        key = key_of(task.agent.name, task.name, task.facts)
        assert key not in self.first
        self.first[key] = First(answer, desk.signed[-1] if desk.signed else None)
        return answer

    def of(self, asked: AskedTask) -> First:
        """What that task was answered."""
        return self.first[key_of(asked.agent, asked.task, asked.facts)]


def key_of(agent: str, task: str, facts: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return agent, task, facts["time"], json.dumps(facts.get("checks"))


@dataclass(frozen=True)
class Kept:
    """An incident in its folder, its record, what was answered in it, and what a model was sent, if one was asked."""

    out: Path
    incident: Incident
    record: Record
    responder: Remembering
    requests: tuple[Asked, ...] = ()


async def _run(out: Path, scenario: str, responder: Responder) -> Kept:
    opened = open_world(f"sandbox:{scenario}")
    remembering = Remembering(responder)
    async with await SqliteStore.open(out / "records.sqlite") as store:
        incident = await handle(
            read_alert(json.dumps(opened.alert), now=opened.world.clock.now()),
            library=LIBRARY,
            world=opened.world,
            responder=remembering,
            records=store,
        )
        return Kept(out, incident, await record_of(store, incident.id), remembering)


def policy_at(url: str) -> ModelPolicy:
    """One model for every task, also for those that are left to the rules by default."""
    return ModelPolicy(name="scripted", base_url=url, tasks={"backlog": "scripted"})


async def _run_with_a_model(out: Path, scenario: str) -> Kept:
    async with ModelServer(diligent) as server, open_model(policy=policy_at(server.url), api_key=KEY) as responder:
        kept = await _run(out, scenario, responder)
        return replace(kept, requests=tuple(server.requests))


_BY_RULES: dict[str, Kept] = {}


def by_rules(folders: pytest.TempPathFactory, scenario: str = "bad-deploy") -> Kept:
    """That scenario answered by rules, run once; for where no event loop runs."""
    if scenario not in _BY_RULES:
        _BY_RULES[scenario] = asyncio.run(_run(folders.mktemp(scenario), scenario, RulesResponder()))
    return _BY_RULES[scenario]


def by_model(folders: pytest.TempPathFactory, scenario: str = "bad-deploy") -> Kept:
    """That scenario answered by the diligent scripted model."""
    return asyncio.run(_run_with_a_model(folders.mktemp(scenario), scenario))
