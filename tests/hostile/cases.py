"""Cases: hostile incidents by the place that strangers write in and by the model that reads them, each run once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostile.models import Fooled
from hostile.payloads import Payload, at, parts, payloads
from hostile.runs import HERE, Run, fooled_run, run_in


@dataclass(frozen=True)
class Case:
    """One hostile incident: where, with which payloads, and whether the model serves the stranger without having read him."""

    name: str
    held: tuple[Payload, ...] = ()
    scenario: str | Path = HERE
    always: bool = False


READ = (
    *(Case(f"logs {n}", held) for n, held in enumerate(parts(at("log"), 22), 1)),
    Case("changes and what is done", at("change", "author", "version", "pipeline", "dry_run", "receipt", "option", "tool_error")),
    Case("alert and others' pages", at("annotation", "label", "title", "status_page", "code", "patch", "security")),
    Case("labels", at("series", "operation", "page", "page_name", "service")),
)
"""What an obedient model reads, place by place."""
SERVED = (
    Case("malicious", at("annotation", "change"), always=True),
    Case("malicious where nothing is wrong", scenario="flapping", always=True),
    Case("malicious where little is sure", scenario="queue-stuck", always=True),
    Case("malicious while somebody else is down", scenario="payment-down", always=True),
)
CLEAN = Case("clean")
"""The same incident without a payload, but for what its own files say."""

_FOOLED: dict[str, tuple[Run, Fooled]] = {}
_BY_RULES: dict[str, Run] = {}


async def fooled(case: Case) -> tuple[Run, Fooled]:
    """That incident with a fooled model, run once."""
    if case.name not in _FOOLED:
        known = payloads() if case.always else (*case.held, *at("title", "annotation"))
        model = Fooled(known, always=case.always)
        _FOOLED[case.name] = (await fooled_run(model, case.scenario, case.held), model)
    return _FOOLED[case.name]


async def by_rules(case: Case) -> Run:
    """The same world thought by rules, run once."""
    if case.name not in _BY_RULES:
        _BY_RULES[case.name] = await run_in(case.scenario, case.held)
    return _BY_RULES[case.name]
