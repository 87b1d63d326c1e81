"""`nexus report`: a person's report as the beginning of an incident, or as a part of one that is open."""

from __future__ import annotations

import asyncio
import getpass
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
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

_CLOCK = re.compile(r"\b(?:since|from|at) (?:about |around )?(\d{1,2})[:.](\d{2})\b", re.IGNORECASE)
_WORD = re.compile(r"\b(?:since|from|at) (noon|midnight|midday)\b", re.IGNORECASE)
_AGO = re.compile(r"\b(?:for|since) (?:about |around )?(\d{1,3}) ?(minutes?|mins?|hours?|h)\b", re.IGNORECASE)
_NAMED = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)}


def begun_in(text: str, now: datetime) -> datetime | None:
    """When the trouble began, where the text says so; a time of day is `now`'s zone's, the last one that has passed."""
    if (ago := _AGO.search(text)) is not None:
        unit = "hours" if ago[2].lower().startswith("h") else "minutes"
        return now - timedelta(**{unit: int(ago[1])})
    clock, word = _CLOCK.search(text), _WORD.search(text)
    hour, minute = (int(clock[1]), int(clock[2])) if clock else _NAMED[word[1].lower()] if word else (99, 99)
    if hour > 23 or minute > 59:
        return None
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def service_in(text: str, names: Iterable[str]) -> str | None:
    """The service that the text names, the longest of several that fit."""
    found = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)]
    return max(found, key=len, default=None)


async def _reported(settings: Settings, view: View, text: str, service: str | None, severity: str | None) -> list[str]:
    """Put it into the inbox; sort it here, unless another process sorts; the lines that say what became of it."""
    from nexus.reception import HELD, open_reception, report_body  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    responder = open_responder(settings, view)
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            reception = open_reception(settings, records, responder, view)
            reception.host.stop = stop
            now = datetime.now().astimezone()
            where = service or service_in(text, (one.name for one in reception.catalog))
            body = report_body(text, where, severity, getpass.getuser(), begun_in(text, now) or now)
            await records.inbox.put("report", body, datetime.now(UTC), {})
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
            raise AlertError("the report has no words", "say what you see")
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
