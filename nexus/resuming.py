"""`nexus resume`: go on with incidents that a process left, one by its id or every open one in a folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import IncidentHeld, NexusError, UsageError
from nexus.options import Approve, Thinks
from nexus.process import fail
from nexus.run import EXIT, model_flags, report, say_where_it_goes_on
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.driving import Hands
    from nexus.incident import Incident, Opening
    from nexus.settings import Settings
    from nexus.view import View


async def _resumed(settings: Settings, view: View, incident: str | None) -> list[Incident]:
    from nexus.driving import Hands  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_kept  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    responder = open_responder(settings, view)
    try:
        async with await open_kept(settings.out, settings.records_url) as records, told_to_stop() as stop:
            hands = Hands(settings, records, responder, view)
            if incident is not None:
                one = await _one(hands, incident, stop)
                if one is None:
                    say_where_it_goes_on(incident)
                return [one] if one else []
            openings = [opening for opening in await records.unfinished() if opening.engine == "embedded"]
            if not openings:
                raise UsageError(f"no incident in {settings.records_name} is open", "nexus list names those that there are")
            results = await asyncio.gather(*(_beside_others(hands, opening, stop) for opening in openings))
            return [result for result in results if result is not None]
    finally:
        await close_responder(responder)


async def _one(hands: Hands, incident: str, stop: asyncio.Event) -> Incident | None:
    """By its id; one that is over already has its folder written again."""
    from nexus.driving import go_on, library_of, write_out  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.document import from_json  # noqa: PLC0415 - same

    opening = await hands.records.opening(incident)
    document = await hands.records.document(incident)
    if opening is None and document is not None:
        raise UsageError(f"{incident} is from a NEXUS that kept nothing to go on with", f"nexus show {incident} reads it")
    if opening is None:
        raise UsageError(f"there is no incident {incident} in {hands.settings.records_name}", "nexus list names them")
    known = from_json(document) if document else None
    if known is not None and known.outcome.value != "waiting":
        await write_out(known, library_of(opening.surroundings), hands)
        return known
    if opening.engine == "temporal":
        from nexus.fleet import follow_on_fleet  # noqa: PLC0415 - an extra

        return await follow_on_fleet(opening, hands, stop)
    return await go_on(opening, hands, stop=stop)


async def _beside_others(hands: Hands, opening: Opening, stop: asyncio.Event) -> Incident | None:
    """One of several; what is wrong with it keeps the others from nothing."""
    from nexus.driving import go_on  # noqa: PLC0415 - kept off the path of --help

    try:
        return await go_on(opening, hands, stop=stop)
    except (IncidentHeld, UsageError) as error:
        sys.stderr.write(f"nexus: {error}\n")
        return None


def resume(  # noqa: PLR0917 - the command's options, each given by name
    incident: Annotated[str | None, typer.Argument(help="The incident's id; every open one when not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    approve: Annotated[Approve | None, typer.Option(help="Who answers approvals.")] = None,
    responder: Annotated[Thinks | None, typer.Option(help="Who thinks: rules, or llm.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each incident as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the last line only.")] = False,
) -> None:
    """Go on with incidents that a process left: a crash, a restart, or an answer that nobody gave in time.

    One that workers on Temporal drive is followed.

    What was done stays done, open questions are asked again, and of what fell due meanwhile the latest is sent, once.
    Exit status: as nexus run; of several incidents the highest.
    """
    flags = {
        "out": out,
        "approve": approve.value if approve else None,
        "responder": responder.value if responder else None,
        "model": model_flags(model),
    }
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same
        from nexus.terminal import choose_view  # noqa: PLC0415 - same

        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        view = choose_view(quiet=quiet or as_json, several=incident is None)
        with telemetry(), view.shown():
            ended = asyncio.run(_resumed(settings, view, incident))
    except NexusError as error:
        raise fail(error) from error
    for each in ended:
        report(each, settings.out, as_json, quiet)
    raise typer.Exit(max((EXIT[each.outcome.value] for each in ended), default=0))
