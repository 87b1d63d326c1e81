"""Approval and question: what a person at the terminal is asked before something risky is done, and the answer as typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nexus.answering import amended_action, needs_component
from nexus.errors import AnswerRefused
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
    number: int = 1,
    console: Console | None = None,
    read: Read | None = None,
) -> Answer | None:
    """Show the exact action with its risk, dry run and undo, and ask; None when nobody is there to answer. Blocks.

    `number`: which of the actions that are asked together.
    """
    if read is None:
        return None
    console = console or Console(stderr=True)
    console.print(approval_panel(action, dry_run, undo, risk, expires, number=number))
    try:
        while True:
            given = read(f"{number}. {plain(str(action))}: approve, reject or change? [a/r/c] ").strip().lower()
            verdict = _ANSWERS.get(given)
            if verdict is None:
                console.print(Text(f"{plain(given) or 'nothing'} is no answer: type a, r or c"))
                continue
            amended = _changed(action, read, console) if verdict is Verdict.AMENDED else None
            if verdict is Verdict.AMENDED and amended is None:
                continue
            return Answer(verdict, read("comment (may be empty): ").strip(), amended)
    except EOFError:
        return None


def ask_question(
    text: str, choices: Sequence[str], suspects: Sequence[str], *, console: Console | None = None, read: Read | None = None
) -> tuple[str, str | None] | None:
    """Ask for one of the choices and, for a cause, its component; None when nobody is there to answer. Blocks."""
    if read is None:
        return None
    console = console or Console(stderr=True)
    console.print(Panel(Text(plain(text)), title="A person is needed", title_align="left", border_style="yellow"))
    try:
        while (choice := read(f"{' / '.join(choices)}: ").strip()) not in choices:
            console.print(Text("type one of them as it is written"))
        if not needs_component(choice):
            return choice, None
        known = f" ({', '.join(map(plain, suspects))})" if suspects else ""
        while not (component := read(f"component{known}: ").strip()):
            console.print(Text("a cause is in a component: name it"))
    except EOFError:
        return None
    return choice, component


def approval_panel(
    action: Action, dry_run: DryRun | None, undo: Mapping[str, Any], risk: Risk, expires: datetime, *, number: int = 1
) -> Panel:
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
    return Panel(table, title=Text(f"Approval {number} asked{by}"), title_align="left", border_style="yellow")


def _dry_run(dry_run: DryRun | None) -> str:
    if dry_run is None:
        return "not made"
    touches = f"; touches {', '.join(dry_run.touches)}" if dry_run.touches else ""
    return plain(("" if dry_run.ok else "FAILED: ") + dry_run.effect + touches)


def _undo(undo: Mapping[str, Any]) -> str:
    return "restores " + plain(json.dumps(undo, ensure_ascii=False, sort_keys=True, default=str)) if undo else "cannot be undone"


def _changed(action: Action, read: Read, console: Console) -> Action | None:
    given = read("arguments as key=value, several with commas: ")
    try:
        amended = amended_action(action, [part for part in given.split(",") if part.strip()])
    except AnswerRefused as refused:
        console.print(Text(str(refused)))
        return None
    if amended.digest == action.digest:
        console.print(Text("that changes nothing"))
        return None
    return amended
