"""`nexus eval`: many incidents held against what is expected, by the rules, by models, and side by side."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from nexus.errors import UsageError
from nexus.options import JsonOption, LibraryOption, Thinks, open_library
from nexus.process import fail
from nexus.run import model_flags
from nexus.telemetry import telemetry

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nexus.evaluate import Compared, Contender, Entry, RecordedCase, Run
    from nexus.incident import Word
    from nexus.library import Library

evaluation = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Run many incidents and hold them against what is expected."
)

INTERRUPTED = 130
"""Exit status."""


@evaluation.command("sandbox")
def eval_sandbox(  # noqa: PLR0917 - the command's options, each given by name
    directory: Annotated[Path | None, typer.Argument(help="Folder of scenarios; the shipped ones when not given.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this scenario; may be given again.")] = None,
    responder: Annotated[
        Thinks | None, typer.Option(help="Who thinks: rules, or llm (the default where a model is named).")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at OPENAI_BASE_URL; its key is OPENAI_API_KEY.")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="How often the model handles each scenario.")] = 1,
    plain: Annotated[bool, typer.Option(help="Compare with one plain agent that has every tool and the same model.")] = True,
    library: LibraryOption = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than each scenario's own.")] = None,
    names: Annotated[bool, typer.Option("--list", help="Name the scenarios.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run every scenario; exit status 1 when one differs from its expectation.

    With a model each is run by the rules, by the agents with the model and by one plain agent with the same model, side by side;
    exit status 1 when one ends worse with the model than by the rules. It is named by --model, NEXUS_MODEL or nexus.yaml.
    """
    from nexus.evaluate import Entry, chosen, evaluate_sandbox, finished, scenario_folders  # noqa: PLC0415 - same
    from nexus.settings import load_settings  # noqa: PLC0415 - same
    from nexus.view import render_eval_table  # noqa: PLC0415 - same
    from nexus.world.sandbox import scenario_names  # noqa: PLC0415 - same

    try:
        if names:
            for name, title in scenario_names().items():
                sys.stdout.write(f"{name:<28} {title}\n")
            return
        settings = load_settings(Path(), responder=responder.value if responder else None, model=model_flags(model))
        folders = chosen(scenario_folders(directory), only or ())
        if settings.thinks == "llm":
            entry = Entry(settings.model, repeat, plain=plain, seed=seed)
            raise typer.Exit(_compare(folders, open_library(library), entry, as_json))
        _once(repeat)
        with telemetry():
            done = asyncio.run(evaluate_sandbox(folders, open_library(library), seed))
    except UsageError as error:
        raise fail(error) from error
    _print(done, lambda told: render_eval_table(told["cases"], told["summary"]), as_json)
    raise typer.Exit(0 if finished(done) else 1)


def _once(repeat: int) -> None:
    if repeat > 1:
        raise UsageError("--repeat needs a model: the rules do the same each time", "give --model NAME, or set NEXUS_MODEL")


def _compare(folders: Sequence[str | Path], library: Library, entry: Entry, as_json: bool) -> int:
    """Run and print the comparison; its exit status. What is finished when it is interrupted is printed too."""
    from nexus.evaluate import benchmark_of, compare_sandbox, passed  # noqa: PLC0415 - kept off the path of --help
    from nexus.view import render_benchmark  # noqa: PLC0415 - same

    cases: list[Compared] = []
    status = None

    async def work() -> None:
        async for case in compare_sandbox(folders, library, entry, Progress(sys.stderr)):
            cases.append(case)  # noqa: PERF401 - one by one, so that an interrupt loses only the one under way

    try:
        with telemetry():
            asyncio.run(work())
    except KeyboardInterrupt:
        sys.stderr.write(f"\nnexus: interrupted; {len(cases)} of {len(folders)} scenarios were finished\n")
        status = INTERRUPTED
    done = benchmark_of(entry, cases)
    _print(done, render_benchmark, as_json)
    return status or (0 if passed(done) else 1)


class Progress:
    """A line a run, where somebody is there to read it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream if stream.isatty() else None

    def begins(self, scenario: str, contender: Contender, repetition: int) -> None:
        """Who is at work on what."""
        self._write(f"{scenario:<28} {contender:<5} {repetition:>2}  ")

    def ended(self, run: Run) -> None:
        """How it came out."""
        self._write(f"{run.severity or 'unclassified'}, {run.outcome.replace('_', ' ')}, {run.seconds:.1f} s\n")

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()


@evaluation.command("recordings")
def eval_recordings(  # noqa: PLR0917 - the command's options, each given by name
    directory: Annotated[Path, typer.Argument(help="Folder of recordings.")],
    labels: Annotated[
        Path | None, typer.Option(help="The answers, JSON Lines; labels.jsonl in the folder when not given.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Hide metrics, baseline, calls, logs, graph or changes; may be given again."),
    ] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Run with everything, then with each kind hidden in turn.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Investigate every recorded outage; accuracy, calibration and cost by system where answers are given.

    Beside NEXUS, on the same cases and the same evidence: the methods BARO and N-sigma, the last change, the commonest cause.
    """
    from nexus.evaluate import ablate_recordings, evaluate_recordings, kinds_of, read_labels  # noqa: PLC0415 - same
    from nexus.view import render_ablation, render_recordings  # noqa: PLC0415 - same

    try:
        hidden = kinds_of(without or ())
        _either(ablate, hidden)
        path = labels or directory / "labels.jsonl"
        answers = read_labels(path) if labels or path.is_file() else {}
        shelf, heard = open_library(library), progress(sys.stderr)
        with telemetry():
            if ablate:
                _print(asyncio.run(ablate_recordings(directory, answers, shelf, heard)), render_ablation, as_json)
            else:
                _print(asyncio.run(evaluate_recordings(directory, answers, shelf, hidden, heard)), render_recordings, as_json)
    except UsageError as error:
        raise fail(error) from error


def _either(ablate: bool, hidden: Collection[str]) -> None:
    if ablate and hidden:
        raise UsageError("--ablate hides each kind of evidence itself", "leave out --without, or --ablate")


def progress(stream: IO[str]) -> Callable[[RecordedCase, Collection[str]], None]:
    """A line a recorded case, where somebody is there to read it."""

    def ended(case: RecordedCase, without: Collection[str]) -> None:
        if stream.isatty():
            hidden = f"  without {', '.join(sorted(without))}" if without else ""
            stream.write(f"{case.id:<28} {case.seconds:.1f} s{hidden}\n")
            stream.flush()

    return ended


def _print(done: Word, render: Callable[[dict[str, Any]], RenderableType], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(done.model_dump_json(indent=2) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - same

    Console().print(render(done.model_dump(mode="json")))
