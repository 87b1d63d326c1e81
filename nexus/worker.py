"""`nexus worker`: serve incidents as one of a fleet, until told to stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import NexusError
from nexus.options import LibraryOption, Thinks
from nexus.process import fail, say
from nexus.run import model_flags
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.settings import Settings


async def _served(settings: Settings) -> None:
    from nexus.library import Library  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.temporal.worker import serve  # noqa: PLC0415 - an extra
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    library = Library.open(settings.library) if settings.library else Library.default()
    responder = open_responder(settings)
    at = f"{settings.temporal.address}, queue {settings.temporal.task_queue}, records in {settings.records_name}"
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            await serve(
                settings.temporal,
                library=library,
                responder=responder,
                records=records,
                stop=stop,
                ready=lambda: say(f"working for {at}"),
            )
    finally:
        await close_responder(responder)
    say("stopped; what was not finished goes on with another worker")


def worker(
    library: LibraryOption = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept, without records of their own.")] = None,
    responder: Annotated[Thinks | None, typer.Option(help="Who thinks: rules, or llm.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
) -> None:
    """Serve incidents that `nexus run --engine temporal` began, beside other workers, until SIGTERM.

    The server is NEXUS_TEMPORAL__ADDRESS, the records NEXUS_RECORDS; all workers of one queue share records and library.
    """
    flags = {"library": library, "out": out, "responder": responder.value if responder else None, "model": model_flags(model)}
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same

        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        with telemetry():
            asyncio.run(_served(settings))
    except NexusError as error:
        raise fail(error) from error
    os._exit(0)  # all is closed; the interpreter's own end can meet threads of the client's core that still run, and abort
