"""Opening: a scenario, by name or folder, as a World with its alert and its expectation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nexus.errors import WorldError
from nexus.world import World
from nexus.world.clock import VirtualClock
from nexus.world.journal import Journal, MemoryJournal
from nexus.world.sandbox.actions import SandboxActions
from nexus.world.sandbox.browser import SandboxBrowser
from nexus.world.sandbox.calls import SandboxCalls
from nexus.world.sandbox.changes import SandboxChanges
from nexus.world.sandbox.checking import check
from nexus.world.sandbox.code import SandboxCode
from nexus.world.sandbox.control import ActionLog
from nexus.world.sandbox.health import SandboxDatabases, SandboxDependencies, SandboxInfrastructure
from nexus.world.sandbox.lines import SandboxLogs
from nexus.world.sandbox.metrics import SandboxMetrics
from nexus.world.sandbox.probes import SandboxEndpoints
from nexus.world.sandbox.reading import parse, read_alert
from nexus.world.sandbox.scenario import Scenario
from nexus.world.sandbox.security import SandboxSecurity
from nexus.world.sandbox.shop import SHIPPED, read_shop
from nexus.world.sandbox.simulation import Simulation
from nexus.world.simulated_people import SimulatedPeople

SCENARIOS = Path(__file__).with_name("scenarios")
LOOK_TAKES = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A scenario ready to be run: `alert_payload` is what monitoring sent."""

    world: World
    alert_payload: dict[str, Any]
    scenario: Scenario
    people: SimulatedPeople
    log: ActionLog
    seed: int
    starts_at: datetime


def scenario_names() -> dict[str, str]:
    """The shipped scenarios: name to title, in order of name."""
    folders = sorted(p.parent for p in SCENARIOS.glob("*/scenario.yaml"))
    return {folder.name: parse(folder / "scenario.yaml", Scenario).title for folder in folders}


def folder_of(name: str | Path) -> Path:
    """The folder of a shipped scenario or the named folder itself. Raises WorldError when there is neither."""
    given = Path(name)
    if (given / "scenario.yaml").is_file():
        return given
    shipped = SCENARIOS / str(name)
    if given.name == str(name) and (shipped / "scenario.yaml").is_file():
        return shipped
    if given.is_dir():
        raise WorldError(f"{given} holds no scenario.yaml", "name a scenario's folder")
    known = ", ".join(sorted(p.parent.name for p in SCENARIOS.glob("*/scenario.yaml")))
    raise WorldError(f"there is no scenario {name}", f"shipped are {known}; or name a folder that holds a scenario.yaml")


def open_sandbox(
    name_or_dir: str | Path,
    *,
    seed: int | None = None,
    starts_at: datetime | None = None,
    log: ActionLog | None = None,
    journal: Journal | None = None,
) -> Sandbox:
    """Open a scenario; `starts_at` moves the whole of it to that moment. Raises WorldError naming file, field and remedy.

    What is done to it and said in it goes to the journal; who opens a journal that holds something awaits `world.refresh()`
    first. `log` is what was done where that is told from elsewhere.
    """
    folder = folder_of(name_or_dir)
    scenario = parse(folder / "scenario.yaml", Scenario).model_copy(update={"name": folder.resolve().name})
    own_shop = folder / "shop.yaml"
    shop = read_shop(own_shop if own_shop.is_file() else SHIPPED)
    check(folder / "scenario.yaml", scenario, shop)
    begins = (starts_at or scenario.starts_at).astimezone(UTC)
    shared = journal if journal is not None else MemoryJournal()
    kept = log if log is not None else ActionLog(journal=shared)
    simulation = Simulation(scenario, shop, scenario.seed if seed is None else seed, begins, kept)
    people = SimulatedPeople(shared)

    async def refresh() -> None:
        await asyncio.gather(kept.refresh(), people.refresh())

    world = World(
        name=f"sandbox:{scenario.name}",
        people=people,
        clock=VirtualClock(begins),
        catalog=shop.catalog(),
        look_takes=LOOK_TAKES,
        metrics=SandboxMetrics(simulation),
        logs=SandboxLogs(simulation),
        changes=SandboxChanges(simulation),
        calls=SandboxCalls(simulation),
        databases=SandboxDatabases(simulation),
        infrastructure=SandboxInfrastructure(simulation),
        dependencies=SandboxDependencies(simulation),
        endpoints=SandboxEndpoints(simulation),
        browser=SandboxBrowser(simulation),
        security=SandboxSecurity(simulation),
        code=SandboxCode(simulation),
        actions=SandboxActions(simulation),
        refresh=refresh,
    )
    alert = _moved(read_alert(folder / "alert.json"), begins)
    return Sandbox(world, alert, scenario, people, kept, simulation.seed, begins)


def _moved(payload: dict[str, Any], begins: datetime) -> dict[str, Any]:
    """The payload with every alert starting when the scenario does."""
    stamp = begins.strftime("%Y-%m-%dT%H:%M:%SZ")
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        return payload
    return payload | {"alerts": [a | {"startsAt": stamp} if isinstance(a, dict) and "startsAt" in a else a for a in alerts]}
