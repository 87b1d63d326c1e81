"""`nexus`: the commands; each imports what it needs when it is called, so that --help stays light."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.errors import NexusError, UsageError
from nexus.process import fail, start
from nexus.run import run

if TYPE_CHECKING:
    from nexus.evaluate import Evaluation
    from nexus.incident import Incident
    from nexus.library import Library

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Incident response by agents.",
)
evaluation = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Run many incidents and hold them against what is expected."
)
app.add_typer(evaluation, name="eval")
app.command()(run)

LibraryOption = Annotated[Path | None, typer.Option("--library", help="Folder with agents/, prompts/ and graphs/.")]
OutOption = Annotated[Path, typer.Option("--out", help="Where incidents are kept.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _library(path: Path | None) -> Library:
    from nexus.library import Library  # noqa: PLC0415 - kept off the path of --help

    return Library.open(path) if path else Library.default()


@app.command()
def agents(library: LibraryOption = None) -> None:
    """List the agents: what each is for, its tools, and the actions it may propose."""
    try:
        found = _library(library)
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
        found = _library(library)
    except UsageError as error:
        raise fail(error) from error
    from nexus.graph import build  # noqa: PLC0415 - same

    sys.stdout.write(build(found).compile().get_graph().draw_mermaid().rstrip("\n") + "\n")


async def _stored(out: Path, incident: str | None) -> list[Incident]:
    from nexus.records.document import from_json  # noqa: PLC0415 - same
    from nexus.records.sqlite import SqliteStore  # noqa: PLC0415 - same

    path = out / "records.sqlite"
    if not path.is_file():
        raise UsageError(f"{out} holds no incidents", "name the folder with --out, or run one with nexus run")
    async with await SqliteStore.open(path, folder=out) as store:
        names = [incident] if incident is not None else await store.incidents()
        documents = [await store.document(name) for name in names]
    found = [from_json(document) for document in documents if document]
    if incident is not None and not found:
        raise UsageError(f"there is no incident {incident} in {out}", "nexus list names them")
    return found


@app.command("list")
def list_(out: OutOption = Path("incidents")) -> None:
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
    out: OutOption = Path("incidents"),
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

    Console().print(render_incident(found))


@evaluation.command("sandbox")
def eval_sandbox(
    directory: Annotated[Path | None, typer.Argument(help="Folder of scenarios; the shipped ones when not given.")] = None,
    library: LibraryOption = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than each scenario's own.")] = None,
    names: Annotated[bool, typer.Option("--list", help="Name the scenarios.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run every scenario; exit status 1 when one differs from its expectation."""
    from nexus.evaluate import evaluate_sandbox, finished, scenario_folders  # noqa: PLC0415 - same
    from nexus.world.sandbox import scenario_names  # noqa: PLC0415 - same

    try:
        if names:
            for name, title in scenario_names().items():
                sys.stdout.write(f"{name:<28} {title}\n")
            return
        done = asyncio.run(evaluate_sandbox(scenario_folders(directory), _library(library), seed))
    except UsageError as error:
        raise fail(error) from error
    _print(done, as_json)
    raise typer.Exit(0 if finished(done) else 1)


@evaluation.command("recordings")
def eval_recordings(
    directory: Annotated[Path, typer.Argument(help="Folder of recordings.")],
    labels: Annotated[
        Path | None, typer.Option(help="The answers, JSON Lines; labels.jsonl in the folder when not given.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Investigate every recorded outage; accuracy by system where answers are given."""
    from nexus.evaluate import evaluate_recordings, read_labels  # noqa: PLC0415 - same

    try:
        path = labels or directory / "labels.jsonl"
        answers = read_labels(path) if labels or path.is_file() else {}
        done = asyncio.run(evaluate_recordings(directory, answers, _library(library)))
    except UsageError as error:
        raise fail(error) from error
    _print(done, as_json)


def _print(done: Evaluation, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(done.model_dump_json(indent=2) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - same

    from nexus.view import render_eval_table  # noqa: PLC0415 - same

    Console().print(
        render_eval_table([c.model_dump(mode="json") for c in done.cases], {k: v.model_dump() for k, v in done.summary.items()})
    )


def main() -> None:
    """The console script."""
    start(app)


if __name__ == "__main__":
    main()
