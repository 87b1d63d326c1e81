"""Evaluation: scenarios and recordings run through the whole engine, held against what is expected."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from pydantic import Field

from nexus.embedded import handle
from nexus.errors import UsageError, WorldError
from nexus.incident import Incident, Word
from nexus.intake import read_alert
from nexus.library import Library
from nexus.records.memory import MemoryStore
from nexus.responder.rules import RulesResponder
from nexus.runbook import team_for
from nexus.world.open import Opened, open_world
from nexus.world.sandbox import open_sandbox, scenario_names
from nexus.world.sandbox.scenario import Expectation


class CaseResult(Word):
    """One case; `rank` is the true component's place among the suspects, None when it is not there or not known."""

    id: str
    system: str
    passed: bool
    rank: int | None
    expected: dict[str, Any]
    got: dict[str, Any]
    seconds: float
    wrong: tuple[str, ...] = ()


class Summary(Word):
    """Shares over one system's cases: the true component at rank 1, up to 3, up to 5, and the right kind of cause."""

    n: int
    at1: float
    at3: float
    at5: float
    cause: float


class Evaluation(Word):
    """All cases, and a summary a system, never pooled."""

    cases: tuple[CaseResult, ...]
    summary: dict[str, Summary] = Field(default_factory=dict)


async def run_case(opened: Opened, library: Library, until: str | None = None) -> Incident:
    """One incident in memory, every approval given."""
    alert = read_alert(json.dumps(opened.alert), now=opened.world.clock.now())
    return await handle(
        alert,
        library=library,
        world=opened.world,
        responder=RulesResponder(),
        records=MemoryStore(),
        checkpointer=InMemorySaver(),
        until=until,
    )


def got_of(incident: Incident) -> dict[str, Any]:
    """What is compared."""
    return {
        "severity": incident.severity.value if incident.severity else None,
        "cause": incident.cause.cause.value,
        "component": incident.cause.component,
        "status": incident.cause.status.value,
        "outcome": incident.outcome.value,
        "team": list(incident.team),
        "actions": [a.action.kind.value for a in incident.actions],
        "escalations": [e.to for e in incident.escalations],
    }


STEPS = (
    "opened",
    "classified",
    "diagnosed",
    "planned",
    "acting",
    "acted",
    "verified",
    "watched",
    "post_mortem",
    "backlog",
    "closed",
)
"""Kinds of event in the runbook's order; an incident may leave some out."""


def first_of_each(incident: Incident) -> list[str]:
    """The steps in the order in which each was first met."""
    return list(dict.fromkeys(e.kind for e in incident.timeline if e.kind in STEPS))


def in_order(steps: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether `wanted` is met in that order."""
    places = [steps.index(w) if w in steps else -1 for w in wanted]
    return -1 not in places and places == sorted(places)


def wrong_in(expect: Expectation, incident: Incident, library: Library, frontend: bool) -> list[str]:
    """What differs from the expectation, in words."""
    got = got_of(incident)
    wrong = [
        f"{name} is {got[name]}, not {' or '.join(v.value if hasattr(v, 'value') else str(v) for v in values)}"
        for name, values in (
            ("severity", expect.severity),
            ("cause", expect.cause),
            ("component", expect.component),
            ("status", expect.status),
            ("outcome", expect.outcome),
        )
        if values and got[name] not in [getattr(v, "value", v) for v in values]
    ]
    by_table = (
        [library.agent(m.agent).title for m in team_for(library.runbook, incident.severity, frontend)]
        if incident.severity
        else []
    )
    wanted_team = [library.agent(a).title if a in library.agents else a for a in expect.team] or by_table
    wrong += [f"{member} is not on the team" for member in wanted_team if member not in incident.team]
    if expect.actions is not None:
        wanted = [k.value for k in expect.actions]
        same = sorted(wanted) == sorted(got["actions"]) if expect.actions_in_any_order else wanted == got["actions"]
        wrong += [] if same else [f"actions are {got['actions']}, not {wanted}"]
    called = {library.agent(a).title if a in library.agents else a for a in expect.escalations}
    wrong += [f"{who} was not escalated to" for who in sorted(called - set(got["escalations"]))]
    steps = first_of_each(incident)
    order = expect.order or tuple(s for s in STEPS if s in steps)
    if not in_order(steps, order):
        wrong.append(f"steps came as {steps}, not {list(order)}")
    return wrong


def _rank(incident: Incident, components: Sequence[str]) -> int | None:
    places = [i for i, s in enumerate(incident.suspects, 1) if s.component in components]
    return places[0] if places else None


async def evaluate_scenario(folder: str | Path, library: Library, seed: int | None = None) -> CaseResult:
    """One scenario against its expectation."""
    sandbox = open_sandbox(folder, seed=seed)
    scenario = sandbox.scenario
    begun = time.perf_counter()
    incident = await run_case(Opened(sandbox.world, scenario.title, sandbox.alert_payload), library)
    seconds = time.perf_counter() - begun
    service = sandbox.world.catalog.get(incident.alert.service)
    wrong = wrong_in(scenario.expect, incident, library, service is not None and service.kind == "frontend")
    return CaseResult(
        id=scenario.name,
        system="sandbox",
        passed=not wrong,
        rank=_rank(incident, scenario.expect.component),
        expected=scenario.expect.model_dump(mode="json", exclude_defaults=True),
        got=got_of(incident),
        seconds=round(seconds, 3),
        wrong=tuple(wrong),
    )


async def evaluate_sandbox(folders: Iterable[str | Path], library: Library, seed: int | None = None) -> Evaluation:
    """Every scenario, one after another; one that cannot be read is a case that failed and stops no other."""
    cases = []
    for folder in folders:
        try:
            cases.append(await evaluate_scenario(folder, library, seed))
        except WorldError as error:
            got = {"error": str(error)}
            unread = CaseResult(
                id=Path(folder).name,
                system="sandbox",
                passed=False,
                rank=None,
                expected={},
                got=got,
                seconds=0.0,
                wrong=(str(error),),
            )
            cases.append(unread)
    return Evaluation(cases=tuple(cases), summary=summaries(cases))


def scenario_folders(directory: Path | None) -> list[str | Path]:
    """The shipped scenarios, or every folder with a scenario.yaml in `directory` (or that folder itself)."""
    if directory is None:
        return list(scenario_names())
    if (directory / "scenario.yaml").is_file():
        return [directory]
    found = sorted(p.parent for p in directory.glob("*/scenario.yaml"))
    if not found:
        raise WorldError(f"{directory} holds no scenario", "give a folder with scenario.yaml, or one that holds such folders")
    return list(found)


def read_labels(path: Path) -> dict[str, dict[str, Any]]:
    """`id` to the answer: `service`, `cause`, `system`. Raises UsageError naming file and line."""
    labels: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "give a JSON Lines file with id, service and cause") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            labels[str(entry["id"])] = entry
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}:{number} is no label ({error})", "each line is an object with id, service and cause"
            ) from error
    return labels


def recording_folders(directory: Path) -> list[Path]:
    """Every recording in `directory`, or that folder itself. Raises WorldError when there is none."""
    if (directory / "alert.json").is_file():
        return [directory]
    found = sorted(p.parent for p in directory.glob("*/alert.json"))
    if not found:
        raise WorldError(f"{directory} holds no recording", "give a folder whose folders hold alert.json and metrics.csv")
    return found


async def evaluate_recordings(directory: Path, labels: Mapping[str, Mapping[str, Any]], library: Library) -> Evaluation:
    """Every recording in `directory`, investigated to its diagnosis."""
    folders = recording_folders(directory)
    cases = []
    for folder in folders:
        opened = open_world(f"recording:{folder}")
        begun = time.perf_counter()
        incident = await run_case(opened, library, until="investigation")
        seconds = time.perf_counter() - begun
        label = labels.get(folder.name, {})
        rank = _rank(incident, [label["service"]]) if "service" in label else None
        cause = incident.cause
        guess = cause.cause.value
        got = {
            "severity": incident.severity.value if incident.severity else None,
            "service": cause.component,
            "cause": guess,
            "status": cause.status.value,
            "confidence": cause.confidence,
            "suspects": [s.component for s in incident.suspects[:5]],
        }
        cases.append(
            CaseResult(
                id=folder.name,
                system=str(label.get("system") or incident.alert.labels.get("system", "unknown")),
                passed=rank == 1 and label.get("cause") == guess,
                rank=rank,
                expected={k: label[k] for k in ("service", "cause") if k in label},
                got=got,
                seconds=round(seconds, 3),
            )
        )
    return Evaluation(cases=tuple(cases), summary=summaries([c for c in cases if c.expected]))


def summaries(cases: Sequence[CaseResult]) -> dict[str, Summary]:
    """By system: of the cases that name a component, the share at each rank; of those that name a cause, the share right."""
    systems: dict[str, Summary] = {}
    for system in sorted({c.system for c in cases}):
        own = [c for c in cases if c.system == system]
        placed = [c for c in own if c.expected.get("service") or c.expected.get("component")]
        causes = [c for c in own if c.expected.get("cause")]
        systems[system] = Summary(
            n=len(own),
            at1=_share([c.rank is not None and c.rank <= 1 for c in placed]),
            at3=_share([c.rank is not None and c.rank <= 3 for c in placed]),
            at5=_share([c.rank is not None and c.rank <= 5 for c in placed]),
            cause=_share([_cause_right(c) for c in causes]),
        )
    return systems


def _cause_right(case: CaseResult) -> bool:
    expected = case.expected["cause"]
    return case.got["cause"] in ([expected] if isinstance(expected, str) else list(expected))


def _share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 3) if hits else 0.0


def finished(evaluation: Evaluation) -> bool:
    """Whether every case passed."""
    return all(c.passed for c in evaluation.cases)
