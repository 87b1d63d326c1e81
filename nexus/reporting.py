"""`nexus report`: a person's report as the beginning of an incident, or as a part of one that is open."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import AlertError, IncidentHeld, NexusError
from nexus.options import Approve, LibraryOption, flags_for
from nexus.process import fail
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.settings import Settings
    from nexus.view import View

SEVERITIES = ("P0", "P1", "P2", "P3")


async def _reported(settings: Settings, view: View, text: str, service: str | None, severity: str | None) -> list[str]:
    """Put it into the inbox; sort it here, unless another process sorts; the lines that say what became of it."""
    from nexus.reception import HELD, open_reception  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.terminal import who  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    responder = open_responder(settings, view)
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            reception = open_reception(settings, records, responder, view)
            reception.host.stop = stop
            await reception.report(text, service, severity, who())
            try:
                async with records.hold(HELD):
                    await reception.remember()
                    told = await reception.sort()
                    await reception.host.ended()
            except IncidentHeld:
                return ["reported; the process that sorts these records takes it up: nexus list"]
    finally:
        await close_responder(responder)
    return told


def report(  # noqa: PLR0917 - the command's options, each given by name
    text: Annotated[str, typer.Argument(help="What you see, in your words: 'checkout is slow since noon'.")],
    service: Annotated[str | None, typer.Option(help="Where, by the catalog's name; found in the text when not given.")] = None,
    severity: Annotated[str | None, typer.Option(help="How bad it seems, P0 to P3; triage decides.")] = None,
    world: Annotated[str | None, typer.Option(help="The world that it is in.")] = None,
    library: LibraryOption = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    approve: Annotated[Approve | None, typer.Option(help="Who answers approvals.")] = None,
) -> None:
    """Report trouble: it opens an incident, which is handled here, or joins one that is open.

    Where nexus serve or nexus watch runs on the same records, that process takes it up.
    """
    flags = {"world": world, "library": library, "out": out, "approve": approve.value if approve else None}
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same
        from nexus.terminal import choose_view  # noqa: PLC0415 - same

        if not text.strip():
            raise AlertError("the report is empty", "say what is wrong")
        if severity is not None and severity not in SEVERITIES:
            raise AlertError(f"{severity} is no severity", f"say one of {', '.join(SEVERITIES)}, or leave it to triage")
        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        view = choose_view(quiet=False)
        with telemetry(), view.shown():
            lines = asyncio.run(_reported(settings, view, text, service, severity))
    except NexusError as error:
        raise fail(error) from error
    shown = [
        f"{line}; nexus show {line.rpartition(' ')[2]}{flags_for(out)} says how it stands" for line in lines if "INC-" in line
    ]
    sys.stdout.write("".join(f"{line}\n" for line in shown or lines))
