"""Sandbox: every scenario run by the rules and held against its expectation."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from nexus.errors import AlertError, UsageError, WorldError
from nexus.evaluate.case import CaseResult, Evaluation, got_of, rank_of, run_case, summaries, wrong_in
from nexus.library import Library
from nexus.responder.contract import Responder
from nexus.world.open import Opened
from nexus.world.sandbox import open_sandbox, scenario_names


async def evaluate_scenario(
    folder: str | Path, library: Library, seed: int | None = None, responder: Responder | None = None
) -> CaseResult:
    """One scenario against its expectation; the rules answer unless another `responder` does."""
    sandbox = open_sandbox(folder, seed=seed)
    scenario = sandbox.scenario
    begun = time.perf_counter()
    incident = await run_case(Opened(sandbox.world, scenario.title, sandbox.alert_payload), library, responder=responder)
    seconds = time.perf_counter() - begun
    service = sandbox.world.catalog.get(incident.alert.service)
    wrong = wrong_in(scenario.expect, incident, library, service is not None and service.kind == "frontend")
    return CaseResult(
        id=scenario.name,
        system="sandbox",
        passed=not wrong,
        rank=rank_of(incident, scenario.expect.component),
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
        except (WorldError, AlertError) as error:
            got = {"error": str(error)}
            unread = CaseResult(
                id=name_of(folder),
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


def name_of(folder: str | Path) -> str:
    """The scenario's name: its folder's."""
    return Path(folder).resolve().name


def chosen(folders: Sequence[str | Path], names: Collection[str]) -> list[str | Path]:
    """The scenarios of these names, all when none is named. Raises UsageError for a name that is not among them."""
    known = {name_of(folder): folder for folder in folders}
    strange = sorted(set(names) - known.keys())
    if strange:
        raise UsageError(f"there is no scenario {', '.join(strange)}", f"there are {', '.join(known)}")
    return [folder for name, folder in known.items() if not names or name in names]


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
