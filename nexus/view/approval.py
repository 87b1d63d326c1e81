"""Approval and question: what a person at the terminal is asked before something risky is done, and the answer as typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nexus.incident import Action, DryRun, Risk, Verdict
from nexus.records.wording import moment, plain

Read = Callable[[str], str]
"""Asks for one line; raises EOFError when there is nobody."""

_RISK = {Risk.LOW: "green", Risk.MEDIUM: "yellow", Risk.HIGH: "bold red"}
_ANSWERS = {
    **dict.fromkeys(("a", "approve", "y", "yes"), Verdict.APPROVED),
    **dict.fromkeys(("r", "reject", "n", "no"), Verdict.REJECTED),
    **dict.fromkeys(("c", "change"), Verdict.AMENDED),
}


class Answer(NamedTuple):
    """A person's answer; `amended` is the action as they want it when the verdict is amended."""

    verdict: Verdict
    comment: str
    amended: Action | None = None


def ask_approval(
    action: Action,
    dry_run: DryRun | None,
    undo: Mapping[str, Any],
    risk: Risk,
    expires: datetime,
    *,
    console: Console | None = None,
    read: Read | None = None,
) -> Answer | None:
    """Show the exact action with its risk, dry run and undo, and ask; None when nobody is there to answer. Blocks."""
    console = console or Console(stderr=True)
    asked = _reader(console, read)
    if asked is None:
        return None
    console.print(approval_panel(action, dry_run, undo, risk, expires))
    try:
        while True:
            given = asked("approve, reject or change? [a/r/c] ").strip().lower()
            verdict = _ANSWERS.get(given)
            if verdict is None:
                console.print(Text(f"{plain(given) or 'nothing'} is no answer: type a, r or c"))
                continue
            amended = _changed(action, asked, console) if verdict is Verdict.AMENDED else None
            if verdict is Verdict.AMENDED and amended is None:
                continue
            return Answer(verdict, asked("comment (may be empty): ").strip(), amended)
    except EOFError:
        return None


def ask_question(
    text: str, choices: Sequence[str], suspects: Sequence[str], *, console: Console | None = None, read: Read | None = None
) -> tuple[str, str | None] | None:
    """Ask for one of the choices and, unless it is the last one (to hand over), a component; None when nobody answers. Blocks."""
    console = console or Console(stderr=True)
    asked = _reader(console, read)
    if asked is None:
        return None
    console.print(Panel(Text(plain(text)), title="A person is needed", title_align="left", border_style="yellow"))
    try:
        while (choice := asked(f"{' / '.join(choices)}: ").strip()) not in choices:
            console.print(Text("type one of them as it is written"))
        if choice == choices[-1]:
            return choice, None
        known = f" ({', '.join(map(plain, suspects))})" if suspects else ""
        return choice, asked(f"component{known}: ").strip() or None
    except EOFError:
        return None


def approval_panel(action: Action, dry_run: DryRun | None, undo: Mapping[str, Any], risk: Risk, expires: datetime) -> Panel:
    """Everything that a person needs for a decision."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("action", Text(plain(str(action)), style="bold"))
    for name, value in sorted(action.arguments.items()):
        table.add_row(Text(f"  {plain(name)}"), Text(plain(json.dumps(value, ensure_ascii=False, default=str))))
    table.add_row("why", Text(plain(action.reason) or "not said"))
    table.add_row("evidence", Text(plain(", ".join(action.evidence)) or "none"))
    table.add_row("risk", Text(f"{risk.value}: {risk.meaning}", style=_RISK[risk]))
    table.add_row("dry run", Text(_dry_run(dry_run)))
    table.add_row("undo", Text(_undo(undo)))
    table.add_row("expires", Text(moment(expires, seconds=True)))
    by = f" by {plain(action.proposed_by)}" if action.proposed_by else ""
    return Panel(table, title=Text(f"Approval asked{by}"), title_align="left", border_style="yellow")


def _dry_run(dry_run: DryRun | None) -> str:
    if dry_run is None:
        return "not made"
    touches = f"; touches {', '.join(dry_run.touches)}" if dry_run.touches else ""
    return plain(("" if dry_run.ok else "FAILED: ") + dry_run.effect + touches)


def _undo(undo: Mapping[str, Any]) -> str:
    return "restores " + plain(json.dumps(undo, ensure_ascii=False, sort_keys=True, default=str)) if undo else "cannot be undone"


def _changed(action: Action, asked: Read, console: Console) -> Action | None:
    arguments = dict(action.arguments)
    given = asked("arguments as key=value, several with commas: ")
    for part in (p for p in given.split(",") if p.strip()):
        name, separator, value = part.partition("=")
        if not separator or not name.strip():
            console.print(Text(f"{plain(part)} is not of the form key=value"))
            return None
        arguments[name.strip()] = _value(value.strip())
    if arguments == action.arguments:
        console.print(Text("that changes nothing"))
        return None
    return action.model_copy(update={"arguments": arguments})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _reader(console: Console, read: Read | None) -> Read | None:
    if read is not None:
        return read
    if not (console.is_terminal and sys.stdin is not None and sys.stdin.isatty()):
        return None
    return lambda prompt: console.input(Text(prompt, style="bold"))
