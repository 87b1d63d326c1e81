"""Compare: scenarios handled by the rules, by the agents with a model, and by one plain agent with the same model."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nexus.errors import AlertError, WorldError
from nexus.evaluate.case import run_case
from nexus.evaluate.plain import policy_of, run_plain
from nexus.evaluate.run import Contender, Run, run_of
from nexus.evaluate.sandbox import name_of
from nexus.evaluate.scores import Score, scores_of, verdict_of
from nexus.incident import Word
from nexus.library import Library
from nexus.responder.contract import Responder
from nexus.responder.llm.make import open_model
from nexus.responder.llm.policy import ModelPolicy
from nexus.responder.rules import RulesResponder
from nexus.world.open import Opened
from nexus.world.sandbox import Sandbox, open_sandbox


class Compared(Word):
    """One scenario and every run of it; `error` where it could not be read."""

    id: str
    expected: dict[str, Any]
    runs: tuple[Run, ...] = ()
    error: str = ""

    @property
    def worse(self) -> bool:
        """Whether the model's agents got the outcome wrong, once or more, where the rules got it right."""
        rules = any(r.right.outcome for r in self.runs if r.contender is Contender.RULES)
        return rules and not all(r.right.outcome for r in self.runs if r.contender is Contender.LLM)


class Benchmark(Word):
    """All scenarios, a score a contender, and what that comes to; `worse`: scenarios that ended worse by llm than by rules."""

    model: str
    repeat: int
    cases: tuple[Compared, ...]
    scores: tuple[Score, ...]
    worse: tuple[str, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What competes: the model by its policy, how often, and whether the plain agent does too. `api_key`: OPENAI_API_KEY's."""

    policy: ModelPolicy
    repeat: int = 1
    plain: bool = True
    seed: int | None = None
    api_key: str | None = None


class Watching(Protocol):
    """Whoever watches the runs."""

    def begins(self, scenario: str, contender: Contender, repetition: int) -> None:
        """A run begins."""
        ...

    def ended(self, run: Run) -> None:
        """It has ended."""
        ...


class Unwatched:
    """Nobody watches."""

    def begins(self, scenario: str, contender: Contender, repetition: int) -> None:
        """Nothing."""

    def ended(self, run: Run) -> None:
        """Nothing."""


async def compare_sandbox(
    folders: Iterable[str | Path], library: Library, entry: Entry, watching: Watching | None = None
) -> AsyncIterator[Compared]:
    """Each scenario as it is done, one after another; one that cannot be read stops no other.

    Raises SettingsError, before anything is run, when the model cannot be asked at all.
    """
    await open_model(policy=entry.policy, api_key=entry.api_key).close()
    for folder in folders:
        try:
            yield await compare_scenario(folder, library, entry, watching or Unwatched())
        except (WorldError, AlertError) as error:
            yield Compared(id=name_of(folder), expected={}, error=str(error))


async def compare_scenario(folder: str | Path, library: Library, entry: Entry, watching: Watching) -> Compared:
    """One scenario by every contender, each in a world of its own. Raises WorldError or AlertError."""
    scenario = open_sandbox(folder, seed=entry.seed).scenario
    runs: list[Run] = []
    for contender, repetition in turns(entry):
        watching.begins(scenario.name, contender, repetition)
        sandbox = open_sandbox(folder, seed=entry.seed)
        if contender is Contender.PLAIN:
            run = await _plain(sandbox, library, entry, repetition)
        elif contender is Contender.LLM:
            async with open_model(policy=entry.policy, api_key=entry.api_key) as responder:
                run = await _team(sandbox, library, responder, contender, repetition)
        else:
            run = await _team(sandbox, library, RulesResponder(), contender, repetition)
        watching.ended(run)
        runs.append(run)
    expected = scenario.expect.model_dump(mode="json", exclude_defaults=True)
    return Compared(id=scenario.name, expected=expected, runs=tuple(runs))


def turns(entry: Entry) -> list[tuple[Contender, int]]:
    """Who runs, in order; the rules once, for they would only repeat themselves."""
    repetitions = range(1, entry.repeat + 1)
    modelled = (Contender.LLM, Contender.PLAIN) if entry.plain else (Contender.LLM,)
    return [(Contender.RULES, 1), *((contender, n) for contender in modelled for n in repetitions)]


async def _team(sandbox: Sandbox, library: Library, responder: Responder, contender: Contender, repetition: int) -> Run:
    begun = time.perf_counter()
    opened = Opened(sandbox.world, sandbox.scenario.title, sandbox.alert_payload)
    incident = await run_case(opened, library, responder=responder)
    seconds = time.perf_counter() - begun
    return run_of(incident, sandbox.scenario.expect, library.runbook, contender, repetition=repetition, seconds=seconds)


async def _plain(sandbox: Sandbox, library: Library, entry: Entry, repetition: int) -> Run:
    from nexus.responder.llm.openai_chat import OpenAIChat  # noqa: PLC0415 - the openai SDK is an extra

    chat = OpenAIChat(entry.policy.base_url, entry.api_key)
    try:
        return await run_plain(sandbox, library, chat, policy_of(entry.policy), repetition, (chat.api_key,))
    finally:
        await chat.close()


def benchmark_of(entry: Entry, cases: Sequence[Compared]) -> Benchmark:
    """What the scenarios that were run come to."""
    scores = scores_of([run for case in cases for run in case.runs])
    return Benchmark(
        model=entry.policy.name or "",
        repeat=entry.repeat,
        cases=tuple(cases),
        scores=scores,
        worse=tuple(case.id for case in cases if case.worse),
        verdict=verdict_of(scores),
    )


def passed(benchmark: Benchmark) -> bool:
    """Whether every scenario could be read and none ended worse with the model than by rules."""
    return not benchmark.worse and not any(case.error for case in benchmark.cases)
