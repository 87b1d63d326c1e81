"""`nexus serve`: take webhooks in, run incidents, and let people follow and answer them over HTTP, until told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import NexusError, SettingsError
from nexus.options import Approve, Engine, LibraryOption, Thinks
from nexus.process import fail, say
from nexus.run import model_flags
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.records.store import Store
    from nexus.responder.contract import Responder
    from nexus.service import Reception
    from nexus.settings import Settings
    from nexus.view import View


def _reception(settings: Settings, records: Store, responder: Responder, view: View) -> Reception:
    """Who sorts the inbox into incidents and drives them."""
    from nexus.reception import open_reception  # noqa: PLC0415 - kept off the path of --help

    return open_reception(settings, records, responder, view)


async def _served(settings: Settings, view: View) -> None:
    from nexus.answer_cli import answers_of  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    try:
        from nexus.service import ServiceSite, create_app  # noqa: PLC0415 - an extra
        from nexus.service.server import listen  # noqa: PLC0415 - an extra
    except ImportError as error:
        what = f"nexus serve needs the package {error.name}"
        raise SettingsError(what, "pip install 'nexus-incident-response[serve]'") from error

    responder = open_responder(settings, view)
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            reception = _reception(settings, records, responder, view)
            site = ServiceSite(
                records, settings.service, reception, lambda opening: answers_of(opening, records, settings), stopping=stop
            )
            app = create_app(site)
            protected = app.state.parts.access
            await listen(app, site, lambda address: say(f"serving on {address}; {protected}"))
    finally:
        await close_responder(responder)
    say("stopped; what was not finished goes on when it is started again")


def serve(  # noqa: PLR0917 - the command's options, each given by name
    host: Annotated[str | None, typer.Option(help="Where to listen; on other than loopback, tokens must be set.")] = None,
    port: Annotated[int | None, typer.Option(help="On which port; 0 for any that is free.")] = None,
    world: Annotated[str | None, typer.Option(help="The world that incidents are in, as nexus run has it.")] = None,
    library: LibraryOption = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    approve: Annotated[
        Approve | None, typer.Option(help="Who answers approvals; ask: people, over HTTP or nexus approve.")
    ] = None,
    engine: Annotated[Engine | None, typer.Option(help="Who drives incidents: this process, or workers on Temporal.")] = None,
    responder: Annotated[Thinks | None, typer.Option(help="Who thinks: rules, or llm.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
) -> None:
    """Take webhooks in, run incidents, and let people follow and answer them over HTTP, until SIGTERM.

    Tokens and the senders of webhooks are the setting `service` in nexus.yaml. A webhook is answered once it is on disk.
    """
    address = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    flags = {
        "service": address or None,
        "world": world,
        "library": library,
        "out": out,
        "approve": approve.value if approve else None,
        "engine": engine.value if engine else None,
        "responder": responder.value if responder else None,
        "model": model_flags(model),
    }
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same
        from nexus.terminal import choose_view  # noqa: PLC0415 - same

        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        view = choose_view(quiet=False, several=True)
        with telemetry(), view.shown():
            asyncio.run(_served(settings, view))
    except NexusError as error:
        raise fail(error) from error
