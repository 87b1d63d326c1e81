"""The process: its standard streams, one line for each error, and its exit status, for every command."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import typer

from nexus.errors import NexusError, UsageError

_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""Click's UsageError, which typer carries in one place or another and does not name."""


def fail(error: NexusError) -> typer.Exit:
    """One line on standard error; exit status 2."""
    from nexus.records.wording import plain  # noqa: PLC0415 - kept off the path of --help

    sys.stderr.write(f"nexus: {plain(str(error))}\n")
    return typer.Exit(2)


def say(line: str) -> None:
    """A line to whoever started the process, on standard error."""
    sys.stderr.write(f"nexus: {line}\n")
    sys.stderr.flush()


def start(commands: typer.Typer) -> NoReturn:
    """Be the process: what is wrong with its arguments is one line and exit status 2, and its output may be closed or narrow."""
    _settle()
    status: object = 0
    try:
        status = commands(standalone_mode=False)
        sys.stdout.flush()
    except _WRONG_USE as error:
        status = _misused(error)
    except typer.Abort:
        status = 130
    except BrokenPipeError:
        let_go()  # the reader has seen enough
    except OSError as error:
        let_go()
        fail(NexusError(f"standard output cannot be written ({error.strerror})", "send it somewhere else"))
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _misused(error: Exception) -> int:
    text = getattr(error, "format_message", error.__str__)()
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{text}\n")
        return 2
    return fail(UsageError(text.rstrip("."), "see --help")).exit_code


def _settle() -> None:
    """Standard streams that are there, that lose a character rather than the command, and a width that text fits into."""
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - open as long as the process
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if not os.environ.get("COLUMNS", "80").strip("0"):
        del os.environ["COLUMNS"]


def let_go() -> None:
    """Standard output cannot be written: the flush at the end of the process must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
