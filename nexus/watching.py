"""`nexus watch`: an agent's own detection: the catalog's objectives checked on a schedule; a breach is an alert like others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import NexusError, RecordsError, SettingsError, Unavailable
from nexus.options import Approve, LibraryOption
from nexus.process import fail, say
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.objectives import Breach
    from nexus.records.store import Store
    from nexus.settings import Settings
    from nexus.view import View
    from nexus.world import World

EVERY = 60.0
"""Seconds between two checks."""


async def check(world: World, records: Store, before: dict[str, Breach], now: datetime) -> dict[str, Breach]:
    """Check every objective once, and put what is news into the inbox; what is broken now. Raises Unavailable, RecordsError."""
    from nexus.objectives import breaches_of, longest_of, news_of  # noqa: PLC0415 - numpy, kept off the path of --help

    if world.metrics is None:
        raise Unavailable(f"the world {world.name} has no metrics", "connect some, such as prometheus, in the world file")
    series = await world.metrics.series(now - longest_of(world.catalog), now)
    bodies, found = news_of(before, breaches_of(world.catalog, series, now))
    for body in bodies:
        await records.inbox.put("watch", body, now, {})
    return found


async def _watched(settings: Settings, view: View, every: float) -> None:
    from nexus.reception import open_reception  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same
    from nexus.world.open import open_world  # noqa: PLC0415 - same

    if settings.world is None:
        raise SettingsError("nexus watch needs a world", "name its file with --world")
    world = open_world(settings.world, seed=settings.seed).world
    objectives = sum(len(service.objectives) for service in world.catalog)
    if not objectives:
        raise SettingsError(
            f"no service of {world.name}'s catalog has objectives", "write `objectives:` for one: docs/catalog.md"
        )
    responder = open_responder(settings, view)
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            reception = open_reception(settings, records, responder, view)
            sorting = asyncio.create_task(reception.run(stop))
            say(f"watching {objectives} objectives of {world.name} every {every:g} s")
            broken: dict[str, Breach] = {}
            while not stop.is_set():
                try:
                    broken = await check(world, records, broken, datetime.now(UTC))
                    reception.wake()
                except (Unavailable, RecordsError) as error:
                    say(f"{error}")
                await asyncio.wait({sorting, stopped := asyncio.ensure_future(stop.wait())}, timeout=every)
                stopped.cancel()
                if sorting.done():
                    break
            await sorting
    finally:
        await world.close()
        await close_responder(responder)


def watch(
    world: Annotated[str | None, typer.Option(help="The world file whose catalog has objectives.")] = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two checks.")] = EVERY,
    library: LibraryOption = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    approve: Annotated[Approve | None, typer.Option(help="Who answers approvals.")] = None,
) -> None:
    """Check the catalog's objectives on a schedule until SIGTERM; a breach opens an incident, or joins one that is open.

    Beside nexus serve with the same records, that service sorts what this finds.
    """
    flags = {"world": world, "library": library, "out": out, "approve": approve.value if approve else None}
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same
        from nexus.terminal import choose_view  # noqa: PLC0415 - same

        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        with telemetry():
            asyncio.run(_watched(settings, choose_view(quiet=False, several=True), every))
    except NexusError as error:
        raise fail(error) from error
