"""`nexus mcp`: be a Model Context Protocol server on standard input and output, for assistants that work with incidents."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from nexus.errors import NexusError, SettingsError
from nexus.process import fail, start


def mcp(
    out: Annotated[Path | None, typer.Option("--out", help="Where incidents are kept.")] = None,
    approver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Let the client approve and reject actions, in this person's name.")
    ] = None,
) -> None:
    """Serve incidents to an assistant over the Model Context Protocol, on standard input and output.

    It reports, lists, shows and follows incidents and answers questions. Only with --approver it also decides on actions.
    """
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same

        if approver is not None and not approver.strip():
            raise SettingsError("--approver names nobody", "give the name of the person who answers for it")
        settings = load_settings(Path(), out=out)
        configure(settings.log_level)
        try:
            from nexus.mcp_server import make_server  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            if error.name != "mcp":
                raise
            raise SettingsError("nexus mcp needs the package mcp", "pip install 'nexus-incident-response[mcp]'") from error
        server = make_server(settings, approver.strip() if approver else None)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread waits for standard input and would hold up an orderly end
        with os.fdopen(os.dup(sys.stdout.fileno()), "w") as own, redirect_stdout(own):  # the SDK closes the one that it is given
            asyncio.run(server.run_stdio_async())
    except NexusError as error:
        raise fail(error) from error


if __name__ == "__main__":
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    alone.command()(mcp)
    start(alone)
