"""`python -m nexus.run` and `nexus run`: an alert in, an incident out; exit status 0, 2, 3 or 4."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.errors import NexusError, RecordsError, UsageError
from nexus.process import fail, let_go, start
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.incident import Alert, Incident
    from nexus.library import Library
    from nexus.responder.contract import Responder
    from nexus.settings import Settings
    from nexus.view import View
    from nexus.world.open import Opened

DEFAULT_WORLD = "sandbox:bad-deploy"
"""What is looked at when nothing is configured: the web shop with a release that went wrong."""


class Approve(StrEnum):
    """Who answers approvals."""

    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


class Thinks(StrEnum):
    """Who answers the agents' tasks."""

    RULES = "rules"
    LLM = "llm"


class Stage(StrEnum):
    """Where to stop."""

    TRIAGE = "triage"
    INVESTIGATION = "investigation"
    MITIGATION = "mitigation"
    VERIFICATION = "verification"
    POST_MORTEM = "post-mortem"


EXIT = {"resolved": 0, "backlogged": 0, "false_alarm": 0, "waiting": 3, "handed_over": 4}
"""Outcome to exit status; reaching the stage of --until is 0."""


@dataclass(frozen=True, slots=True)
class Request:
    """One run as it was asked for."""

    alert: Alert
    opened: Opened
    library: Library
    settings: Settings
    responder: Responder
    until: str | None
    view: View


def model_flags(name: str | None, tokens: int | None = None, usd: float | None = None) -> dict[str, Any] | None:
    """What was given of models, as settings have it; None for nothing."""
    budget = {key: value for key, value in (("tokens", tokens), ("usd", usd)) if value is not None}
    given = {"name": name, "incident": budget or None}
    return {key: value for key, value in given.items() if value is not None} or None


def prepare(alert: str | None, until: Stage | None, view: View, settings: Settings) -> Request:
    """Everything that can be wrong is found out here, before anything begins. Raises UsageError."""
    from nexus.intake import load_alert, read_alert  # noqa: PLC0415 - kept off the path of --help
    from nexus.library import Library  # noqa: PLC0415 - same
    from nexus.thinking import open_responder  # noqa: PLC0415 - same
    from nexus.world.open import open_world  # noqa: PLC0415 - same

    library = Library.open(settings.library) if settings.library else Library.default()
    given = load_alert(alert, now=datetime.now(UTC)) if alert is not None else None
    opened = open_world(
        DEFAULT_WORLD if settings.world is None else settings.world,
        seed=settings.seed,
        starts_at=given.starts_at if given else None,
    )
    known = given or read_alert(json.dumps(opened.alert), now=datetime.now(UTC))
    responder = open_responder(settings, view)
    return Request(known, opened, library, settings, responder, until.value if until else None, view)


async def carry_out(request: Request) -> Incident:
    """Drive the incident and write its folder."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - kept off the path of --help

    from nexus.embedded import approve_all, approve_none, handle  # noqa: PLC0415 - same
    from nexus.records.folder import write_folder  # noqa: PLC0415 - same
    from nexus.records.sqlite import SqliteStore, explained  # noqa: PLC0415 - same
    from nexus.terminal import answer_at_terminal  # noqa: PLC0415 - same
    from nexus.thinking import close_responder  # noqa: PLC0415 - same

    out = request.settings.out
    checkpoints = out / "checkpoints.sqlite"
    answers = {"auto": approve_all, "never": approve_none, "ask": answer_at_terminal(request.view)}
    try:
        async with (
            await SqliteStore.open(out / "records.sqlite", folder=out) as records,
            AsyncSqliteSaver.from_conn_string(str(checkpoints)) as saver,
        ):
            incident = await handle(
                request.alert,
                library=request.library,
                world=request.opened.world,
                responder=request.responder,
                records=records,
                checkpointer=saver,
                answer=answers[request.settings.approve],
                listeners=[request.view.event],
                until=request.until,
                ask_always=request.settings.approve == "never",
            )
    except sqlite3.Error as error:  # the checkpoints'; the records explain their own
        raise explained(checkpoints, error) from error
    finally:
        await close_responder(request.responder)
    write_folder(out, incident, request.library.template)
    return incident


def status_of(incident: Incident, until: str | None) -> int:
    """The exit status for how the incident stands."""
    if until is not None and incident.outcome.value == "waiting" and not incident.open_questions:
        return 0
    return EXIT[incident.outcome.value]


def report(incident: Incident, request: Request, as_json: bool, quiet: bool) -> None:
    """What the command says at its end: one JSON document, or a summary and where to read on."""
    from nexus.records.document import to_json  # noqa: PLC0415 - kept off the path of --help
    from nexus.view import render_incident  # noqa: PLC0415 - same

    if as_json:
        sys.stdout.write(to_json(incident))
        return
    from rich.console import Console  # noqa: PLC0415 - same

    console = Console()
    folder = request.settings.out / incident.id
    if not quiet:
        console.print(render_incident(incident, with_timeline=False))
    console.print(f"{incident.id}: {incident.outcome.value} — {folder}", highlight=False, soft_wrap=True)


def run(  # noqa: PLR0917 - the command's options, each given by name
    alert: Annotated[str | None, typer.Option(help="File with the alert as JSON, or - for standard input.")] = None,
    world: Annotated[str | None, typer.Option(help="sandbox:NAME, sandbox:DIR, recording:DIR or FILE.yaml.")] = None,
    library: Annotated[Path | None, typer.Option(help="Folder with agents/, prompts/ and graphs/.")] = None,
    approve: Annotated[Approve | None, typer.Option(help="Who answers approvals.")] = None,
    until: Annotated[Stage | None, typer.Option(help="Stop after this stage.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where incidents are kept.")] = None,
    seed: Annotated[int | None, typer.Option(help="The sandbox's seed.")] = None,
    responder: Annotated[
        Thinks | None, typer.Option(help="Who thinks: rules, or llm (the default where a model is named).")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Tokens that models may take over the incident.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="USD that models may cost over the incident.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the incident as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the last line only.")] = False,
) -> None:
    """Handle one alert: triage, investigate, mitigate, verify, inform, learn.

    Exit status: 0 resolved, backlogged or false alarm; 2 bad usage; 3 waiting for a person; 4 handed over unresolved.
    """
    flags: dict[str, Any] = {
        "world": world,
        "library": library,
        "approve": approve.value if approve else None,
        "out": out,
        "seed": seed,
        "responder": responder.value if responder else None,
        "model": model_flags(model, budget_tokens, budget_usd),
    }
    try:
        from nexus.logs import configure  # noqa: PLC0415 - kept off the path of --help
        from nexus.settings import load_settings  # noqa: PLC0415 - same
        from nexus.terminal import choose_view  # noqa: PLC0415 - same

        settings = load_settings(Path(), **flags)
        configure(settings.log_level)
        view = choose_view(quiet=quiet or as_json)
        request = prepare(alert, until, view, settings)
    except UsageError as error:
        raise fail(error) from error
    try:
        with telemetry(), view.shown():
            incident = asyncio.run(carry_out(request))
    except RecordsError as error:
        raise fail(error) from error
    except KeyboardInterrupt:
        sys.stderr.write(f"\nnexus: interrupted; what was recorded is in {settings.out}\n")
        sys.stderr.flush()
        os._exit(130)  # a prompt may still hold standard input, and an ordinary exit would wait for it
    try:
        report(incident, request, as_json, quiet)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # rich makes the one into the other
        let_go()  # its reader has gone; the exit status is the incident's all the same
    except OSError as error:
        let_go()
        folder = settings.out / incident.id
        fail(NexusError(f"standard output cannot be written ({error.strerror})", f"the incident is in {folder}"))
        raise typer.Exit(1) from error
    raise typer.Exit(status_of(incident, request.until))


if __name__ == "__main__":
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    alone.command()(run)
    start(alone)
