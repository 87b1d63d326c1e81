"""One agent's task in the sandbox, answered by a scripted model over real HTTP: for the tests of the llm responder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from world_in_hand import desk_of

from nexus.incident import AskedTask, Authorship, Evidence, Word
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.stores import MemoryStore
from nexus.replay import Record, record_of, task_of
from nexus.responder.answers import ANSWERS
from nexus.responder.contract import Task
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.llm.responder import LlmResponder, Watcher
from nexus.testing import run_scenario
from nexus.testing.model_server import Asked, Call, ModelServer, Say, Script
from nexus.tools.tool import Look
from nexus.world.open import open_world

LIBRARY = Library.default()
KEY = "sk-" + "0123456789abcdefghijklmnop"
QUICK: dict[str, Any] = {"name": "m", "call_seconds": 5.0, "task_seconds": 10.0, "tries": 2}


@dataclass(frozen=True)
class Told:
    """What became of one task."""

    answer: Word
    signed: Authorship
    seen: list[Evidence]
    requests: list[Asked]


def submit(**answer: Any) -> Say:
    """A reply that submits."""
    return Say(calls=(Call("submit", answer),))


def results(asked: Asked) -> list[str]:
    """What tools answered in a request, in order."""
    return [m["content"] for m in asked.body["messages"] if m["role"] == "tool"]


def ids_by_tool(body: Mapping[str, Any]) -> dict[str, str]:
    """Tool to the latest evidence id that a request shows."""
    text = "\n".join(str(m["content"]) for m in body["messages"])
    return {tool: name for name, tool in re.findall(r"evidence (\S+) (\w+)⟧", text)}


_RECORDED: dict[str, Record] = {}


async def recorded(scenario: str) -> Record:
    """The record of that scenario, run by rules once."""
    if scenario not in _RECORDED:
        store = MemoryStore()
        incident = await run_scenario(scenario, records=store)
        _RECORDED[scenario] = await record_of(store, incident.id)
    return _RECORDED[scenario]


async def asked_of(scenario: str, agent: str, task: str) -> AskedTask:
    """That agent's first such task of a scenario."""
    return task_of(await recorded(scenario), agent, task)


@cache
def opened(scenario: str) -> Any:
    return open_world(f"sandbox:{scenario}")


def responder_at(url: str, policy: Mapping[str, Any] | None = None, **more: Any) -> LlmResponder:
    """A responder over that server, quick to give up."""
    return open_model(policy=ModelPolicy.model_validate({**QUICK, "base_url": url, **(policy or {})}), api_key=KEY, **more)


async def told(
    script: Script,
    *,
    agent: str = "backend-architect",
    task: str = "investigate",
    scenario: str = "bad-deploy",
    policy: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    watcher: Watcher | None = None,
    recorded: tuple[Evidence, ...] = (),
) -> Told:
    """One task put to a model that follows the script."""
    asked = await asked_of(scenario, agent, task)
    world = opened(scenario)
    alert = read_alert(json.dumps(world.alert), now=world.world.clock.now())
    who = LIBRARY.agent(agent)
    looking = Look(world=world.world, at=asked.at, alert=alert, window=timedelta(minutes=asked.window_minutes))
    desk = desk_of(who, looking, begins=asked.at, recorded=recorded)
    async with ModelServer(script) as server:
        async with responder_at(server.url, policy, watcher=watcher) as responder:
            given = Task(task, who, LIBRARY, {**asked.facts, **(facts or {})})
            answer = await responder.respond(given, ANSWERS[task], desk)
        return Told(answer, desk.signed[-1], desk.seen, list(server.requests))
