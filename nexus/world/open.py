"""Opening a world by its name: `sandbox:NAME`, `sandbox:DIR`, `recording:DIR`, or a YAML file of real systems or of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from nexus.errors import WorldError
from nexus.incident import Word
from nexus.world.journal import Journal
from nexus.world.world import World
from nexus.world.yaml_file import read_yaml

if TYPE_CHECKING:
    from nexus.world.connectors.contract import Connector

FORMS = "name it sandbox:NAME, sandbox:DIR, recording:DIR or FILE.yaml (nexus eval sandbox --list names the scenarios)"

_EITHER = "write `connectors:` for real systems, or `world: sandbox:NAME` and, if wanted, `seed: 7`"


@dataclass(frozen=True, slots=True)
class Opened:
    """A world, and the alert that it brings, empty where it brings none; `title` is for people.

    `connectors`: what a live world is made of; None where it is simulated or recorded.
    """

    world: World
    title: str
    alert: dict[str, Any]
    connectors: tuple[Connector, ...] | None = None


class WorldFile(Word):
    """A YAML file that names a simulated or recorded world."""

    world: str
    seed: int | None = None


def open_world(
    spec: str,
    *,
    seed: int | None = None,
    starts_at: datetime | None = None,
    journal: Journal | None = None,
) -> Opened:
    """The world of that name. `starts_at` moves a sandbox's story to that time. Raises WorldError naming what is wrong.

    What is done to it and said in it goes to `journal`; processes that open the same world (seed and start, too) on the same
    journal share it. Await `world.refresh()` before using it.
    """
    try:
        return _opened(spec, seed, starts_at, journal)
    except (OSError, ValueError, OverflowError, RecursionError) as error:  # a path that no system takes, a date no calendar has
        raise WorldError(
            f"the world {spec[:80]!r} cannot be opened ({error.__class__.__name__}: {str(error)[:80]})", FORMS
        ) from error


def _opened(spec: str, seed: int | None, starts_at: datetime | None, journal: Journal | None) -> Opened:
    kind, _, rest = spec.partition(":")
    if kind == "sandbox" and rest:
        from nexus.world.sandbox import open_sandbox  # noqa: PLC0415 - numpy and the simulation, only where they are used

        sandbox = open_sandbox(rest, seed=seed, starts_at=starts_at, journal=journal)
        return Opened(sandbox.world, f"sandbox {sandbox.scenario.name}", sandbox.alert_payload)
    if kind == "recording" and rest:
        from nexus.world.recording import open_recording  # noqa: PLC0415 - same

        recording = open_recording(Path(rest), journal)
        return Opened(recording.world, f"recording {recording.name}", recording.alert_payload)
    if spec.endswith((".yaml", ".yml")):
        return _from_file(Path(spec), seed, starts_at, journal)
    raise WorldError(f"there is no world {spec!r}", FORMS)


def _from_file(path: Path, seed: int | None, starts_at: datetime | None, journal: Journal | None) -> Opened:
    content = read_yaml(path)
    if isinstance(content, Mapping) and "world" not in content:
        from nexus.world.connectors.assemble import assemble  # noqa: PLC0415 - connectors, only where they are used

        live = assemble(path, content, opened_at=starts_at or datetime.now(UTC), journal=journal)
        return Opened(live.world, live.name, {}, live.connectors)
    try:
        described = WorldFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise WorldError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}", _EITHER) from error
    if described.world.endswith((".yaml", ".yml")):
        raise WorldError(f"{path} names another world file", FORMS)
    chosen = seed if seed is not None else described.seed
    return open_world(described.world, seed=chosen, starts_at=starts_at, journal=journal)
