"""`python -m nexus.run` and `nexus run`: an alert in, an incident out; exit status 0, 2, 3 or 4."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.errors import AlertError, NexusError, UsageError
from nexus.options import Approve, Engine, Thinks, flags_for
from nexus.process import fail, let_go, start
from nexus.stopping import told_to_stop
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from nexus.incident import Alert, Incident, Surroundings
    from nexus.responder.contract import Responder
    from nexus.settings import Settings
    from nexus.view import View
    from nexus.world.open import Opened

DEFAULT_WORLD = "sandbox:bad-deploy"
"""What is looked at when nothing is configured: the web shop with a release that went wrong."""


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
    surroundings: Surroundings
    settings: Settings
    responder: Responder
    until: str | None
    view: View


def model_flags(name: str | None, tokens: int | None = None, usd: float | None = None) -> dict[str, Any] | None:
    """What was given of models, as settings have it; None for nothing."""
    budget = {key: value for key, value in (("tokens", tokens), ("usd", usd)) if value is not None}
    given = {"name": name, "incident": budget or None}
    return {key: value for key, value in given.items() if value is not None} or None


def whole_name(world: str) -> str:
    """The world's name, with its folder or file as another process finds it from wherever it is started."""
    kind, colon, rest = world.partition(":")
    if colon and os.path.isdir(rest):  # noqa: PTH112 - no name is too long or too odd for this one
        return f"{kind}:{Path(rest).resolve()}"
    return str(Path(world).resolve()) if not colon and os.path.isfile(world) else world  # noqa: PTH113 - same


def prepare(alert: str | None, until: Stage | None, view: View, settings: Settings) -> Request:
    """Everything that can be wrong is found out here, before anything begins. Raises UsageError."""
    from nexus.incident import Surroundings  # noqa: PLC0415 - kept off the path of --help
    from nexus.intake import load_alert, read_alert  # noqa: PLC0415 - same
    from nexus.library import Library  # noqa: PLC0415 - same
    from nexus.thinking import open_responder  # noqa: PLC0415 - same
    from nexus.world.open import open_world  # noqa: PLC0415 - same

    named = DEFAULT_WORLD if settings.world is None else settings.world
    library = str(settings.library.resolve()) if settings.library else ""
    surroundings = Surroundings(world=whole_name(named), seed=settings.seed, library=library)
    if settings.library:
        Library.open(settings.library)
    given = load_alert(alert, now=datetime.now(UTC)) if alert is not None else None
    opened = open_world(named, seed=settings.seed, starts_at=given.starts_at if given else None)
    if given is None and not opened.alert:
        raise AlertError(f"{named} brings no alert of its own", "name one with --alert FILE, or - for standard input")
    known = given or read_alert(json.dumps(opened.alert), now=datetime.now(UTC))
    responder = open_responder(settings, view)
    return Request(known, opened, surroundings, settings, responder, until.value if until else None, view)


async def carry_out(request: Request) -> Incident | None:
    """Drive the incident, or have it driven, and write its folder; None when a fleet goes on with it without us."""
    from nexus.driving import Hands, begin, go_on  # noqa: PLC0415 - kept off the path of --help
    from nexus.records.stores import open_store  # noqa: PLC0415 - same
    from nexus.thinking import close_responder  # noqa: PLC0415 - same

    settings = request.settings
    try:
        async with await open_store(settings.out, settings.records_url) as records, told_to_stop() as stop:
            hands = Hands(settings, records, request.responder, request.view)
            if settings.engine == "temporal":
                from nexus.fleet import begin_on_fleet  # noqa: PLC0415 - an extra

                given = request.alert, request.opened.world, request.surroundings
                opening, incident = await begin_on_fleet(*given, hands, until=request.until, stop=stop)
                if incident is None:
                    say_where_it_goes_on(opening.incident)
                return incident
            opening, vault = await begin(request.alert, request.opened.world, request.surroundings, hands)
            return await go_on(opening, hands, until=request.until, stop=stop, vault=vault)
    finally:
        await close_responder(request.responder)


def say_where_it_goes_on(incident: str) -> None:
    """The last line of a command that leaves an incident to the fleet."""
    sys.stdout.write(f"{incident}: goes on with the fleet; follow it again: nexus resume {incident}\n")


def status_of(incident: Incident, until: str | None) -> int:
    """The exit status for how the incident stands."""
    if until is not None and incident.outcome.value == "waiting" and not incident.open_questions:
        return 0
    return EXIT[incident.outcome.value]


def report(incident: Incident, out: Path, as_json: bool, quiet: bool) -> None:
    """What the command says at its end: one JSON document, or a summary and where to read on."""
    from nexus.records.document import to_json  # noqa: PLC0415 - kept off the path of --help
    from nexus.view import render_incident  # noqa: PLC0415 - same

    if as_json:
        sys.stdout.write(to_json(incident))
        return
    from rich.console import Console  # noqa: PLC0415 - same

    console = Console()
    if not quiet:
        console.print(render_incident(incident, with_timeline=False))
    console.print(f"{incident.id}: {incident.outcome.value} — {out / incident.id}", highlight=False, soft_wrap=True)
    if incident.outcome.value == "waiting":
        where = flags_for(out)
        answers = {"approval": "nexus approve", "question": "nexus answer"}
        for command in dict.fromkeys(answers[q.kind] for q in incident.open_questions):
            console.print(f"answer it: {command} {incident.id}{where}", highlight=False, soft_wrap=True)
        console.print(f"go on:     nexus resume {incident.id}{where}", highlight=False, soft_wrap=True)


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
    engine: Annotated[Engine | None, typer.Option(help="Who drives: this process, or workers on Temporal.")] = None,
    budget_usd: Annotated[float | None, typer.Option(help="USD that models may cost over the incident.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the incident as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the last line only.")] = False,
) -> None:
    """Handle one alert: triage, investigate, mitigate, verify, inform, learn.

    Exit status: 0 resolved, backlogged or false alarm; 2 bad usage; 3 waiting for a person or to be resumed; 4 handed over
    unresolved.
    """
    flags: dict[str, Any] = {
        "world": world,
        "library": library,
        "approve": approve.value if approve else None,
        "out": out,
        "seed": seed,
        "engine": engine.value if engine else None,
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
    except NexusError as error:
        raise fail(error) from error
    except KeyboardInterrupt:
        sys.stderr.write(f"\nnexus: interrupted; what was recorded is in {settings.out}\n")
        sys.stderr.flush()
        os._exit(130)  # a prompt may still hold standard input, and an ordinary exit would wait for it
    if incident is None:
        raise typer.Exit(EXIT["waiting"])
    try:
        report(incident, settings.out, as_json, quiet)
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
