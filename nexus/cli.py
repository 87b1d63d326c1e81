"""`nexus`: the commands; each imports what it needs when it is called, so that --help stays light."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.answer_cli import amend, answer, approve, reject
from nexus.doctor import doctor
from nexus.errors import NexusError, UsageError
from nexus.evaluation_cli import evaluation
from nexus.mcp_cli import mcp
from nexus.options import JsonOption, LibraryOption, flags_for, open_library
from nexus.process import fail, start
from nexus.reporting import report
from nexus.resuming import resume
from nexus.run import run
from nexus.serving import serve
from nexus.watching import watch
from nexus.worker import worker

if TYPE_CHECKING:
    from nexus.incident import Incident
    from nexus.lab import Comparison

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Incident response by agents.",
)
app.add_typer(evaluation, name="eval")
app.command()(run)
app.command()(resume)
app.command()(serve)
app.command()(report)
app.command()(watch)
app.command()(worker)
app.command()(approve)
app.command()(reject)
app.command()(amend)
app.command()(answer)
app.command()(doctor)
app.command()(mcp)

OutOption = Annotated[Path | None, typer.Option("--out", help="Where incidents are kept.")]


@app.command()
def agents(library: LibraryOption = None) -> None:
    """List the agents: what each is for, its tools, and the actions it may propose."""
    try:
        found = open_library(library)
    except UsageError as error:
        raise fail(error) from error
    from rich.console import Console  # noqa: PLC0415 - same
    from rich.table import Table  # noqa: PLC0415 - same

    table = Table(
        "agent", "role", "tools", "may propose", box=None, padding=(0, 1), title=f"library {found.digest}", title_justify="left"
    )
    for agent in found.agents.values():
        table.add_row(agent.title, agent.role, ", ".join(agent.tools) or "-", ", ".join(k.value for k in agent.actions) or "-")
    Console().print(table)


@app.command()
def check(library: Annotated[Path | None, typer.Argument(help="Library folder; the shipped one when not given.")] = None) -> None:
    """Check a library folder whole; every fault with file, line and remedy."""
    from nexus.library import Library  # noqa: PLC0415 - same
    from nexus.library.check import check_library  # noqa: PLC0415 - same

    folder = library or Library.default_root()
    faults = check_library(folder)
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    if faults:
        sys.stderr.write(f"nexus: {len(faults)} faults in {folder}\n")
        raise typer.Exit(2)
    found = Library.open(folder)
    sys.stdout.write(f"{folder}: {len(found.agents)} agents, {len(found.prompts)} prompts, runbook: no faults\n")


@app.command()
def draw(library: LibraryOption = None) -> None:
    """Print the compiled graph as Mermaid."""
    try:
        found = open_library(library)
    except UsageError as error:
        raise fail(error) from error
    from nexus.graph import build  # noqa: PLC0415 - same

    sys.stdout.write(build(found).compile().get_graph().draw_mermaid().rstrip("\n") + "\n")


async def _stored(out: Path | None, incident: str | None) -> list[Incident]:
    from nexus.incidents import stored  # noqa: PLC0415 - same
    from nexus.records.stores import open_kept  # noqa: PLC0415 - same
    from nexus.settings import load_settings  # noqa: PLC0415 - same

    settings = load_settings(Path(), out=out)
    async with await open_kept(settings.out, settings.records_url) as records:
        names = [incident] if incident is not None else await records.incidents()
        found = [await stored(records, name) for name in names]
    if found == [None]:
        raise UsageError(f"there is no incident {incident} in {settings.records_name}", "nexus list names them")
    return [each for each in found if each is not None]


@app.command("list")
def list_(out: OutOption = None) -> None:
    """List the incidents kept in a folder, newest first."""
    try:
        found = asyncio.run(_stored(out, None))
    except NexusError as error:
        raise fail(error) from error
    from rich.console import Console  # noqa: PLC0415 - same

    from nexus.view import render_list  # noqa: PLC0415 - same

    Console().print(render_list(found))


@app.command()
def show(
    incident: Annotated[str | None, typer.Argument(help="The incident's id.")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of an incident.")] = False,
) -> None:
    """Show one incident, or the schema of incident.json."""
    from nexus.records.document import schema as json_schema  # noqa: PLC0415 - same
    from nexus.records.document import to_json  # noqa: PLC0415 - same

    if schema:
        import json  # noqa: PLC0415 - same

        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
        return
    try:
        if incident is None:
            raise UsageError("no incident is named", "nexus show ID; nexus list names them")
        found = asyncio.run(_stored(out, incident))[0]
    except NexusError as error:
        raise fail(error) from error
    if as_json:
        sys.stdout.write(to_json(found))
        return
    from rich.console import Console  # noqa: PLC0415 - same

    from nexus.view import render_incident  # noqa: PLC0415 - same

    Console().print(render_incident(found, flags=flags_for(out)))


@app.command()
def replay(  # noqa: PLR0917 - the command's options, each given by name
    incident: Annotated[str, typer.Argument(help="The incident's id.")],
    agent: Annotated[str, typer.Option(help="The agent's name, as its file has it.")],
    task: Annotated[str | None, typer.Option(help="One of its tasks; the first when not given.")] = None,
    number: Annotated[int, typer.Option(help="Which of these tasks, from 1.")] = 1,
    prompt: Annotated[Path | None, typer.Option(help="File with another text for the task's prompt.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name; NEXUS_MODEL or nexus.yaml when not given.")] = None,
    library: LibraryOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask one agent again on an incident's record: rules, a model, and that with another prompt. Nothing is changed."""
    try:
        done = asyncio.run(_replayed(incident, agent, task, number, prompt, model, library, out))
    except NexusError as error:
        raise fail(error) from error
    if as_json:
        import json  # noqa: PLC0415 - same

        sys.stdout.write(json.dumps(done.data(), indent=2) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - same

    Console().print(done)


async def _replayed(  # noqa: PLR0917 - as the command has them
    incident: str,
    agent: str,
    task: str | None,
    number: int,
    prompt: Path | None,
    model: str | None,
    library: Path | None,
    out: Path | None,
) -> Comparison:
    from nexus.lab import Lab, compare  # noqa: PLC0415 - same
    from nexus.run import model_flags  # noqa: PLC0415 - same
    from nexus.settings import load_settings  # noqa: PLC0415 - same
    from nexus.thinking import close_responder, open_responder  # noqa: PLC0415 - same

    settings = load_settings(Path(), out=out, model=model_flags(model), responder="llm" if model else None)
    held = open_library(library or settings.library)
    lab = await Lab.of_incident(settings.out, incident, library=held, records=settings.records_url)
    text = lab.read(prompt, agent, task, number=number) if prompt else None
    if text is not None and settings.thinks == "rules":
        raise UsageError("another prompt needs a model: the rules read none", "give --model NAME, or set NEXUS_MODEL")
    responder = open_responder(settings)
    try:
        trials = [await lab.ask(agent, task=task, number=number)]
        if settings.thinks == "llm":
            name = settings.model.name or "model"
            trials.append(await lab.ask(agent, responder, task=task, number=number, label=name))
            if text is not None:
                label = f"{name}, {prompt}"
                trials.append(await lab.ask(agent, responder, task=task, number=number, prompt=text, label=label))
    finally:
        await close_responder(responder)
    return compare(*trials)


def main() -> None:
    """The console script."""
    start(app)


if __name__ == "__main__":
    main()
